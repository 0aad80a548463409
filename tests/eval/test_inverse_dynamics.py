"""Inverse dynamics: Newton's laws, energy, virtual work, and a published trial."""

import copy
from pathlib import Path

import mujoco
import numpy as np
import pytest
from musclemimic_eval.human.files import read_table
from musclemimic_eval.kinetics.differentiate import DifferentiatedMotion, differentiate
from musclemimic_eval.kinetics.ground_reaction import GRAVITY, LEFT, GroundReaction
from musclemimic_eval.kinetics.inverse_dynamics import inverse_dynamics
from musclemimic_eval.kinetics.newton_euler import Wrench, newton_euler
from musclemimic_eval.kinetics.phantoms import without_phantom_inertia
from musclemimic_models import InputError, get_musculo_model
from scipy.spatial.transform import Rotation
from trials import WALK3D_MASS, walk3d

MODEL = get_musculo_model("MyoFullBody", fingers=False)
BODY = MODEL.mj_model
DT = 1e-3
MASS = float(BODY.body_subtreemass[0])


def wriggle(frames: int = 400, seed: int = 0) -> np.ndarray:
    """A smooth motion of root and every joint, couplings satisfied."""
    rng = np.random.default_rng(seed)
    time = DT * np.arange(frames)
    qpos = np.tile(BODY.qpos0, (frames, 1))
    phase, speed = rng.uniform(0, 6.28, BODY.nq), rng.uniform(2, 8, BODY.nq)
    waves = np.sin(speed * time[:, None] + phase)
    scalar = MODEL.couplings.scalar_qpos
    low, high = np.clip(MODEL.couplings.box, -1.5, 1.5).T
    qpos[:, scalar] = (low + high) / 2 + 0.3 * (high - low) * waves[:, scalar]
    qpos[:, :3] += 0.2 * waves[:, :3]
    turn = Rotation.from_rotvec(0.5 * waves[:, 3:6])
    start = Rotation.from_quat(BODY.qpos0[3:7] / np.linalg.norm(BODY.qpos0[3:7]), scalar_first=True)
    qpos[:, 3:7] = (turn * start).as_quat(scalar_first=True)
    return MODEL.couplings.apply(qpos)


def pushed(motion: DifferentiatedMotion, force: tuple[float, float, float]) -> GroundReaction:
    """A constant force and free moment on the left heel bone's origin."""
    data = mujoco.MjData(BODY)
    points = np.full((len(motion), 2, 3), np.nan)
    for frame in range(len(motion)):
        data.qpos[:] = motion.qpos[frame]
        mujoco.mj_kinematics(BODY, data)
        points[frame, LEFT] = data.body("calcn_l").xpos
    forces, moments = np.zeros((2, len(motion), 2, 3))
    forces[:, LEFT], moments[:, LEFT] = force, (0.0, 0.0, 5.0)
    return GroundReaction(motion.time, forces, points, moments, "model")


def mechanics(motion: DifferentiatedMotion) -> tuple[np.ndarray, np.ndarray]:
    """Energy, J, and centre of mass, m, without rotor inertia."""
    body = copy.copy(BODY)
    body.dof_armature[:] = 0.0
    data = mujoco.MjData(body)
    energy, centre = np.empty(len(motion)), np.empty((len(motion), 3))
    for frame in range(len(motion)):
        data.qpos[:], data.qvel[:] = motion.qpos[frame], motion.qvel[frame]
        mujoco.mj_fwdPosition(body, data)
        mujoco.mj_fwdVelocity(body, data)
        mujoco.mj_energyPos(body, data)
        mujoco.mj_energyVel(body, data)
        # Neither springs nor tendons: gravity and motion only.
        centre[frame] = data.subtree_com[0]
        energy[frame] = data.energy[1] + MASS * GRAVITY * centre[frame, 2]
    return energy, centre


def test_derivatives_agree_with_mujocos_own_differences() -> None:
    motion = differentiate(MODEL, wriggle(), dt=DT, cutoff_hz=None)
    forward, backward = np.empty((2, BODY.nv))
    for frame in (50, 200, 350):
        mujoco.mj_differentiatePos(BODY, forward, DT, motion.qpos[frame], motion.qpos[frame + 1])
        mujoco.mj_differentiatePos(BODY, backward, DT, motion.qpos[frame - 1], motion.qpos[frame])
        np.testing.assert_allclose(
            motion.qvel[frame], (forward + backward) / 2, atol=2e-4, rtol=1e-4
        )
        np.testing.assert_allclose(
            motion.qacc[frame], (forward - backward) / DT, atol=0.02, rtol=1e-3
        )


def test_residual_force_is_newtons_second_law() -> None:
    """F_residual + F_ground + m g = m a of the centre of mass, a by differences."""
    motion = differentiate(MODEL, wriggle(), dt=DT, cutoff_hz=None)
    result = inverse_dynamics(MODEL, motion, pushed(motion, (30.0, -20.0, 500.0)))
    _, centre = mechanics(motion)
    acceleration = np.diff(centre, 2, axis=0) / DT**2
    upward = np.array([0.0, 0.0, GRAVITY])
    expected = MASS * (acceleration + upward) - np.array([30.0, -20.0, 500.0])
    np.testing.assert_allclose(result.residual_force[1:-1][20:-20], expected[20:-20], atol=0.5)


def test_power_of_all_forces_is_the_change_of_energy() -> None:
    """τ · q̇ + P_ground = dE/dt."""
    motion = differentiate(MODEL, wriggle(), dt=DT, cutoff_hz=None)
    ground = pushed(motion, (30.0, -20.0, 500.0))
    result = inverse_dynamics(MODEL, motion, ground)
    energy, _ = mechanics(motion)
    power = np.sum(result.every_dof * motion.qvel, axis=1)
    data = mujoco.MjData(BODY)
    for frame in range(len(motion)):
        data.qpos[:], data.qvel[:] = motion.qpos[frame], motion.qvel[frame]
        mujoco.mj_kinematics(BODY, data)
        mujoco.mj_comPos(BODY, data)
        mujoco.mj_comVel(BODY, data)
        twist = np.empty(6)
        foot = BODY.body("calcn_l").id
        mujoco.mj_objectVelocity(BODY, data, mujoco.mjtObj.mjOBJ_XBODY, foot, twist, 0)
        power[frame] += ground.force[frame, LEFT] @ twist[3:] + 5.0 * twist[2]
    change = np.gradient(energy, DT)
    scale = np.abs(change).max()
    np.testing.assert_allclose(power[20:-20], change[20:-20], atol=2e-3 * scale)


def test_coupled_forces_do_the_work_of_all() -> None:
    motion = differentiate(MODEL, wriggle(), dt=DT, cutoff_hz=None)
    result = inverse_dynamics(MODEL, motion)
    qvel = MODEL.couplings.apply_velocity(motion.qpos, motion.qvel)
    every = np.sum(result.every_dof * qvel, axis=1)
    independent = np.sum(result.force * qvel[:, MODEL.couplings.free_dof], axis=1)
    np.testing.assert_allclose(independent, every, rtol=1e-9, atol=1e-9)
    assert len(result.names) == result.force.shape[1] == 37


def test_someone_standing_still_over_their_feet_has_no_residual() -> None:
    qpos = np.tile(MODEL.couplings.apply(BODY.qpos0), (5, 1))
    qpos[:, 3:7] /= np.linalg.norm(qpos[:, 3:7], axis=1, keepdims=True)
    motion = differentiate(MODEL, qpos, dt=0.01, cutoff_hz=None)
    _, centre = mechanics(motion)
    force, point, moment = np.zeros((5, 2, 3)), np.full((5, 2, 3), np.nan), np.zeros((5, 2, 3))
    for foot in (0, 1):
        force[:, foot, 2] = MASS * GRAVITY / 2
        point[:, foot] = [*centre[0, :2], 0.0]
    result = inverse_dynamics(
        MODEL, motion, GroundReaction(motion.time, force, point, moment, "model")
    )
    np.testing.assert_allclose(result.residual_force, 0.0, atol=1e-9)
    np.testing.assert_allclose(result.residual_moment, 0.0, atol=1e-8)
    # Without the ground the whole weight is a residual.
    alone = inverse_dynamics(MODEL, motion)
    np.testing.assert_allclose(alone.residual_force[:, 2], MASS * GRAVITY, rtol=1e-9)


def test_turning_and_moving_the_whole_scene_changes_no_joint_moment(real_data: Path) -> None:
    clip, placement = walk3d(real_data)
    motion = differentiate(MODEL, clip.qpos, dt=clip.dt)
    reference = inverse_dynamics(MODEL, motion, placement.ground)
    turn = Rotation.from_euler("z", 130, degrees=True)
    shift = np.array([3.0, -1.0, 0.0])
    qpos = clip.qpos.copy()
    qpos[:, :3] = turn.apply(qpos[:, :3]) + shift
    qpos[:, 3:7] = (turn * Rotation.from_quat(qpos[:, 3:7], scalar_first=True)).as_quat(
        scalar_first=True
    )
    moved = inverse_dynamics(
        MODEL,
        differentiate(MODEL, qpos, dt=clip.dt),
        placement.ground.moved(turn.as_matrix(), shift),
    )
    np.testing.assert_allclose(moved.force[:, 6:], reference.force[:, 6:], atol=1e-6)
    np.testing.assert_allclose(
        moved.residual_force, turn.apply(reference.residual_force.copy()), atol=1e-6
    )


@pytest.mark.parametrize("side", ["r", "l"])
@pytest.mark.parametrize("joint", ["hip_flexion", "knee_angle", "ankle_angle"])
def test_moments_agree_with_opensims(real_data: Path, joint: str, side: str) -> None:
    """opensim_walk3d: id_walk.sto, N m/kg; the model differs (mass distribution, foot)."""
    clip, placement = walk3d(real_data)
    result = inverse_dynamics(MODEL, differentiate(MODEL, clip.qpos, dt=clip.dt), placement.ground)
    table = read_table(real_data / "opensim_walk3d" / "id_walk.sto")
    theirs = table.values[:, table.labels.index(f"{joint}_{side}_moment")] / WALK3D_MASS
    time = table.values[:, 0]
    reference = np.interp(time[0] + result.time, time, theirs)
    ours = result.joint(f"{joint}_{side}") / result.mass
    assert np.corrcoef(ours, reference)[0, 1] >= 0.95
    assert np.sqrt(np.mean((ours - reference) ** 2)) <= 0.15


def test_ground_reaction_has_to_be_placed_and_to_cover_the_motion(real_data: Path) -> None:
    clip, placement = walk3d(real_data)
    motion = differentiate(MODEL, clip.qpos, dt=clip.dt)
    with pytest.raises(InputError, match="frame: found laboratory, expected 'model'"):
        measured = GroundReaction(
            placement.ground.time,
            placement.ground.force,
            placement.ground.centre_of_pressure,
            placement.ground.free_moment,
            "laboratory",
        )
        inverse_dynamics(MODEL, motion, measured)
    with pytest.raises(InputError, match="time: found"):
        inverse_dynamics(MODEL, motion, placement.ground.delayed(5.0))
    with pytest.raises(InputError, match="coordinate: found 'hip_r'"):
        inverse_dynamics(MODEL, motion, placement.ground).joint("hip_r")


@pytest.mark.parametrize("name", ["MyoFullBody", "BimanualMuscle"])
@pytest.mark.parametrize("phantoms", [True, False])
def test_all_frames_at_once_agree_with_mujoco_one_by_one(name: str, phantoms: bool) -> None:
    """`mj_inverse` without contact, constraints, rotor inertia and passive forces."""
    model = get_musculo_model(name, fingers=False)
    body = copy.copy(model.mj_model if phantoms else without_phantom_inertia(model).mj_model)
    rng = np.random.default_rng(0)
    frames = 1003  # more than are worked on at once
    qpos = body.qpos0 + rng.normal(size=(frames, body.nq))
    qvel, qacc = 3 * rng.normal(size=(frames, body.nv)), 20 * rng.normal(size=(frames, body.nv))
    bodies = [body.body(name).id for name in ("calcn_l", "toes_r", "ulna_l", "world")
              if name in {body.body(index).name for index in range(body.nbody)}]  # fmt: skip
    force, moment = 300 * rng.normal(size=(2, len(bodies), frames, 3))
    wrenches = [Wrench(*each) for each in zip(bodies, force, moment, strict=True)]
    ours = newton_euler(body, qpos, qvel, qacc, wrenches)
    body.dof_armature[:] = 0.0
    off = mujoco.mjtDisableBit
    for flag in (off.mjDSBL_CONSTRAINT, off.mjDSBL_SPRING, off.mjDSBL_DAMPER):
        body.opt.disableflags |= int(flag)
    data = mujoco.MjData(body)
    seen = (0, 1, 500, 999, 1000, 1002)
    theirs = np.empty((len(seen), body.nv))
    for row, frame in enumerate(seen):
        data.qpos[:], data.qvel[:], data.qacc[:] = qpos[frame], qvel[frame], qacc[frame]
        mujoco.mj_inverse(body, data)
        pushed = np.zeros(body.nv)
        for index, at in enumerate(bodies):
            push, twist = force[index, frame], moment[index, frame]
            mujoco.mj_applyFT(body, data, push, twist, np.zeros(3), at, pushed)
        theirs[row] = data.qfrc_inverse - pushed
    scale = np.abs(theirs).max(axis=0)
    np.testing.assert_allclose(ours[list(seen)] / scale, theirs / scale, atol=1e-8)


def test_ball_joints_are_refused() -> None:
    xml = (
        "<mujoco><worldbody><body><joint type='ball'/><geom size='1'/></body></worldbody></mujoco>"
    )
    ball = mujoco.MjModel.from_xml_string(xml)
    with pytest.raises(ValueError, match="not ball joints"):
        newton_euler(ball, np.zeros((1, 4)), np.zeros((1, 3)), np.zeros((1, 3)))
