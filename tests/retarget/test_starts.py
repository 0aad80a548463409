import dataclasses

import numpy as np
from musclemimic_retarget.arm_table import ArmTable, has_arms
from musclemimic_retarget.ik import InverseKinematics
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.starts import seeds

from tests.retarget.test_ik import TwoArms, random_pose, targets_of


def held_like(body, neutral, tables, rows):
    """Targets of a pose of which each arm is one of its table's, somewhere else in the room."""
    pose = neutral.copy()
    for table, row in zip(tables, rows, strict=True):
        pose[table.address] = table.values[row]
    if body.musculo.has_free_root:
        pose[:3] = (1.0, -2.0, 1.3)
        pose[3:7] = (0.5, 0.5, 0.5, 0.5)
    return targets_of(body, body.musculo.couplings.apply(pose))


def test_the_table_tells_how_each_arm_is_held_wherever_the_trunk_is(either_model):
    body = KinematicBody.of(either_model)
    solver = InverseKinematics(body)
    tables = [ArmTable.of(body, solver.neutral, side) for side in ("left", "right")]
    for left, right in ((0, 5), (3, 2), (9, 7)):
        goal = held_like(body, solver.neutral, tables, (left, right))
        for table, row in zip(tables, (left, right), strict=True):
            found = table.nearest(goal, solver.config)
            np.testing.assert_array_equal(found, table.values[row][None])


def test_an_arm_stays_in_the_usual_pose_unless_another_is_much_nearer(full_body):
    body = KinematicBody.of(full_body)
    solver = InverseKinematics(body)
    table = ArmTable.of(body, solver.neutral, "left")
    between = solver.neutral.copy()
    ends = [held_like(body, solver.neutral, [table], (row,)) for row in (0, 1)]
    # A little nearer to the second of two poses is not much nearer.
    between[table.address] = 0.45 * table.values[0] + 0.55 * table.values[1]
    middle = targets_of(body, body.musculo.couplings.apply(between))
    goals = dataclasses.replace(
        middle,
        pos=np.concatenate([ends[0].pos] * 3 + [middle.pos, ends[1].pos]),
        mat=np.concatenate([ends[0].mat] * 3 + [middle.mat, ends[1].mat]),
    )
    found = table.nearest(goals, solver.config)
    np.testing.assert_array_equal(found[:4], np.repeat(table.values[:1], 4, axis=0))
    np.testing.assert_array_equal(found[4], table.values[1])


def test_seeds_keep_what_is_known_and_stand_on_the_first_target(full_body):
    body = KinematicBody.of(full_body)
    solver, rng = InverseKinematics(body), np.random.default_rng(0)
    poses = np.stack([random_pose(body, rng) for _ in range(3)])
    goals = [targets_of(body, pose) for pose in poses]
    goals = dataclasses.replace(
        goals[0],
        pos=np.concatenate([goal.pos for goal in goals]),
        mat=np.concatenate([goal.mat for goal in goals]),
    )
    first = random_pose(body, rng)
    found = seeds(solver, goals, first, iterations=1)
    knee = body.model.joint("knee_angle_l").qposadr[0]
    np.testing.assert_allclose(found[:, knee], first[knee])
    elbow = body.model.joint("elbow_flexion_l").qposadr[0]
    np.testing.assert_allclose(found[0, elbow], first[elbow])
    seen = body.poses(found)
    np.testing.assert_allclose(seen.site_pos[:, 0], goals.pos[:, 0], atol=1e-9)
    np.testing.assert_allclose(seen.site_mat[:, 0], goals.mat[:, 0], atol=1e-9)
    assert np.abs(full_body.couplings.residual(found)).max() < 1e-12


def test_another_body_is_found_from_several_starts():
    body = KinematicBody.of(TwoArms())
    assert not has_arms(body)
    solver = InverseKinematics(body)
    pose = body.musculo.couplings.apply(np.array([1.5, 0.0, -1.0]))
    found = seeds(solver, targets_of(body, pose), None, iterations=10)
    assert np.abs(body.poses(found).site_pos - body.poses(pose[None]).site_pos).max() < 0.1
