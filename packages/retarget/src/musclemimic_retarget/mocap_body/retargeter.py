"""Mocap-Body: the three-stage baseline of the MuscleMimic publication, on our targets."""

import time
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float
from musclemimic_models import FrameStatus, MotionClip

from musclemimic_retarget.articulated import Articulated
from musclemimic_retarget.calibration import SIDES, calibrate
from musclemimic_retarget.clips import make_clip
from musclemimic_retarget.direct import direct_targets
from musclemimic_retarget.feasible import clip_to_feasible
from musclemimic_retarget.fit_targets import fit_targets
from musclemimic_retarget.ground import FloorGeoms, root_lift
from musclemimic_retarget.ik import InverseKinematics
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.mocap_body.pull import PullConfig, pull, pull_model
from musclemimic_retarget.motion import CoordinateMotion, HumanMotion
from musclemimic_retarget.pose_smoothing import smooth_poses
from musclemimic_retarget.retargeter import RetargetResult, measured, require_joints
from musclemimic_retarget.smoothing import resample, resample_rotations, uniform_times
from musclemimic_retarget.sound_config import require_sound
from musclemimic_retarget.stance import StanceConfig, detect_stance, fit_floor, foot_speed
from musclemimic_retarget.starts import from_scratch
from musclemimic_retarget.survey import survey
from musclemimic_retarget.targets import Targets
from musclemimic_retarget.toes import bend_toes

METHOD = "mocap-body"


@dataclass(frozen=True)
class MocapBodyConfig:
    """Everything that shapes a Mocap-Body result.

    Attributes:
        output_hz: frames per second of the clip.
        solve_hz: the pull runs at no more than this, frames per second.
        exact: put joints into their ranges and coupled ones on their polynomials afterwards, and
            smooth; False keeps what MuJoCo's soft constraints leave, as published.
        smoothing_hz: half-gain frequency of the smoothing.
        margin: penetration left in place, m.
        lift_seconds: half the time over which the final rise comes and goes, s.
        pull, stance: of the parts.
    """

    output_hz: float = 100.0
    solve_hz: float = 30.0
    exact: bool = True
    smoothing_hz: float = 8.0
    margin: float = 5e-4
    lift_seconds: float = 0.12
    pull: PullConfig = field(default_factory=PullConfig)
    stance: StanceConfig = field(default_factory=StanceConfig)


class MocapBody:
    """Retargets human motions to one model.

    1. Shape fit: the human's pose on the model's own bone lengths (`fit_targets`).
    2. Pull: mocap bodies, one a mimic site, drag the model there.
    3. Floor: one vertical shift and slope, and a smooth rise where feet would still sink in.
    """

    method = METHOD

    def __init__(self, model: Articulated, config: MocapBodyConfig | None = None) -> None:
        """Prepare the model that is pulled.

        Args:
            model: from `musclemimic_models.get_musculo_model`.
            config: defaults if None.

        Raises:
            InputError: a setting that is no number, or too small.
        """
        self.model = model
        self.config = config or MocapBodyConfig()
        require_sound(self.config)
        self._body = KinematicBody.of(model)
        self._floor = FloorGeoms.of(model) if model.has_free_root else None
        self._pulled = pull_model(model, self.config.pull)

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
        targets = self._targets(motion.at_most(self.config.solve_hz))
        began = time.perf_counter()
        qpos, settled = pull(self._pulled, targets, self._start(targets), self.config.pull)
        seconds = time.perf_counter() - began
        clip, targets = self._finish(targets, qpos, settled)
        return clip, targets, seconds

    def _targets(self, motion: HumanMotion) -> Targets:
        if isinstance(motion, CoordinateMotion):
            floor = self._floor or FloorGeoms.of(self.model)
            targets = direct_targets(self._body, floor, motion)
        else:
            targets = fit_targets(self._body, calibrate(self._body, motion), motion)
        if not self.model.has_free_root:
            return targets
        return targets.shifted(-targets.pos[0, 0] * np.array([1.0, 1.0, 0.0]))

    def _start(self, targets: Targets) -> Float[np.ndarray, " nq"]:
        """A pose that fits the first frame: pulled from far, arms get caught on their ranges."""
        solver = InverseKinematics(self._body)
        return from_scratch(solver, targets[:1].goals).qpos[0]

    def _finish(
        self,
        targets: Targets,
        qpos: Float[np.ndarray, "T nq"],
        settled: Bool[np.ndarray, " T"],
    ) -> tuple[MotionClip, Targets]:
        """Resample, make exact, put on the floor and assemble the clip."""
        config, rate = self.config, self.config.output_hz
        times = uniform_times(targets.times[-1], rate)
        if config.exact:
            qpos = clip_to_feasible(self._body, self._at_rest(qpos))
            qpos = smooth_poses(
                self._body, qpos, targets.times, times, rate=rate, cutoff=config.smoothing_hz
            )
        else:
            dense = resample(qpos, targets.times, times)
            if self.model.has_free_root:
                dense[:, 3:7] = resample_rotations(qpos[:, 3:7], targets.times, times)
            qpos = dense
        targets = targets.at(times, rate)
        contact = np.zeros((len(times), 2), dtype=bool)
        if self._floor is not None:
            qpos, targets, contact = self._grounded(self._floor, qpos, targets)
        nearest = np.round(np.linspace(0, len(settled) - 1, len(times))).astype(int)
        status = np.where(settled, int(FrameStatus.OK), int(FrameStatus.NOT_CONVERGED))
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

    def _at_rest(self, qpos: Float[np.ndarray, "T nq"]) -> Float[np.ndarray, "T nq"]:
        """Poses whose joints that move no site (fingers) are at rest: nothing pulls on them."""
        moving = InverseKinematics(self._body)
        still = np.setdiff1d(self.model.couplings.scalar_qpos, moving.scalar_qpos)
        result = qpos.copy()
        result[:, still] = moving.neutral[still]
        return result

    def _grounded(
        self, floor: FloorGeoms, qpos: Float[np.ndarray, "T nq"], targets: Targets
    ) -> tuple[Float[np.ndarray, "T nq"], Targets, Bool[np.ndarray, "T 2"]]:
        """Stage three: level the floor under standing feet, then rise out of it, smoothly."""
        config, rate = self.config, targets.rate
        if config.exact:
            qpos = bend_toes(self._body, floor, qpos, rate=rate, tolerance=config.margin)
        seen = survey(self._body, floor, qpos)
        ankles = [self._body.site(f"{side}_ankle") for side in SIDES]
        speed = foot_speed(self._body, seen.site_pos, rate)
        stance = detect_stance(seen.soles, speed, rate=rate, config=config.stance)
        plane = fit_floor(seen.soles, stance, seen.site_pos[:, ankles])
        height = plane.at(seen.site_pos[:, 0])
        targets = targets.lowered(plane.at(targets.pos))
        lowest = seen.raised(-height).lowest
        rise = root_lift(lowest, rate=rate, margin=config.margin, seconds=config.lift_seconds)
        qpos = qpos.copy()
        qpos[:, 2] += rise - height
        start = np.array([*qpos[0, :2], 0.0])
        qpos[:, :2] -= start[:2]
        return qpos, targets.shifted(-start), stance
