"""GMR-Fit: human motion to muscle model by fitted targets and bounded inverse kinematics."""

import logging
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int
from musclemimic_models import FrameStatus, MotionClip

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
from musclemimic_retarget.retargeter import RetargetResult, Stopwatch, measured, require_joints
from musclemimic_retarget.smoothing import uniform_times
from musclemimic_retarget.solve import solve_motion
from musclemimic_retarget.stance import StanceConfig, detect_stance, fit_floor, foot_speed
from musclemimic_retarget.survey import Survey, survey
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
    passes: int = 3
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
        targets, qpos, status, seconds = self._solved(motion)
        return (*self._finish(targets, qpos, status), seconds)

    def _solved(
        self, motion: HumanMotion
    ) -> tuple[Targets, Float[np.ndarray, "T nq"], Int[np.ndarray, " T"], float]:
        """Targets and poses at the solving rate, status, and seconds of inverse kinematics."""
        solver, clock = InverseKinematics(self._body, self.config.ik), Stopwatch()
        targets, twist = self._targets(motion.at_most(self.config.solve_hz))
        with clock:
            found = solve_motion(solver, targets, iterations=self.config.first_iterations)
        qpos, lift, hessian = found.qpos, np.zeros((len(found.qpos), 2)), None
        if self.model.has_free_root:
            qpos, targets, _ = self._levelled(qpos, targets, self._survey(qpos))
        for number in range(1, self.config.passes + 1):
            qpos = self._with_bent_toes(qpos, targets.rate, self.config.ground.toe_depth)
            seen = self._survey(qpos)
            targets = goals = twist.update(targets, seen.site_mat)
            if self.model.has_free_root:
                qpos, targets, lift = self._on_floor(qpos, targets, seen, lift)
                goals = lifted_goals(self._body, targets, lift, self.config.ground)
            # Only the last pass has to converge; it starts where the one before has ended.
            last = number == self.config.passes
            with clock:
                found = solve_motion(
                    solver,
                    goals,
                    qpos,
                    iterations=None if last else 1,
                    hessian=hessian if last else None,
                )
            qpos, hessian = found.qpos, found.hessian
        status = np.where(found.converged, int(FrameStatus.OK), int(FrameStatus.NOT_CONVERGED))
        if (status != 0).any():
            logger.warning(
                "%s: %d of %d frames did not converge",
                targets.source.name,
                (status != 0).sum(),
                len(status),
            )
        return targets, qpos, status, clock.seconds

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

    def _survey(self, qpos: Float[np.ndarray, "T nq"]) -> Survey:
        return survey(self._body, self._floor, qpos)

    def _with_bent_toes(
        self, qpos: Float[np.ndarray, "T nq"], rate: float, tolerance: float
    ) -> Float[np.ndarray, "T nq"]:
        return bend_toes(self._body, self._floor, qpos, rate=rate, tolerance=tolerance)

    def _stance(self, seen: Survey, rate: float) -> Bool[np.ndarray, "T 2"]:
        """Frames in which each foot stands."""
        speed = foot_speed(self._body, seen.site_pos, rate)
        return detect_stance(seen.soles, speed, rate=rate, config=self.config.stance)

    def _levelled(
        self, qpos: Float[np.ndarray, "T nq"], targets: Targets, seen: Survey
    ) -> tuple[Float[np.ndarray, "T nq"], Targets, Survey]:
        """All moved so that the plane under the standing feet is the floor."""
        ankles = [self._body.site(f"{side}_ankle") for side in SIDES]
        stance = self._stance(seen, targets.rate)
        plane = fit_floor(seen.soles, stance, seen.site_pos[:, ankles])
        height, lowered = plane.at(seen.site_pos[:, 0]), qpos.copy()
        lowered[:, 2] -= height
        return lowered, targets.lowered(plane.at(targets.pos)), seen.raised(-height)

    def _on_floor(
        self,
        qpos: Float[np.ndarray, "T nq"],
        targets: Targets,
        seen: Survey,
        lift: Float[np.ndarray, "T 2"],
    ) -> tuple[Float[np.ndarray, "T nq"], Targets, Float[np.ndarray, "T 2"]]:
        """Poses on the level floor, targets whose toes follow, and the feet's lift, m."""
        # Only bent toes tell where the floor is: stiff ones reach into it at every push-off.
        qpos, targets, seen = self._levelled(qpos, targets, seen)
        stance = self._stance(seen, targets.rate)
        targets = with_toes_of(self._body, targets, seen.site_mat)
        cutoff = self.config.ground.lift_hz
        return qpos, targets, lift + foot_lift(seen.soles, stance, rate=targets.rate, cutoff=cutoff)

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
            qpos, targets, contact = self._clear_of_floor(qpos, targets)
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

    def _clear_of_floor(
        self, qpos: Float[np.ndarray, "T nq"], targets: Targets
    ) -> tuple[Float[np.ndarray, "T nq"], Targets, Bool[np.ndarray, "T 2"]]:
        """Poses that start at the origin and do not sink in, targets beside them, and stance."""
        ground, rate = self.config.ground, targets.rate
        qpos = self._with_bent_toes(qpos, rate, ground.margin)
        seen = self._survey(qpos)
        rise = root_lift(seen.lowest, rate=rate, margin=ground.margin, seconds=ground.lift_seconds)
        contact = self._stance(seen.raised(rise), rate)
        qpos[:, 2] += rise
        start = qpos[0, :2].copy()
        qpos[:, :2] -= start
        # How high a recording's floor lies is not known better than where the clip found it.
        up = float(np.mean(rise[:, None] + seen.site_pos[..., 2] - targets.pos[..., 2]))
        return qpos, targets.shifted(np.array([*-start, up])), contact
