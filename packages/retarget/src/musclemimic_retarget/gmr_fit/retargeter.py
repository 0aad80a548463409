"""GMR-Fit behind the common protocol: targets, windows, the finished clip."""

import logging
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float
from musclemimic_models import FrameStatus, MotionClip

from musclemimic_retarget.articulated import Articulated
from musclemimic_retarget.calibration import calibrate
from musclemimic_retarget.clips import make_clip
from musclemimic_retarget.direct import direct_targets
from musclemimic_retarget.fit_targets import fit_targets
from musclemimic_retarget.gmr_fit.alignment import Alignment, agreed
from musclemimic_retarget.gmr_fit.config import GMRFitConfig
from musclemimic_retarget.gmr_fit.joining import Joined, joined_targets
from musclemimic_retarget.gmr_fit.output import Output, output_poses
from musclemimic_retarget.gmr_fit.passes import Stretch, Workbench
from musclemimic_retarget.gmr_fit.windows import Window, samples, split
from musclemimic_retarget.ground import FloorGeoms
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.motion import CoordinateMotion, HumanMotion
from musclemimic_retarget.retargeter import RetargetResult, Stopwatch, measured, require_joints
from musclemimic_retarget.sound_config import require_sound
from musclemimic_retarget.targets import Targets
from musclemimic_retarget.twist import twist_axes

logger = logging.getLogger(__name__)

METHOD = "gmr-fit"


class GMRFit:
    """Retargets human motions to one model."""

    method = METHOD

    def __init__(self, model: Articulated, config: GMRFitConfig | None = None) -> None:
        """Prepare the kinematic copy of the model.

        Args:
            model: from `musclemimic_models.get_musculo_model`, or a user's own (`own_model`).
            config: defaults if None.

        Raises:
            InputError: a setting that is no number, or too small.
        """
        self.model = model
        self.config = config or GMRFitConfig()
        require_sound(self.config)
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
        return self._make(motion, None)[0]

    def solve(self, motion: HumanMotion) -> RetargetResult:
        """`retarget`, with targets, metrics and timing.

        Raises:
            InputError: as `retarget`.
        """
        return measured(self.model, lambda: self._run(motion))

    def _run(self, motion: HumanMotion) -> tuple[MotionClip, Targets, float]:
        """Clip, its targets beside it, and seconds of inverse kinematics."""
        kept: list[Targets] = []
        clip, start, seconds = self._make(motion, kept)
        up = 0.0
        if self.model.has_free_root:
            # How high a recording's floor lies is not known better than where the clip found it.
            aimed = sum(float(part.pos[..., 2].sum()) for part in kept)
            up = float(np.mean(clip.site_pos[..., 2])) - aimed / clip.site_pos[..., 2].size
        offset = np.array([*-start, up])
        for number, part in enumerate(kept):
            kept[number] = part.shifted(offset)
        return clip, joined_targets(kept), seconds

    def _make(
        self, motion: HumanMotion, kept: list[Targets] | None
    ) -> tuple[MotionClip, Float[np.ndarray, " 2"], float]:
        """The clip, where it would have started, m, and seconds of inverse kinematics.

        Args:
            motion: of a person.
            kept: gets the targets of one window after the other, if wanted.
        """
        bench, targets = self._begin(motion)
        rate = self.config.output_hz
        windows = split(len(targets), targets.rate, rate, self.config.window_s)
        joined = Joined.empty(windows[-1].output.stop, self._body.model.nq)
        done = 0
        for window, output in self._outputs(bench, targets, windows):
            joined.add(self._body, window.output, output, done)
            if kept is not None:
                kept.append(output.targets[slice(done - window.output.start, None)])
            done = window.output.stop
        start = joined.qpos[0, :2].copy() if self.model.has_free_root else np.zeros(2)
        if self.model.has_free_root:
            joined.qpos[:, :2] -= start
        joined.qpos.flags.writeable = False
        if not joined.converged.all():
            lost, frames = int((~joined.converged).sum()), len(joined.converged)
            logger.warning("%s: %d of %d frames did not converge", motion.source.name, lost, frames)
        clip = make_clip(
            self._body,
            joined.qpos,
            rate=rate,
            foot_contact=joined.contact,
            frame_status=np.where(
                joined.converged, int(FrameStatus.OK), int(FrameStatus.NOT_CONVERGED)
            ),
            source=targets.source,
            method=METHOD,
            human_to_model_scale=targets.human_to_model_scale,
        )
        return clip, start, bench.clock.seconds

    def _begin(self, motion: HumanMotion) -> tuple[Workbench, Targets]:
        """Tools, and targets at the solving rate that start at the origin."""
        motion = motion.at_most(self.config.solve_hz)
        if isinstance(motion, CoordinateMotion):
            targets = direct_targets(self._body, self._floor, motion)
            # Joint angles have no other zero than the model's.
            axes: dict[int, Float[np.ndarray, " 3"]] = {}
        else:
            calibration = calibrate(self._body, motion)
            targets = fit_targets(self._body, calibration, motion)
            axes = twist_axes(self._body, calibration)
        if self.model.has_free_root:
            targets = targets.shifted(-targets.pos[0, 0] * np.array([1.0, 1.0, 0.0]))
        return Workbench(self._body, self._floor, self.config, axes, Stopwatch()), targets

    def _outputs(
        self, bench: Workbench, targets: Targets, windows: list[Window]
    ) -> Iterator[tuple[Window, Output]]:
        """Window after window, each going on from the one before."""
        known = None if len(windows) == 1 else self._agreed(bench, targets)
        before: Stretch | None = None
        reached = 0
        for window in windows:
            first = None
            if before is not None:
                first = before.qpos[window.frames.start - reached]
            stretch = Stretch(bench, targets[window.frames], known, first).run()
            rate, begun = bench.config.output_hz, window.frames.start / targets.rate
            start, stop = int(window.output.start), int(window.output.stop)
            times: Float[np.ndarray, " T"] = np.arange(start, stop) / rate - begun
            yield window, output_poses(bench, stretch, times)
            before, reached = stretch, window.frames.start

    def _agreed(self, bench: Workbench, targets: Targets) -> Alignment:
        """What stretches all over the motion agree on."""
        learned = [
            Stretch(bench, targets[frames]).run().alignment()
            for frames in samples(len(targets), targets.rate)
        ]
        return agreed(learned)
