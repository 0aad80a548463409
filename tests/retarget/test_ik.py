import dataclasses
from dataclasses import dataclass, field

import mujoco
import numpy as np
from musclemimic_models.build import MIMIC_PREFIX
from musclemimic_models.couplings import find_couplings
from musclemimic_retarget import kinematics
from musclemimic_retarget.bounded_steps import bounded_steps
from musclemimic_retarget.feasible import clip_to_feasible
from musclemimic_retarget.ik import InverseKinematics
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.linkage import linkage, site_velocities
from musclemimic_retarget.normal_equations import NormalEquations
from musclemimic_retarget.pose_cost import IKConfig, SiteTargets
from musclemimic_retarget.rotations import matrices
from musclemimic_retarget.starts import from_scratch
from scipy.optimize import lsq_linear

# Central differences with this step, rad or m, leave errors of its square.
STEP = 1e-5
JACOBIAN_TOLERANCE = 1e-7


@dataclass(frozen=True)
class TwoArms:
    """Two hinged arms and a wrist on a fixed trunk; the right arm follows the left, turned."""

    label: str = "two arms"
    mj_model: mujoco.MjModel = field(
        default_factory=lambda: mujoco.MjModel.from_xml_string(
            """<mujoco><compiler angle="radian"/>
            <worldbody><body name="trunk" pos="0 0 1"><geom size="0.1"/>
            <site name="mimic_trunk"/>
            <body name="left" pos="0 0.2 0.4"><joint name="left" axis="1 0 0" range="-2 2"/>
              <geom size="0.1" pos="0 0.2 0"/><site name="mimic_left" pos="0.1 0.3 0"/></body>
            <body name="right" pos="0 -0.2 0.4"><joint name="right" axis="0 1 0" range="-2 2"/>
              <geom size="0.1" pos="0 -0.2 0"/>
              <body name="hand" pos="0 -0.3 0"><joint name="wrist" axis="0 0 1" range="-2 2"/>
                <geom size="0.1"/><site name="mimic_right" pos="0.2 0 0.1"/></body></body>
            </body></worldbody>
            <equality><joint joint1="right" joint2="left" polycoef="0 0.5 0.1 0 0"/></equality>
            </mujoco>"""
        )
    )
    joint_names: tuple[str, ...] = ("left", "right", "wrist")
    mimic_sites: dict[str, str] = field(
        default_factory=lambda: {"trunk": "trunk", "left": "left", "right": "hand"}
    )
    content_sha256: str = ""
    has_free_root: bool = False

    @property
    def couplings(self):
        return find_couplings(self.mj_model)


def random_pose(body, rng, share=0.6):
    couplings = body.musculo.couplings
    qpos = body.model.qpos0.copy()
    middle, width = couplings.box.mean(axis=1), np.diff(couplings.box)[:, 0]
    qpos[couplings.scalar_qpos] = middle + share * width * (rng.random(len(middle)) - 0.5)
    return couplings.apply(qpos)


def targets_of(body, qpos):
    poses = body.poses(qpos[None])
    ones = np.ones(len(body.site_names))
    return SiteTargets(poses.site_pos, poses.site_mat, ones, ones)


def test_the_stripped_model_has_the_kinematics_of_the_full_one(either_model):
    body, full = KinematicBody.of(either_model), either_model.mj_model
    assert (
        tuple(body.model.joint(i).name for i in range(body.model.njnt)) == either_model.joint_names
    )
    qpos = random_pose(body, np.random.default_rng(0))
    data = mujoco.MjData(full)
    data.qpos[:] = qpos
    mujoco.mj_kinematics(full, data)
    poses = body.poses(qpos[None])
    ids = [full.site(MIMIC_PREFIX + name).id for name in body.site_names]
    np.testing.assert_allclose(poses.site_pos[0], data.site_xpos[ids], atol=1e-12)
    np.testing.assert_allclose(
        matrices(poses.site_quat[0]), data.site_xmat[ids].reshape(-1, 3, 3), atol=1e-12
    )
    np.testing.assert_allclose(poses.body_pos[0], data.xpos, atol=1e-12)


def finite_difference_jacobian(solver, qpos):
    """(S, 6, F): turn x, y, z and shift x, y, z of every site with every unknown."""
    body, unknowns = solver.body, len(solver.cost.lower)
    jacobian = np.empty((len(body.site_names), 6, unknowns))
    for column in range(unknowns):
        step = np.zeros((1, unknowns))
        step[0, column] = STEP
        before, after = (body.poses(solver.moved(qpos[None], sign * step)) for sign in (-1.0, 1.0))
        jacobian[:, 3:, column] = (after.site_pos - before.site_pos)[0] / (2 * STEP)
        turned = matrices(after.site_quat[0]) @ np.swapaxes(matrices(before.site_quat[0]), 1, 2)
        skew = (turned - np.swapaxes(turned, 1, 2)) / (4 * STEP)
        jacobian[:, :3, column] = np.stack([skew[:, 2, 1], skew[:, 0, 2], skew[:, 1, 0]], axis=1)
    return jacobian


def test_pulls_on_the_sites_act_as_finite_differences_say(either_model):
    """A unit of force or torque on one site gives that row of the Jacobian, couplings included."""
    body = KinematicBody.of(either_model)
    solver, equations = InverseKinematics(body), NormalEquations(body)
    rng = np.random.default_rng(1)
    for _ in range(3):
        qpos = random_pose(body, rng)
        if either_model.has_free_root:
            qpos[:3] += [3.0, -2.0, 0.5]
        expected = finite_difference_jacobian(solver, qpos).reshape(-1, len(equations.dofs))
        same = np.repeat(qpos[None], len(expected), axis=0)
        units = np.eye(len(expected)).reshape(-1, 6, len(expected))
        rows = equations.gradient(equations.leverage(same, linkage(body, same)), units)
        np.testing.assert_allclose(rows, expected, atol=JACOBIAN_TOLERANCE)


def test_the_hessian_is_that_of_the_finite_difference_jacobian(either_model):
    body = KinematicBody.of(either_model)
    solver, equations, rng = (
        InverseKinematics(body),
        NormalEquations(body),
        np.random.default_rng(8),
    )
    poses = np.stack([random_pose(body, rng) for _ in range(3)])
    # Other weights for every axis, site and pose.
    weight = rng.uniform(0.1, 2.0, (len(body.site_names), 6, 3))
    leverage = equations.leverage(poses, linkage(body, poses))
    hessian = equations.hessian(leverage, weight)
    for pose in range(3):
        jacobian = finite_difference_jacobian(solver, poses[pose])
        expected = np.einsum("sif,si,sig->fg", jacobian, weight[..., pose], jacobian)
        np.testing.assert_allclose(hessian[pose], expected, atol=1e-5)


def test_a_coupling_across_limbs_counts_in_the_normal_equations():
    """One unknown that moves two limbs with different sites."""
    body = KinematicBody.of(TwoArms())
    solver, equations = InverseKinematics(body), NormalEquations(body)
    qpos = body.musculo.couplings.apply(np.array([0.4, 0.0, 0.3]))
    jacobian = finite_difference_jacobian(solver, qpos)
    assert jacobian.shape == (3, 6, 2)
    assert (np.abs(jacobian[1:, :, 0]).max(axis=1) > 0.1).all()
    leverage = equations.leverage(qpos[None], linkage(body, qpos[None]))
    weight = np.ones((3, 6, 1))
    expected = np.einsum("sif,sig->fg", jacobian, jacobian)
    np.testing.assert_allclose(equations.hessian(leverage, weight)[0], expected, atol=1e-6)
    pull = np.random.default_rng(0).normal(size=(3, 6, 1))
    expected = np.einsum("sif,si->f", jacobian, pull[..., 0])
    np.testing.assert_allclose(equations.gradient(leverage, pull)[0], expected, atol=1e-6)


def test_gradient_is_the_slope_of_the_cost(either_model):
    body = KinematicBody.of(either_model)
    solver = InverseKinematics(body, IKConfig(neutral=1e-2))
    rng = np.random.default_rng(2)
    goal, qpos = targets_of(body, random_pose(body, rng)), random_pose(body, rng, 0.3)
    # Orientation residuals: the logarithm's own Jacobian is not part of Gauss-Newton, so only
    # positions are compared.
    goal = SiteTargets(goal.pos, goal.mat, goal.pos_weight, 0 * goal.rot_weight)
    gradient = solver.cost.slope(qpos[None], goal, None).gradient[0]
    for column in range(len(gradient)):
        step = np.zeros((1, len(gradient)))
        step[0, column] = STEP
        costs = [
            solver.cost.slope(solver.moved(qpos[None], s * step), goal, None).cost[0]
            for s in (-1, 1)
        ]
        slope = (costs[1] - costs[0]) / (2 * STEP)
        np.testing.assert_allclose(-2 * gradient[column], slope, atol=1e-6)


def test_recovers_a_random_feasible_pose_from_its_sites(either_model):
    body = KinematicBody.of(either_model)
    solver = InverseKinematics(body, IKConfig(neutral=1e-9, iterations=200))
    exact = InverseKinematics(
        body, IKConfig(neutral=0.0, iterations=200, tolerance=1e-9, least_decrease=0.0)
    )
    rng = np.random.default_rng(3)
    seen = solver.scalar_qpos
    for _ in range(5):
        pose = random_pose(body, rng)
        near = from_scratch(solver, targets_of(body, pose)).qpos
        assert np.abs(near[0, seen] - pose[seen]).max() < 1e-2
        result = exact.solve(targets_of(body, pose), near)
        assert result.converged.all()
        np.testing.assert_allclose(result.qpos[0, seen], pose[seen], atol=1e-6)


def test_solutions_stay_in_the_box_and_on_the_couplings(either_model):
    body = KinematicBody.of(either_model)
    solver = InverseKinematics(body)
    couplings = either_model.couplings
    goal = targets_of(body, random_pose(body, np.random.default_rng(4)))
    far = SiteTargets(goal.pos * 1.5, goal.mat, goal.pos_weight, goal.rot_weight)
    qpos = solver.solve(far, solver.neutral[None]).qpos[0]
    low, high = couplings.box.T
    scalars = qpos[couplings.scalar_qpos]
    assert ((scalars >= low) & (scalars <= high)).all()
    np.testing.assert_allclose(couplings.residual(qpos), 0.0, atol=1e-12)


def test_previous_pose_settles_what_targets_leave_open(arms):
    body = KinematicBody.of(arms)
    solver = InverseKinematics(body, IKConfig(neutral=1e-7))
    goal = targets_of(body, solver.neutral)
    silent = SiteTargets(goal.pos, goal.mat, 0 * goal.pos_weight, 0 * goal.rot_weight)
    previous = random_pose(body, np.random.default_rng(5))
    qpos = solver.solve(silent, solver.neutral[None], previous[None]).qpos
    seen = solver.scalar_qpos
    np.testing.assert_allclose(qpos[0, seen], previous[seen], atol=1e-2)


def test_clip_to_feasible_recomputes_the_dependents(full_body):
    body = KinematicBody.of(full_body)
    wild = body.model.qpos0 + 10.0
    wild[3:7] = [1, 0, 0, 0]
    clipped = clip_to_feasible(body, wild)
    assert np.abs(full_body.couplings.residual(clipped)).max() < 1e-12


def test_poses_solved_together_are_those_solved_alone(full_body):
    body = KinematicBody.of(full_body)
    solver, rng = InverseKinematics(body), np.random.default_rng(6)
    poses = np.stack([random_pose(body, rng) for _ in range(4)])
    seen = body.poses(poses)
    ones = np.ones(len(body.site_names))
    goals = SiteTargets(seen.site_pos, seen.site_mat, ones, ones)
    starts = np.repeat(solver.neutral[None], 4, axis=0)
    together = solver.solve(goals, starts)
    for frame in range(4):
        only = np.array([frame])
        alone = solver.solve(goals[only], starts[only])
        np.testing.assert_allclose(together.qpos[frame], alone.qpos[0], atol=1e-9)
        assert together.converged[frame] == alone.converged[0]


def test_site_velocities_are_mujocos(either_model):
    body, full = KinematicBody.of(either_model), either_model.mj_model
    rng = np.random.default_rng(7)
    qpos = random_pose(body, rng)
    qvel = either_model.couplings.apply_velocity(qpos, rng.normal(size=full.nv))
    data = mujoco.MjData(full)
    data.qpos[:], data.qvel[:] = qpos, qvel
    mujoco.mj_forward(full, data)
    linear, angular = site_velocities(body, linkage(body, qpos[None]), qvel[None])
    for column, name in enumerate(body.site_names):
        expected = [data.sensor(f"mimic_{name}_{kind}").data for kind in ("linvel", "angvel")]
        np.testing.assert_allclose(linear[0, column], expected[0], atol=1e-9)
        np.testing.assert_allclose(angular[0, column], expected[1], atol=1e-9)


def test_bounded_steps_solve_the_bounded_problem():
    """Against scipy, on random problems with active bounds (where growing sets suffice)."""
    rng, size = np.random.default_rng(9), 5
    for _ in range(20):
        root = rng.normal(size=(size, size))
        matrix, gradient = root @ root.T + np.eye(size), rng.normal(size=size)
        low, high = -rng.uniform(0, 0.3, size), rng.uniform(0, 0.3, size)
        step = bounded_steps(gradient[None], matrix[None], np.full(1, 1e-3), low[None], high[None])[
            0
        ]
        damped = matrix + 1e-3 * np.eye(size)
        factor = np.linalg.cholesky(damped).T
        best = lsq_linear(factor, np.linalg.solve(factor.T, gradient), (low, high), tol=1e-12).x
        assert (step >= low).all()
        assert (step <= high).all()

        def gain(x, matrix=damped, gradient=gradient):
            return gradient @ x - 0.5 * x @ matrix @ x

        assert 0.5 * gain(best) < gain(step) <= gain(best) + 1e-9
        free = (step > low + 1e-6) & (step < high - 1e-6)
        np.testing.assert_allclose((gradient - damped @ step)[free], 0.0, atol=1e-6)


def test_blocks_do_not_show(full_body, monkeypatch):
    """Poses solved a few at a time are those solved in one block, to the last bit but rounding."""
    body = KinematicBody.of(full_body)
    solver, rng = InverseKinematics(body), np.random.default_rng(10)
    seen = body.poses(np.stack([random_pose(body, rng, 0.3) for _ in range(7)]))
    ones = np.ones(len(body.site_names))
    goals = SiteTargets(seen.site_pos, seen.site_mat, ones, ones)
    starts = np.repeat(solver.neutral[None], 7, axis=0)
    whole = solver.solve(goals, starts, starts).qpos
    monkeypatch.setattr(kinematics, "_BLOCK", 3)
    np.testing.assert_allclose(solver.solve(goals, starts, starts).qpos, whole, atol=1e-9)


def test_a_heavy_height_binds_the_height_alone(full_body):
    body = KinematicBody.of(full_body)
    solver = InverseKinematics(body)
    start = solver.neutral[None]
    seen, ankle = body.poses(start), body.site("left_ankle")
    pos = seen.site_pos.copy()
    # Further down and forwards than a straight leg reaches.
    pos[:, ankle] += [0.2, 0.0, -0.05]
    factor = np.ones((1, len(body.site_ids)))
    factor[:, ankle] = 1e4
    ones = np.ones(len(body.site_ids))
    goal = SiteTargets(pos, seen.site_mat, ones, ones, height_factor=factor)
    free = dataclasses.replace(goal, height_factor=None)
    away = [
        body.poses(solver.solve(each, start).qpos).site_pos[0, ankle] - pos[0, ankle]
        for each in (goal, free)
    ]
    assert abs(away[0][2]) < 1e-3 < 1e-2 < abs(away[1][2])
    assert abs(away[0][0]) > 0.05


def test_a_hessian_that_promises_too_little_is_renewed(full_body):
    body = KinematicBody.of(full_body)
    solver, rng = InverseKinematics(body), np.random.default_rng(8)
    pose = random_pose(body, rng, 0.3)
    goal = targets_of(body, pose)
    heavy = np.ones((1, len(body.site_names)))
    heavy[:, body.site("left_ankle")] = 20.0
    held = dataclasses.replace(goal, height_factor=heavy)
    before = solver.solve(held, pose[None])
    goal.pos[:, body.site("left_ankle"), 2] += 0.05
    result = solver.solve(goal, before.qpos, hessian=before.hessian)
    assert result.converged.all()
    anew = solver.solve(goal, before.qpos)
    assert result.cost[0] < 1.05 * anew.cost[0]
