"""`musclemimic eval muscles MOTION`: activations, joint forces and energy of a measured motion."""

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from musclemimic_models import MotionClip, get_musculo_model
from musclemimic_models.files import jsonable
from musclemimic_models.help_text import help_text
from musclemimic_sim import keep_compilations
from rich.console import Console
from rich.table import Table

from musclemimic_eval.emg.channels import Side, load_channel_table
from musclemimic_eval.emg.readers import as_envelopes, read_emg
from musclemimic_eval.emg.recording import Kind
from musclemimic_eval.inverse.analysis import MuscleAnalysis, analyse_muscles, emg_caveat
from musclemimic_eval.inverse.report import muscle_numbers, write_muscle_report
from musclemimic_eval.inverse.static import FOOT_JOINTS, StaticConfig
from musclemimic_eval.inverse.trial import load_trial
from musclemimic_eval.progress import counting, waiting


@dataclass(frozen=True)
class MusclesConfig:
    """Muscle activations, joint contact forces and metabolic power of a measured motion.

    Inverse dynamics of the motion with its ground reaction, then static optimisation on the
    model's muscles. With --out a page, JSON and CSV.

    Examples:
        musclemimic eval muscles walk.c3d --mass 72 --out muscles
        musclemimic eval muscles walk.mot --grf grf.mot --mass 72 --emg emg.sto --emg-side right

    Attributes:
        motion: C3D with force plates, TRC, or OpenSim coordinates (.mot, .sto).
        mass: of the subject, kg; measured forces are scaled to the model's weight.
        grf: OpenSim force file of the same trial and clock (not with C3D).
        loads: OpenSim ExternalLoads file that explains it.
        osim: OpenSim model (.osim) of joint angles: puts the force under the person's own feet.
        clip: a clip made from the motion before, instead of retargeting it now.
        emg: EMG of the trial on the same clock: .sto, .mot or .c3d.
        emg_side: side of channels that name none.
        emg_kind: whether the EMG is raw or already envelopes; by default it is told by its sign.
        channels: TOML file with channel names of your own (see docs/emg.md).
        exponent: least sum of squared (2) or cubed (3) activations.
        dynamics: keep activations within reach of the activation dynamics.
        locked: joints whose moment is not asked of the muscles.
        reserve: a reserve torque of this size (N m) costs as much as a fully active muscle.
        model: name of the body.
        out: folder for index.html, muscles.json and CSV tables.
        json: print the numbers as one JSON document.
    """

    motion: Annotated[Path, tyro.conf.Positional]
    mass: float | None = None
    grf: Path | None = None
    loads: Path | None = None
    osim: Path | None = None
    clip: Path | None = None
    emg: Path | None = None
    emg_side: Side | None = None
    emg_kind: Kind | None = None
    channels: Path | None = None
    exponent: Literal[2, 3] = 2
    dynamics: bool = False
    locked: tuple[str, ...] = FOOT_JOINTS
    reserve: float = 1.0
    model: str = "MyoFullBody"
    out: Path | None = None
    json: bool = False


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code.

    Raises:
        InputError: a file or option that cannot be used.
    """
    config = tyro.cli(
        MusclesConfig,
        args=list(argv),
        prog="musclemimic eval muscles",
        description=help_text(MusclesConfig),
    )
    keep_compilations()
    analysis = run(config)
    page = None
    if config.out is not None:
        command = f"musclemimic eval muscles {shlex.join(argv)}"
        with waiting("drawing the report"):
            page = write_muscle_report(config.out, analysis, command=command)
    if config.json:
        document = muscle_numbers(analysis) | {"report": page}
        sys.stdout.write(json.dumps(jsonable(document)) + "\n")
        return 0
    console = Console()
    for table in _tables(analysis):
        console.print(table)
    if page is not None:
        console.print(f"report: {page}", highlight=False)
    return 0


def run(config: MusclesConfig) -> MuscleAnalysis:
    """Everything but the output; input is read and checked before any work."""
    model = get_musculo_model(config.model, fingers=False)
    emg = None
    if config.emg is not None:
        own = () if config.channels is None else (config.channels,)
        recording, channels = read_emg(
            config.emg,
            model.muscles,
            table=load_channel_table(*own),
            default_side=config.emg_side,
            kind=config.emg_kind,
        )
        emg = as_envelopes(recording), channels
    clip = None if config.clip is None else MotionClip.load(config.clip)
    with waiting("reading and retargeting the motion"):
        trial = load_trial(
            config.motion,
            model,
            subject_mass=config.mass,
            grf=config.grf,
            loads=config.loads,
            osim=config.osim,
            clip=clip,
        )
    static = StaticConfig(
        exponent=config.exponent,
        reserve=config.reserve,
        dynamics=config.dynamics,
        locked=config.locked,
    )
    with counting("static optimisation, frames") as show:
        return analyse_muscles(trial, emg=emg, config=static, on_progress=show)


def _tables(analysis: MuscleAnalysis) -> list[Table]:
    reserves = Table("joint", "peak moment, N m", "reserve RMS", "reserve peak", title="Moments")
    for row in analysis.reserves:
        cells = (row.peak_moment, row.rms, row.peak)
        reserves.add_row(row.joint, *(f"{value:.2f}" for value in cells))
    reserves.caption = (
        f"residual force {100 * analysis.residual_share:.1f} % of the peak ground reaction (RMS)"
    )
    tables = [reserves]
    if analysis.emg is not None:
        emg = Table("channel", "r", "r at best lag", "lag, ms", "overlap", title="EMG")
        for row in analysis.emg.rows:
            values = f"{row.r:.2f}", f"{row.best_r:.2f}", f"{1000 * row.lag_s:+.0f}"
            emg.add_row(row.label, *values, f"{row.overlap:.2f}")
        emg.caption = emg_caveat(analysis.emg.rows)
        tables.append(emg)
    return tables
