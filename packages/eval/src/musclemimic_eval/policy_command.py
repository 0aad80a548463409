"""`musclemimic eval CHECKPOINT`: a policy and clips in, a validation table and a report out."""

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from musclemimic_models import InputError, MotionClip, MusculoModel
from musclemimic_models.files import jsonable, write_json, write_text
from musclemimic_models.help_text import help_text
from musclemimic_sim import keep_compilations, load_clips
from rich.console import Console

from musclemimic_eval.clip_sets import choose_splits, find_clips
from musclemimic_eval.comparison import NUMBERS, Evaluated, compare_evaluations, read_evaluation
from musclemimic_eval.csv_files import write_validation
from musclemimic_eval.gait_page.rollouts import rollout_gait_report
from musclemimic_eval.inverse.rollouts import rollout_sections
from musclemimic_eval.page import Section
from musclemimic_eval.policy_rollout import Evaluation, evaluate, load_gains, load_policy
from musclemimic_eval.progress import counting, waiting
from musclemimic_eval.recording import Policy
from musclemimic_eval.reference.choice import ReferenceChoice
from musclemimic_eval.reference.curves import PACKAGED, ReferenceTable
from musclemimic_eval.report import ReportInputs, write_report
from musclemimic_eval.rollout import Rollout

COMPARISON = "comparison.json"
# Of the gains that a recipe found; policies are .npz.
GAINS_SUFFIX = ".json"


@dataclass(frozen=True)
class EvalConfig:
    """Evaluate a policy on motion clips, or compare two evaluations.

    Runs episodes and writes the validation table and a report. --compare sets two evaluations side
    by side with the published figures; they are report folders, or checkpoints to be evaluated on
    --clips.

    Examples:
        musclemimic eval runs/latest --clips clips/ --out report
        musclemimic eval runs/latest --clips amass/ --splits kinesis-test --actions both
        musclemimic eval --compare report-a report-b

    Further commands, for measured motion (--help tells more):
        musclemimic eval motion walk.c3d --out gait       gait, joint moments and powers
        musclemimic eval muscles walk.c3d --mass 72       activations, joint forces, energy

    Attributes:
        checkpoint: a policy file, the folder of a training run or of a recipe, or a recipe's
            gains.json: the coordination by itself, with action 0.
        clips: clip files, or folders of them, that the policy shall imitate.
        splits: lists of motions, each a column of its own: a published one (kinesis-train,
            kinesis-test, bimanual-train, bimanual-test) or a text file. Only their clips run.
        compare: two evaluations (report folders or checkpoints).
        model: name of the body; by default the one the first clip was made for.
        fingers: of the named model.
        episodes: per clip, started at frames spread over it.
        actions: act with the policy's mean, with samples as in training, or run both.
        horizon: longest episode in control steps; by default the clip's end.
        num_envs: episodes simulated together.
        seed: of sampling and of the bootstrap.
        keep: rollouts of each clip to save and to draw (the table counts all episodes).
        reference: people that a full body's gait is compared with: a packaged table
            (schwartz2008_children, falisse2019_adult), a CSV file of your own, or none.
        group: of the reference; by default the one whose speed is nearest.
        split_phases: normalise stance and swing separately, stance to the reference's share.
        out: folder for index.html, report.json, validation.csv, episodes.csv, film.png, the
            rollouts, and gait_*.csv of an episode that walks.
        json: print the numbers as one JSON document.
    """

    checkpoint: Annotated[Path | None, tyro.conf.Positional] = None
    clips: tuple[Path, ...] = ()
    splits: tuple[str, ...] = ()
    compare: tuple[Path, Path] | None = None
    model: str | None = None
    fingers: bool = False
    episodes: int = 32
    actions: Literal["mean", "sampled", "both"] = "mean"
    horizon: int | None = None
    num_envs: int = 128
    seed: int = 0
    keep: int = 4
    reference: str = PACKAGED[0]
    group: str | None = None
    split_phases: bool = False
    out: Path | None = None
    json: bool = False


@dataclass(frozen=True)
class ClipSet:
    """The body, the clips by name and the splits they belong to."""

    model: MusculoModel
    clips: dict[str, MotionClip]
    splits: dict[str, tuple[str, ...]]


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code.

    Raises:
        InputError: a file or option that cannot be used.
    """
    config = tyro.cli(
        EvalConfig, args=list(argv), prog="musclemimic eval", description=help_text(EvalConfig)
    )
    keep_compilations()
    if config.compare is not None:
        if config.checkpoint is not None:
            raise InputError(
                "evaluate", "--compare", found="a checkpoint besides", expected="only A and B"
            )
        return _compare(config, config.compare)
    if config.checkpoint is None:
        raise InputError(
            "evaluate", "checkpoint", found="none", expected="a policy, or --compare A B"
        )
    file = policy_file(config.checkpoint)
    choice = ReferenceChoice(config.reference, config.group, config.split_phases)
    table = choice.load()
    policy = None if file.suffix == GAINS_SUFFIX else load_policy(file)
    clips = gather_clips(config)
    policy = policy or _gains(file, clips)
    evaluation, sampled = run_policy(policy, clips, config)
    page = None
    if config.out is not None:
        findings = analyses(evaluation.rollouts, clips, choice, table)
        inputs = ReportInputs(
            model=clips.model,
            clips=clips.clips,
            rollouts=evaluation.rollouts,
            table=evaluation.table,
            sampled=None if sampled is None else sampled.table,
            splits=clips.splits,
            command=f"musclemimic eval {shlex.join(argv)}",
            training=policy.provenance,
            title="Evaluation of a policy",
            sections=findings.sections,
            numbers=findings.numbers,
        )
        page = _write(config.out, inputs, findings.tables)
    if config.json:
        document = {
            "validation": evaluation.table.to_dict(),
            "validation_sampled": None if sampled is None else sampled.table.to_dict(),
            "report": page,
        }
        sys.stdout.write(json.dumps(jsonable(document)) + "\n")
        return 0
    console = Console()
    titles = {"mean": "Validation", "sampled": "Validation (sampled actions)"}
    console.print(evaluation.table.to_rich(titles.get(config.actions, "Validation (mean actions)")))
    if sampled is not None:
        console.print(sampled.table.to_rich(titles["sampled"]))
    if page is not None:
        console.print(f"report: {page}", highlight=False)
    return 0


@dataclass(frozen=True)
class Findings:
    """Biomechanics of an episode: sections of the page, numbers for JSON, CSV by file name."""

    sections: tuple[Section, ...]
    numbers: Mapping[str, object]
    tables: Mapping[str, str]


def analyses(
    rollouts: Sequence[Rollout],
    clips: ClipSet,
    choice: ReferenceChoice,
    table: ReferenceTable | None,
) -> Findings:
    """Biomechanics of the longest episode: the place where further analyses join the report."""
    longest = max(rollouts, key=len)
    with waiting("gait of the longest episode"):
        clip = clips.clips[longest.reference_clip]
        gait = rollout_gait_report(longest, clip, clips.model, choice, table)
    with waiting("muscles of the longest episode"):
        muscles = rollout_sections(longest, clips.model)
    return Findings((*gait.sections, *muscles), {"gait": gait.numbers}, gait.tables or {})


def gather_clips(config: EvalConfig) -> ClipSet:
    """Find, choose and load the clips.

    Raises:
        InputError: clips that cannot be found, read or belong to different bodies.
    """
    found = find_clips(config.clips)
    splits = choose_splits(found, config.splits)
    if splits:
        wanted = dict.fromkeys(name for members in splits.values() for name in members)
        found = {name: found[name] for name in wanted}
    model, loaded = load_clips(tuple(found.values()), config.model, fingers=config.fingers)
    return ClipSet(model, dict(zip(found, loaded, strict=True)), splits)


def run_policy(
    policy: Policy, clips: ClipSet, config: EvalConfig
) -> tuple[Evaluation, Evaluation | None]:
    """The evaluation asked for; with both kinds of action, that of the mean first."""

    def run(title: str, *, deterministic: bool) -> Evaluation:
        with counting(title) as show:
            return evaluate(
                policy,
                clips.clips,
                model=clips.model,
                splits=clips.splits,
                episodes=config.episodes,
                seed=config.seed,
                deterministic=deterministic,
                horizon=config.horizon,
                num_envs=config.num_envs,
                keep=config.keep,
                on_progress=show,
            )

    if config.actions == "both":
        mean = run("episodes, mean actions", deterministic=True)
        return mean, run("episodes, sampled actions", deterministic=False)
    return run("episodes", deterministic=config.actions == "mean"), None


def _write(out: Path, inputs: ReportInputs, tables: Mapping[str, str]) -> Path:
    """Report, tables and rollouts; returns the page."""
    page = write_report(out, inputs)
    for name, text in tables.items():
        write_text(out / name, text)
    write_validation(out, inputs.table)
    for number, rollout in enumerate(inputs.rollouts):
        rollout.save(out / "rollouts" / f"{number:03d}.npz")
    return page


def _compare(config: EvalConfig, pair: tuple[Path, Path]) -> int:
    first, second = (_evaluated(path, config) for path in pair)
    comparison = compare_evaluations(first, second, seed=config.seed)
    if config.out is not None:
        write_json(config.out / COMPARISON, comparison.to_dict())
    if config.json:
        sys.stdout.write(json.dumps(jsonable(comparison.to_dict())) + "\n")
        return 0
    Console().print(comparison.to_rich())
    return 0


def _evaluated(path: Path, config: EvalConfig) -> Evaluated:
    """A report's numbers, or a checkpoint's after running it on the clips."""
    if path.suffix == ".json" or (path.is_dir() and (path / NUMBERS).exists()):
        return read_evaluation(path)
    file, clips = policy_file(path), gather_clips(config)
    policy = _gains(file, clips) if file.suffix == GAINS_SUFFIX else load_policy(file)
    if config.actions == "both":
        raise InputError("evaluate", "--actions", found="both", expected="mean or sampled here")
    evaluation, _ = run_policy(policy, clips, config)
    return Evaluated(path.name, clips.model.label, evaluation.table)


def _gains(file: Path, clips: ClipSet) -> Policy:
    return load_gains(file, clips.model, next(iter(clips.clips.values())))


def policy_file(checkpoint: Path) -> Path:
    """The policy file of a run folder, or the file itself.

    The folder of a recipe has its policy in `policy/`, or, before there is one, only gains.

    Raises:
        InputError: a folder without a policy.
    """
    if not checkpoint.is_dir():
        return checkpoint
    for name in ("policy.npz", "policy/policy.npz", "gains.json"):
        if (checkpoint / name).exists():
            return checkpoint / name
    expected = "a training run, or the folder of a recipe"
    raise InputError(checkpoint, "policy.npz", found="nothing", expected=expected)
