"""A trial's numbers as plain values (JSON) and tables (CSV)."""

import csv
import dataclasses
import io
from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Float

from musclemimic_eval.gait.analysis import GaitAnalysis
from musclemimic_eval.gait.contacts import Contact
from musclemimic_eval.gait.cycles import Cycle
from musclemimic_eval.gait.feet import FEET
from musclemimic_eval.gait.spatiotemporal import UNITS, Measure, SpatioTemporal
from musclemimic_eval.kinetics.conventions import QUANTITIES, Convention, column_name, factor
from musclemimic_eval.kinetics.inverse_dynamics import InverseDynamics
from musclemimic_eval.reference.comparison import Comparison


def gait_document(analysis: GaitAnalysis, comparison: Comparison | None) -> dict[str, object]:
    """Everything the report says, as nested plain values; angles in deg, the rest SI."""
    trial = analysis.spatiotemporal
    recording = analysis.recording
    return {
        "source": recording.source,
        "kind": trial.kind,
        "backward": trial.backward,
        "speed_m_per_s": trial.speed,
        "dimensionless_speed": trial.dimensionless_speed,
        "cadence_steps_per_min": trial.cadence,
        "heading_change_deg": float(np.rad2deg(trial.heading_change)),
        "leg_length_m": recording.leg_length,
        "mass_kg": analysis.mass,
        "mass_source": analysis.mass_source,
        "parameters": {name: _measures(side) for name, side in _sides(trial)},
        "contacts": [_contact(contact) for contact in analysis.contacts],
        "event_disagreement_ms": 1000 * analysis.disagreement,
        "cycles": [_cycle(cycle) for cycle in analysis.cycles],
        "unused": [
            {"foot": FEET[partial.foot], "time_s": partial.time, "reason": partial.reason}
            for partial in analysis.partial
        ],
        "curves": _curves(analysis),
        "comparison": None if comparison is None else _comparison(comparison),
        "notes": list(analysis.notes),
    }


def residuals(result: InverseDynamics) -> dict[str, object]:
    """What no joint can supply, RMS."""
    return {
        "model_mass_kg": result.mass,
        "residual_force_rms_n": _rms_size(result.residual_force),
        "residual_moment_rms_nm": _rms_size(result.residual_moment),
    }


def _rms_size(vectors: Float[np.ndarray, "T 3"]) -> float:
    return float(np.sqrt(3.0 * np.mean(vectors**2)))


def parameters_csv(analysis: GaitAnalysis) -> str:
    """Spatiotemporal parameters, one row a parameter and side."""
    rows = [
        (name, side, UNITS[name], measure.mean, measure.sd, measure.n)
        for side, measures in _sides(analysis.spatiotemporal)
        for name, measure in measures.items()
    ]
    trial = analysis.spatiotemporal
    rows += [
        ("speed", "both", "m/s", trial.speed, np.nan, 1),
        ("cadence", "both", "steps/min", trial.cadence, np.nan, 1),
    ]
    return _csv(("parameter", "side", "unit", "mean", "sd", "n"), rows)


def events_csv(analysis: GaitAnalysis) -> str:
    """Contacts, one row each; empty where an end was not seen."""
    rows = [(FEET[c.foot], c.start, c.end, c.source) for c in analysis.contacts]
    return _csv(("foot", "contact_s", "off_s", "source"), rows)


def curves_csv(analysis: GaitAnalysis, convention: Convention) -> str:
    """Mean and SD of every curve over the cycle, in a convention's names and signs."""
    rows: list[tuple[object, ...]] = []
    for name, feet in analysis.curves.items():
        quantity = QUANTITIES[name]
        sign = quantity.positive if convention == "clinical" else quantity.opensim_positive
        for foot, cycles in feet.items():
            values = factor(quantity, foot, convention) * cycles
            label = column_name(quantity, foot, convention)
            middle: list[float] = np.mean(values, axis=0).tolist()
            spread: list[float] = [np.nan] * len(middle)
            if len(values) > 1:
                spread = np.std(values, axis=0, ddof=1).tolist()
            rows += [
                (label, FEET[foot], i, middle[i], spread[i], len(values), quantity.unit, sign)
                for i in range(len(middle))
            ]
    header = ("variable", "side", "gait_pct", "mean", "sd", "n", "unit", "positive")
    return _csv(header, rows)


def _csv(header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return buffer.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.6g}"
    return value


def _sides(trial: SpatioTemporal) -> tuple[tuple[str, Mapping[str, Measure]], ...]:
    return (("left", trial.left), ("right", trial.right), ("both", trial.both))


def _measures(side: Mapping[str, Measure]) -> dict[str, object]:
    return {
        name: {**dataclasses.asdict(measure), "unit": UNITS[name]} for name, measure in side.items()
    }


def _contact(contact: Contact) -> dict[str, object]:
    return {
        "foot": FEET[contact.foot],
        "start_s": contact.start,
        "end_s": contact.end,
        "source": contact.source,
    }


def _cycle(cycle: Cycle) -> dict[str, object]:
    return {
        "foot": FEET[cycle.foot],
        "start_s": cycle.start,
        "end_s": cycle.end,
        "foot_off_percent": 100 * cycle.stance,
        "source": cycle.source,
        "flags": list(cycle.flags),
    }


def _curves(analysis: GaitAnalysis) -> dict[str, object]:
    return {
        name: {
            FEET[foot]: {"mean": cycles.mean(axis=0), "n": len(cycles)}
            for foot, cycles in feet.items()
        }
        | {"unit": QUANTITIES[name].unit, "positive": QUANTITIES[name].positive}
        for name, feet in analysis.curves.items()
    }


def _comparison(comparison: Comparison) -> dict[str, object]:
    profile = comparison.profile
    return {
        "reference": comparison.table.name,
        "citation": comparison.table.citation,
        "population": comparison.table.population,
        "group": comparison.group.name,
        "warnings": list(comparison.warnings),
        "agreement": [
            {"foot": FEET[foot], **dataclasses.asdict(result)}
            for (_, foot), result in comparison.agreement.items()
        ],
        "gait_profile_score_deg": None
        if profile is None
        else {
            "left": profile.left,
            "right": profile.right,
            "overall": profile.overall,
            "missing": list(profile.missing),
            "variables": {f"{side} {name}": v for (side, name), v in profile.variables.items()},
        },
        "spm": [
            {
                "variable": name,
                "foot": FEET[foot],
                "threshold": result.threshold,
                "alpha": result.alpha,
                "clusters": [dataclasses.asdict(cluster) for cluster in result.clusters],
            }
            for (name, foot), result in comparison.spm.items()
        ],
    }
