"""The command `musclemimic distil`."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from musclemimic_sim import InputError

from musclemimic_rl.cli import finish
from musclemimic_rl.config import TrainConfig
from musclemimic_rl.options import parse
from musclemimic_rl.source import distil_config
from musclemimic_rl.trainer import train

_HELP = """Turn a policy that acts through a coordination layer into one of excitations.

    musclemimic distil runs/wave wave.npz --to excitations --minutes 5 --out runs/wave-muscles
    musclemimic distil runs/wave/policy.npz clips/*.npz --minutes 20 --network.hidden 512 512 512

The teacher is a run's folder or a policy file whose actions are joint targets ("coordinated" or
"whole_body"). The student drives the bodies; in the states that it comes to it is moved towards the
excitations that the teacher's action would have meant there (DAgger). At first the teacher drives
too: all bodies, then fewer, none after --distil.teacher-until of the run. Settings of the task and
the network are the teacher's where the command line gives no others; rate, epochs and minibatches
are --ppo.optim.learning-rate, --ppo.epochs and --ppo.minibatch-size.

The result is a policy for the task with --env.action-map clip (or affine), and a run like any
other: Ctrl-C saves, `musclemimic resume` goes on, --validation.clips measures it on other motions,
and PPO can go on from it (its critic has learnt nothing, so give that time to learn):

    musclemimic train wave.npz --from runs/wave-muscles --reset.critic --reset.optimiser \\
        --reset.schedule --ppo.warmup-updates 20 --network.initial-std 0.05 --reset.std ..."""


@dataclass(frozen=True)
class DistilArgs:
    """The command line of `distil`.

    Attributes:
        to: what the student says; excitations are all there is so far.
        run: everything else.
    """

    to: Literal["excitations"] = "excitations"
    run: Annotated[TrainConfig, tyro.conf.arg(name="")] = dataclasses.field(
        default_factory=TrainConfig
    )


def distil_main(argv: Sequence[str]) -> int:
    """`musclemimic distil TEACHER CLIPS… --to excitations --minutes M --out DIR`.

    Raises:
        InputError: no teacher, or as for `train`.
    """
    default = TrainConfig()
    if argv and not argv[0].startswith("-"):
        default, argv = distil_config(Path(argv[0])), argv[1:]
    elif not {"-h", "--help"} & set(argv):
        raise InputError(
            "distil", "TEACHER", found="nothing", expected="a run's folder or a policy file first"
        )
    begin, prog = DistilArgs(run=default), "musclemimic distil TEACHER"
    return finish(train(parse(DistilArgs, argv, prog=prog, description=_HELP, default=begin).run))
