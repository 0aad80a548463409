"""The report: one HTML page that works offline, and the same numbers as JSON."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from musclemimic_models import MotionClip, MusculoModel
from musclemimic_models.files import atomic_write, write_json, write_text

from musclemimic_eval import published
from musclemimic_eval.grids import (
    Grid,
    RetargetingNumbers,
    facts_grid,
    retargeting_grid,
    validation_grid,
)
from musclemimic_eval.metrics import METRICS
from musclemimic_eval.page import Picture, Section, picture, templates
from musclemimic_eval.plots import (
    plot_activations,
    plot_joint_angles,
    plot_learning,
    plot_tracking_error,
)
from musclemimic_eval.render import film_strip
from musclemimic_eval.rollout import Rollout
from musclemimic_eval.summary import summary_text, tiles
from musclemimic_eval.validation import ValidationTable

PAGE, NUMBERS, FILM = "index.html", "report.json", "film.png"
_PACKAGES = ("models", "retarget", "sim", "rl", "eval")


@dataclass(frozen=True)
class ReportInputs:
    """What a report tells.

    Attributes:
        model: the body.
        clips: the references by name.
        rollouts: episodes to draw; pictures show the longest.
        table: their validation table.
        baseline: the table of the untrained baseline (action 0), to stand beside it.
        command: the command line that led here.
        retargeting: clip name to its retargeting metrics by name (with unit).
        training: the configuration of the training run, plain nested values.
        learning: the trainer's metrics, one record an update.
        title: of the page.
        sampled: the table with sampled instead of mean actions, to stand beside it.
        splits: split name to clip names.
        sections: further analyses (muscles, gait), shown after the activations.
        numbers: what those found, plain values by name, for report.json.
    """

    model: MusculoModel
    clips: Mapping[str, MotionClip]
    rollouts: Sequence[Rollout]
    table: ValidationTable
    command: str
    retargeting: Mapping[str, RetargetingNumbers] = field(
        default_factory=dict[str, RetargetingNumbers]
    )
    training: Mapping[str, object] = field(default_factory=dict[str, object])
    learning: Sequence[Mapping[str, float | None]] = ()
    title: str = "Motion imitation with muscles"
    baseline: ValidationTable | None = None
    sampled: ValidationTable | None = None
    splits: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    sections: Sequence[Section] = ()
    numbers: Mapping[str, object] = field(default_factory=dict[str, object])


def write_report(out_dir: Path | str, inputs: ReportInputs) -> Path:
    """Write index.html, report.json and film.png, each whole or not at all.

    Returns:
        The path of the page.

    Raises:
        InputError: a rollout that does not fit its clip or the model.
    """
    folder = Path(out_dir)
    best = max(inputs.rollouts, key=len)
    film = _film(best, inputs) if len(best) else None
    page = render_page(inputs, film)
    if film is not None:
        atomic_write(folder / FILM, lambda file: file.write(film.png))
    write_json(folder / NUMBERS, report_numbers(inputs))
    write_text(folder / PAGE, page)
    return folder / PAGE


def render_page(inputs: ReportInputs, film: Picture | None) -> str:
    """The HTML page."""
    best = max(inputs.rollouts, key=len)
    clip = inputs.clips[best.reference_clip]
    learning = (
        picture(plot_learning(inputs.learning), "Progress of training.")
        if (inputs.learning)
        else None
    )
    return (
        templates()
        .get_template("report.html.j2")
        .render(
            title=inputs.title,
            byline=f"{inputs.model.label} · {_listed(tuple(inputs.clips))} · "
            f"{len(inputs.table.episodes)} episodes",
            summary=summary_text(
                inputs.table, inputs.clips, inputs.model, inputs.learning, inputs.baseline
            ),
            tiles=tiles(inputs.table),
            film=film,
            validation=validation_grid(
                inputs.table,
                full_body=inputs.model.has_free_root,
                baseline=inputs.baseline,
                sampled=inputs.sampled,
            ),
            definitions=[
                {"label": metric.label, "unit": metric.unit, "text": metric.definition}
                for metric in METRICS.values()
            ],
            tracking=_tracking(best, clip, inputs.model) if len(best) else [],
            muscles=_muscles(best, inputs.model) if len(best) else [],
            sections=inputs.sections,
            retargeting=retargeting_grid(inputs.retargeting, full_body=inputs.model.has_free_root),
            learning=learning,
            training=facts_grid(inputs.training) if inputs.training else None,
            provenance=Grid((), tuple(_provenance(inputs).items())),
        )
    )


def report_numbers(inputs: ReportInputs) -> dict[str, object]:
    """Everything the page says, as plain values."""
    return {
        "title": inputs.title,
        "model": {"name": inputs.model.label, "sha256": inputs.model.content_sha256},
        "validation": inputs.table.to_dict(),
        "validation_sampled": None if inputs.sampled is None else inputs.sampled.to_dict(),
        "splits": inputs.splits,
        "baseline_action_0": None if inputs.baseline is None else inputs.baseline.to_dict(),
        "published_full_body": {
            "source": published.SOURCE,
            "train_test": dict(published.FULL_BODY_VALIDATION),
        },
        "episodes": [
            {
                "clip": rollout.reference_clip,
                "start_frame": rollout.start_frame,
                "steps": len(rollout),
                "terminated": rollout.terminated,
                "return": float(rollout.reward.sum()),
            }
            for rollout in inputs.rollouts
        ],
        "retargeting": inputs.retargeting,
        "training": inputs.training,
        "learning": list(inputs.learning),
        "provenance": _provenance(inputs),
        **inputs.numbers,
    }


def _listed(names: Sequence[str], most: int = 6) -> str:
    """A list that stays on one line."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _film(rollout: Rollout, inputs: ReportInputs) -> Picture:
    clip = inputs.clips[rollout.reference_clip]
    figure = film_strip(rollout, clip, n=min(6, len(rollout)))
    caption = (
        f"{rollout.reference_clip}: the simulated body. Colour is muscle activation; the dashed "
        "figure is the reference motion."
    )
    return picture(figure, caption)


def _tracking(rollout: Rollout, clip: MotionClip, model: MusculoModel) -> list[Picture]:
    return [
        picture(
            plot_tracking_error(rollout, clip),
            f"Distance of the tracked sites from the reference, seen from the "
            f"{rollout.site_names[0].replace('_', ' ')}; the longest episode.",
        ),
        picture(
            plot_joint_angles(rollout, clip, among=model.couplings.scalar_qpos),
            "The joints that move most, policy and reference.",
        ),
    ]


def _muscles(rollout: Rollout, model: MusculoModel) -> list[Picture]:
    return [
        picture(
            plot_activations(rollout, model.muscles),
            f"Activation of the {len(model.muscle_names)} muscles, by group; the longest episode.",
        )
    ]


def _provenance(inputs: ReportInputs) -> dict[str, str]:
    clips = {
        f"clip {name}": f"{clip.provenance.source}; data set {clip.provenance.dataset}; licence "
        f"{clip.provenance.licence}; {clip.provenance.method} {clip.provenance.version}; "
        f"{len(clip)} frames of {clip.dt:g} s"
        for name, clip in inputs.clips.items()
    }
    versions = [f"musclemimic-{name} {found}" for name in _PACKAGES if (found := _version(name))]
    return {
        "command": inputs.command,
        "model": inputs.model.label,
        "model sha256": inputs.model.content_sha256,
        **clips,
        "packages": ", ".join(versions),
        "python": f"{platform.python_version()} on {platform.system()}",
        "anatomy": "; ".join(inputs.model.provenance),
    }


def _version(package: str) -> str | None:
    try:
        return version(f"musclemimic-{package}")
    except PackageNotFoundError:
        return None
