import numpy as np
from musclemimic_retarget.rotations import (
    angle_between,
    continuous,
    matrices,
    quaternions,
    rotation,
    rotation_log,
    shortest_arc,
    without_twist,
    wxyz,
)
from scipy.spatial.transform import Rotation

ROUNDING = 1e-12


def test_quaternions_and_matrices_round_trip():
    turns = Rotation.random(20, rng=np.random.default_rng(0))
    back = matrices(quaternions(turns.as_matrix().reshape(4, 5, 3, 3)))
    np.testing.assert_allclose(back.reshape(-1, 3, 3), turns.as_matrix(), atol=ROUNDING)


def test_the_scalar_comes_first():
    quarter_turn = Rotation.from_rotvec([[0.0, 0.0, np.pi / 2]])
    np.testing.assert_allclose(wxyz(quarter_turn)[0], [np.sqrt(0.5), 0, 0, np.sqrt(0.5)])
    np.testing.assert_allclose(
        rotation(wxyz(quarter_turn)).apply([1, 0, 0])[0], [0, 1, 0], atol=1e-12
    )


def test_rotation_log_inverts_the_exponential():
    vectors = np.random.default_rng(1).uniform(-1.5, 1.5, size=(50, 3))
    np.testing.assert_allclose(
        rotation_log(Rotation.from_rotvec(vectors).as_matrix()), vectors, atol=1e-9
    )
    np.testing.assert_array_equal(rotation_log(np.eye(3)[None]), np.zeros((1, 3)))


def test_continuous_quaternions_never_jump_to_the_other_half_sphere():
    angles = np.linspace(0, 6 * np.pi, 200)
    curve = wxyz(Rotation.from_rotvec(angles[:, None] * [0.0, 0.0, 1.0]))
    curve[::7] *= -1
    smooth = continuous(curve)
    assert (np.sum(smooth[1:] * smooth[:-1], axis=1) > 0.9).all()
    np.testing.assert_allclose(matrices(smooth), matrices(curve), atol=ROUNDING)


def test_shortest_arc_turns_start_into_end():
    start, end = np.array([1.0, 2.0, -0.5]), np.array([-0.3, 0.8, 2.0])
    turned = shortest_arc(start, end) @ start / np.linalg.norm(start)
    np.testing.assert_allclose(turned, end / np.linalg.norm(end), atol=ROUNDING)


def test_without_twist_keeps_where_the_axis_points_and_drops_the_rest():
    axis = np.array([1.0, 0.0, 0.0])
    swing = Rotation.from_rotvec([0.0, 0.4, -0.9])
    twisted = swing * Rotation.from_rotvec([0.7, 0.0, 0.0])
    np.testing.assert_allclose(
        without_twist(twisted.as_matrix()[None], axis)[0], swing.as_matrix(), atol=ROUNDING
    )


def test_angle_between_is_exact_for_small_angles_and_ignores_sign():
    first = wxyz(Rotation.from_rotvec([[0.0, 0.0, 0.0]]))
    second = -wxyz(Rotation.from_rotvec([[0.0, 1e-7, 0.0]]))
    np.testing.assert_allclose(angle_between(first, second), 1e-7, rtol=1e-6)
