"""The tables of a trial's page as rows of text."""

import numpy as np

from musclemimic_eval.gait.analysis import GaitAnalysis
from musclemimic_eval.gait.feet import FEET
from musclemimic_eval.gait.spatiotemporal import UNITS, Measure
from musclemimic_eval.grids import Grid
from musclemimic_eval.kinetics.conventions import QUANTITIES
from musclemimic_eval.reference.comparison import Comparison


def parameters_grid(analysis: GaitAnalysis, beside: GaitAnalysis | None = None) -> Grid:
    """One row a parameter; mean ± SD (n) of left, right, both, and of a motion beside it."""
    trial = analysis.spatiotemporal
    others = () if beside is None else (beside.spatiotemporal,)
    rows: list[tuple[str, ...]] = [
        ("Speed, m/s", "", "", *(f"{one.speed:.3f}" for one in (trial, *others))),
        ("Cadence, steps/min", "", "", *(number(one.cadence, 1) for one in (trial, *others))),
    ]
    for name, unit in UNITS.items():
        sides = (trial.left, trial.right, trial.both, *(one.both for one in others))
        if any(name in side for side in sides):
            cells = [_measure(side.get(name), unit) for side in sides]
            rows.append((f"{name.capitalize()}, {unit}", *cells))
    note = (
        "Mean ± standard deviation (number of strides). A foot's stride and step end at that "
        "foot's contact. Strides with a flag below are left out if others remain."
    )
    header = ("", "left", "right", "both", *(("reference motion, both",) if others else ()))
    return Grid(header, tuple(rows), note)


def cycles_grid(analysis: GaitAnalysis) -> Grid:
    """One row a whole stride."""
    rows = [
        (
            FEET[cycle.foot],
            f"{cycle.start:.3f}",
            f"{cycle.end:.3f}",
            number(100 * cycle.stance, 1),
            "force" if cycle.source == "force" else "motion",
            "; ".join(cycle.flags) or "steady",
        )
        for cycle in analysis.cycles
    ]
    header = ("foot", "contact, s", "next, s", "stance, %", "stance seen by", "") if rows else ()
    apart = analysis.disagreement[np.isfinite(analysis.disagreement)]
    note = "" if rows else "No whole stride in this record."
    if len(apart):
        note += (
            f" Events from motion and from force differ by {1000 * np.abs(apart).max():.0f} ms at "
            f"most over {len(apart)} events."
        )
    return Grid(header, tuple(rows), note.strip())


def agreement_grid(comparison: Comparison) -> Grid:
    """One row a curve and foot."""
    rows = [
        (
            QUANTITIES[name].label + f", {QUANTITIES[name].unit}",
            FEET[foot],
            number(result.r, 2),
            number(result.rmse, 2),
            number(result.rmse_shape, 2),
            number(result.r2, 2),
            number(100 * result.inside_1sd, 0),
            number(100 * result.inside_2sd, 0),
            f"{result.peak:+.2f}",
            f"{result.peak_timing:+.0f}",
        )
        for (name, foot), result in comparison.agreement.items()
    ]
    header = (
        *("", "foot", "r", "RMSE", "RMSE, means out", "R²"),
        *("in 1 SD, %", "in 2 SD, %", "peak", "its time, %"),
    )
    table = comparison.table
    note = (
        f"Reference: {table.citation}. {_sentence(table.population)}; group "
        f"“{comparison.group.name}”. "
        "Peak and its time: difference of the largest values, and of when they come in % of the "
        "cycle. OpenSim's pelvis and hip are counted from another neutral pose than the clinic's "
        f"(about 10°): look at r and the RMSE with means out. {_sentence(table.notes)}"
    )
    return Grid(header, tuple(rows), note.strip())


def brief_agreement_grid(comparison: Comparison) -> Grid:
    """What fits a terminal of `agreement_grid`."""
    rows = [
        (
            name,
            FEET[foot],
            number(result.r, 2),
            number(result.rmse, 2),
            QUANTITIES[name].unit,
            number(100 * result.inside_2sd, 0),
        )
        for (name, foot), result in comparison.agreement.items()
    ]
    note = f"Reference: {comparison.table.name}, group {comparison.group.name}."
    if comparison.profile is not None and np.isfinite(comparison.profile.overall):
        note += f" Gait Profile Score {comparison.profile.overall:.1f} deg."
    return Grid(("", "foot", "r", "RMSE", "", "in 2 SD, %"), tuple(rows), note)


def profile_grid(comparison: Comparison | None) -> Grid | None:
    """Gait Variable Scores and the Gait Profile Score; None without both legs."""
    if comparison is None or comparison.profile is None or not comparison.profile.variables:
        return None
    profile = comparison.profile
    names = list(dict.fromkeys(name for _, name in profile.variables))
    rows = [
        (
            QUANTITIES[name].label,
            *(number(profile.variables[side, name], 1) for side in FEET),
        )
        for name in names
    ]
    rows.append(("Gait Profile Score", number(profile.left, 1), number(profile.right, 1)))
    note = (
        f"Degrees (Baker et al. 2009); both legs together {profile.overall:.1f}°. The scores of "
        "pelvic tilt and hip flexion, and with them the whole, include the other neutral pose."
    )
    if profile.missing:
        note += f" Without {', '.join(profile.missing)}: not comparable with published scores."
    return Grid(("Gait Variable Scores", *FEET), tuple(rows), note)


def spm_grid(comparison: Comparison | None) -> Grid | None:
    """Where SPM{t} finds a difference; None where it was not computed."""
    if comparison is None or not comparison.spm:
        return None
    rows = [
        (
            QUANTITIES[name].label,
            FEET[foot],
            "; ".join(
                f"{cluster.start:.0f} to {cluster.end:.0f} % (p {_p(cluster.p)})"
                for cluster in result.clusters
            )
            or "nowhere",
        )
        for (name, foot), result in comparison.spm.items()
    ]
    note = (
        "SPM{t}, one sample against the reference's mean, two-tailed, alpha 0.05 over the cycle: "
        "where this person's cycles differ from that mean by more than their own variability."
    )
    return Grid(("", "foot", "differs at"), tuple(rows), note)


def leftovers_grid(analysis: GaitAnalysis) -> Grid | None:
    """Strides that were not used, and why; None if all were."""
    rows = [(FEET[p.foot], f"{p.time:.2f}", p.reason) for p in analysis.partial]
    header = ("foot", "contact, s", "why")
    return Grid(header, tuple(rows), "Strides that were not used.") if rows else None


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _measure(measure: Measure | None, unit: str) -> str:
    if measure is None:
        return "-"
    digits = 1 if unit == "%" else 3
    spread = "" if np.isnan(measure.sd) else f" ± {measure.sd:.{digits}f}"
    return f"{measure.mean:.{digits}f}{spread} ({measure.n})"


def number(value: float, digits: int) -> str:
    """Rounded; a dash for what is not known."""
    return "-" if np.isnan(value) else f"{value:.{digits}f}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
