"""A stretch of motion solved: passes of twist, floor and inverse kinematics in turn."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32

from musclemimic_retarget.calibration import SIDES
from musclemimic_retarget.floor_goals import standing_goals, with_toes_of
from musclemimic_retarget.gmr_fit.alignment import Alignment, Footing
from musclemimic_retarget.gmr_fit.config import GMRFitConfig
from musclemimic_retarget.ground import FloorGeoms
from musclemimic_retarget.ik import InverseKinematics
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.pose_cost import SiteTargets
from musclemimic_retarget.retargeter import Stopwatch
from musclemimic_retarget.rotations import angle_between, quaternions
from musclemimic_retarget.solve import solve_motion
from musclemimic_retarget.stance import FloorPlane, detect_stance, fit_floor, foot_speed
from musclemimic_retarget.survey import Survey, survey
from musclemimic_retarget.targets import Targets
from musclemimic_retarget.toes import bend_toes
from musclemimic_retarget.twist import TwistAlignment


@dataclass(frozen=True)
class Workbench:
    """What solving any stretch of a motion takes.

    Attributes:
        body, floor: of the model. config: all settings.
        twist_axes: site column to the axis about which its targets may be turned.
        clock: counts the seconds of inverse kinematics.
    """

    body: KinematicBody
    floor: FloorGeoms
    config: GMRFitConfig
    twist_axes: dict[int, Float[np.ndarray, " 3"]]
    clock: Stopwatch

    def survey(self, qpos: Float[np.ndarray, "T nq"]) -> Survey:
        """Where sites and soles are."""
        return survey(self.body, self.floor, qpos)

    def with_bent_toes(
        self, qpos: Float[np.ndarray, "T nq"], rate: float, tolerance: float
    ) -> Float[np.ndarray, "T nq"]:
        """Poses whose toes are no deeper in the floor than so many m."""
        return bend_toes(self.body, self.floor, qpos, rate=rate, tolerance=tolerance)

    def stance(self, seen: Survey, rate: float) -> Bool[np.ndarray, "T 2"]:
        """Frames in which each foot stands."""
        speed = foot_speed(self.body, seen.site_pos, rate)
        return detect_stance(seen.soles, speed, rate=rate, config=self.config.stance)


class Stretch:
    """A stretch of motion on its way to poses on the floor z = 0.

    Attributes:
        targets: aligned and levelled so far. qpos: (T, nq). converged: (T,).
    """

    def __init__(
        self,
        bench: Workbench,
        targets: Targets,
        known: Alignment | None = None,
        first: Float[np.ndarray, " nq"] | None = None,
    ) -> None:
        """First poses for targets at the solving rate, before any pass.

        Args:
            bench: tools and settings.
            targets: at the solving rate.
            known: alignment of the motion they belong to; learned from them if None.
            first: pose near the first frame's, if known, so that joints which the targets leave
                free go on as in the stretch before.
        """
        self._bench, self._known = bench, known
        self._grounded = bench.body.musculo.has_free_root
        turns = None if known is None else known.twist
        self._twist = TwistAlignment(bench.twist_axes, bench.config.twist, turns)
        self._plane = FloorPlane(0.0, np.zeros(2))
        if known is not None and known.plane is not None:
            self._plane = known.plane
        self._angle = bench.config.angle if known is None else known.angle
        # The usual weight, and how far off poses are with it, m.
        self._tried: tuple[float, float] | None = None
        self._solver = InverseKinematics(bench.body, bench.config.ik)
        self._footing: Footing | None = None
        self.targets: Targets = targets.lowered(self._plane.at(targets.pos))
        with bench.clock:
            found = solve_motion(
                self._solver,
                self.targets.goals,
                targets.rate,
                first=first,
                iterations=bench.config.first_iterations,
            )
        self.qpos, self.converged = found.qpos, found.converged
        self._hessian: Float32[np.ndarray, "T F F"] | None = None
        if self._grounded:
            self._level(self._survey())

    def run(self) -> "Stretch":
        """All passes; returns itself. Only the last one has to converge."""
        passes = self._bench.config.passes
        for number in range(1, passes + 1):
            self._pass(last=number == passes)
            if self._known is None and number <= 2:
                self._balance()
        return self

    def _balance(self) -> None:
        """Weigh angles less, or more, where joints cannot follow both; then as the aim allows."""
        config, (away, turned) = self._bench.config, self._errors()
        if self._tried is None:
            self._tried = (self._angle, away)
            if config.aim_m < away < config.lost_m:
                self._angle = config.least_angle
            elif away <= config.aim_m and turned > config.turned_deg:
                self._angle = config.most_angle
            return
        (less, near), (more, far) = sorted([self._tried, (self._angle, away)])
        share = (config.aim_m - near) / max(far - near, 1e-9)
        self._angle = less * (more / less) ** float(np.clip(share, 0.0, 1.0))

    def alignment(self) -> Alignment:
        """As known, or as learned on the way."""
        if self._known is not None:
            return self._known
        plane = self._plane if self._grounded else None
        return Alignment(dict(self._twist.twist), plane, self._footing, self._angle)

    def _pass(self, *, last: bool) -> None:
        """Twist, floor and feet from the poses so far, and new poses."""
        bench, ground = self._bench, self._bench.config.ground
        self.qpos = bench.with_bent_toes(self.qpos, self.targets.rate, ground.toe_depth)
        seen = self._survey()
        self.targets = self._twist.update(self.targets, seen.site_mat)
        goals = self._on_floor(seen) if self._grounded else self.targets.goals
        goals = dataclasses.replace(goals, rot_factor=self._angle_factor(seen))
        with bench.clock:
            # It starts where the pass before has ended.
            found = solve_motion(
                self._solver,
                goals,
                self.targets.rate,
                self.qpos,
                iterations=None if last else 1,
                hessian=self._hessian if last else None,
            )
        self.qpos, self.converged, self._hessian = found.qpos, found.converged, found.hessian

    def _angle_factor(self, seen: Survey) -> Float[np.ndarray, "T S"]:
        """What makes squared angles count as angles: one over the angle so far."""
        config = self._bench.config
        angle = angle_between(quaternions(seen.site_mat), self.targets.quat)
        return self._angle / config.ik.orientation / np.hypot(angle, config.rounding)

    def _on_floor(self, seen: Survey) -> SiteTargets:
        """Levels, and returns goals with feet on the floor."""
        bench, rate = self._bench, self.targets.rate
        # Only bent toes tell where the floor is: stiff ones reach into it at every push-off.
        seen = self._level(seen)
        stance = bench.stance(seen, rate)
        self.targets = with_toes_of(bench.body, self.targets, seen.site_mat)
        return standing_goals(bench.body, self.targets.goals, seen, stance, bench.config.ground)

    def _level(self, seen: Survey) -> Survey:
        """Move all so that the plane under the standing feet is the floor, unless it is known."""
        if self._known is not None:
            return seen
        body, rate = self._bench.body, self.targets.rate
        feet = seen.site_pos[:, [body.site(f"{side}_ankle") for side in SIDES]]
        stance = self._bench.stance(seen, rate)
        plane = fit_floor(seen.soles, stance, feet)
        self._footing = Footing(seen.soles + self._plane.at(feet), stance, feet)
        height = plane.at(seen.site_pos[:, 0])
        self.qpos = self.qpos.copy()
        self.qpos[:, 2] -= height
        self.targets = self.targets.lowered(plane.at(self.targets.pos))
        self._plane = plane.above(self._plane)
        return seen.raised(-height)

    def _errors(self) -> tuple[float, float]:
        """RMS distance from the targets, but for one height of them all, m, and mean angle, °."""
        seen, aimed = self._survey(), self.targets.rot_weight > 0
        away = seen.site_pos - self.targets.pos
        away[..., 2] -= away[..., 2].mean()
        angle = angle_between(quaternions(seen.site_mat), self.targets.quat)[:, aimed]
        rms = float(np.sqrt((away**2).sum(axis=-1).mean()))
        return rms, float(np.rad2deg(angle.mean()))

    def _survey(self) -> Survey:
        return self._bench.survey(self.qpos)
