"""Muscle results of one trial, with their checks: what report and files are made of."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from musclemimic_models import InputError, MuscleTable

from musclemimic_eval.emg.agreement import MAX_LAG_S, ChannelAgreement, agree
from musclemimic_eval.emg.channels import ChannelMap
from musclemimic_eval.emg.recording import EmgRecording
from musclemimic_eval.human.force_doubts import axes_notes, pace_notes
from musclemimic_eval.inverse.static import (
    MuscleSolution,
    StaticConfig,
    static_optimization,
)
from musclemimic_eval.inverse.trial import MuscleTrial, explained
from musclemimic_eval.kinetics.ground_reaction import GRAVITY
from musclemimic_eval.kinetics.inverse_dynamics import USUAL_RESIDUAL

# Hicks et al. 2015, J Biomech Eng 137:020905: reserves and residual forces should stay below 5 %
# of the peak joint moment and of the peak external force.
LIMIT = USUAL_RESIDUAL
# A walking stride lasts longer than this, s; curves of less have few features to agree in.
_STRIDE = 0.9


@dataclass(frozen=True)
class EmgComparison:
    """EMG of the trial and how the activations agree with it.

    Attributes:
        recording: envelopes on the clip's clock.
        channels: their meaning.
        rows: one a channel.
    """

    recording: EmgRecording
    channels: ChannelMap
    rows: tuple[ChannelAgreement, ...]


@dataclass(frozen=True)
class Reserve:
    """Of one joint: N m (N for a sliding joint).

    Attributes:
        joint: name. peak_moment: largest net moment. rms, peak: of the reserve.
    """

    joint: str
    peak_moment: float
    rms: float
    peak: float

    @property
    def share(self) -> float:
        """Peak reserve over peak moment."""
        return self.peak / self.peak_moment if self.peak_moment > 0 else np.nan


@dataclass(frozen=True)
class MuscleAnalysis:
    """All that is known about the muscles of a trial.

    Attributes:
        trial: what it was made from.
        config: of the static optimisation.
        solution: over the whole clip.
        valid: (T,) frames that the ground reaction explains; means and EMG use only these.
        reserves: one a joint.
        residual_share: RMS of the residual force over the peak ground reaction (valid frames).
        emg: None if not given.
    """

    trial: MuscleTrial
    config: StaticConfig
    solution: MuscleSolution
    valid: Bool[np.ndarray, " T"]
    reserves: tuple[Reserve, ...]
    residual_share: float
    emg: EmgComparison | None


def analyse_muscles(
    trial: MuscleTrial,
    *,
    emg: tuple[EmgRecording, ChannelMap] | None = None,
    config: StaticConfig | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> MuscleAnalysis:
    """Static optimisation of a trial, checked and compared with its EMG.

    Args:
        trial: see `load_trial`.
        emg: envelopes on the laboratory's clock and their channels (`read_emg`).
        config: of the static optimisation.
        on_progress: as in `static_optimization`.

    Raises:
        InputError: ground reaction that explains less than half a second, or does not cover the
            clip; EMG on another clock.
    """
    config = config or StaticConfig()
    solution = static_optimization(
        trial.model, trial.clip, trial.ground, config=config, on_progress=on_progress
    )
    valid = explained(solution.dynamics)
    if valid.sum() * trial.clip.dt < 0.5:
        raise InputError(
            trial.name,
            "ground reaction",
            found=f"{valid.sum() * trial.clip.dt:.2f} s explained by it",
            expected="at least 0.5 s of the motion with all its steps on plates; other mass, axes "
            "or clock?",
        )
    weight = solution.dynamics.mass * GRAVITY
    peak = weight if trial.ground is None else float(np.abs(trial.ground.force).max())
    residual = solution.dynamics.residual_force[valid]
    notes = (*trial.notes, *_force_doubts(trial, solution, valid))
    return MuscleAnalysis(
        trial=dataclasses.replace(trial, notes=notes),
        config=config,
        solution=solution,
        valid=valid,
        reserves=_reserves(solution, valid),
        residual_share=float(np.sqrt((residual**2).sum(axis=1).mean())) / peak,
        emg=None if emg is None else _compared(trial, solution, valid, emg),
    )


def _force_doubts(
    trial: MuscleTrial, solution: MuscleSolution, valid: Bool[np.ndarray, " T"]
) -> list[str]:
    """Axes of the plates, or a frame rate, that would explain the motion better."""
    if trial.ground is None:
        return []
    felt = trial.ground.resampled(solution.time).force.sum(axis=1)[valid]
    needed = solution.dynamics.residual_force[valid] + felt
    weight = solution.dynamics.mass * GRAVITY
    return [*axes_notes(needed, felt), *pace_notes(needed, felt, weight)]


def _reserves(solution: MuscleSolution, valid: Bool[np.ndarray, " T"]) -> tuple[Reserve, ...]:
    return tuple(
        Reserve(
            joint=name,
            peak_moment=float(np.abs(moment).max()),
            rms=float(np.sqrt((reserve**2).mean())),
            peak=float(np.abs(reserve).max()),
        )
        for name, moment, reserve in zip(
            solution.joint_names,
            solution.joint_moment[valid].T,
            solution.reserve[valid].T,
            strict=True,
        )
    )


def _compared(
    trial: MuscleTrial,
    solution: MuscleSolution,
    valid: Bool[np.ndarray, " T"],
    emg: tuple[EmgRecording, ChannelMap],
) -> EmgComparison:
    """Agreement over the longest stretch of valid frames (lags need an unbroken one)."""
    first, last = longest_run(valid)
    recording = emg[0].shifted(-trial.start)
    rows = agree(
        recording,
        emg[1],
        solution.excitation[first:last],
        solution.time[first:last],
        solution.muscle_names,
    )
    return EmgComparison(recording, emg[1], rows)


def emg_caveat(rows: tuple[ChannelAgreement, ...]) -> str:
    """Over which time EMG and activations were compared, and what that is worth."""
    seconds = rows[0].seconds
    text = (
        f"Over {seconds:.2f} s that both cover, shifts up to {1000 * MAX_LAG_S:.0f} ms; a lag at "
    )
    text += "that limit is none that was found."
    if seconds < _STRIDE:
        text += " Less than a stride: an r at the best lag says little."
    return text


def longest_run(valid: Bool[np.ndarray, " T"]) -> tuple[int, int]:
    """First frame and end of the longest run of True."""
    edges = np.diff(np.concatenate([[0], valid.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    best = int(np.argmax(ends - starts))
    return int(starts[best]), int(ends[best])


def group_power(analysis: MuscleAnalysis, muscles: MuscleTable) -> dict[str, float]:
    """Mean metabolic power of every muscle group over the valid frames, W."""
    power = analysis.solution.metabolic.per_muscle[analysis.valid].mean(axis=0)
    groups = np.array(muscles.group)
    return {group: float(power[groups == group].sum()) for group in dict.fromkeys(muscles.group)}
