"""`musclemimic retarget cycle`: a steady stride repeated for as long as one likes."""

from dataclasses import dataclass, field
from pathlib import Path

import tyro
from musclemimic_models import InputError, MotionClip
from rich.console import Console

from musclemimic_retarget.clip_model import model_of
from musclemimic_retarget.cycle import CycleConfig, repeat_stride


@dataclass(frozen=True)
class CycleCommand:
    """Average the steady strides of a walking or running clip and repeat them without a seam.

    Example:
        musclemimic retarget cycle clips/walk.npz --seconds 30 --out clips/walk_cycle.npz
    """

    clip: tyro.conf.Positional[Path]
    """A clip (.npz) that `musclemimic retarget` has written."""
    out: Path | None = None
    """Where the result goes; CLIP_cycle.npz if not given."""
    config: tyro.conf.OmitArgPrefixes[CycleConfig] = field(default_factory=CycleConfig)
    """Which strides count."""


def repeat(command: CycleCommand) -> int:
    """Read, average, repeat, write and say of what; returns the exit code.

    Raises:
        InputError: not a clip, no steady stride in it, or the result would replace it.
    """
    out = command.out or command.clip.with_name(f"{command.clip.stem}_cycle.npz")
    if out.resolve() == command.clip.resolve():
        raise InputError("retarget cycle", "--out", found=str(out), expected="another file")
    clip = MotionClip.load(command.clip)
    result, report = repeat_stride(model_of(str(command.clip), clip), clip, command.config)
    result.save(out)
    Console().print(
        f"{out}: {result.duration:.1f} s out of {report.strides} strides "
        f"({report.left_out} unsteady ones left out); stride {report.stride_s:.2f} s, "
        f"{report.stride_m:.2f} m, {report.stride_m / report.stride_s:.2f} m/s; strides differ by "
        f"{report.spread_rad:.3f} rad (SD), seam {report.seam_rad:.3f} rad",
        soft_wrap=True,
    )
    return 0
