"""`musclemimic demo`: the whole way from a motion to a report, in some minutes."""

import shlex
from collections.abc import Sequence

import tyro
from musclemimic_models.help_text import help_text
from musclemimic_sim import keep_compilations
from rich.console import Console

from musclemimic_eval.demo import DemoConfig, DemoResult, run_demo


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code.

    Raises:
        InputError: a file or option that cannot be used.
    """
    config = tyro.cli(
        DemoConfig,
        args=list(argv),
        prog="musclemimic demo",
        description=help_text(DemoConfig),
    )
    keep_compilations()
    command = f"musclemimic demo {shlex.join(argv)}".strip()
    result = run_demo(config, command=command)
    console = Console()
    console.print(summary(result), highlight=False)
    return 0


def summary(result: DemoResult) -> str:
    """The outcome in a few lines."""
    pooled = result.evaluation.table.pooled
    site, rate = pooled["relative_site_m"], pooled["early_termination_rate"]
    before = result.baseline.pooled["relative_site_m"]
    counters = result.training.counters
    minutes = counters.elapsed_s / 60
    stopped = " (stopped early)" if result.training.interrupted else ""
    return "\n".join(
        [
            f"trained     {counters.env_steps:,} steps in {minutes:.1f} min{stopped}",
            f"site error  {100 * site.value:.1f} cm on average, relative to the trunk",
            f"untrained   {100 * before.value:.1f} cm (the same with action 0)",
            f"early ends  {round(rate.value * rate.n)} of {rate.n} episodes",
            f"report      {result.page}",
            f"total time  {result.seconds / 60:.1f} min",
        ]
    )
