"""Static optimisation: hand-worked optima, an exact solver, symmetry, and a measured walk."""

import dataclasses
import time

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from motions import arm_wave
from musclemimic_eval.emg import EmgRecording, agree, map_channels
from musclemimic_eval.human.files import read_table
from musclemimic_eval.inverse import StaticConfig, static_optimization
from musclemimic_eval.inverse.analysis import emg_caveat
from musclemimic_eval.inverse.geometry import muscle_geometry
from musclemimic_eval.inverse.static import _cubic, _quadratic
from musclemimic_eval.kinetics.differentiate import differentiate
from musclemimic_eval.kinetics.inverse_dynamics import inverse_dynamics
from musclemimic_eval.kinetics.phantoms import without_phantom_inertia
from musclemimic_models import InputError, MotionClip
from musclemimic_sim.coordination import joint_map
from musclemimic_sim.muscle import bias, gain, muscle_parameters
from scipy.optimize import lsq_linear
from scipy.spatial.transform import Rotation
from trials import walk3d

PLAIN = StaticConfig(contact=False)


def solve(solver, A, b, high=1.0):
    with jax.enable_x64(True):
        A, b = jnp.array([A], float), jnp.array([b], float)
        bounds = jnp.zeros((1, A.shape[2])), jnp.full((1, A.shape[2]), high)
        return np.asarray(solver(A, b, *bounds))[0]


def test_two_muscles_share_by_their_moment_arms():
    # Squares: aᵢ = rᵢ (b − Σ r a), hence a ∝ r and Σ r a = b Σr² / (1 + Σr²).
    a = solve(_quadratic, [[30.0, 40.0]], [20.0])
    np.testing.assert_allclose(a, np.array([30.0, 40.0]) * 20 / (1 + 2500), rtol=1e-8)


def test_cubes_share_by_the_root_of_the_moment_arms():
    # Stationary: 3 aᵢ² = 2 rᵢ · reserve, hence a₁ / a₂ = √(r₁ / r₂), a more even share.
    a = solve(_cubic, [[10.0, 40.0]], [20.0])
    assert a[0] / a[1] == pytest.approx(0.5, rel=1e-4)
    reserve = 20.0 - 10 * a[0] - 40 * a[1]
    np.testing.assert_allclose(3 * a**2, 2 * np.array([10.0, 40.0]) * reserve, rtol=2e-3)


def test_what_muscles_cannot_do_is_left_to_the_reserve():
    np.testing.assert_allclose(solve(_quadratic, [[30.0, 40.0]], [100.0]), 1.0, atol=1e-9)
    np.testing.assert_allclose(solve(_cubic, [[30.0, 40.0]], [100.0]), 1.0, atol=1e-9)
    np.testing.assert_allclose(solve(_quadratic, [[30.0, 40.0]], [-5.0]), 0.0, atol=1e-9)


@pytest.fixture(scope="module")
def wave(arms):
    return arm_wave(arms, 0.6)


@pytest.fixture(scope="module")
def waved(arms, wave):
    return static_optimization(arms, wave, None, config=PLAIN)


def test_activations_are_the_optimum_and_supply_the_moments(arms, wave, waved):
    """Against SciPy's bounded least squares, on arrays made here from MuJoCo's own functions."""
    motion = differentiate(arms, wave.qpos, dt=wave.dt)
    moment = inverse_dynamics(without_phantom_inertia(arms), motion).force
    np.testing.assert_array_equal(moment, waved.joint_moment)
    geometry = muscle_geometry(arms, motion, range(len(motion)))
    with jax.enable_x64(True):
        p = muscle_parameters(arms)
        per_activation = np.asarray(
            gain(p, jnp.array(geometry.length), jnp.array(geometry.velocity))
        )
        passive = np.asarray(bias(p, jnp.array(geometry.length)))
        arms_of = np.asarray(
            joint_map(arms).reduce(jnp.array(geometry.moments), jnp.array(motion.qpos))
        )
    for frame in (0, 20, 45):
        A = (arms_of[frame] * per_activation[frame][:, None]).T
        b = moment[frame] - passive[frame] @ arms_of[frame]
        exact = lsq_linear(
            np.vstack([A, np.eye(A.shape[1])]),
            np.concatenate([b, np.zeros(A.shape[1])]),
            bounds=(0, 1),
            tol=1e-14,
        ).x
        np.testing.assert_allclose(waved.activation[frame], exact, atol=1e-6)
        supplied = arms_of[frame].T @ waved.force[frame] + waved.reserve[frame]
        np.testing.assert_allclose(supplied, moment[frame], atol=1e-8)


def test_forces_are_what_mujoco_gives_for_these_activations(arms, wave, waved):
    m, data = arms.mj_model, mujoco.MjData(arms.mj_model)
    motion = differentiate(arms, wave.qpos, dt=wave.dt)
    for frame in (5, 50):
        data.qpos[:], data.qvel[:] = motion.qpos[frame], motion.qvel[frame]
        data.act[:] = waved.activation[frame]
        mujoco.mj_forward(m, data)
        np.testing.assert_allclose(data.actuator_force, waved.force[frame], atol=1e-6)
        np.testing.assert_allclose(data.actuator_length, waved.length[frame], atol=1e-12)


def test_activation_dynamics_keep_every_step_in_reach(arms, wave, waved):
    result = static_optimization(arms, wave, None, config=dataclasses.replace(PLAIN, dynamics=True))
    rise = np.diff(result.activation, axis=0).max()
    assert rise < 1 - np.exp(-wave.dt / (0.5 * arms.muscles.activation_time.min()))
    assert ((result.excitation >= 0) & (result.excitation <= 1)).all()
    # Replaying the excitations leads to the activations.
    act = result.activation[0]
    for frame in range(1, len(result.time)):
        for _ in range(10):
            rate = [
                mujoco.mju_muscleDynamics(u, a, prm[:3])
                for u, a, prm in zip(
                    result.excitation[frame], act, arms.mj_model.actuator_dynprm, strict=True
                )
            ]
            act = np.clip(act + 0.001 * np.array(rate), 0, 1)
        assert np.abs(act - result.activation[frame]).max() < 0.05
        act = result.activation[frame]
    assert np.corrcoef(result.activation.ravel(), waved.activation.ravel())[0, 1] > 0.95


def test_bad_questions_are_refused(arms, body, wave):
    with pytest.raises(InputError, match="reserve: found 0"):
        static_optimization(arms, wave, None, config=StaticConfig(reserve=0.0))
    with pytest.raises(InputError, match=r"locked: found knee, expected .*elbow_flexion_r"):
        static_optimization(arms, wave, None, config=StaticConfig(locked=("knee",)))
    with pytest.raises(InputError, match=r"BimanualMuscle.*expected MyoFullBody"):
        static_optimization(body, wave, None)


def test_phantoms_weigh_nothing_and_turn_freely(body):
    clean = without_phantom_inertia(body).mj_model
    changed = [
        clean.body(i).name
        for i in range(clean.nbody)
        if (clean.body_inertia[i] != body.mj_model.body_inertia[i]).any()
    ]
    assert sorted(changed) == sorted(
        f"{name}_{side}"
        for name in ("clavphant", "scapphant", "humphant", "humphant1")
        for side in "lr"
    )
    assert body.mj_model.body("humphant_r").inertia.max() > 0.0  # the shared model is untouched
    assert clean.body_mass.sum() == body.mj_model.body_mass.sum()


# The OpenSim subject's walk: motion, ground reaction, EMG of the right leg.


@pytest.fixture(scope="module")
def walked(real_data, body):
    begin = time.process_time()
    clip, placement = walk3d(real_data)
    result = static_optimization(body, clip, placement.ground)
    return result, time.process_time() - begin


def test_a_measured_walk_from_files_to_muscles_takes_under_a_minute(walked):
    assert walked[1] < 60.0


def test_reserves_and_residuals_of_the_walk_are_small(walked, body):
    """Hicks et al. 2015 (J Biomech Eng 137:020905) ask for reserves under 5 % of the peak moment,
    which are kept by far, and a residual force (RMS) under 5 % of the peak ground reaction, where
    this is 5.9 %, which the report says."""
    result, _ = walked
    assert not {"subtalar_angle_r", "mtp_angle_l"} & set(result.joint_names)
    assert np.abs(result.reserve).max() < 0.5  # N m
    legs = [i for i, name in enumerate(result.joint_names) if name.startswith(("hip", "kn", "an"))]
    peaks = np.abs(result.joint_moment[:, legs]).max(axis=0)
    assert (np.abs(result.reserve[:, legs]).max(axis=0) < 0.01 * peaks).all()
    weight = 9.81 * body.mj_model.body_subtreemass[0]
    rms = np.sqrt((result.dynamics.residual_force**2).mean(axis=0))
    assert np.linalg.norm(rms) < 0.08 * weight
    assert ((result.activation >= 0) & (result.activation <= 1)).all()


# Channel: least r without shift, least r at its best lag (which is then 0 to 100 ms: EMG leads).
MEASURED = {
    "soleus": (0.55, 0.90),
    "gastrocnemius": (0.65, 0.90),
    "tibialis_anterior": (0.60, 0.90),
    "medial_hamstrings": (0.90, 0.90),
    "vastus_lateralis": (0.70, 0.80),
    "vastus_medius": (0.50, 0.80),
}


@pytest.fixture(scope="module")
def emg(real_data):
    table = read_table(real_data / "opensim_walk3d" / "electromyography.sto")
    recording = EmgRecording(table.values[:, 0], table.labels[1:], table.values[:, 1:], "envelope")
    return recording.shifted(-0.45)  # the kinematics begin at 0.45 s


def test_activations_of_the_walk_follow_its_emg(walked, emg, body):
    result, _ = walked
    channels = map_channels(emg.labels, body.muscles, default_side="right")
    rows = agree(emg, channels, result.activation, result.time, body.muscle_names)
    found = {row.label: row for row in rows}
    for label, (plain, best) in MEASURED.items():
        row = found[label]
        assert row.r > plain, label
        assert row.best_r > best, label
        assert 0 <= row.lag_s <= 0.1, label
    # A wrong leg must not look as good: the left leg is half a stride away.
    wrong = map_channels(emg.labels, body.muscles, default_side="left")
    left = {
        row.label: row.r
        for row in agree(emg, wrong, result.activation, result.time, body.muscle_names)
    }
    assert all(found[label].r > left[label] + 0.3 for label in MEASURED)


def test_what_an_r_at_the_best_lag_is_worth(walked, emg, body):
    result, _ = walked
    channels = map_channels(emg.labels, body.muscles, default_side="right")
    whole = agree(emg, channels, result.activation, result.time, body.muscle_names)
    assert emg_caveat(whole).startswith("Over 1.33 s that both cover, shifts up to 150 ms")
    assert "says little" not in emg_caveat(whole)
    part = slice(0, 60)
    short = agree(emg, channels, result.activation[part], result.time[part], body.muscle_names)
    assert "Over 0.59 s" in emg_caveat(short)
    assert "Less than a stride: an r at the best lag says little." in emg_caveat(short)


def test_a_mirrored_walk_has_mirrored_muscles(real_data, body):
    clip, placement = walk3d(real_data)
    flip = np.array([1.0, -1.0, 1.0])
    ground = placement.ground.swapped()
    mirrored = dataclasses.replace(
        ground,
        force=ground.force * flip,
        centre_of_pressure=ground.centre_of_pressure * flip,
        free_moment=ground.free_moment * -flip,
    )
    short = slice(30, 60)
    half = mirror(body, clip, short)
    window = dataclasses.replace(mirrored, time=mirrored.time - clip.dt * short.start)
    other = static_optimization(body, half, window, config=PLAIN)
    plain = static_optimization(
        body, cut(clip, short), placement.ground.delayed(-clip.dt * short.start), config=PLAIN
    )
    swapped = other.activation[:, body.mirror_muscle]
    assert np.abs(swapped - plain.activation).max() < 0.02
    assert np.corrcoef(swapped.ravel(), plain.activation.ravel())[0, 1] > 0.999


def cut(clip, frames):
    names = ("qpos", "qvel", "site_pos", "site_quat", "site_linvel", "site_angvel")
    names += ("foot_contact", "frame_status")
    return dataclasses.replace(clip, **{name: getattr(clip, name)[frames] for name in names})


def mirror(model, clip, frames) -> MotionClip:
    """The clip seen in the plane y = 0."""
    part = cut(clip, frames)
    qpos = part.qpos.copy()
    for joint, (other, sign) in enumerate(
        zip(model.mirror_joint, model.mirror_joint_sign, strict=True)
    ):
        if joint:
            qpos[:, joint + 6] = sign * part.qpos[:, other + 6]
    qpos[:, 1] *= -1
    qpos[:, 3:7] = mirrored_quaternion(part.qpos[:, 3:7].copy())
    return dataclasses.replace(part, qpos=model.couplings.apply(qpos))


def mirrored_quaternion(quaternion):
    """Orientation after reflecting the world in y and the body in its lateral axis x."""
    matrix = Rotation.from_quat(quaternion, scalar_first=True).as_matrix()
    world, own = np.diag([1.0, -1, 1]), np.diag([-1.0, 1, 1])
    return Rotation.from_matrix(world @ matrix @ own).as_quat(scalar_first=True)
