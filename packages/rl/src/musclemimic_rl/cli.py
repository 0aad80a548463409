"""The commands `musclemimic train`, `resume` and `policy`."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from musclemimic_sim import jsonable

from musclemimic_rl.config import TrainConfig
from musclemimic_rl.policy import PolicyBundle, load_policy
from musclemimic_rl.session import TrainResult
from musclemimic_rl.trainer import resume, train

_INTERRUPTED = 130


@dataclass(frozen=True)
class ResumeArgs:
    """Continue a training run from its last checkpoint.

    Attributes:
        run: folder of the run.
        total_steps: new limit on environment steps over the whole run.
        minutes: new limit on wall-clock time over the whole run.
    """

    run: Annotated[Path, tyro.conf.Positional]
    total_steps: int | None = None
    minutes: float | None = None


@dataclass(frozen=True)
class PolicyArgs:
    """Tell what a policy file is.

    Attributes:
        file: the policy.
        json: print one JSON document.
    """

    file: Annotated[Path, tyro.conf.Positional]
    json: bool = False


def train_main(argv: Sequence[str]) -> int:
    """`musclemimic train CLIPS… --minutes M --out DIR`."""
    config = tyro.cli(
        TrainConfig,
        args=list(argv),
        prog="musclemimic train",
        config=(tyro.conf.AvoidSubcommands,),
    )
    return _finish(train(config))


def resume_main(argv: Sequence[str]) -> int:
    """`musclemimic resume RUN`."""
    args = tyro.cli(ResumeArgs, args=list(argv), prog="musclemimic resume")
    return _finish(resume(args.run, total_steps=args.total_steps, minutes=args.minutes))


def policy_main(argv: Sequence[str]) -> int:
    """`musclemimic policy FILE`."""
    args = tyro.cli(PolicyArgs, args=list(argv), prog="musclemimic policy")
    facts = describe(load_policy(args.file))
    if args.json:
        sys.stdout.write(json.dumps(facts) + "\n")
    else:
        sys.stdout.write("".join(f"{name:<18}{_text(value)}\n" for name, value in facts.items()))
    return 0


def describe(policy: PolicyBundle) -> dict[str, object]:
    """What a policy is, as plain JSON values."""
    spec = policy.spec
    return {
        "model": spec.model_name,
        "model_sha256": spec.model_sha256,
        "observation_size": spec.obs_size,
        "observation": {field.name: field.dim for field in spec.obs_fields},
        "action_size": spec.action_size,
        "action_map": spec.action_map,
        "control_dt_s": spec.control_dt,
        "hidden": list(policy.network.hidden),
        "parameters": policy.parameter_count,
        "training": jsonable(policy.provenance),
    }


def _text(value: object) -> str:
    """One line for people; nested settings stay in --json."""
    if not isinstance(value, Mapping):
        return str(value)
    items: list[tuple[object, object]] = list(value.items())  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    return ", ".join(f"{name} {item}" for name, item in items if not isinstance(item, Mapping))


def _finish(result: TrainResult) -> int:
    counters = result.counters
    sys.stdout.write(
        f"{'interrupted' if result.interrupted else 'done'} after {counters.env_steps:,} steps "
        f"in {counters.elapsed_s / 60.0:.1f} minutes; policy: {result.policy_file}\n"
    )
    return _INTERRUPTED if result.interrupted else 0
