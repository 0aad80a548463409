"""`musclemimic sim`."""

import json

import pytest
from motions import arm_wave
from musclemimic_models import get_musculo_model
from musclemimic_models.cli import run


@pytest.fixture(scope="module")
def clip_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "wave.npz"
    arm_wave(get_musculo_model("bimanual", fingers=False), 0.3).save(path)
    return str(path)


def test_describe_prints_one_json_document(clip_file, capsys):
    assert run(["sim", "describe", clip_file, "--json"]) == 0
    spec = json.loads(capsys.readouterr().out)
    assert spec["model_name"] == "BimanualMuscle without fingers"
    names = [field["name"] for field in spec["obs_fields"]]
    assert names[0] == "joint_position"
    assert "root_height" not in names


def test_describe_prints_a_table(clip_file, capsys):
    assert run(["sim", "describe", clip_file]) == 0
    assert "goal_site_state" in capsys.readouterr().out


def test_bench_reports_ratios_and_parts(clip_file, capsys):
    sizes = ["--num-envs", "2", "4", "--steps", "2", "--rounds", "2", "--threads", "1"]
    assert run(["sim", "bench", clip_file, *sizes, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [row["num_envs"] for row in result["rows"]] == [2, 4]
    for row in result["rows"]:
        assert row["env_steps_per_second"] > 0
        assert 0.05 < row["ratio_to_mujoco_rollout"] < 2
        assert set(row["parts_s"]) == {"physics", "transfers", "observation", "reward", "restart"}
        assert min(row["parts_s"].values()) > 0
        # The whole is at least its largest part (timer and load noise aside).
        assert row["step_s"] > 0.3 * row["parts_s"]["physics"]


@pytest.mark.slow
def test_bench_prints_a_table_without_a_clip(capsys):
    sizes = ["--num-envs", "2", "--steps", "1", "--rounds", "1", "--env.action-map", "coordinated"]
    assert run(["sim", "bench", *sizes]) == 0
    out = capsys.readouterr().out
    assert "coordination" in out
    assert "BimanualMuscle" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["sim", "describe", "missing.npz"],
        ["sim", "jump"],
        ["sim", "bench", "--model", "robot"],
        ["sim", "bench", "--steps", "0"],
        ["sim", "play", "missing.npz", "--port", "0"],
    ],
)
def test_bad_input_is_one_line_and_exit_2(arguments, capsys):
    assert run(arguments) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "found" in err
    assert "expected" in err
