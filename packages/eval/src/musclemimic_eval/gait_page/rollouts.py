"""The gait of a policy on its report: beside the imitated motion and beside humans."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from musclemimic_models import MotionClip, MusculoModel

from musclemimic_eval.emg.cycle import PREFIX, CycleAgreement, cycle_agreement, plain
from musclemimic_eval.gait.analysis import GaitAnalysis
from musclemimic_eval.gait.feet import FEET
from musclemimic_eval.gait.rollouts import (
    COLLAPSE,
    SHORTEST_S,
    RolloutGait,
    analyse_clip,
    analyse_rollout,
    while_upright,
)
from musclemimic_eval.gait_page.document import (
    curves_csv,
    events_csv,
    gait_document,
    parameters_csv,
    residuals,
)
from musclemimic_eval.gait_page.emg import emg_section
from musclemimic_eval.gait_page.sections import gait_sections
from musclemimic_eval.kinetics.ground_reaction import GroundReaction
from musclemimic_eval.kinetics.inverse_dynamics import USUAL_RESIDUAL
from musclemimic_eval.kinetics.simulated import SIMULATED_CUTOFF_HZ
from musclemimic_eval.page import Section
from musclemimic_eval.reference.choice import ReferenceChoice, compared
from musclemimic_eval.reference.comparison import Comparison
from musclemimic_eval.reference.curves import ReferenceGroup, ReferenceTable, load_reference
from musclemimic_eval.rollout import Rollout

# Whose envelopes muscles are compared with where the chosen reference has none.
_EMG_REFERENCE = "falisse2019_adult"
# Accelerations of the first and last samples know only one side, s.
_ENDS_S = 0.15


@dataclass(frozen=True)
class RolloutGaitReport:
    """The gait of one episode, ready for a page and for files.

    Attributes:
        sections: of the page; empty for a body without feet.
        numbers: plain values for JSON; None without gait analysis.
        tables: CSV text by file name.
    """

    sections: tuple[Section, ...] = ()
    numbers: Mapping[str, object] | None = None
    tables: Mapping[str, str] | None = None


def rollout_gait_report(
    rollout: Rollout,
    clip: MotionClip,
    model: MusculoModel,
    choice: ReferenceChoice,
    table: ReferenceTable | None,
) -> RolloutGaitReport:
    """Gait analysis of an episode beside the clip it imitates and a human reference.

    An episode without a whole stride gets one section that says so and what was found.

    Args:
        rollout: the episode.
        clip: its reference.
        model: the body.
        choice: of the human reference.
        table: which `choice` loads; None without.

    Raises:
        InputError: as `compared`.
    """
    if not model.has_free_root:
        return RolloutGaitReport()
    upright = while_upright(rollout, clip)
    if len(upright) == 0 or upright.time[-1] < SHORTEST_S:
        return RolloutGaitReport(
            sections=(Section("gait", "Gait", text=(_end(rollout, upright),)),)
        )
    imitated = analyse_clip(clip, model, name=rollout.reference_clip)
    found = analyse_rollout(upright, model)
    if not found.cycles:
        return RolloutGaitReport(
            sections=(_without_stride(rollout, upright, found, imitated),),
            numbers=gait_document(found, None) | {"imitated": _parameters(imitated)},
        )
    analysis, comparison = compared(found, table, choice)
    beside, _ = compared(imitated, table if imitated.cycles else None, choice)
    emg_table, envelopes = _emg_reference(comparison)
    rows = cycle_agreement(
        upright.time,
        upright.activation,
        analysis.cycles,
        model.muscles,
        envelopes,
    )
    sections = [
        _summary(rollout, upright, analysis, imitated),
        *gait_sections(analysis, comparison, beside=beside, notes=_residual_notes(analysis)),
    ]
    if rows:
        sections.append(emg_section(rows, emg_table))
    return RolloutGaitReport(
        sections=tuple(sections),
        numbers=_numbers(analysis, imitated, comparison, rows),
        tables={
            "gait_parameters.csv": parameters_csv(analysis),
            "gait_events.csv": events_csv(analysis),
            "gait_curves_clinical.csv": curves_csv(analysis, "clinical"),
            "gait_curves_opensim.csv": curves_csv(analysis, "opensim"),
        },
    )


def _emg_reference(comparison: Comparison | None) -> tuple[ReferenceTable, ReferenceGroup]:
    """The chosen reference if it has EMG, else the packaged one that has."""
    if comparison is not None and any(name.startswith(PREFIX) for name in comparison.group.curves):
        return comparison.table, comparison.group
    table = load_reference(_EMG_REFERENCE)
    return table, next(iter(table.groups.values()))


def _numbers(
    analysis: RolloutGait,
    imitated: GaitAnalysis,
    comparison: Comparison | None,
    rows: tuple[CycleAgreement, ...],
) -> dict[str, object]:
    return gait_document(analysis, comparison) | {
        "kinetics": residuals(analysis.dynamics) | {"residual_share": _residual_share(analysis)},
        "imitated": _parameters(imitated),
        "emg": [plain(row) for row in rows],
    }


def _parameters(analysis: GaitAnalysis) -> dict[str, object]:
    """What JSON tells of the imitated motion: everything but its curves."""
    document = gait_document(analysis, None)
    return {name: value for name, value in document.items() if name != "curves"}


def _end(rollout: Rollout, upright: Rollout) -> str:
    """Which episode, how long it lasted and how long it stood."""
    name = f"The longest episode ({rollout.reference_clip}, from frame {rollout.start_frame})"
    if len(rollout) == 0:
        return f"{name} diverged in its first step: no gait to analyse."
    end = "was lost" if rollout.terminated else "ended"
    text = f"{name} {end} after {rollout.time[-1]:.2f} s."
    if len(upright) == len(rollout):
        return text if rollout.time[-1] >= SHORTEST_S else f"{text} That is too short for gait."
    seconds = 0.0 if len(upright) == 0 else float(upright.time[-1])
    return (
        f"{text} From {seconds:.2f} s on its pelvis was more than {100 * COLLAPSE:.0f} cm below "
        "the imitated motion's: a fall, of which gait analysis says nothing."
    )


def _without_stride(
    rollout: Rollout, upright: Rollout, found: RolloutGait, imitated: GaitAnalysis
) -> Section:
    text = [
        f"{_end(rollout, upright)} There is no whole stride in it, so there are no parameters per "
        f"stride and no curves over the cycle. {_contacts_text(found)}"
    ]
    if not imitated.cycles:
        text.append("The imitated motion has no whole stride either.")
    else:
        trial = imitated.spatiotemporal
        text.append(
            f"The imitated motion is {trial.kind} at {trial.speed:.2f} m/s with "
            f"{trial.both['stride time'].mean:.2f} s a stride: an episode has to last at least "
            "that long, and begin before a foot contact."
        )
    section, *_ = gait_sections(found, None)[1:2]
    return Section(
        "gait", "Gait", text=tuple(text), grids=section.grids[1:], pictures=section.pictures
    )


def _contacts_text(found: RolloutGait) -> str:
    counts = [sum(contact.foot == foot for contact in found.contacts) for foot in (0, 1)]
    landings = sum(bool(np.isfinite(contact.start)) for contact in found.contacts)
    largest = float(_felt(found).in_body_weights(found.mass)[..., 2].max())
    contacts = " and ".join(
        f"{count} of the {side} foot" for count, side in zip(counts, FEET, strict=True)
    )
    return (
        f"Found: contacts {contacts}, {landings} of which began within the episode; the body moved "
        f"at {found.spatiotemporal.speed:.2f} m/s; the largest vertical force under a foot was "
        f"{largest:.1f} body weights (low-passed at {SIMULATED_CUTOFF_HZ:.0f} Hz)."
    )


def _felt(found: RolloutGait) -> GroundReaction:
    """The ground force without the blows of single steps of the simulation."""
    ground = found.recording.ground
    assert ground is not None
    return ground.filtered(SIMULATED_CUTOFF_HZ)


def _summary(
    rollout: Rollout, upright: Rollout, found: RolloutGait, imitated: GaitAnalysis
) -> Section:
    trial, wanted = found.spatiotemporal, imitated.spatiotemporal
    steady = sum(not cycle.flags for cycle in found.cycles)
    way = " backwards" if trial.backward else ""
    text = (
        f"{_end(rollout, upright)} It is {trial.kind}{way} at {trial.speed:.2f} m/s; "
        f"{len(found.cycles)} whole strides, {steady} of them steady. The imitated motion is "
        f"{wanted.kind} at {wanted.speed:.2f} m/s. Angles are those of the model's joints, moments "
        "those that joints and muscles together give under the simulated ground force."
    )
    return Section("gait", "Gait", text=(text,))


def _residual_share(found: RolloutGait) -> float:
    """RMS of the residual force over the largest ground force, but for the filters' ends."""
    time = found.recording.feet.time
    inner = (time > time[0] + _ENDS_S) & (time < time[-1] - _ENDS_S)
    sizes: Float[np.ndarray, "T 2"] = np.linalg.norm(_felt(found).force, axis=2)
    largest = float(sizes.max())
    if not inner.any() or largest == 0:
        return np.nan
    residual: Float[np.ndarray, "T 3"] = found.dynamics.residual_force[inner]
    return float(np.sqrt(3.0 * np.mean(residual**2))) / largest


def _residual_notes(found: RolloutGait) -> tuple[str, ...]:
    """What is to be said of a residual force beyond what Hicks et al. 2015 recommend."""
    share = _residual_share(found)
    if not share > USUAL_RESIDUAL:
        return ()
    return (
        f"The residual force of the inverse dynamics is {100 * share:.0f} % of the largest ground "
        f"force (RMS; up to {100 * USUAL_RESIDUAL:.0f} % is usual, Hicks et al. 2015): what acts "
        "under the feet does not explain the motion. Other parts of the body touch the ground, or "
        "it was posed.",
    )
