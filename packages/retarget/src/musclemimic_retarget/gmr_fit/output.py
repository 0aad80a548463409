"""From solved poses to poses of a clip: resampled, smoothed, clear of the floor."""

import logging
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from musclemimic_retarget.gmr_fit.passes import Stretch, Workbench
from musclemimic_retarget.ground import root_lift
from musclemimic_retarget.pose_smoothing import smooth_poses
from musclemimic_retarget.smoothing import acceleration_rms, calmed
from musclemimic_retarget.survey import Survey
from musclemimic_retarget.targets import Targets
from musclemimic_retarget.tendon_jumps import may_jump, tendon_jumps

logger = logging.getLogger(__name__)

# What the final rise adds to the pelvis' acceleration is made room for beforehand.
_ROOM = (1.0, 0.97, 0.92)


@dataclass(frozen=True)
class Output:
    """Poses at the clip's rate.

    Attributes:
        qpos: (T, nq). contact: (T, 2) which feet stand. converged: (T,).
        targets: beside them.
    """

    qpos: Float[np.ndarray, "T nq"]
    contact: Bool[np.ndarray, "T 2"]
    converged: Bool[np.ndarray, " T"]
    targets: Targets


def output_poses(bench: Workbench, solved: Stretch, times: Float[np.ndarray, " T"]) -> Output:
    """A stretch's poses at other times.

    Args:
        bench: tools and settings.
        solved: the stretch.
        times: from its first frame, s, at the clip's rate.
    """
    config, source = bench.config, solved.targets
    targets = source.at(times, config.output_hz)
    qpos = _smoothed(bench, solved, times)
    contact = np.zeros((len(times), 2), dtype=bool)
    if bench.body.musculo.has_free_root:
        qpos, contact = _clear_of_floor(bench, qpos, targets)
    nearest = np.minimum(np.round(times * source.rate).astype(int), len(source) - 1)
    return Output(qpos, contact, solved.converged[nearest], targets)


def _smoothed(
    bench: Workbench, solved: Stretch, times: Float[np.ndarray, " T"]
) -> Float[np.ndarray, "T nq"]:
    """Poses at the clip's rate, calmer than usual where tendons would jump and then do not."""
    config, source, model = bench.config, solved.targets, bench.body.musculo.mj_model

    def at(cutoff: float) -> Float[np.ndarray, "T nq"]:
        return smooth_poses(
            bench.body, solved.qpos, source.times, times, rate=config.output_hz, cutoff=cutoff
        )

    usual = at(config.smoothing_hz)
    if config.tendon_hz >= config.smoothing_hz or not may_jump(model, usual):
        return usual
    if not tendon_jumps(model, usual).frames:
        return usual
    calm = at(config.tendon_hz)
    if tendon_jumps(model, calm).frames:
        return usual
    said = "%s: smoothed at %g Hz instead of %g, since tendons would jump"
    logger.info(said, source.source.name, config.tendon_hz, config.smoothing_hz)
    return calm


def _clear_of_floor(
    bench: Workbench, qpos: Float[np.ndarray, "T nq"], targets: Targets
) -> tuple[Float[np.ndarray, "T nq"], Bool[np.ndarray, "T 2"]]:
    """Poses that do not sink in, whose pelvis shakes no more than the person's, and stance."""
    rate, config = targets.rate, bench.config.ground
    limit = acceleration_rms(targets.pos[:, 0, 2], rate)
    placed = _placed(bench, qpos, rate)
    pelvis = placed.seen.site_pos[:, 0, 2]
    for share in _ROOM:
        if acceleration_rms(placed.seen.site_pos[:, 0, 2] + placed.rise, rate) <= limit:
            break
        calm = calmed(pelvis, rate=rate, limit=share * limit, lowest_hz=config.calm_hz)
        moved = qpos.copy()
        moved[:, 2] += calm - pelvis
        placed = _placed(bench, moved, rate)
    raised = placed.qpos.copy()
    raised[:, 2] += placed.rise
    return raised, bench.stance(placed.seen.raised(placed.rise), rate)


@dataclass(frozen=True)
class _Placed:
    """Poses with bent toes, what is seen of them, and the smooth rise that clears the floor, m."""

    qpos: Float[np.ndarray, "T nq"]
    seen: Survey
    rise: Float[np.ndarray, " T"]


def _placed(bench: Workbench, qpos: Float[np.ndarray, "T nq"], rate: float) -> _Placed:
    ground = bench.config.ground
    bent = bench.with_bent_toes(qpos, rate, ground.margin)
    seen = bench.survey(bent)
    rise = root_lift(seen.lowest, rate=rate, margin=ground.margin, seconds=ground.lift_seconds)
    return _Placed(bent, seen, rise)
