"""The page about one trial, and the files beside it."""

import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
from musclemimic_models.files import write_json, write_text

from musclemimic_eval.gait_page.document import curves_csv, events_csv, parameters_csv
from musclemimic_eval.gait_page.grids import number
from musclemimic_eval.gait_page.sections import gait_sections
from musclemimic_eval.grids import Grid
from musclemimic_eval.human.analysis import MotionAnalysis
from musclemimic_eval.human.document import document
from musclemimic_eval.page import render_sections
from musclemimic_eval.reference.comparison import Comparison
from musclemimic_eval.summary import Tile

PAGE, NUMBERS = "index.html", "motion.json"
_KINDS = {"walking": "Walking", "running": "Running", "no gait": "No whole stride"}


def write_motion_report(
    folder: Path, analysis: MotionAnalysis, comparison: Comparison | None, *, command: str
) -> Path:
    """Write index.html, motion.json, parameters.csv, events.csv and the curves in both signs.

    Each file is written whole or not at all.

    Returns:
        The path of the page.
    """
    page = render_motion_page(analysis, comparison, command=command)
    write_text(folder / "parameters.csv", parameters_csv(analysis))
    write_text(folder / "events.csv", events_csv(analysis))
    write_text(folder / "curves_clinical.csv", curves_csv(analysis, "clinical"))
    write_text(folder / "curves_opensim.csv", curves_csv(analysis, "opensim"))
    write_json(folder / NUMBERS, document(analysis, comparison))
    write_text(folder / PAGE, page)
    return folder / PAGE


def render_motion_page(
    analysis: MotionAnalysis, comparison: Comparison | None, *, command: str
) -> str:
    """The HTML page, without any external reference."""
    trial = analysis.spatiotemporal
    return render_sections(
        title=f"{_KINDS[trial.kind]}: {analysis.recording.source}",
        byline=_byline(analysis),
        summary=_summary(analysis, comparison),
        tiles=_tiles(analysis, comparison),
        sections=gait_sections(analysis, comparison),
        provenance=Grid((), tuple(_provenance(analysis, comparison, command).items())),
    )


def _summary(analysis: MotionAnalysis, comparison: Comparison | None) -> str:
    trial = analysis.spatiotemporal
    if trial.kind == "no gait":
        return (
            "No whole stride was found in this record, so there are no parameters per stride and "
            f"no curves over the cycle. The body moved at {trial.speed:.2f} m/s."
        )
    whole = [cycle for cycle in analysis.cycles if not cycle.inferred]
    steady = sum(not cycle.flags for cycle in whole)
    way = " backwards" if trial.backward else ""
    text = [
        f"{trial.kind.capitalize()}{way} at {trial.speed:.2f} m/s, "
        f"{trial.cadence:.0f} steps a minute; {len(whole)} whole strides, {steady} of "
        "them steady."
    ]
    turn = float(np.rad2deg(trial.heading_change))
    if abs(turn) > 20:
        text.append(f"The person turns {abs(turn):.0f}° to the {'left' if turn > 0 else 'right'}.")
    if analysis.kinetics is not None and "ankle_pf_moment" in analysis.curves:
        text.append(
            f"Moments are those of {analysis.clip.model_name}, scaled by leg length, under the "
            f"measured ground force ({analysis.mass:.1f} kg, {analysis.mass_source})."
        )
    if comparison is not None and comparison.agreement and comparison.warnings:
        text.append("The comparison with the reference is not a fair one; see there.")
    return " ".join(text)


def _tiles(analysis: MotionAnalysis, comparison: Comparison | None) -> list[Tile]:
    trial = analysis.spatiotemporal
    result = [Tile(f"{trial.speed:.2f} m/s", "speed")]
    if np.isfinite(trial.cadence):
        result.append(Tile(f"{trial.cadence:.0f}/min", "steps"))
    if "stance" in trial.both:
        result.append(Tile(f"{trial.both['stance'].mean:.0f} %", "stance"))
    if comparison is not None and comparison.profile is not None:
        result.append(Tile(f"{comparison.profile.overall:.1f}°", "Gait Profile Score"))
    return result


def _byline(analysis: MotionAnalysis) -> str:
    time = analysis.recording.feet.time
    plates = "" if analysis.recording.ground is None else " · ground force"
    return f"{time[-1] - time[0]:.2f} s at {analysis.recording.feet.rate:.0f} Hz{plates}"


def _provenance(
    analysis: MotionAnalysis, comparison: Comparison | None, command: str
) -> dict[str, str]:
    facts = {
        "command": command,
        "file": analysis.recording.source,
        "leg length": f"{analysis.recording.leg_length:.3f} m",
        "mass": f"{number(analysis.mass, 1)} kg ({analysis.mass_source})",
        "model": f"{analysis.clip.model_name}, lengths times "
        f"{analysis.clip.provenance.human_to_model_scale:.3f}",
    }
    if comparison is not None and comparison.agreement:
        facts["reference"] = comparison.table.citation
    facts["package"] = f"musclemimic-eval {version('musclemimic-eval')}"
    facts["python"] = f"{platform.python_version()} on {platform.system()}"
    return facts
