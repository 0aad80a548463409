"""The walk recipe: search of gains, judging, going on where it stopped."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest
from motions import clip_from_qpos
from musclemimic_models import InputError, get_musculo_model
from musclemimic_rl import load_policy
from musclemimic_rl.cli import train_main
from musclemimic_rl.recipe import (
    JudgeConfig,
    SearchConfig,
    WalkRecipe,
    policies,
    run_walk,
    search_gains,
)
from musclemimic_rl.recipe import search as search_module
from musclemimic_rl.recipe import walk as walk_module
from musclemimic_rl.recipe.config import CorrectionConfig, StudentConfig
from musclemimic_rl.recipe.gain_space import NAMES, config_with, gain_values, gains_of_worlds
from musclemimic_rl.recipe.judge import Verdict, whole_body_task
from musclemimic_sim import WholeBodyConfig, WholeBodyGains, make_env

START = WholeBodyConfig()


@pytest.fixture(scope="module")
def model():
    return get_musculo_model("MyoFullBody", fingers=False)


@pytest.fixture(scope="module")
def standing(model, tmp_path_factory):
    """Half a second of standing still, saved."""
    qpos = np.tile(model.mj_model.qpos0, (50, 1))
    path = tmp_path_factory.mktemp("clips") / "standing.npz"
    clip_from_qpos(model, qpos).save(path)
    return path


@pytest.fixture(scope="module")
def env(model, standing):
    from musclemimic_models import MotionClip

    task = whole_body_task(START, auto_reset=False)
    return make_env(model, [MotionClip.load(standing)], num_envs=4, config=task)


def test_every_gain_is_searched_and_the_origin_is_where_it_starts():
    assert set(NAMES) == set(WholeBodyGains._fields)
    (values,) = gain_values(START, np.zeros((1, len(NAMES))))
    assert config_with(START, values) == START
    far = gain_values(START, np.full((1, len(NAMES)), -1e3))[0]
    config_with(START, np.where(np.isfinite(far), far, 0.0))  # within what the settings allow


def test_gains_of_worlds_are_used_world_by_world(env):
    """The step's excitations in world w are those of an environment with w's gains everywhere."""
    points = np.zeros((4, len(NAMES)))
    points[1:, NAMES.index("joint")] = [1.0, -1.0, 2.0]
    values = gain_values(START, points)
    clip, frame = np.zeros(4, int), np.arange(4)
    still = jnp.zeros((4, env.spec.action_size))

    def excitations(values):
        env.use_gains(gains_of_worlds(values))
        env.reset_to(clip, frame)
        env.step(still)
        return np.asarray(env.excite(still))

    mixed, first = excitations(values), excitations(np.tile(values[0], (4, 1)))
    for world in range(1, 4):
        alone = excitations(np.tile(values[world], (4, 1)))
        # The solver stops when the whole batch is good enough, so that companions matter a little.
        off = np.abs(mixed[world] - alone[world]).max()
        assert off < 0.2 * np.abs(mixed[world] - first[world]).max()


def test_finds_the_best_of_a_known_landscape(env, monkeypatch, tmp_path):
    """Episodes are longest at joint + 40 and lift + 0.1, and nothing else matters."""
    at = [NAMES.index("joint"), NAMES.index("lift")]
    best = np.array([START.joint + 40.0, START.lift + 0.1])

    def tried(env, values, config, *, rng, on_step):
        away = (values[:, at] - best) / [50.0, 0.12]
        seconds = config.horizon_s * np.exp(-0.5 * (away**2).sum(axis=1))
        return np.stack([seconds, np.full_like(seconds, 0.2), np.zeros_like(seconds)])

    monkeypatch.setattr(search_module, "_tried", tried)
    config = SearchConfig(generations=60, population=12, horizon_s=0.1, good_enough=0.99)
    done = list(search_gains(env, START, config, log=tmp_path / "log.jsonl", seed=0))
    found = done[-1].favourite
    assert found["joint"] == pytest.approx(best[0], abs=10.0)
    assert found["lift"] == pytest.approx(best[1], abs=0.03)
    assert np.mean(done[0].seconds) < 0.08 < 0.098 < np.mean(done[-1].seconds)
    assert len(done) < 60  # good enough before


def test_activation_and_deviation_cost(env, monkeypatch, tmp_path):
    def tried(env, values, config, *, rng, on_step):
        seconds = np.full(len(values), config.horizon_s)
        activation = np.linspace(0.2, 0.42, len(values))
        return np.stack([seconds, activation, np.full(len(values), 0.05)])

    monkeypatch.setattr(search_module, "_tried", tried)
    config = SearchConfig(generations=1, population=12, horizon_s=0.1)
    (only,) = search_gains(env, START, config, log=tmp_path / "log.jsonl", seed=0)
    assert only.scores[0] == pytest.approx(1.0 - 0.1 * 0.5)
    assert only.scores[-1] == pytest.approx(1.0 - 0.1 * 0.5 - 0.2 * 2.0)


def test_an_interrupted_search_goes_on_as_if_it_had_not_been(env, tmp_path):
    config = SearchConfig(generations=2, population=4, starts=1, horizon_s=0.05, good_enough=2.0)
    straight = list(search_gains(env, START, config, log=tmp_path / "a.jsonl", seed=1))
    first = dataclasses.replace(config, generations=1)
    list(search_gains(env, START, first, log=tmp_path / "b.jsonl", seed=1))
    gone_on = list(search_gains(env, START, config, log=tmp_path / "b.jsonl", seed=1))
    assert gone_on == straight
    assert (tmp_path / "a.jsonl").read_text() == (tmp_path / "b.jsonl").read_text()
    with pytest.raises(InputError, match="generation 1"):
        list(search_gains(env, START, config, log=tmp_path / "a.jsonl", seed=2))


def test_recipe_judges_searches_and_goes_on(standing, tmp_path):
    recipe = WalkRecipe(
        clips=(standing,),
        out=tmp_path / "run",
        search=SearchConfig(generations=1, population=4, starts=1, horizon_s=0.1),
        correction=CorrectionConfig(minutes=0.0),
        student=StudentConfig(minutes=0.0),
        judge=JudgeConfig(episodes=4, horizon_s=0.2, goal_s=0.1),
    )
    verdicts = run_walk(recipe, show_progress=False)
    assert list(verdicts) == ["first gains", "gains found"]
    for verdict in verdicts.values():
        assert verdict.success == verdict.complete == 1.0
        assert verdict.mean_s == pytest.approx(0.2)
        assert 0.0 < verdict.activation < 0.5
    written = json.loads((recipe.out / "verdicts.json").read_text())
    assert written["gains found"]["success"] == 1.0
    assert "| gains found | 100 %" in (recipe.out / "verdicts.md").read_text()
    before = (recipe.out / "verdicts.json").stat().st_mtime_ns
    assert run_walk(recipe, show_progress=False) == verdicts
    assert (recipe.out / "verdicts.json").stat().st_mtime_ns == before
    with pytest.raises(InputError, match=r"recipe\.json: seed"):
        run_walk(dataclasses.replace(recipe, seed=1), show_progress=False)


@pytest.mark.slow
def test_policies_are_trained_judged_and_bound_to_their_gains(standing, tmp_path):
    recipe = WalkRecipe(
        clips=(standing,),
        out=tmp_path / "run",
        search=SearchConfig(generations=0, population=4, starts=1, horizon_s=0.1),
        correction=CorrectionConfig(minutes=0.0),
        student=StudentConfig(minutes=0.01, num_envs=4, num_steps=8, hidden=(16,)),
        judge=JudgeConfig(episodes=2, horizon_s=0.1, goal_s=0.1),
    )
    # Without a policy on top the student learns from the layer itself.
    verdicts = run_walk(recipe, show_progress=False)
    assert list(verdicts) == ["first gains", "gains found", "excitations alone"]
    student = load_policy(recipe.out / "student" / "policy.npz")
    assert student.spec.action_map == "clip"
    assert student.spec.action_size == 354
    teacher = load_policy(recipe.out / "policy.npz")
    assert not np.asarray(teacher.act(jnp.ones((2, teacher.spec.obs_size)))).any()

    on_top = dataclasses.replace(
        recipe,
        out=tmp_path / "on top",
        correction=CorrectionConfig(minutes=0.01, num_envs=4, num_steps=8, hidden=(16,)),
    )
    verdicts = run_walk(on_top, show_progress=False)
    assert list(verdicts)[2:] == ["policy on top", "excitations alone"]
    assert verdicts["policy on top"].success == 1.0
    taught = json.loads((on_top.out / "student" / "config.json").read_text())["distil"]["teacher"]
    assert Path(taught) == on_top.out / "policy.npz"
    further = dataclasses.replace(on_top, search=dataclasses.replace(recipe.search, generations=1))
    with pytest.raises(InputError, match="other gains"):
        run_walk(further, show_progress=False)


@pytest.mark.parametrize(("on_top", "kept"), [(9.0, True), (8.0, False), (2.0, False)])
def test_a_policy_that_falls_sooner_than_the_layer_is_left_aside(on_top, kept, caplog):
    verdict = Verdict(4, 5.0, 10.0, 1.0, 1.0, 8.0, 8.0, 8.0, 0.2, 0.05)
    verdicts = {
        "gains found": verdict,
        "policy on top": dataclasses.replace(verdict, mean_s=on_top),
    }
    assert walk_module._stays_up_longer(verdicts) == kept
    assert ("the latter is kept" in caplog.text) != kept


def test_an_interrupted_policy_ends_the_recipe(standing, tmp_path, monkeypatch):
    """Ctrl-C saves the run; nothing is judged or taught after it."""
    monkeypatch.setattr(policies, "train", lambda *_, **__: SimpleNamespace(interrupted=True))
    recipe = WalkRecipe(
        clips=(standing,),
        out=tmp_path / "run",
        search=SearchConfig(generations=0, population=4, starts=1, horizon_s=0.1),
        correction=CorrectionConfig(minutes=1.0),
        judge=JudgeConfig(episodes=2, horizon_s=0.1, goal_s=0.1),
    )
    with pytest.raises(KeyboardInterrupt):
        run_walk(recipe, show_progress=False)
    assert list(json.loads((recipe.out / "verdicts.json").read_text())) == [
        "first gains",
        "gains found",
    ]


def test_refusals(standing, env, tmp_path):
    with pytest.raises(InputError, match="walk"):
        train_main(["--recipe", "wlak", str(standing)])
    with pytest.raises(InputError, match="no name"):
        train_main([str(standing), "--recipe"])
    with pytest.raises(InputError, match="retarget cycle"):
        run_walk(WalkRecipe(clips=(standing,), out=tmp_path / "short"), show_progress=False)
    with pytest.raises(InputError, match="clips"):
        run_walk(WalkRecipe(out=tmp_path / "none"), show_progress=False)
    with pytest.raises(InputError, match="population"):
        SearchConfig(population=1)
    with pytest.raises(InputError, match=r"--search\.generations"):
        train_main(["--recipe", "walk", str(standing), "--search.generation", "3"])
