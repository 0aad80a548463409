"""The commands `musclemimic train`, `resume`, `finetune` and `policy`."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from musclemimic_sim import InputError, jsonable

from musclemimic_rl.config import TrainConfig
from musclemimic_rl.network_config import NETWORKS
from musclemimic_rl.onnx_export import export_onnx
from musclemimic_rl.options import nearest, parse
from musclemimic_rl.policy import PolicyBundle, load_policy
from musclemimic_rl.portable import load_numpy_policy
from musclemimic_rl.recipe.command import RECIPES, recipe_main
from musclemimic_rl.session import TrainResult
from musclemimic_rl.source import source_config
from musclemimic_rl.trainer import resume, train

_INTERRUPTED = 130

_TRAIN_HELP = """Train a policy to follow motion clips with muscles.

    musclemimic train wave.npz --minutes 10 --out runs/wave
    musclemimic train clips/*.npz --minutes 60 --validation.clips held_out/*.npz
    musclemimic train new.npz --from runs/wave --minutes 5 --reset.schedule --out runs/new
    musclemimic train --recipe walk walk_cycle.npz --out runs/walk    # --help tells more

A limit is needed: --minutes, --cpu-minutes, --total-steps, or several. Ctrl-C saves and stops;
`musclemimic resume` goes on. With --from, settings are those of the source where the command line
gives no others, and everything it learned is taken over but for what --reset.* names."""

_FINETUNE_HELP = """Go on training from another run's policy, on other clips or with other settings.

    musclemimic finetune runs/wave new.npz --minutes 5 --out runs/new

The same as `musclemimic train new.npz --from runs/wave ...`."""

_POLICY_COMMANDS = {
    "info": "what a policy file is: body, observation, action, network, training",
    "export": "a policy as an ONNX graph, for runtimes outside Python",
}


@dataclass(frozen=True)
class TrainArgs:
    """The command line of `train` and `finetune`.

    Attributes:
        preset: shape of the networks: cpu 3 × 512; base 4 × 1024; resnet nine gated residual blocks
            of up to 2688; moe 3 × 512 with 8 experts. `--network.*` changes it further.
        run: everything else.
    """

    preset: Literal["cpu", "base", "resnet", "moe"] | None = None
    run: Annotated[TrainConfig, tyro.conf.arg(name="")] = dataclasses.field(
        default_factory=TrainConfig
    )


@dataclass(frozen=True)
class ResumeArgs:
    """Continue a training run from its last checkpoint, exactly as if it had never stopped.

    Attributes:
        run: folder of the run.
        total_steps: new limit on environment steps over the whole run.
        minutes: new limit on wall-clock time over the whole run.
        cpu_minutes: new limit on processor time over the whole run.
    """

    run: Annotated[Path, tyro.conf.Positional]
    total_steps: int | None = None
    minutes: float | None = None
    cpu_minutes: float | None = None


@dataclass(frozen=True)
class InfoArgs:
    """Tell what a policy file is.

    Attributes:
        file: the policy.
        json: print one JSON document.
    """

    file: Annotated[Path, tyro.conf.Positional]
    json: bool = False


@dataclass(frozen=True)
class ExportArgs:
    """Write a policy as an ONNX graph: raw observations in, mean actions out, float32.

    Attributes:
        file: the policy.
        out: where to write it; by default beside the policy, with the suffix .onnx.
    """

    file: Annotated[Path, tyro.conf.Positional]
    out: Path | None = None


def train_main(argv: Sequence[str]) -> int:
    """`musclemimic train CLIPS… --minutes M --out DIR`, or `--recipe NAME …`.

    Raises:
        InputError: as for `train`, or `--recipe` without a name.
    """
    if "--recipe" in argv:
        place = argv.index("--recipe")
        if place + 1 == len(argv):
            raise InputError("train", "--recipe", found="no name", expected=" or ".join(RECIPES))
        return recipe_main(argv[place + 1], [*argv[:place], *argv[place + 2 :]])
    return finish(train(_parse(argv, prog="musclemimic train", description=_TRAIN_HELP)))


def finetune_main(argv: Sequence[str]) -> int:
    """`musclemimic finetune SOURCE CLIPS… --minutes M --out DIR`.

    Raises:
        InputError: no source, or as for `train`.
    """
    prog = "musclemimic finetune SOURCE"
    if argv and not argv[0].startswith("-"):
        argv = [*argv[1:], "--from", argv[0]]
    elif not {"-h", "--help"} & set(argv):
        raise InputError(
            "finetune", "SOURCE", found="nothing", expected="a run's folder or a policy file first"
        )
    return finish(train(_parse(argv, prog=prog, description=_FINETUNE_HELP)))


def resume_main(argv: Sequence[str]) -> int:
    """`musclemimic resume RUN`."""
    args = parse(ResumeArgs, argv, prog="musclemimic resume")
    result = resume(
        args.run,
        total_steps=args.total_steps,
        minutes=args.minutes,
        cpu_minutes=args.cpu_minutes,
    )
    return finish(result)


def policy_main(argv: Sequence[str]) -> int:
    """`musclemimic policy info|export FILE`; a file alone means info.

    Raises:
        InputError: no such command, or not a policy file.
    """
    if not argv or argv[0] in ("-h", "--help"):
        lines = ["usage: musclemimic policy COMMAND FILE [options]", "", "commands:"]
        lines += [f"  {name:<8}{text}" for name, text in _POLICY_COMMANDS.items()]
        sys.stdout.write("\n".join(lines) + "\n")
        return 0
    name, rest = argv[0], argv[1:]
    if name == "export":
        return _export(parse(ExportArgs, rest, prog="musclemimic policy export"))
    if name not in _POLICY_COMMANDS and not Path(name).suffix and not Path(name).exists():
        expected = nearest(name, [*_POLICY_COMMANDS])
        raise InputError("policy", "command", found=repr(name), expected=expected)
    if name != "info":
        rest = argv
    return _info(parse(InfoArgs, rest, prog="musclemimic policy info"))


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
        "network": policy.network.kind,
        "hidden": list(policy.network.hidden),
        "experts": policy.network.experts,
        "parameters": policy.parameter_count,
        "training": jsonable(policy.provenance),
    }


def _parse(argv: Sequence[str], *, prog: str, description: str) -> TrainConfig:
    """The run that a command line asks for.

    What stands behind --from and --preset sets the defaults of all other options, so these two are
    looked up first.
    """
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first.add_argument("--from", dest="source", type=Path)
    first.add_argument("--preset")
    try:
        chosen, _ = first.parse_known_args(list(argv))
    except argparse.ArgumentError:
        chosen = argparse.Namespace(source=None, preset=None)  # the whole parser will tell
    source: Path | None = chosen.source
    default = TrainConfig() if source is None else source_config(source)
    if chosen.preset in NETWORKS:
        default = dataclasses.replace(default, network=NETWORKS[chosen.preset])
    begin = TrainArgs(run=default)
    return parse(TrainArgs, argv, prog=prog, description=description, default=begin).run


def _info(args: InfoArgs) -> int:
    facts = describe(load_policy(args.file))
    if args.json:
        sys.stdout.write(json.dumps(facts) + "\n")
    else:
        sys.stdout.write("".join(f"{name:<18}{_text(value)}\n" for name, value in facts.items()))
    return 0


def _export(args: ExportArgs) -> int:
    policy = load_numpy_policy(args.file)
    out = args.file.with_suffix(".onnx") if args.out is None else args.out
    export_onnx(policy, out)
    sys.stdout.write(f"{out}: obs (N, {policy.obs_size}) → action (N, {policy.action_size})\n")
    return 0


def _text(value: object) -> str:
    """One line for people; nested settings stay in --json."""
    if not isinstance(value, Mapping):
        return str(value)
    items: list[tuple[object, object]] = list(value.items())  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    return ", ".join(f"{name} {item}" for name, item in items if not isinstance(item, Mapping))


def finish(result: TrainResult) -> int:
    """Tell what a run left, and the exit status for it."""
    counters = result.counters
    sys.stdout.write(
        f"{'interrupted' if result.interrupted else 'done'} after {counters.env_steps:,} steps "
        f"in {counters.elapsed_s / 60.0:.1f} minutes; policy: {result.policy_file}\n"
    )
    return _INTERRUPTED if result.interrupted else 0
