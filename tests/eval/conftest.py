"""Small clips and rollouts, made without simulation."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import jaxtyping
import numpy as np
import pytest
from motions import clip_from_qpos
from musclemimic_eval import Rollout
from musclemimic_models import ClipProvenance, MotionClip, MusculoModel, get_musculo_model

DT = 0.01


def _clip(model: MusculoModel, qpos: np.ndarray) -> MotionClip:
    made = ClipProvenance("wave", method="made for tests")
    return replace(clip_from_qpos(model, qpos, DT), provenance=made)


def _moving(model: MusculoModel, frames: int) -> MotionClip:
    qpos = np.tile(model.mj_model.qpos0, (frames, 1))
    phase = 2 * np.pi * np.arange(frames) * DT
    for side, lag in (("r", 0.0), ("l", 1.2)):
        for joint, mean, swing, delay in (
            ("shoulder_elv", 0.7, 0.4, 0.0),
            ("elv_angle", 0.9, 0.3, 0.9),
            ("elbow_flexion", 1.1, 0.5, 1.8),
        ):
            column = model.mj_model.joint(f"{joint}_{side}").qposadr[0]
            qpos[:, column] = mean + swing * np.sin(phase + lag + delay)
    if model.has_free_root:
        qpos[:, 0] += np.arange(frames) * DT
    return _clip(model, qpos)


@pytest.fixture
def as_users_run() -> Iterator[None]:
    """Without the tests' shape checker, which would answer before our own validation does."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def arms() -> MusculoModel:
    return get_musculo_model("BimanualMuscle", fingers=False)


@pytest.fixture(scope="session")
def body() -> MusculoModel:
    return get_musculo_model("MyoFullBody", fingers=False)


@pytest.fixture(scope="session")
def arms_clip(arms: MusculoModel) -> MotionClip:
    return _moving(arms, 60)


@pytest.fixture(scope="session")
def body_clip(body: MusculoModel) -> MotionClip:
    return _moving(body, 60)


@pytest.fixture(scope="session")
def replay() -> Callable[..., Rollout]:
    """Makes a rollout that repeats a clip exactly; keywords replace fields."""

    def make(clip: MotionClip, *, start: int = 0, **changes: object) -> Rollout:
        rng = np.random.default_rng(0)
        frames = np.arange(start + 1, len(clip))
        muscles = len(get_musculo_model(clip.model_name.split()[0], fingers=False).muscle_names)
        activation = rng.random((len(frames), muscles))
        rollout = Rollout(
            time=DT * np.arange(1, len(frames) + 1),
            qpos=clip.qpos[frames],
            qvel=clip.qvel[frames],
            excitation=activation,
            activation=activation,
            muscle_force=-100 * activation,
            muscle_length=np.full_like(activation, 0.2),
            ground_reaction=np.zeros((len(frames), 2, 3)),
            centre_of_pressure=np.full((len(frames), 2, 3), np.nan),
            site_pos=clip.site_pos[frames],
            site_quat=clip.site_quat[frames],
            reward=np.full(len(frames), 0.5),
            reference_frame=frames,
            reference_offset=np.zeros(3),
            start_frame=start,
            terminated=False,
            reference_clip="wave",
            site_names=clip.site_names,
            model_name=clip.model_name,
            model_sha256=clip.model_sha256,
        )
        return replace(rollout, **changes)

    return make
