"""A humanoid from another source: MuJoCo's own, as MuJoCo Warp ships it."""

import re
import sys
from importlib.resources import files
from pathlib import Path

import mujoco
import numpy as np
import pytest
from musclemimic_models import InputError, MotionClip
from musclemimic_retarget import (
    GMRFit,
    OwnModel,
    read_motion,
    read_own_model,
    write_synthetic_smpl,
)
from musclemimic_retarget.kinematics import KinematicBody

HUMANOID = Path(str(files("mujoco_warp"))) / "test_data" / "humanoid" / "humanoid.xml"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SITES = EXAMPLES / "humanoid_sites.toml"


@pytest.fixture(scope="module")
def humanoid():
    return read_own_model(HUMANOID, SITES)


@pytest.fixture(scope="module")
def result(humanoid, tmp_path_factory):
    motion = read_motion(write_synthetic_smpl(tmp_path_factory.mktemp("m") / "arms.npz", 30.0))
    return GMRFit(humanoid).solve(motion)


def test_mimic_sites_sit_on_the_named_bodies(humanoid):
    assert isinstance(humanoid, OwnModel)
    assert humanoid.label == "Humanoid"
    assert humanoid.has_free_root
    assert len(humanoid.mimic_sites) == 17
    m, d = humanoid.mj_model, mujoco.MjData(humanoid.mj_model)
    mujoco.mj_kinematics(m, d)
    knee = d.site("mimic_left_knee").xpos
    assert knee == pytest.approx(d.body("shin_left").xpos)
    toes = d.site("mimic_left_toes").xpos - d.site("mimic_left_ankle").xpos
    assert toes[0] == pytest.approx(0.12, abs=0.01)


def test_clip_follows_the_motion_inside_the_ranges(humanoid, result):
    clip, metrics = result.clip, result.metrics
    assert metrics.joint_limit_violation_percent == 0
    assert metrics.ground_penetration_percent == 0
    assert metrics.worst_tendon == "none"
    assert metrics.rmse_m < 0.06
    assert clip.joint_names == humanoid.joint_names
    hand = clip.site_pos[:, clip.site_names.index("right_hand"), 2]
    target = result.targets.pos[:, clip.site_names.index("right_hand"), 2]
    assert np.ptp(hand) > 0.3
    assert np.corrcoef(hand, target)[0, 1] > 0.95


def test_clip_file_belongs_to_this_model(humanoid, result, tmp_path):
    result.clip.save(tmp_path / "clip.npz")
    clip = MotionClip.load(tmp_path / "clip.npz")
    clip.require_model(humanoid)
    assert clip.model_name == "Humanoid"
    other = tmp_path / "longer.toml"
    other.write_text(SITES.read_text().replace("0.12", "0.14"))
    with pytest.raises(InputError, match="model_sha256"):
        clip.require_model(read_own_model(HUMANOID, other))


def test_recovers_its_own_pose(humanoid):
    from musclemimic_retarget.ik import InverseKinematics
    from musclemimic_retarget.pose_cost import IKConfig, SiteTargets
    from musclemimic_retarget.starts import from_scratch

    body = KinematicBody.of(humanoid)
    solver = InverseKinematics(body, IKConfig(neutral=1e-9, iterations=200))
    rng = np.random.default_rng(0)
    low, high = solver.scalar_range
    pose = humanoid.mj_model.qpos0.copy()
    middle = pose[solver.scalar_qpos]
    pose[solver.scalar_qpos] = middle + 0.3 * rng.uniform(low - middle, high - middle)
    seen, ones = body.poses(pose[None]), np.ones(17)
    goal = SiteTargets(seen.site_pos, seen.site_mat, ones, ones)
    found = from_scratch(solver, goal).qpos[0]
    assert found[solver.scalar_qpos] == pytest.approx(pose[solver.scalar_qpos], abs=1e-2)


GOOD = SITES.read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# nothing", "sites: found no pelvis, upper_body"),
        ("pelvis = [", "TOML: found"),
        (GOOD.replace("[left_toes]", "[left_tail]"), "site: found 'left_tail', expected one of"),
        (GOOD.replace('"shin_left"', '"shank"'), "left_knee.body: found 'shank', expected one of"),
        (GOOD.replace("[0.12, 0.0, -0.03]", "[0.12]", 1), "left_toes.offset: found"),
        (GOOD.replace('body = "head"', 'bone = "head"'), "head: found"),
        (GOOD.replace('body = "head"', "body = 3"), "head: found"),
    ],
)
def test_bad_mappings_are_named(tmp_path, text, message):
    path = tmp_path / "sites.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_own_model(HUMANOID, path)


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        ("<mujoco", "XML: found"),
        ("", "file: found 0 bytes"),
        ("<mujoco><worldbody><body/></worldbody></mujoco>", "pelvis.body: found 'pelvis'"),
    ],
)
def test_bad_models_are_named(tmp_path, xml, message):
    path = tmp_path / "body.xml"
    path.write_text(xml)
    with pytest.raises(InputError, match=message):
        read_own_model(path, SITES)


@pytest.mark.parametrize(
    ("cut", "message"),
    [('<freejoint name="root"/>', "first joint"), ('type="plane"', "floor: found no plane")],
)
def test_a_model_without_free_root_or_floor_is_refused(tmp_path, cut, message):
    path = tmp_path / "body.xml"
    replacement = 'type="box"' if "plane" in cut else ""
    text = re.sub("<keyframe>.*</keyframe>", "", HUMANOID.read_text(), flags=re.DOTALL)
    text = text.replace(cut, replacement)
    path.write_text(text.replace('size="0 0 .05"', 'size="1 1 .05"'))
    with pytest.raises(InputError, match=message):
        read_own_model(path, SITES)


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    import runpy

    source = write_synthetic_smpl(tmp_path / "arms.npz", 30.0)
    monkeypatch.setattr(sys, "argv", ["example", str(source), "--out", str(tmp_path / "clip.npz")])
    runpy.run_path(str(EXAMPLES / "retarget_to_your_humanoid.py"), run_name="__main__")
    assert "rmse_m" in capsys.readouterr().out
    assert MotionClip.load(tmp_path / "clip.npz").model_name == "Humanoid"


def test_a_ball_joint_is_refused_by_name(tmp_path):
    path = tmp_path / "body.xml"
    text = re.sub("<keyframe>.*</keyframe>", "", HUMANOID.read_text(), flags=re.DOTALL)
    text = re.sub(r"<actuator>.*</actuator>", "", text, flags=re.DOTALL)
    path.write_text(
        re.sub(r'<joint name="knee_right"[^>]*>', '<joint name="ball" type="ball"/>', text)
    )
    with pytest.raises(
        InputError, match="joint ball: found a ball or free joint, expected a hinge"
    ):
        read_own_model(path, SITES)
