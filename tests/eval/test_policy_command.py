"""`musclemimic eval CHECKPOINT` from files to files."""

import csv
import dataclasses
import json

import jax
import numpy as np
import pytest
from musclemimic_eval import Rollout, cli
from musclemimic_eval.policy_command import policy_file
from musclemimic_models import InputError
from musclemimic_models.files import jsonable
from musclemimic_rl import NetworkConfig, PolicyBundle
from musclemimic_rl.networks import Actor
from musclemimic_rl.normalise import empty_moments
from musclemimic_sim import EnvConfig, WholeBodyConfig, make_env
from trials import analysis

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def policy(arms, arms_clip, tmp_path_factory):
    """An untrained policy in a run's folder."""
    folder = tmp_path_factory.mktemp("run")
    untrained(arms, arms_clip, EnvConfig(), {}).save(folder / "policy.npz")
    return folder


def untrained(model, clip, config, provenance) -> PolicyBundle:
    probe = make_env(model, [clip], num_envs=1, config=config)
    network = NetworkConfig(hidden=(16,))
    sizes = {"obs_size": probe.spec.obs_size, "action_size": probe.spec.action_size}
    actor = Actor(network, **sizes, key=jax.random.key(0))
    moments = empty_moments((probe.spec.obs_size,))
    probe.close()
    return PolicyBundle(actor, moments, network, probe.spec, provenance)


def test_folders_of_clips_both_actions_and_every_file(policy, arms_clip, tmp_path, capsys):
    for name in ("KIT/3/walk", "KIT/4/run"):
        arms_clip.save(tmp_path / "clips" / f"{name}.npz")
    split = tmp_path / "half.txt"
    split.write_text("KIT/4/run\n")
    out = tmp_path / "out"
    command = [str(policy), "--clips", str(tmp_path / "clips"), "--splits", str(split)]
    command += ["--episodes", "3", "--actions", "both", "--keep", "2", "--out", str(out), "--json"]
    assert cli.main(command) == 0
    printed = json.loads(capsys.readouterr().out)
    report = json.loads((out / "report.json").read_text())
    assert printed["validation"]["pooled"] == report["validation"]["pooled"]
    assert report["validation"]["pooled"]["episode_length_steps"]["n"] == 3
    assert list(report["validation"]["per_split"]) == ["half"]
    mean, sampled = (
        report[key]["pooled"]["joint_velocity_rad_per_s"]["value"]
        for key in ("validation", "validation_sampled")
    )
    assert sampled > 1.05 * mean  # exploration shakes
    episodes = list(csv.DictReader((out / "episodes.csv").read_text().splitlines()))
    assert [row["clip"] for row in episodes] == ["KIT/4/run"] * 3
    rollouts = [Rollout.load(path) for path in sorted((out / "rollouts").iterdir())]
    assert [rollout.start_frame for rollout in rollouts] == [0, 31]
    assert rollouts[0].excitation.max() > 0
    page = (out / "index.html").read_text()
    assert 'id="effort"' in page
    assert "sampled actions" in page


def test_a_body_that_falls_on_a_walk_gets_its_gait_told(body, real_data, tmp_path, capsys):
    """A whole-body layer that hardly minds where the pelvis is falls within about a second."""
    clip = analysis(real_data, "walk3d").clip
    clip.save(tmp_path / "walk.npz")
    # Its toes drag, too.
    stiff = WholeBodyConfig(
        step_velocity=0.0,
        step_position=0.0,
        side_velocity=0.0,
        side_position=0.0,
        lift=0.0,
        swing_release=2.0,
        root_horizontal=2.0,
        root_vertical=5.0,
        root_rotation=5.0,
        joint=60.0,
    )
    config = EnvConfig(action_map="whole_body", whole_body=stiff, initial_activation=0.05)
    provenance = {"config": {"env": jsonable(dataclasses.asdict(config))}}
    untrained(body, clip, config, provenance).save(tmp_path / "policy.npz")
    command = [str(tmp_path / "policy.npz"), "--clips", str(tmp_path / "walk.npz"), "--json"]
    command += ["--episodes", "4", "--horizon", "120", "--out", str(tmp_path / "out")]
    assert cli.main(command) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["validation"]["pooled"]["early_termination_rate"]["value"] > 0
    gait = report["gait"]
    assert gait["kind"] == "no gait"
    assert gait["imitated"]["kind"] == "walking"
    assert len(gait["contacts"]) >= 2
    page = (tmp_path / "out" / "index.html").read_text()
    assert "There is no whole stride in it" in page
    assert "a fall, of which gait analysis says nothing" in page
    assert 'id="contact"' in page


def test_the_same_command_gives_the_same_numbers(policy, arms_clip, tmp_path, capsys):
    arms_clip.save(tmp_path / "wave.npz")
    command = [str(policy), "--clips", str(tmp_path / "wave.npz"), "--episodes", "3", "--json"]
    command += ["--actions", "sampled", "--horizon", "20"]
    tables = []
    for seed in ("0", "0", "1"):
        assert cli.main([*command, "--seed", seed]) == 0
        tables.append(json.loads(capsys.readouterr().out)["validation"])
    assert tables[0] == tables[1]
    assert tables[0]["episodes"] != tables[2]["episodes"]
    # One world after the other: the mean actions' numbers do not depend on company.
    command[command.index("sampled")] = "mean"
    results = []
    for envs in ("3", "1"):
        assert cli.main([*command, "--num-envs", envs]) == 0
        results.append(json.loads(capsys.readouterr().out)["validation"]["episodes"])
    for one, other in zip(*results, strict=True):
        assert one["start_frame"] == other["start_frame"]
        np.testing.assert_allclose(
            one["joint_position_rad"], other["joint_position_rad"], rtol=1e-3
        )


def test_a_clip_of_another_body_is_refused(policy, body_clip, tmp_path):
    body_clip.save(tmp_path / "walk.npz")
    with pytest.raises(InputError, match=r"BimanualMuscle.*expected MyoFullBody"):
        cli.main([str(policy), "--clips", str(tmp_path / "walk.npz")])


def test_the_folder_of_a_recipe_is_a_checkpoint(tmp_path):
    with pytest.raises(InputError, match="a training run, or the folder of a recipe"):
        policy_file(tmp_path)
    for name in ("gains.json", "policy/policy.npz", "policy.npz"):  # the last stage counts
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
        assert policy_file(tmp_path) == tmp_path / name
    assert policy_file(tmp_path / "gains.json") == tmp_path / "gains.json"
