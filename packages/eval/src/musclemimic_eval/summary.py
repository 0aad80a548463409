"""The report's plain-language summary."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from musclemimic_models import MotionClip, MusculoModel

from musclemimic_eval.estimate import format_number
from musclemimic_eval.validation import ValidationTable


@dataclass(frozen=True)
class Tile:
    """A number to remember and what it is."""

    value: str
    label: str


def tiles(table: ValidationTable) -> list[Tile]:
    """The four numbers to remember."""
    pooled = table.pooled
    return [
        Tile(_centimetres(pooled["relative_site_m"].value), "mean distance from the reference"),
        Tile(_degrees(pooled["joint_position_rad"].value), "joint angle error"),
        Tile(_percent(pooled["early_termination_rate"].value), "episodes that lost the motion"),
        Tile(
            format_number(pooled["episode_length_steps"].value), "control steps per episode (mean)"
        ),
    ]


def summary_text(
    table: ValidationTable,
    clips: Mapping[str, MotionClip],
    model: MusculoModel,
    learning: Sequence[Mapping[str, float | None]] = (),
    baseline: ValidationTable | None = None,
) -> str:
    """What was done and how it went, for a reader who knows no reinforcement learning."""
    pooled = table.pooled
    rate = pooled["early_termination_rate"]
    lost = round(rate.value * rate.n)
    motions = f"the motion “{next(iter(clips))}”" if len(clips) == 1 else f"{len(clips)} motions"
    seconds = sum(clip.duration for clip in clips.values())
    outcome = "none lost" if lost == 0 else f"{lost} lost"
    parts = [
        f"A policy drives the {len(model.muscle_names)} muscles of {model.label} and tries to "
        f"follow {motions} ({seconds:.1f} s).",
        f"Of {rate.n} episodes started all along the reference, {outcome} the motion before its "
        "end.",
        f"While following, the tracked points of the body were on average "
        f"{_centimetres(pooled['relative_site_m'].value)} away from the reference (seen from the "
        f"{next(iter(model.mimic_sites)).replace('_', ' ')}), and the joints were off by "
        f"{_degrees(pooled['joint_position_rad'].value)}.",
    ]
    if baseline is not None:
        before = baseline.pooled["relative_site_m"].value
        parts.append(f"Without any learning (action 0) it is {_centimetres(before)}.")
    if learning:
        parts.append(_training_sentence(learning[-1]))
    return " ".join(parts)


def _training_sentence(last: Mapping[str, float | None]) -> str:
    steps, seconds = last.get("env_steps") or 0.0, last.get("time/elapsed_s") or 0.0
    return (
        f"It had practised for {seconds / 60:.1f} minutes: {steps / 1e6:.2f} million simulated "
        "steps of 10 ms."
    )


def _centimetres(metres: float) -> str:
    return "n/a" if np.isnan(metres) else f"{100 * metres:.1f} cm"


def _degrees(radians: float) -> str:
    return "n/a" if np.isnan(radians) else f"{np.rad2deg(radians):.1f}°"


def _percent(share: float) -> str:
    return "n/a" if np.isnan(share) else f"{100 * share:.0f} %"
