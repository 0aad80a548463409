"""The muscle report: sections of a page, JSON and CSV."""

import dataclasses
from pathlib import Path

import numpy as np
from musclemimic_models.files import write_json, write_text

from musclemimic_eval.csv_files import write_columns, write_csv
from musclemimic_eval.estimate import format_number
from musclemimic_eval.grids import Grid, facts_grid
from musclemimic_eval.inverse.analysis import (
    LIMIT,
    EmgComparison,
    MuscleAnalysis,
    emg_caveat,
    group_power,
)
from musclemimic_eval.inverse.plots import (
    emg_label,
    plot_contact,
    plot_emg,
    plot_moments,
    plot_power,
)
from musclemimic_eval.page import Section, picture, render_sections
from musclemimic_eval.plots import plot_activation_map
from musclemimic_eval.summary import Tile

PAGE, NUMBERS = "index.html", "muscles.json"


def write_muscle_report(folder: Path, analysis: MuscleAnalysis, *, command: str) -> Path:
    """Write index.html, muscles.json and the CSV tables, each whole or not at all.

    Returns:
        The path of the page.
    """
    trial = analysis.trial
    page = render_sections(
        title="Muscles behind a measured motion",
        byline=f"{trial.model.label} · {trial.name} · {trial.clip.duration:.2f} s",
        summary=_summary(analysis),
        tiles=_tiles(analysis),
        sections=muscle_sections(analysis),
        provenance=facts_grid(
            {
                "command": command,
                "motion": trial.name,
                "model": trial.model.label,
                "model sha256": trial.model.content_sha256,
                "static optimisation": dataclasses.asdict(analysis.config),
                "anatomy": "; ".join(trial.model.provenance),
            }
        ),
    )
    _write_tables(folder, analysis)
    write_json(folder / NUMBERS, muscle_numbers(analysis) | {"command": command})
    write_text(folder / PAGE, page)
    return folder / PAGE


def muscle_sections(analysis: MuscleAnalysis) -> list[Section]:
    """Activations, EMG, reserves, joint contact and power, ready for any page."""
    trial, solution = analysis.trial, analysis.solution
    sections: list[Section] = []
    if analysis.emg is not None:
        sections.append(_emg_section(analysis, analysis.emg))
    sections += [
        Section(
            "activations",
            "Muscle activations",
            pictures=(
                picture(
                    plot_activation_map(solution.time, solution.activation, trial.model.muscles),
                    f"Activation of the {len(solution.muscle_names)} muscles, by group.",
                ),
            ),
        ),
        _moment_section(analysis),
    ]
    if solution.contact is not None:
        sections.append(_contact_section(analysis))
    sections.append(_power_section(analysis))
    return sections


def muscle_numbers(analysis: MuscleAnalysis) -> dict[str, object]:
    """Everything the page says, as plain values."""
    solution, valid = analysis.solution, analysis.valid
    contact = solution.contact
    return {
        "motion": analysis.trial.name,
        "model": analysis.trial.model.label,
        "frames": len(solution.time),
        "valid_frames": int(valid.sum()),
        "config": dataclasses.asdict(analysis.config),
        "residual_force_rms_over_peak_ground_reaction": analysis.residual_share,
        "reserves": [
            dataclasses.asdict(row) | {"peak_over_peak_moment": row.share}
            for row in analysis.reserves
        ],
        "emg": None
        if analysis.emg is None
        else {
            "channels": [dataclasses.asdict(row) for row in analysis.emg.rows],
            "not_understood": analysis.emg.channels.unknown,
        },
        "peak_contact_body_weights": None
        if contact is None
        else {
            name: float(column.max())
            for name, column in zip(contact.names, contact.in_body_weights[valid].T, strict=True)
        },
        "metabolic_power": {
            "mean_W_per_kg": float(solution.metabolic.total[valid].mean())
            / solution.metabolic.body_mass,
            "basal_W": solution.metabolic.basal,
            "by_group_W": group_power(analysis, analysis.trial.model.muscles),
        },
        "notes": analysis.trial.notes,
    }


def _summary(analysis: MuscleAnalysis) -> str:
    solution = analysis.solution
    worst = max(analysis.reserves, key=lambda row: row.peak)
    parts = [
        f"From the motion and the ground reaction follow the net joint moments, and from these, by "
        f"static optimisation, the activations of {len(solution.muscle_names)} muscles.",
        f"The largest moment that muscles could not supply is {worst.peak:.2g} N m "
        f"({worst.joint.replace('_', ' ')}).",
    ]
    share = float(analysis.valid.mean())
    if share < 1:
        parts.append(
            f"Only {100 * share:.0f} % of the frames have all their steps on force plates; means "
            "and EMG are of these."
        )
    return " ".join(parts)


def _tiles(analysis: MuscleAnalysis) -> list[Tile]:
    metabolic = analysis.solution.metabolic
    mean = float(metabolic.total[analysis.valid].mean()) / metabolic.body_mass
    tiles = [
        Tile(f"{100 * analysis.residual_share:.1f} %", "residual force (RMS) of peak reaction"),
        Tile(f"{mean:.1f} W/kg", "metabolic power, at rest included"),
    ]
    if analysis.emg is not None:
        best = np.median([row.best_r for row in analysis.emg.rows])
        tiles.append(Tile(f"{best:.2f}", "median r with EMG at its best lag"))
    return tiles


def _emg_section(analysis: MuscleAnalysis, emg: EmgComparison) -> Section:
    header = ("channel", "muscles", "r", "r at best lag", "lag, ms", "RMSE", "overlap", "peak")
    rows = tuple(
        (
            row.label,
            ", ".join(row.muscles),
            f"{row.r:.2f}",
            f"{row.best_r:.2f}",
            f"{1000 * row.lag_s:+.0f}",
            f"{row.rmse:.2f}",
            f"{row.overlap:.2f}",
            f"{row.peak_activation:.2f}",
        )
        for row in emg.rows
    )
    note = (
        f"{emg_caveat(emg.rows)} Curves in units of their own maximum. Lag: positive where the "
        "activation comes after the EMG, as force does. Overlap: time on in both over time on in "
        "either, at 30 % of the maximum. Peak: largest activation."
    )
    notes = (
        (f"Channels not understood, left out: {', '.join(emg.channels.unknown)}.",)
        if emg.channels.unknown
        else ()
    )
    figure = plot_emg(analysis, emg)
    caption = f"EMG ({emg_label(emg.recording)}) and activation."
    return Section(
        "emg",
        "Against electromyography",
        grids=(Grid(header, rows, note),),
        pictures=(picture(figure, caption),),
        notes=notes,
    )


def _moment_section(analysis: MuscleAnalysis) -> Section:
    rows = tuple(
        (
            row.joint.replace("_", " "),
            format_number(row.peak_moment),
            format_number(row.rms),
            format_number(row.peak),
            f"{100 * row.share:.1f}",
        )
        for row in analysis.reserves
    )
    header = ("joint", "peak moment, N m", "reserve RMS", "reserve peak", "% of peak moment")
    locked = ", ".join(name.replace("_", " ") for name in analysis.config.locked)
    notes = list(analysis.trial.notes)
    # A joint without load needs no reserve worth telling of, however large its share.
    high = [row.joint for row in analysis.reserves if row.share > LIMIT and row.peak > 1.0]
    if high:
        notes.append(
            f"Reserves over {100 * LIMIT:.0f} % of the peak moment (Hicks et al. 2015): "
            f"{', '.join(high)}."
        )
    if analysis.residual_share > LIMIT:
        notes.append(
            f"The residual force is {100 * analysis.residual_share:.1f} % of the peak ground "
            f"reaction, over the {100 * LIMIT:.0f} % that Hicks et al. 2015 recommend."
        )
    return Section(
        "moments",
        "Joint moments and what muscles could not supply",
        text=(f"Not asked of the muscles: {locked}." if locked else "All joints are asked.",),
        grids=(Grid(header, rows),),
        pictures=(picture(plot_moments(analysis.solution), "Net joint moments and reserves."),),
        notes=tuple(notes),
    )


def _contact_section(analysis: MuscleAnalysis) -> Section:
    contact, valid = analysis.solution.contact, analysis.valid
    assert contact is not None
    rows = tuple(
        (name.replace("_", " "), f"{column[valid].max():.2f}", f"{column[valid].mean():.2f}")
        for name, column in zip(contact.names, contact.in_body_weights.T, strict=True)
    )
    note = (
        "Force on the bone beyond the joint: intersegmental force less muscle forces (Steele et "
        "al. 2012); contact and ligaments together. Instrumented implants measure 2.4 to 2.6 body "
        "weights at hip and knee in walking (Bergmann 2001, Kutzner 2010); stiff tendons and a "
        "criterion blind to contact make this an upper estimate."
    )
    return Section(
        "contact",
        "Forces in the joints",
        grids=(Grid(("joint", "peak, body weights", "mean"), rows, note),),
        pictures=(
            picture(
                plot_contact(contact, analysis.solution.time.tolist()),
                "Size of the joint force, with and without muscles.",
            ),
        ),
    )


def _power_section(analysis: MuscleAnalysis) -> Section:
    muscles = analysis.trial.model.muscles
    power = group_power(analysis, muscles)
    rows = [(name, f"{value:.0f}") for name, value in sorted(power.items(), key=lambda x: -x[1])]
    rows.append(("body at rest", f"{analysis.solution.metabolic.basal:.0f}"))
    return Section(
        "metabolic",
        "Metabolic power",
        grids=(Grid(("muscles", "mean, W"), tuple(rows), "After Bhargava et al. 2004."),),
        pictures=(
            picture(plot_power(analysis, muscles), "Metabolic power of the muscles, by group."),
        ),
    )


def _write_tables(folder: Path, analysis: MuscleAnalysis) -> None:
    solution, names = analysis.solution, analysis.solution.muscle_names
    time = {"time_s": solution.time, "valid": analysis.valid.astype(float)}
    for file, values in (
        ("activations", solution.activation),
        ("muscle_forces_N", -solution.force),
        ("metabolic_power_W", solution.metabolic.per_muscle),
    ):
        columns = dict(zip(names, values.T, strict=True))
        write_columns(folder / f"{file}.csv", time | columns)
    joints = solution.joint_names
    moments = {f"{n}_moment_Nm": c for n, c in zip(joints, solution.joint_moment.T, strict=True)}
    reserves = {f"{n}_reserve_Nm": c for n, c in zip(joints, solution.reserve.T, strict=True)}
    write_columns(folder / "moments.csv", time | moments | reserves)
    if solution.contact is not None:
        forces = {
            f"{name}_{axis}_N": solution.contact.force[:, joint, index]
            for joint, name in enumerate(solution.contact.names)
            for index, axis in enumerate("xyz")
        }
        write_columns(folder / "contact.csv", time | forces)
    if analysis.emg is not None:
        fields = ("label", "site", "side", "r", "best_r", "lag_s", "rmse", "overlap", "seconds")
        write_csv(
            folder / "emg.csv",
            fields,
            ([getattr(row, field) for field in fields] for row in analysis.emg.rows),
        )
