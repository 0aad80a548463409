"""What a good clip looks like, and a table that shows the worst first."""

from collections.abc import Mapping
from types import MappingProxyType

from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

Values = Mapping[str, float | bool | str | None]
# Largest acceptable value of each figure: limits hold, feet neither sink nor float, nothing jumps,
# and the sites are where their targets are.
BARS: Mapping[str, float] = MappingProxyType(
    {
        "joint_limit_violation_percent": 0.0,
        "ground_penetration_percent": 0.1,
        "max_penetration_m": 1e-3,
        "float_clearance_m": 5e-3,
        "tendon_jump": 0.0,
        "coupling_residual": 1e-6,
        "rmse_m": 0.015,
        "orientation_error_deg": 3.0,
        "not_converged_percent": 0.0,
    }
)
# Field, heading and factor; the units stand in the caption.
_COLUMNS = {
    "rmse_m": ("RMSE", 1e3),
    "orientation_error_deg": ("turn", 1.0),
    "joint_limit_violation_percent": ("limits", 1.0),
    "ground_penetration_percent": ("sunk", 1.0),
    "max_penetration_m": ("deep", 1e3),
    "float_clearance_m": ("float", 1e3),
    "foot_skate_m_per_s": ("skate", 1.0),
    "tendon_jump": ("jump", 1.0),
    "total_s_per_30hz_frame": ("time", 1e3),
}
_CAPTION = (
    "RMSE, deep(est penetration) and float in mm; turn(ed from the target orientation) in °; "
    "limits (broken) in % of joint values; sunk in % of frames; skate in m/s; tendon jump; time in "
    "ms per 30 Hz frame. Red misses its bar."
)


def missed(metrics: Values) -> list[str]:
    """The figures that miss their bar."""
    return [name for name, bar in BARS.items() if float(metrics.get(name) or 0.0) > bar]


def worst_first(clips: Mapping[str, Values]) -> list[str]:
    """Names ordered by how many bars a clip misses, then by position error."""
    return sorted(
        clips, key=lambda name: (-len(missed(clips[name])), -float(clips[name]["rmse_m"] or 0.0))
    )


def quality_table(clips: Mapping[str, Values]) -> Table:
    """One row a clip, the worst first, in red what misses its bar."""
    titles = (Column(title, justify="right", no_wrap=True) for title, _ in _COLUMNS.values())
    table = Table(
        Column("clip", overflow="fold"), *titles, box=SIMPLE_HEAD, padding=(0, 0), caption=_CAPTION
    )
    for name in worst_first(clips):
        failing = missed(clips[name])
        cells = [
            _cell(clips[name].get(field), scale, red=field in failing)
            for field, (_, scale) in _COLUMNS.items()
        ]
        table.add_row(name, *cells)
    return table


def _cell(value: float | bool | str | None, scale: float, *, red: bool) -> str:
    match value:
        case None:
            text = "-"
        case bool():
            text = "yes" if value else "no"
        case str():
            text = value
        case _:
            text = f"{scale * value:.2g}"
    return f"[red]{text}[/]" if red else text
