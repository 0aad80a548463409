"""Relative site states: invariance, derivatives, logarithm."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from musclemimic_sim.relative import SiteState, relative_state, rotation_log
from scipy.spatial.transform import Rotation

SITES, BATCH = 5, 8


def random_sites(seed: int) -> SiteState:
    rng = np.random.default_rng(seed)
    return SiteState(
        pos=jnp.array(rng.normal(size=(BATCH, SITES, 3))),
        mat=jnp.array(Rotation.random(BATCH * SITES, rng).as_matrix().reshape(BATCH, SITES, 3, 3)),
        linvel=jnp.array(rng.normal(size=(BATCH, SITES, 3))),
        angvel=jnp.array(rng.normal(size=(BATCH, SITES, 3))),
    )


def test_rigid_motion_of_the_whole_scene_changes_nothing():
    """Rotated, moved, and carried along with any linear and angular velocity."""
    sites, rng = random_sites(0), np.random.default_rng(1)
    R = jnp.array(Rotation.random(random_state=2).as_matrix())
    shift, velocity, spin = (jnp.array(rng.normal(size=3)) for _ in range(3))
    pos = sites.pos @ R.T + shift
    moved = SiteState(
        pos=pos,
        mat=R @ sites.mat,
        linvel=sites.linvel @ R.T + velocity + jnp.cross(spin, pos),
        angvel=sites.angvel @ R.T + spin,
    )
    for a, b in zip(relative_state(sites), relative_state(moved), strict=True):
        assert np.abs(np.array(a)).max() > 0.1
        assert np.array(a) == pytest.approx(np.array(b), abs=1e-4)


def test_relative_velocity_is_the_derivative_of_relative_position():
    with jax.enable_x64(True):
        sites, step = random_sites(3), 1e-6

        def after(dt: float) -> SiteState:
            turn = Rotation.from_rotvec(np.array(sites.angvel).reshape(-1, 3) * dt).as_matrix()
            mat = turn.reshape(BATCH, SITES, 3, 3) @ np.array(sites.mat)
            return sites._replace(pos=sites.pos + dt * sites.linvel, mat=jnp.array(mat))

        ahead, behind = relative_state(after(step)), relative_state(after(-step))
        numeric = (np.array(ahead.pos) - np.array(behind.pos)) / (2 * step)
        assert numeric == pytest.approx(np.array(relative_state(sites).linvel), abs=1e-6)
        # Relative angular velocity: R0ᵀ(ω_i − ω_0) turns the relative rotation, in frame 0.
        spin = np.array(relative_state(sites).angvel).reshape(-1, 3)
        start, end = (Rotation.from_rotvec(np.array(r.rot).reshape(-1, 3)) for r in (behind, ahead))
        assert (end * start.inv()).as_rotvec() / (2 * step) == pytest.approx(spin, abs=1e-6)


@pytest.mark.parametrize("angle", [0.0, 1e-4, 0.1, 1.5, 3.0, np.pi - 1e-3])
def test_logarithm_agrees_with_scipy_in_float32(angle):
    rng = np.random.default_rng(0)
    axes = rng.normal(size=(50, 3))
    vectors = angle * axes / np.linalg.norm(axes, axis=1, keepdims=True)
    matrices = jnp.array(Rotation.from_rotvec(vectors).as_matrix(), dtype=jnp.float32)
    assert np.array(rotation_log(matrices)) == pytest.approx(vectors, abs=2e-4)


def test_logarithm_has_finite_gradients_at_identity():
    gradient = jax.grad(lambda m: rotation_log(m).sum())(jnp.eye(3))
    assert np.isfinite(np.array(gradient)).all()
