"""The demo: from a human motion to a policy that drives muscles, and a report on it."""

import dataclasses
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from musclemimic_models import InputError, MotionClip, MusculoModel, get_musculo_model
from musclemimic_models.files import require_file, write_json
from musclemimic_models.registry import find_embodiment
from musclemimic_retarget import GMRFit, HumanMotion, read_motion, write_synthetic_smpl
from musclemimic_rl import NetworkConfig, OptimConfig, PPOConfig, TrainConfig, TrainResult, train
from musclemimic_sim import CoordinationConfig, EnvConfig, RewardConfig, make_env

from musclemimic_eval.baseline import ZeroPolicy
from musclemimic_eval.grids import RetargetingNumbers
from musclemimic_eval.policy_rollout import Evaluation, evaluate
from musclemimic_eval.progress import counting, waiting
from musclemimic_eval.recording import Policy
from musclemimic_eval.report import ReportInputs, write_report
from musclemimic_eval.validation import ValidationTable

KIND = "musclemimic demo"
EPISODES, EPISODES_WHEN_INTERRUPTED = 32, 8
# Seconds that evaluation and report took on two cores, rounded up: arms, full body.
_RESERVE_S = {False: 60.0, True: 150.0}
# Even a short demo gives this share of what is left to training.
_LEAST_TRAINING_SHARE = 0.3
_RUN = "training"
_ACTION_MAPS = {"joints": "coordinated", "muscles": "clip"}
# First exploration, in units of the action (0.3 rad of joint target; full excitation).
_STD = {"joints": 0.1, "muscles": 0.15}
_RATE = {"joints": 1e-4, "muscles": 3e-4}
# On two arms action 0 is within a centimetre, where the published reward tells nothing any more
# (docs of `RewardConfig.for_close_tracking`); these settings are those of benchmarks/learn.py.
_CLOSE_SCALE_RAD, _CLOSE_STD, _CLOSE_RATE = 0.1, 0.3, 3e-4
PRODUCTS = ("index.html", "report.json", "film.png", "clip.npz", "policy.npz", "motion.smpl.npz")


@dataclass(frozen=True)
class DemoConfig:
    """Retarget a motion, train a policy on it for some minutes, report on it.

    Examples:
        musclemimic demo
        musclemimic demo --motion walk.npz --model MyoFullBody --minutes 30 --out walk-out

    Attributes:
        minutes: wall-clock time of the whole demo.
        motion: a human motion file (SMPL .npz, OpenSim .mot or .sto); by default a synthetic one.
        model: name of the body.
        out: folder for the results.
        seed: of training and evaluation.
        fingers: keep finger joints and muscles.
        action: what the policy says. "joints": target angles around the reference, which the
            coordination layer turns into muscle excitations. "muscles": the excitations
            themselves; needs several times the training.
    """

    minutes: float = 10.0
    motion: Path | None = None
    model: str = "BimanualMuscle"
    out: Path = Path("demo-out")
    seed: int = 0
    fingers: bool = False
    action: Literal["joints", "muscles"] = "joints"

    def check(self) -> None:
        """Refuse what cannot run, before any work.

        (Not in the constructor: tyro would wrap the message in a box.)

        Raises:
            InputError: naming the option.
        """
        if not 0 < self.minutes < float("inf"):
            raise InputError("demo", "--minutes", found=self.minutes, expected="a number above 0")
        if self.motion is not None:
            require_file(self.motion)
        find_embodiment(self.model)
        require_demo_folder(self.out)


@dataclass(frozen=True)
class DemoResult:
    """What the demo made.

    Attributes:
        page: the report.
        evaluation: episodes and table.
        baseline: the table of action 0 instead of the policy.
        training: outcome of the training run.
        seconds: wall-clock time of the whole demo.
    """

    page: Path
    evaluation: Evaluation
    baseline: ValidationTable
    training: TrainResult
    seconds: float


def run_demo(config: DemoConfig, *, command: str, show_progress: bool = True) -> DemoResult:
    """Run all stages into `config.out`.

    Ctrl-C during training ends it early; the policy so far is evaluated shortly and reported.

    Args:
        config: what to do.
        command: the command line, for the report.
        show_progress: bars on standard error.

    Raises:
        InputError: an unknown model, an unreadable motion, or a folder that is not the demo's.
    """
    begin = time.monotonic()
    config.check()
    given = None if config.motion is None else read_motion(config.motion)
    with waiting("loading the model", visible=show_progress):
        model = get_musculo_model(config.model, fingers=config.fingers)
    clip, metrics = _retarget(config, model, given, visible=show_progress)
    name = clip.provenance.source
    training = _train(
        config, model, clip, deadline=begin + 60 * config.minutes, visible=show_progress
    )
    training.policy.save(config.out / "policy.npz")
    episodes = EPISODES_WHEN_INTERRUPTED if training.interrupted else EPISODES
    untrained = ZeroPolicy(training.policy.spec, training.policy.provenance)

    def measure(title: str, policy: Policy) -> Evaluation:
        with counting(title, visible=show_progress) as show:
            return evaluate(
                policy,
                {name: clip},
                model=model,
                episodes=episodes,
                seed=config.seed,
                on_progress=show,
            )

    evaluation = measure("evaluating the policy", training.policy)
    baseline = measure("evaluating action 0", untrained).table
    inputs = ReportInputs(
        model=model,
        clips={name: clip},
        rollouts=evaluation.rollouts,
        table=evaluation.table,
        command=command,
        retargeting={name: metrics},
        training=training.policy.provenance,
        learning=read_metrics(training.run_dir / "metrics.jsonl"),
        title="A motion, imitated by muscles",
        baseline=baseline,
    )
    with waiting("drawing the report", visible=show_progress):
        page = write_report(config.out, inputs)
    return DemoResult(page, evaluation, baseline, training, time.monotonic() - begin)


def require_demo_folder(folder: Path) -> None:
    """Raise InputError unless the folder is new, empty or an earlier demo's."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError("demo", "--out", found=f"a file ({folder})", expected="a folder")
    if not any(folder.iterdir()):
        return
    try:
        kind = json.loads((folder / "config.json").read_text())["kind"]
    except (OSError, ValueError, KeyError, TypeError):
        kind = None
    if kind != KIND:
        raise InputError(
            "demo", "--out", found=f"other files in {folder}", expected="a new or empty folder"
        )


def read_metrics(path: Path) -> list[dict[str, float | None]]:
    """The trainer's metrics, one record an update; none if there is no file."""
    if not path.exists():
        return []
    lines = [line for line in path.read_text().splitlines() if line.endswith("}")]
    return [
        {name: None if value is None else float(value) for name, value in json.loads(line).items()}
        for line in lines
    ]


def _retarget(
    config: DemoConfig, model: MusculoModel, given: HumanMotion | None, *, visible: bool
) -> tuple[MotionClip, RetargetingNumbers]:
    """Retarget the given or the built-in motion, in place of an earlier demo."""
    if given is not None:
        GMRFit(model).check(given)
    # The input is good: only now touch the folder.
    clear(config.out)
    write_json(config.out / "config.json", {"kind": KIND, **dataclasses.asdict(config)})
    motion = given or read_motion(write_synthetic_smpl(config.out / "motion.smpl.npz"))
    with waiting("retargeting the motion", visible=visible):
        result = GMRFit(model).solve(motion)
    result.clip.save(config.out / "clip.npz")
    return result.clip, result.metrics.to_dict()


def clear(folder: Path) -> None:
    """Remove an earlier demo's products (and nothing else)."""
    for name in PRODUCTS:
        (folder / name).unlink(missing_ok=True)
    if (folder / _RUN).is_dir():
        shutil.rmtree(folder / _RUN)


def _task(config: DemoConfig, model: MusculoModel) -> tuple[EnvConfig, float, float]:
    """The environment, the first exploration and the learning rate."""
    task = EnvConfig(action_map=_ACTION_MAPS[config.action])
    if config.action == "muscles" or model.has_free_root:
        return task, _STD[config.action], _RATE[config.action]
    task = dataclasses.replace(
        task,
        reward=RewardConfig.for_close_tracking(),
        coordination=CoordinationConfig(scale_rad=_CLOSE_SCALE_RAD),
    )
    return task, _CLOSE_STD, _CLOSE_RATE


def _train(
    config: DemoConfig, model: MusculoModel, clip: MotionClip, *, deadline: float, visible: bool
) -> TrainResult:
    task, std, rate = _task(config, model)
    run = TrainConfig(
        clips=(config.out / "clip.npz",),
        out=config.out / _RUN,
        model=model.name,
        fingers=config.fingers,
        seed=config.seed,
        minutes=config.minutes,
        checkpoint_minutes=1.0,
        env=task,
        network=NetworkConfig(hidden=(256, 256, 256), initial_std=std),
        # Tracking is judged within tenths of a second: a short horizon learns faster.
        ppo=PPOConfig(
            gamma=0.95,
            lam=0.9,
            warmup_updates=8,
            optim=OptimConfig(schedule="linear", learning_rate=rate),
        ),
    )
    with waiting("preparing the simulation", visible=visible):
        env = make_env(model, [clip], num_envs=run.num_envs, seed=config.seed, config=run.env)
    try:
        left = deadline - time.monotonic()
        seconds = max(left - _RESERVE_S[model.has_free_root], _LEAST_TRAINING_SHARE * left, 1.0)
        run = dataclasses.replace(run, minutes=seconds / 60)
        return train(run, env=env, show_progress=visible)
    finally:
        env.close()
