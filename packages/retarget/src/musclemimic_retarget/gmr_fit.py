"""GMR-Fit: human motion to muscle model by fitted targets and bounded inverse kinematics."""

import dataclasses
import logging
import time
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int
from musclemimic_models import MotionClip, MusculoModel

from musclemimic_retarget.calibration import SIDES, SITE_JOINTS, calibrate
from musclemimic_retarget.clips import make_clip
from musclemimic_retarget.direct import direct_targets, require_coordinates
from musclemimic_retarget.ground import (
    FloorGeoms,
    StanceConfig,
    bend_toes,
    detect_stance,
    floor_offset,
    foot_lift,
    foot_speed,
    root_lift,
)
from musclemimic_retarget.ik import IKConfig, InverseKinematics
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.metrics import clip_metrics
from musclemimic_retarget.motion import CoordinateMotion, HumanMotion
from musclemimic_retarget.pose_smoothing import smooth_poses
from musclemimic_retarget.retargeter import RetargetResult
from musclemimic_retarget.smoothing import smooth, uniform_times
from musclemimic_retarget.solve import solve_motion
from musclemimic_retarget.targets import Targets, fit_targets

logger = logging.getLogger(__name__)

METHOD = "gmr-fit"


@dataclass(frozen=True)
class GroundConfig:
    """How feet are put on the floor.

    Attributes:
        passes: rounds of correcting the feet's targets and solving again.
        foot_weight: position weight of ankles and toes in those rounds.
        lift_hz: cutoff of the feet's corrections, Hz.
        trunk_hz: the part of the corrections slower than this moves the whole body, Hz.
        toe_depth: toes deeper in the floor than this bend up rather than lift the foot, m.
        margin: penetration left in place by the final lift, m.
        lift_seconds: half the time over which the final lift comes and goes, s.
    """

    passes: int = 2
    foot_weight: float = 4.0
    lift_hz: float = 6.0
    trunk_hz: float = 1.0
    toe_depth: float = 5e-3
    margin: float = 5e-4
    lift_seconds: float = 0.12


@dataclass(frozen=True)
class GMRFitConfig:
    """Everything that shapes a GMR-Fit result.

    Attributes:
        output_hz: frames per second of the clip.
        solve_hz: inverse kinematics runs at the source's rate, but at no more than this.
        smoothing_hz: half-gain frequency of the whole-clip smoothing (6 to 10 Hz is usual for
            human movement).
        ik, ground, stance: of the parts.
    """

    output_hz: float = 100.0
    solve_hz: float = 50.0
    smoothing_hz: float = 8.0
    ik: IKConfig = field(default_factory=IKConfig)
    ground: GroundConfig = field(default_factory=GroundConfig)
    stance: StanceConfig = field(default_factory=StanceConfig)


class GMRFit:
    """Retargets human motions to one model."""

    method = METHOD

    def __init__(self, model: MusculoModel, config: GMRFitConfig | None = None) -> None:
        """Prepare the kinematic copy of the model.

        Args:
            model: from `musclemimic_models.get_musculo_model`.
            config: defaults if None.
        """
        self.model = model
        self.config = config or GMRFitConfig()
        self._body = KinematicBody.of(model)
        self._floor = FloorGeoms.of(model.mj_model)

    def check(self, motion: HumanMotion) -> None:
        """Raise InputError if the motion lacks a joint or coordinate the model needs."""
        if isinstance(motion, CoordinateMotion):
            require_coordinates(self.model, motion)
        else:
            for site in self._body.site_names:
                motion.index(SITE_JOINTS[site])

    def retarget(self, motion: HumanMotion) -> MotionClip:
        """The motion as a clip of the model at `output_hz`.

        Raises:
            InputError: the motion lacks a joint or coordinate the model needs.
        """
        return self._run(motion)[0]

    def solve(self, motion: HumanMotion) -> RetargetResult:
        """`retarget`, with targets, metrics and timing.

        Raises:
            InputError: as `retarget`.
        """
        began = time.perf_counter()
        clip, targets, solve_seconds = self._run(motion)
        total_seconds = time.perf_counter() - began
        frames_at_30 = max(clip.duration * 30.0, 1.0)
        metrics = clip_metrics(self.model, clip, targets)
        metrics = dataclasses.replace(
            metrics,
            solve_s_per_30hz_frame=solve_seconds / frames_at_30,
            total_s_per_30hz_frame=total_seconds / frames_at_30,
        )
        return RetargetResult(clip, targets, metrics, solve_seconds, total_seconds)

    def _run(self, motion: HumanMotion) -> tuple[MotionClip, Targets, float]:
        solver = InverseKinematics(self._body, self.config.ik)
        targets = self._targets(motion.at_most(self.config.solve_hz))
        began = time.perf_counter()
        qpos, status = solve_motion(solver, targets)
        if self.model.has_free_root:
            targets, qpos, status = self._ground(solver, targets, qpos, status)
        seconds = time.perf_counter() - began
        if (status != 0).any():
            logger.warning(
                "%s: %d of %d frames did not converge",
                targets.source.name,
                (status != 0).sum(),
                len(status),
            )
        clip, targets = self._finish(targets, qpos, status)
        return clip, targets, seconds

    def _targets(self, motion: HumanMotion) -> Targets:
        """Targets at the solving rate, starting at the origin."""
        if isinstance(motion, CoordinateMotion):
            targets = direct_targets(self._body, self._floor, motion)
        else:
            targets = fit_targets(self._body, calibrate(self._body, motion), motion)
        if not self.model.has_free_root:
            return targets
        start = targets.pos[0, 0] * np.array([1.0, 1.0, 0.0])
        return targets.shifted(-start)

    def _ground(
        self,
        solver: InverseKinematics,
        targets: Targets,
        qpos: Float[np.ndarray, "T nq"],
        status: Int[np.ndarray, " T"],
    ) -> tuple[Targets, Float[np.ndarray, "T nq"], Int[np.ndarray, " T"]]:
        """Put the motion on the floor: one shift, then feet corrected and solved again."""
        config = self.config.ground
        clearance, stance = self._stance(qpos, targets.rate)
        height = floor_offset(clearance, stance)
        targets = targets.shifted(np.array([0.0, 0.0, -height]))
        qpos = qpos.copy()
        qpos[:, 2] -= height
        goals = self._weighted(targets)
        for _ in range(config.passes):
            qpos = bend_toes(
                self._body, self._floor, qpos, rate=targets.rate, tolerance=config.toe_depth
            )
            clearance, stance = self._stance(qpos, targets.rate)
            goals = self._toes_as_in(qpos, goals)
            lift = foot_lift(clearance, stance, rate=targets.rate, cutoff=config.lift_hz)
            goals = self._lifted(goals, lift)
            qpos, status = solve_motion(solver, goals, qpos)
        return targets, qpos, status

    def _toes_as_in(self, qpos: Float[np.ndarray, "T nq"], goals: Targets) -> Targets:
        """Goals with the toes' orientations of a pose."""
        quat, solved = goals.quat.copy(), self._body.poses(qpos).site_quat
        toes = [self._body.site(f"{side}_toes") for side in SIDES]
        quat[:, toes] = solved[:, toes]
        return dataclasses.replace(goals, quat=quat)

    def _weighted(self, targets: Targets) -> Targets:
        """The targets with the feet's positions weighted up."""
        weight = targets.pos_weight.copy()
        for side in SIDES:
            for site in ("ankle", "toes"):
                weight[self._body.site(f"{side}_{site}")] *= self.config.ground.foot_weight
        return dataclasses.replace(targets, pos_weight=weight)

    def _lifted(self, goals: Targets, lift: Float[np.ndarray, "T 2"]) -> Targets:
        """Goals moved up: the slow common part with the whole body, the rest with each foot."""
        common = smooth(lift.mean(axis=1), rate=goals.rate, cutoff=self.config.ground.trunk_hz)
        pos = goals.pos.copy()
        pos[..., 2] += common[:, None]
        for column, side in enumerate(SIDES):
            for site, share in (("ankle", 1.0), ("toes", 1.0), ("knee", 0.5)):
                pos[:, self._body.site(f"{side}_{site}"), 2] += share * (lift[:, column] - common)
        return dataclasses.replace(goals, pos=pos)

    def _stance(
        self, qpos: Float[np.ndarray, "T nq"], rate: float
    ) -> tuple[Float[np.ndarray, "T 2"], Bool[np.ndarray, "T 2"]]:
        """Sole clearance, m, and stance of both feet."""
        poses = self._body.poses(qpos)
        clearance = self._floor.feet(self._floor.clearance(poses))
        speed = foot_speed(self._body, poses.site_pos, rate)
        return clearance, detect_stance(clearance, speed, rate=rate, config=self.config.stance)

    def _finish(
        self, targets: Targets, qpos: Float[np.ndarray, "T nq"], status: Int[np.ndarray, " T"]
    ) -> tuple[MotionClip, Targets]:
        """Resample, smooth, clear the floor and assemble the clip."""
        config, rate = self.config, self.config.output_hz
        times = uniform_times(targets.times[-1], rate)
        qpos = smooth_poses(
            self._body, qpos, targets.times, times, rate=rate, cutoff=config.smoothing_hz
        )
        targets = targets.at(times, rate)
        contact = np.zeros((len(times), 2), dtype=bool)
        if self.model.has_free_root:
            qpos = bend_toes(
                self._body, self._floor, qpos, rate=rate, tolerance=config.ground.margin
            )
            lowest = self._floor.clearance(self._body.poses(qpos)).min(axis=1)
            qpos[:, 2] += root_lift(
                lowest, rate=rate, margin=config.ground.margin, seconds=config.ground.lift_seconds
            )
            contact = self._stance(qpos, rate)[1]
            start = qpos[0, :2].copy()
            qpos[:, :2] -= start
            targets = targets.shifted(np.array([*-start, 0.0]))
        nearest = np.round(np.linspace(0, len(status) - 1, len(times))).astype(int)
        clip = make_clip(
            self._body,
            qpos,
            rate=rate,
            foot_contact=contact,
            frame_status=status[nearest],
            source=targets.source,
            method=METHOD,
            human_to_model_scale=targets.human_to_model_scale,
        )
        return clip, targets
