"""The targets' knee goes where the model's own goes as it bends."""

import numpy as np
import pytest
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.knee_track import measure_knee


def poses_of(body, side, knee_deg, hip):
    qpos = np.repeat(body.model.qpos0[None], len(knee_deg), axis=0)
    for name, value in (("knee_angle", np.deg2rad(knee_deg)), ("hip_flexion", hip)):
        qpos[:, body.model.joint(f"{name}_{side[0]}").qposadr[0]] = value
    return body.poses(body.musculo.couplings.apply(qpos))


@pytest.mark.parametrize("side", ["left", "right"])
def test_knee_centres_are_those_of_the_models_own_kinematics(full_body, side):
    body = KinematicBody.of(full_body)
    track = measure_knee(body, side)
    poses = poses_of(body, side, np.array([0.0, 10.0, 47.0, 90.0, 120.0]), 0.6)
    hip, knee = body.site(f"{side}_hip"), body.site(f"{side}_knee")
    way = poses.site_pos[:, knee] - poses.site_pos[:, hip]
    found = track.at(poses.site_mat[:, hip], poses.site_mat[:, knee])
    np.testing.assert_allclose(found, way, atol=1e-4)
    # What a hinge fixed on the thigh would miss.
    fixed = (poses.site_mat[:, hip] @ track.place[0][:, None])[..., 0]
    assert np.linalg.norm(fixed - way, axis=1).max() == pytest.approx(0.0069, abs=0.001)


def test_beyond_its_range_the_knee_stays_where_it_ended(full_body):
    """People bend further than the model's 120°, and joint centres a little backwards."""
    body = KinematicBody.of(full_body)
    track = measure_knee(body, "right")
    thigh = np.repeat(np.eye(3)[None], 2, axis=0)
    turned = {angle: turn_about(track.axis, angle) @ track.straight for angle in (-0.1, 2.4)}
    found = track.at(thigh, np.stack(list(turned.values())))
    np.testing.assert_allclose(found, track.place[[0, -1]], atol=1e-12)


def turn_about(axis, angle):
    """Rodrigues' formula."""
    x, y, z = axis
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * skew @ skew


def test_a_model_without_legs_has_no_track(arms):
    assert measure_knee(KinematicBody.of(arms), "left") is None
