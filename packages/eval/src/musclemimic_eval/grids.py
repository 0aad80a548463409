"""The tables of the report as rows of text."""

from collections.abc import Mapping
from dataclasses import dataclass

from musclemimic_eval import published
from musclemimic_eval.estimate import format_estimate, format_number
from musclemimic_eval.metrics import METRICS
from musclemimic_eval.validation import ValidationTable

RetargetingNumbers = Mapping[str, float | bool | str | None]
_RETARGETING_LABELS = {
    "joint_limit_violation_percent": "Joint values outside their range, %",
    "ground_penetration_percent": "Frames with a part in the floor, %",
    "max_penetration_m": "Deepest penetration, m",
    "tendon_jump": "Tendon jumps (published: % of motions)",
    "rmse_m": "Distance of the sites from their targets (RMS), m",
    "solve_s_per_30hz_frame": "Inverse kinematics per 30 Hz frame, s",
    "total_s_per_30hz_frame": "Whole pipeline per 30 Hz frame, s",
    "tendon_jump_frames_percent": "Frames with a tendon jump, %",
    "worst_tendon": "Tendon that changes fastest",
    "worst_tendon_change_percent": "Its largest change in a frame, % of rest length",
    "human_rmse_m": "Distance from the scaled human's joints (RMS), m",
    "orientation_error_deg": "Orientation error, degrees",
    "float_clearance_m": "Height of the standing sole, m",
    "foot_skate_m_per_s": "Foot skate, m/s",
    "coupling_residual": "Coupled joints off their coupling, rad or m",
    "root_acceleration_rms_m_per_s2": "Vertical acceleration of the root (RMS), m/s²",
    "source_root_acceleration_rms_m_per_s2": "The same of its target, m/s²",
    "not_converged_percent": "Frames that did not converge, %",
}


@dataclass(frozen=True)
class Grid:
    """A table of the page: header, rows of cells, a note below."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def validation_grid(
    table: ValidationTable,
    *,
    full_body: bool,
    baseline: ValidationTable | None = None,
    sampled: ValidationTable | None = None,
) -> Grid:
    """The nine metrics: pooled with interval, per split and clip, other tables beside them."""
    beside = table.columns(most=8)
    others = {"sampled actions": sampled, "untrained (action 0)": baseline}
    others = {name: other for name, other in others.items() if other is not None}
    header = ["", "this policy", "95 % interval", "n", *beside, *others]
    rows: list[tuple[str, ...]] = []
    for key, metric in METRICS.items():
        pooled = table.pooled[key]
        interval = format_estimate(pooled).partition(" ")[2] or "n/a"
        cells = [metric.title, format_number(pooled.value), interval, str(pooled.n)]
        cells += [format_number(rows[key].value) for rows in beside.values()]
        cells += [format_number(other.pooled[key].value) for other in others.values()]
        if full_body:
            cells += [" / ".join(map(format_number, published.FULL_BODY_VALIDATION[key]))]
        rows.append(tuple(cells))
    note = "Mean over episodes; bootstrap interval over episodes (Wilson's for the rate). "
    if full_body:
        header.append("published, train / test")
        note += f"Published: {published.SOURCE}; other motions and training, so a yardstick only."
    else:
        note += "Root errors do not exist for a fixed trunk; no figures are published for the arms."
    return Grid(tuple(header), tuple(rows), note)


def retargeting_grid(metrics: Mapping[str, RetargetingNumbers], *, full_body: bool) -> Grid | None:
    """One column a clip, one row a metric; None without clips.

    Rows that no clip has a value for are left out. The published figures are of the full body.
    """
    if not metrics:
        return None
    names = list(dict.fromkeys(name for row in metrics.values() for name in row))
    rows: list[tuple[str, ...]] = []
    for name in names:
        values = [row.get(name) for row in metrics.values()]
        if all(value is None for value in values):
            continue
        cells = [_RETARGETING_LABELS.get(name, name.replace("_", " ")), *map(_cell, values)]
        if full_body:
            cells += list(map(_cell, published.RETARGETING.get(name, (None, None))))
        rows.append(tuple(cells))
    if not full_body:
        return Grid(("", *metrics), tuple(rows))
    header = ("", *metrics, "published GMR-Fit", "published Mocap-Body")
    return Grid(header, tuple(rows), published.RETARGETING_NOTE)


def facts_grid(values: Mapping[str, object]) -> Grid:
    """Nested values as name–value rows."""
    return Grid((), tuple(_flatten(values)))


def _flatten(values: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            nested: Mapping[str, object] = value  # pyright: ignore[reportUnknownVariableType]
            rows += _flatten(nested, f"{prefix}{name}.")
        else:
            rows.append((prefix + name, str(value)))
    return rows


def _cell(value: float | bool | str | None) -> str:
    match value:
        case None:
            return "n/a"
        case bool():
            return "yes" if value else "no"
        case str():
            return value
        case _:
            return format_number(value)
