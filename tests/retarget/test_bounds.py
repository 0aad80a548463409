"""Bounds on what a body can do: below what was done, nothing for its own poses, ends that bind."""

import dataclasses
import json

import numpy as np
import pytest
from musclemimic_retarget import GMRFit, GMRFitConfig, clip_bounds, read_motion
from musclemimic_retarget.cli import main
from musclemimic_retarget.jump_causes import jump_causes
from musclemimic_retarget.pose_cost import IKConfig
from musclemimic_retarget.synthetic import write_synthetic_smpl
from musclemimic_retarget.tendon_jumps import may_jump, tendon_jumps
from musclemimic_retarget.trade_off import FitError, least_angle, least_distance


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    """Half a second of the built-in motion."""
    path = write_synthetic_smpl(tmp_path_factory.mktemp("m") / "arms.npz", 30.0)
    whole = read_motion(path)
    return dataclasses.replace(
        whole, positions=whole.positions[20:40], rotations=whole.rotations[20:40]
    )


@pytest.fixture(scope="module")
def result(arms, motion):
    return GMRFit(arms).solve(motion)


def test_bounds_are_below_what_was_achieved(arms, result):
    bounds = clip_bounds(arms, result, IKConfig())
    assert bounds.achieved.rmse_m == pytest.approx(result.metrics.rmse_m, rel=1e-6)
    assert bounds.achieved.orientation_deg == pytest.approx(
        result.metrics.orientation_error_deg, rel=1e-4
    )
    # Every third frame stands for all.
    assert bounds.positions.rmse_m < 1.02 * bounds.achieved.rmse_m
    assert bounds.orientations.orientation_deg < 1.02 * bounds.achieved.orientation_deg
    assert bounds.positions.rmse_m <= bounds.both.rmse_m <= 1.02 * bounds.orientations.rmse_m
    assert bounds.orientations.orientation_deg <= 1.02 * bounds.both.orientation_deg
    assert bounds.both.orientation_deg <= 1.02 * bounds.positions.orientation_deg
    assert bounds.soles_off_floor_m is None
    # Balances that count angles as angles, at no more than the clip's millimetres and degrees.
    made = bounds.achieved
    assert least_angle(bounds.trade_off, 1.02 * made.rmse_m) < 1.02 * made.orientation_deg
    assert least_distance(bounds.trade_off, 1.02 * made.orientation_deg) < 1.02 * made.rmse_m
    first, last = bounds.trade_off[0], bounds.trade_off[-1]
    assert first.rmse_m < 0.9 * last.rmse_m
    assert last.orientation_deg < 0.95 * first.orientation_deg


def test_between_balances_by_hand():
    """Straight lines between balances; nothing beyond the last of them."""
    errors = [FitError(0.010, 4.0), FitError(0.012, 3.0), FitError(0.020, 2.0)]
    assert least_angle(errors, 0.011) == pytest.approx(3.5)
    assert least_angle(errors, 0.016) == pytest.approx(2.5)
    assert least_angle(errors, 0.5) == pytest.approx(2.0)
    assert least_angle(errors, 0.009) is None
    assert least_distance(errors, 2.5) == pytest.approx(0.016)
    assert least_distance(errors, 9.0) == pytest.approx(0.010)
    assert least_distance(errors, 1.9) is None


def test_an_elbow_flung_straight_is_why_a_tendon_jumps(arms, result):
    """12° in one frame of 10 ms, in targets and clip alike."""
    body, frames = GMRFit(arms)._body, len(result.clip)
    column = arms.mj_model.joint("elbow_flexion_r").qposadr[0]
    qpos = np.repeat(np.asarray(result.clip.qpos)[:1], frames, axis=0)
    slow = np.deg2rad(90.0) - 1e-4 * np.arange(frames)
    qpos[:, column] = np.where(np.arange(frames) < 30, slow, slow - np.deg2rad(12.0))
    qpos = arms.couplings.apply(qpos)
    clip = dataclasses.replace(result.clip, qpos=qpos)
    targets = dataclasses.replace(result.targets, quat=body.poses(qpos).site_quat)
    (cause,) = jump_causes(arms, body, dataclasses.replace(result, clip=clip, targets=targets))
    assert cause.time_s == pytest.approx(0.30)
    assert cause.joint == "elbow_flexion_r"
    assert cause.speed_deg_per_s == pytest.approx(1200.0, abs=5.0)
    assert cause.source_deg_per_s == pytest.approx(1200.0, abs=5.0)
    assert cause.change_percent > 5.0
    calm = dataclasses.replace(clip, qpos=np.repeat(qpos[:1], frames, axis=0))
    assert not jump_causes(arms, body, dataclasses.replace(result, clip=calm, targets=targets))


def test_the_quick_look_suspects_what_jumps_for_40_ms_and_lets_the_slow_pass(arms, result):
    model, frames = arms.mj_model, len(result.clip)
    column = model.joint("elbow_flexion_r").qposadr[0]
    for speed, jumps in ((12.0, True), (0.5, False)):
        qpos = np.repeat(np.asarray(result.clip.qpos)[:1], frames, axis=0)
        # Still, then straightening for four frames, at so many degrees a frame.
        angle = 60.0 - 1e-2 * np.arange(frames) - speed * np.clip(np.arange(frames) - 31, 0, 4)
        qpos[:, column] = np.deg2rad(angle)
        qpos = arms.couplings.apply(qpos)
        assert may_jump(model, qpos) == jumps
        assert (tendon_jumps(model, qpos).frames > 0) == jumps


def test_the_bodys_own_poses_leave_nothing(arms, result):
    clip = result.clip
    own = dataclasses.replace(result.targets, pos=clip.site_pos, quat=clip.site_quat)
    # A clip off its targets, so that the bound has to be found.
    moved = np.asarray(clip.qpos).copy()
    scalars, (low, high) = arms.couplings.scalar_qpos, arms.couplings.box.T
    moved[:, scalars] = np.clip(moved[:, scalars] + 0.1, low, high)
    astray = dataclasses.replace(clip, qpos=arms.couplings.apply(moved))
    bounds = clip_bounds(arms, dataclasses.replace(result, clip=astray, targets=own), IKConfig())
    assert bounds.achieved.rmse_m > 0.01
    assert bounds.positions.rmse_m < 1e-4
    assert bounds.orientations.orientation_deg < 0.02
    assert bounds.both.rmse_m < 1e-4


def test_an_elbow_asked_beyond_its_end_is_named(arms, result):
    column = arms.mj_model.joint("elbow_flexion_r").qposadr[0]
    (row,) = np.flatnonzero(arms.couplings.scalar_qpos == column)
    highest, beyond = float(arms.couplings.box[row, 1]), np.deg2rad(15.0)
    qpos = np.asarray(result.clip.qpos).copy()
    qpos[:, column] = highest + beyond
    body = GMRFit(arms)._body
    seen = body.poses(arms.couplings.apply(qpos))
    targets = dataclasses.replace(result.targets, pos=seen.site_pos, quat=seen.site_quat)
    qpos[:, column] = highest
    clip = dataclasses.replace(result.clip, qpos=arms.couplings.apply(qpos))
    bounds = clip_bounds(arms, dataclasses.replace(result, clip=clip, targets=targets), IKConfig())
    elbow = next(joint for joint in bounds.joints if joint.joint == "elbow_flexion_r")
    assert elbow.share_percent == 100.0
    assert elbow.end_deg == pytest.approx(np.rad2deg(highest), abs=1e-6)
    assert elbow.asked_deg == pytest.approx(np.rad2deg(highest + beyond), abs=1.0)
    # Whatever the shoulder does, the forearm stays short of it.
    assert bounds.both.orientation_deg > 0.5


@pytest.mark.slow
def test_the_knee_of_a_run_ends_before_the_persons(full_body, real_data):
    run = read_motion(real_data / "bvh/bandai2_run_normal_001.bvh")
    bounds = clip_bounds(full_body, GMRFit(full_body).solve(run), GMRFitConfig().ik)
    for side in "lr":
        knee = next(joint for joint in bounds.joints if joint.joint == f"knee_angle_{side}")
        assert knee.end_deg == pytest.approx(120.0, abs=0.1)
        assert knee.asked_deg == pytest.approx(136.0, abs=5.0)  # the data's README
    assert bounds.orientations.orientation_deg < bounds.both.orientation_deg
    assert bounds.soles_off_floor_m is not None
    # Both bars can be met at once, and are.
    assert bounds.achieved.rmse_m <= 0.015
    assert bounds.achieved.orientation_deg <= 3.0
    assert bounds.least_angle_deg < bounds.achieved.orientation_deg
    assert bounds.least_rmse_m < bounds.achieved.rmse_m


def test_the_command_prints_a_document_or_a_table(tmp_path, capsys):
    path = str(write_synthetic_smpl(tmp_path / "arms.npz", 30.0))
    assert main(["bounds", path, "--model", "bimanual", "--json"]) == 0
    (bounds,) = json.loads(capsys.readouterr().out).values()
    assert bounds["positions"]["rmse_m"] <= 1.02 * bounds["achieved"]["rmse_m"]
    assert main(["bounds", path, "--model", "bimanual"]) == 0
    printed = capsys.readouterr().out
    assert "joints at their ends" in printed
    assert max(len(line) for line in printed.splitlines()) <= 80
