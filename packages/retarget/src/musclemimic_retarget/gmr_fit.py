"""GMR-Fit: human motion to muscle model by fitted targets and bounded inverse kinematics."""

import logging
import time
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int
from musclemimic_models import MotionClip

from musclemimic_retarget.articulated import Articulated
from musclemimic_retarget.calibration import SIDES, calibrate
from musclemimic_retarget.clips import make_clip
from musclemimic_retarget.direct import direct_targets
from musclemimic_retarget.floor_goals import GroundConfig, lifted_goals, with_toes_of
from musclemimic_retarget.ground import FloorGeoms, foot_lift, root_lift
from musclemimic_retarget.ik import IKConfig, InverseKinematics
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.motion import CoordinateMotion, HumanMotion
from musclemimic_retarget.pose_smoothing import smooth_poses
from musclemimic_retarget.retargeter import RetargetResult, measured, require_joints
from musclemimic_retarget.smoothing import uniform_times
from musclemimic_retarget.solve import solve_motion
from musclemimic_retarget.stance import StanceConfig, detect_stance, fit_floor, foot_speed
from musclemimic_retarget.targets import Targets, fit_targets
from musclemimic_retarget.toes import bend_toes
from musclemimic_retarget.twist import TwistAlignment, TwistConfig

logger = logging.getLogger(__name__)

METHOD = "gmr-fit"


@dataclass(frozen=True)
class GMRFitConfig:
    """Everything that shapes a GMR-Fit result.

    Attributes:
        output_hz: frames per second of the clip.
        solve_hz: inverse kinematics runs at the source's rate, but at no more than this.
        smoothing_hz: half-gain frequency of the whole-clip smoothing (6 to 10 Hz is usual for
            human movement).
        passes: rounds of aligning twist, correcting the feet's targets and solving again.
        first_iterations: of the solve before them, which only they refine.
        ik, ground, stance, twist: of the parts.
    """

    output_hz: float = 100.0
    solve_hz: float = 30.0
    smoothing_hz: float = 8.0
    passes: int = 2
    first_iterations: int = 2
    ik: IKConfig = field(default_factory=IKConfig)
    ground: GroundConfig = field(default_factory=GroundConfig)
    stance: StanceConfig = field(default_factory=StanceConfig)
    twist: TwistConfig = field(default_factory=TwistConfig)


class GMRFit:
    """Retargets human motions to one model."""

    method = METHOD

    def __init__(self, model: Articulated, config: GMRFitConfig | None = None) -> None:
        """Prepare the kinematic copy of the model.

        Args:
            model: from `musclemimic_models.get_musculo_model`, or a user's own (`own_model`).
            config: defaults if None.
        """
        self.model = model
        self.config = config or GMRFitConfig()
        self._body = KinematicBody.of(model)
        self._floor = FloorGeoms.of(model)

    def check(self, motion: HumanMotion) -> None:
        """Raise InputError if the motion lacks a joint or coordinate the model needs."""
        require_joints(self.model, motion)

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
        return measured(self.model, lambda: self._run(motion))

    def _run(self, motion: HumanMotion) -> tuple[MotionClip, Targets, float]:
        solver = InverseKinematics(self._body, self.config.ik)
        targets, twist = self._targets(motion.at_most(self.config.solve_hz))
        began = time.perf_counter()
        qpos, status = solve_motion(solver, targets, iterations=self.config.first_iterations)
        if self.model.has_free_root:
            qpos, targets = self._levelled(qpos, targets)
        lift = np.zeros((len(qpos), 2))
        for number in range(1, self.config.passes + 1):
            targets = twist.update(targets, self._body.poses(qpos).site_mat)
            goals = targets
            if self.model.has_free_root:
                qpos, targets, lift = self._on_floor(qpos, targets, lift)
                goals = lifted_goals(self._body, targets, lift, self.config.ground)
            # Only the last pass has to converge.
            iterations = None if number == self.config.passes else 1
            qpos, status = solve_motion(solver, goals, qpos, iterations=iterations)
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

    def _targets(self, motion: HumanMotion) -> tuple[Targets, TwistAlignment]:
        """Targets at the solving rate, starting at the origin, and how to align their twist."""
        if isinstance(motion, CoordinateMotion):
            targets = direct_targets(self._body, self._floor, motion)
            # Joint angles have no other zero than the model's.
            twist = TwistAlignment.none()
        else:
            calibration = calibrate(self._body, motion)
            targets = fit_targets(self._body, calibration, motion)
            twist = TwistAlignment.of(self._body, calibration, self.config.twist)
        if not self.model.has_free_root:
            return targets, twist
        start = targets.pos[0, 0] * np.array([1.0, 1.0, 0.0])
        return targets.shifted(-start), twist

    def _levelled(
        self, qpos: Float[np.ndarray, "T nq"], targets: Targets
    ) -> tuple[Float[np.ndarray, "T nq"], Targets]:
        """Poses and targets moved so that the plane under the standing feet is the floor."""
        poses = self._body.poses(qpos)
        ankles = [self._body.site(f"{side}_ankle") for side in SIDES]
        plane = fit_floor(*self._stance(qpos, targets.rate), poses.site_pos[:, ankles])
        lowered = qpos.copy()
        lowered[:, 2] -= plane.at(poses.site_pos[:, 0])
        return lowered, targets.lowered(plane.at(targets.pos))

    def _on_floor(
        self,
        qpos: Float[np.ndarray, "T nq"],
        targets: Targets,
        lift: Float[np.ndarray, "T 2"],
    ) -> tuple[Float[np.ndarray, "T nq"], Targets, Float[np.ndarray, "T 2"]]:
        """Poses with toes bent by the floor, targets whose toes follow, and the feet's lift, m."""
        config, rate = self.config.ground, targets.rate
        qpos = bend_toes(self._body, self._floor, qpos, rate=rate, tolerance=config.toe_depth)
        # Only bent toes tell where the floor is: stiff ones reach into it at every push-off.
        qpos, targets = self._levelled(qpos, targets)
        clearance, stance = self._stance(qpos, rate)
        targets = with_toes_of(self._body, targets, self._body.poses(qpos).site_mat)
        return qpos, targets, lift + foot_lift(clearance, stance, rate=rate, cutoff=config.lift_hz)

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
