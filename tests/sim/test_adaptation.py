"""Curriculum and adaptive clip sampling: by hand, one way, and through save and restore."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from motions import arm_wave
from musclemimic_models import InputError, get_musculo_model
from musclemimic_sim import (
    CurriculumConfig,
    EnvConfig,
    SamplingConfig,
    TerminationConfig,
    make_env,
)
from musclemimic_sim.adaptation import (
    adapted,
    clip_probability,
    draw_clips,
    fresh_adaptation,
    moving_share,
)

LOOSE = CurriculumConfig(enabled=True, start_scale=2.0, tightening=0.1, smoothing=0.5)
ADAPTIVE = SamplingConfig(adaptive=True, smoothing=0.5, uniform_share=0.1)


def after(before, clip, early, ended, curriculum=LOOSE, sampling=ADAPTIVE):
    return adapted(
        curriculum,
        sampling,
        before,
        clip=jnp.array(clip),
        early=jnp.array(early),
        ended=jnp.array(ended),
    )


def test_moving_share_by_hand():
    # Two episodes, one of them early, α = 0.5: 0.25·1 + 0.75·½ = 0.625.
    assert float(moving_share(jnp.ones(()), jnp.array(1), jnp.array(2), 0.5)) == 0.625
    assert float(moving_share(jnp.array(0.3), jnp.array(0), jnp.array(0), 0.5)) == pytest.approx(
        0.3
    )


def test_curriculum_tightens_while_few_fail_and_never_loosens():
    state = fresh_adaptation(LOOSE, 1)
    assert float(state.threshold_scale) == 2.0
    failing = after(state, [0, 0], [True, True], [True, True])
    assert float(failing.threshold_scale) == 2.0
    # Two survive: share 0.25, below 0.3, so 2·0.9² = 1.62.
    better = after(failing, [0, 0], [False, False], [True, True])
    assert float(better.early_share) == 0.25
    assert float(better.threshold_scale) == pytest.approx(1.62)
    worse = after(better, [0, 0], [True, True], [True, True])
    assert float(worse.threshold_scale) == pytest.approx(1.62)
    nothing = after(better, [0, 0], [False, False], [False, False])
    assert float(nothing.threshold_scale) == pytest.approx(1.62)
    for _ in range(20):
        better = after(better, [0, 0], [False, False], [True, True])
    assert float(better.threshold_scale) == 1.0


def test_clips_that_fail_are_shown_in_proportion():
    state = fresh_adaptation(LOOSE, 3)
    # Clip 0: one early of two (0.25 + 0.75·½ = 0.625); clip 1: one survives (0.5); clip 2: unseen.
    state = after(state, [0, 0, 1, 2], [True, False, False, False], [True, True, True, False])
    assert np.asarray(state.clip_early_share) == pytest.approx([0.625, 0.5, 1.0])
    expected = 0.1 / 3 + 0.9 * np.array([0.625, 0.5, 1.0]) / 2.125
    assert np.asarray(clip_probability(ADAPTIVE, state.clip_early_share)) == pytest.approx(expected)
    mastered = clip_probability(ADAPTIVE, jnp.zeros(4))
    assert np.asarray(mastered) == pytest.approx(np.full(4, 0.25))
    off = clip_probability(SamplingConfig(), state.clip_early_share)
    assert np.asarray(off) == pytest.approx(np.full(3, 1 / 3))


def test_draws_follow_the_probabilities():
    probability = jnp.array([0.5, 0.0, 0.2, 0.3])
    clips = np.asarray(draw_clips(jax.random.PRNGKey(0), probability, 20_000))
    share = np.bincount(clips, minlength=4) / len(clips)
    # Three standard deviations of a share of 0.5.
    assert share == pytest.approx(np.asarray(probability), abs=3 * np.sqrt(0.25 / len(clips)))
    assert share[1] == 0


def test_off_by_default_nothing_changes():
    state = fresh_adaptation(CurriculumConfig(), 2)
    assert float(state.threshold_scale) == 1.0
    same = after(state, [0, 1], [True, True], [True, True], CurriculumConfig(), SamplingConfig())
    for a, b in zip(state, same, strict=True):
        assert np.array_equal(a, b)


def test_adaptation_is_part_of_the_environments_state():
    """Thresholds tighten and shares move in an environment, and a restored one goes on alike."""
    model = get_musculo_model("BimanualMuscle", fingers=False)
    clips = (arm_wave(model, 0.3), arm_wave(model, 0.5))
    config = EnvConfig(
        curriculum=LOOSE, sampling=ADAPTIVE, termination=TerminationConfig(relative_site_m=0.012)
    )
    env, twin = (make_env(model, clips, num_envs=6, seed=s, config=config) for s in (3, 4))
    env.reset()
    actions = [
        0.5 * jax.random.uniform(key, (6, 64))
        for key in jax.random.split(jax.random.PRNGKey(1), 40)
    ]
    scales = [float(env.step(a).terms["curriculum/threshold_scale"][0]) for a in actions[:20]]
    assert (np.diff(scales) <= 0).all()
    state = env.get_state()
    assert state["episode/adaptation/clip_early_share"].shape == (2,)
    assert (state["episode/adaptation/clip_early_share"] < 1).any()
    twin.set_state(state)
    for action in actions[20:]:
        a, b = env.step(action), twin.step(action)
        assert np.array_equal(a.obs, b.obs)
        assert np.array_equal(a.terminated, b.terminated)
    for name, value in env.get_state().items():
        assert np.array_equal(value, twin.get_state()[name]), name
    fewer = {k: v for k, v in state.items() if k != "episode/frame"}
    with pytest.raises(InputError, match=r"episode/frame: found nothing"):
        twin.set_state(fewer)
    other = make_env(model, clips[:1], num_envs=6, config=config)
    with pytest.raises(InputError, match=r"clip_early_share: found float32 \(2,\)"):
        other.set_state(state)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CurriculumConfig(start_scale=0.5), "start_scale: found 0.5, expected 1 to inf"),
        (lambda: CurriculumConfig(tighten_below=2.0), "tighten_below: found 2.0"),
        (lambda: SamplingConfig(uniform_share=-0.1), "uniform_share: found -0.1"),
    ],
)
def test_impossible_values_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
