"""`read_bvh` on figures written by the exact inverse of what it should do."""

import logging
from pathlib import Path

import numpy as np
import pytest
from musclemimic_models import InputError
from musclemimic_retarget.bvh import read as read_module
from musclemimic_retarget.bvh import read_bvh
from musclemimic_retarget.bvh.skeletons import OPTIONAL_JOINTS, load_skeletons
from musclemimic_retarget.rotations import matrices
from musclemimic_retarget.smpl import CANONICAL_FROM_SMPL, JOINT_NAMES, PARENTS
from scipy.spatial.transform import Rotation

# A T-pose with straight limbs; forward, left, up; m.
T_POSE = {
    "pelvis": (0, 0, 0.95),
    **{f"{s}_hip": (0, y * 0.09, 0.88) for s, y in (("left", 1), ("right", -1))},
    "spine1": (0, 0, 1.05),
    **{f"{s}_knee": (0, y * 0.09, 0.48) for s, y in (("left", 1), ("right", -1))},
    "spine2": (0, 0, 1.15),
    **{f"{s}_ankle": (0, y * 0.09, 0.08) for s, y in (("left", 1), ("right", -1))},
    "spine3": (0, 0, 1.25),
    **{f"{s}_foot": (0.13, y * 0.1, 0.02) for s, y in (("left", 1), ("right", -1))},
    "neck": (0, 0, 1.45),
    **{f"{s}_collar": (0, y * 0.08, 1.38) for s, y in (("left", 1), ("right", -1))},
    "head": (0.02, 0, 1.55),
    **{f"{s}_shoulder": (0, y * 0.18, 1.4) for s, y in (("left", 1), ("right", -1))},
    **{f"{s}_elbow": (0, y * 0.46, 1.4) for s, y in (("left", 1), ("right", -1))},
    **{f"{s}_wrist": (0, y * 0.71, 1.4) for s, y in (("left", 1), ("right", -1))},
}
REST = np.array([T_POSE[name] for name in JOINT_NAMES], dtype=float)
PARENTS_OF = dict(zip(JOINT_NAMES, PARENTS, strict=True))
Y_UP = CANONICAL_FROM_SMPL.T  # canonical to a y-up world: left, up, forward
FRAMES = 20


def turning(axis, angle):
    return Rotation.from_rotvec(np.multiply.outer(angle, axis)).as_matrix()


def movement(knee=1.2, elbow=1.5):
    """(T, 22, 3, 3) world turns from the T-pose: everything moves, hinges as anatomy has them."""
    random = np.random.default_rng(3)
    phase = np.linspace(0, 2 * np.pi, FRAMES)
    hinges = {
        "left_knee": turning([0, 1, 0], knee * np.sin(phase / 2) ** 2),
        "right_knee": turning([0, 1, 0], knee * np.cos(phase / 2) ** 2),
        "left_elbow": turning([0, 0, -1], elbow * np.sin(phase / 2) ** 2),
        "right_elbow": turning([0, 0, 1], elbow * np.sin(phase) ** 2),
    }
    result = np.empty((FRAMES, 22, 3, 3))
    for joint, name in enumerate(JOINT_NAMES):
        free = np.sin(phase)[:, None] * random.normal(scale=0.25, size=3)
        local = hinges.get(name, Rotation.from_rotvec(free).as_matrix())
        parent = PARENTS_OF[name]
        result[:, joint] = local if parent < 0 else result[:, parent] @ local
    return result


def centres(turns, rest=REST):
    """(T, 22, 3) m; the pelvis walks forward."""
    places = np.empty((len(turns), 22, 3))
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            places[:, joint] = rest[joint] + np.linspace(0, 1, len(turns))[:, None] * [1, 0.2, 0]
        else:
            places[:, joint] = places[:, parent] + turns[:, parent] @ (rest[joint] - rest[parent])
    return places


def standing_axes(world=Y_UP):
    """Joint axes of a file whose zero pose is the T-pose, as columns in canonical directions."""
    return np.tile(world.T, (22, 1, 1))


def bvh(turns, axes, *, world=Y_UP, unit=0.01, rest=REST, frame_time="0.0333333", order="ZXY"):
    """The file's text."""
    own = world @ turns @ axes
    walked = centres(turns, rest) @ world.T / unit
    lines, rows = ["HIERARCHY"], [[] for _ in turns]

    def write(joint):
        parent = PARENTS[joint]
        step = axes[parent].T @ (rest[joint] - rest[parent]) / unit if parent >= 0 else np.zeros(3)
        lines.append(f"{'ROOT' if parent < 0 else 'JOINT'} {JOINT_NAMES[joint]}")
        lines.extend(["{", "OFFSET " + " ".join(f"{value:.12g}" for value in step)])
        channels = [f"{axis}rotation" for axis in order]
        local = own[:, joint]
        if parent < 0:
            channels = ["Xposition", "Yposition", "Zposition", *channels]
            for row, place in zip(rows, walked[:, 0], strict=True):
                row.extend(place)
        else:
            local = np.swapaxes(own[:, parent], 1, 2) @ local
        lines.append(f"CHANNELS {len(channels)} {' '.join(channels)}")
        for row, angles in zip(
            rows, Rotation.from_matrix(local).as_euler(order, degrees=True), strict=True
        ):
            row.extend(angles)
        children = [child for child, above in enumerate(PARENTS) if above == joint]
        for child in children:
            write(child)
        if not children:
            lines.extend(["End Site", "{", f"OFFSET 0 0 {0.05 / unit}", "}"])
        lines.append("}")

    write(0)
    lines.extend(["MOTION", f"Frames: {len(turns)}", f"Frame Time: {frame_time}"])
    return "\n".join([*lines, *(" ".join(f"{x:.12g}" for x in row) for row in rows), ""])


def mapping(without=(), extra="", t_pose=None):
    """A skeleton map of SMPL's own names."""
    lines = ["[figure]", extra, "[figure.joints]"]
    lines += [f'{name} = "{name}"' for name in JOINT_NAMES if name not in without]
    if t_pose is not None:
        lines.append("[figure.t_pose]")
        for name, axes in zip(JOINT_NAMES, t_pose, strict=True):
            if name not in without:
                x, z = (axes[:, column].tolist() for column in (0, 2))
                lines.append(f"{name} = {{ x = {x}, z = {z} }}")
    return "\n".join(lines)


def read(folder, text, own=None, **options):
    """Read a text with a map of the figure."""
    (folder / "figure.bvh").write_text(text)
    (folder / "map.toml").write_text(own or mapping())
    return read_bvh(folder / "figure.bvh", skeletons=folder / "map.toml", **options)


def assert_same(motion, turns, rest=REST):
    np.testing.assert_allclose(matrices(motion.rotations), turns, atol=1e-6)
    np.testing.assert_allclose(motion.positions, centres(turns, rest), atol=1e-6)
    np.testing.assert_allclose(motion.rest_positions, rest - rest[0], atol=1e-6)


@pytest.mark.parametrize("order", ["ZXY", "XYZ", "YZX"])
def test_the_motion_comes_back(tmp_path, order):
    turns = movement()
    motion = read(tmp_path, bvh(turns, standing_axes(), order=order))
    assert motion.joint_names == JOINT_NAMES
    assert motion.parents == PARENTS
    assert_same(motion, turns)


def test_z_up_files_too(tmp_path):
    turns = movement()
    assert_same(read(tmp_path, bvh(turns, standing_axes(np.eye(3)), world=np.eye(3))), turns)


def test_a_zero_pose_facing_another_way(tmp_path):
    turns = movement()
    backwards = np.diag([-1.0, 1.0, -1.0]) @ Y_UP
    motion = read(tmp_path, bvh(turns, standing_axes(backwards)))
    assert_same(motion, turns)


def test_a_zero_pose_with_hanging_arms_and_straddled_legs(tmp_path):
    axes = standing_axes()
    for side, sign in (("left", 1.0), ("right", -1.0)):
        # What turns the zero pose's limb into the T-pose turns its axes along.
        for limb, angle in (("shoulder elbow wrist", 90), ("hip knee ankle foot", -20)):
            swing = Rotation.from_euler("x", sign * angle, degrees=True).as_matrix()
            for joint in limb.split():
                column = JOINT_NAMES.index(f"{side}_{joint}")
                axes[column] = swing @ axes[column]
    turns = movement()
    assert_same(read(tmp_path, bvh(turns, axes)), turns)


def test_a_declared_t_pose_for_joints_with_axes_of_their_own(tmp_path):
    axes = Rotation.random(22, rng=np.random.default_rng(8)).as_matrix()
    turns = movement()
    motion = read(tmp_path, bvh(turns, axes), mapping(t_pose=axes))
    assert_same(motion, turns)


def test_without_it_such_a_zero_pose_is_refused(tmp_path):
    axes = Rotation.random(22, rng=np.random.default_rng(8)).as_matrix()
    with pytest.raises(InputError, match=r"figure\.bvh: .*t_pose"):
        read(tmp_path, bvh(movement(), axes))


def test_a_limb_far_from_its_place_in_the_zero_pose_is_refused(tmp_path):
    axes = standing_axes()
    for joint in ("shoulder", "elbow", "wrist"):
        axes[JOINT_NAMES.index(f"left_{joint}")] = turning([0, 0, 1], 2.6) @ Y_UP.T
    with pytest.raises(InputError, match="left_shoulder: found a bone 149° from its direction"):
        read(tmp_path, bvh(movement(), axes))


def twisted(axes, joints, degrees):
    """The axes of two joints turned about their bone, and the turn."""
    bone = REST[JOINT_NAMES.index(joints[1])] - REST[JOINT_NAMES.index(joints[0])]
    twist = turning(bone / np.linalg.norm(bone), np.deg2rad(degrees))
    columns = [JOINT_NAMES.index(joint) for joint in joints]
    result = axes.copy()
    result[columns] = twist @ axes[columns]
    return result, twist


ARM, LEG = ("left_shoulder", "left_elbow"), ("right_hip", "right_knee")


@pytest.mark.parametrize("degrees", [30, -50])
@pytest.mark.parametrize("limb", [ARM, LEG])
def test_hinges_show_how_upper_arm_and_thigh_are_twisted(tmp_path, limb, degrees):
    axes, _ = twisted(standing_axes(), limb, degrees)
    assert_same(read(tmp_path, bvh(movement(), axes)), movement())


@pytest.mark.parametrize("limb", [ARM, LEG])
def test_joints_that_hardly_bend_show_nothing(tmp_path, limb):
    axes, twist = twisted(standing_axes(), limb, 30)
    turns = movement(knee=0.3, elbow=0.3)
    motion = read(tmp_path, bvh(turns, axes))
    expected = turns.copy()
    columns = [JOINT_NAMES.index(joint) for joint in limb]
    expected[:, columns] = expected[:, columns] @ twist
    np.testing.assert_allclose(matrices(motion.rotations), expected, atol=1e-6)


def test_joints_that_bend_in_all_directions_are_no_hinges(tmp_path):
    axes, twist = twisted(standing_axes(), ARM, 30)
    turns = movement()
    elbow, shoulder, wrist = (
        JOINT_NAMES.index(f"left_{j}") for j in ("elbow", "shoulder", "wrist")
    )
    phase = np.linspace(0, 2 * np.pi, FRAMES)
    around = np.stack([np.cos(phase), 0 * phase, np.sin(phase)], axis=1)
    turns[:, elbow] = turns[:, shoulder] @ Rotation.from_rotvec(around).as_matrix()
    turns[:, wrist] = turns[:, elbow]
    expected = turns.copy()
    expected[:, [shoulder, elbow]] = expected[:, [shoulder, elbow]] @ twist
    motion = read(tmp_path, bvh(turns, axes))
    np.testing.assert_allclose(matrices(motion.rotations), expected, atol=1e-6)


@pytest.mark.parametrize("bend", [{"knee": -1.2}, {"elbow": -1.5}])
def test_joints_that_bend_the_wrong_way_are_refused(tmp_path, bend):
    with pytest.raises(InputError, match=r"left_(knee|elbow): found bending 180°"):
        read(tmp_path, bvh(movement(**bend), standing_axes()))


def test_left_and_right_swapped_are_noticed(tmp_path):
    names = mapping().replace("left_", "X").replace("right_", "left_").replace("X", "right_")
    swapped = "\n".join(
        f'{line.split(" = ")[0]} = "{name}"' if " = " in line else line
        for line, name in zip(names.split("\n"), ["", "", "", *JOINT_NAMES], strict=True)
    )
    with pytest.raises(InputError, match="left and right as mapped"):
        read(tmp_path, bvh(movement(), standing_axes()), swapped)


def test_heading_is_kept(tmp_path):
    turns = turning([0, 0, 1], np.full(FRAMES, 2.0))[:, None] @ movement()
    assert_same(read(tmp_path, bvh(turns, standing_axes())), turns)


@pytest.mark.parametrize(
    ("name", "size"),
    [("m", 1.0), ("cm", 0.01), ("mm", 0.001), ("inch", 0.0254), ("cmu", 0.0254 / 0.45)],
)
def test_the_unit_is_told_from_the_legs(tmp_path, caplog, name, size):
    with caplog.at_level(logging.INFO):
        assert_same(read(tmp_path, bvh(movement(), standing_axes(), unit=size)), movement())
    assert f"lengths in {name} " in caplog.text


@pytest.mark.parametrize("unit", [0.3048, "0.3048"])
def test_other_units_must_be_given(tmp_path, unit):
    text = bvh(movement(), standing_axes(), unit=0.3048)
    with pytest.raises(InputError, match=r"unit: found legs of 2.625, .*explicit unit: m, cm"):
        read(tmp_path, text)
    assert_same(read(tmp_path, text, unit=unit), movement())


def test_a_given_unit_wins(tmp_path):
    text = bvh(movement(), standing_axes(), unit=0.01)
    motion = read(tmp_path, text, unit="inch")
    np.testing.assert_allclose(motion.positions, 2.54 * centres(movement()), atol=1e-6)


@pytest.mark.parametrize("unit", ["furlong", "0", "-1", "nan", "", 0.0, -1.0])
def test_bad_units_are_refused(tmp_path, unit):
    with pytest.raises(InputError, match=r"unit: found .*expected m, cm, mm, inch, cmu or metres"):
        read(tmp_path, bvh(movement(), standing_axes()), unit=unit)


def test_a_child_needs_no_unit_to_be_measured_in(tmp_path):
    text = bvh(movement(), standing_axes(), rest=0.6 * REST)
    with pytest.raises(InputError, match="unit: found"):
        read(tmp_path, text)
    assert_same(read(tmp_path, text, unit="cm"), movement(), 0.6 * REST)


def test_proportions_of_no_human_are_refused(tmp_path):
    rest = REST.copy()
    rest[:, 1] *= 5
    with pytest.raises(InputError, match=r"skeleton: found arm of .* leg lengths"):
        read(tmp_path, bvh(movement(), standing_axes(), rest=rest))


@pytest.mark.parametrize("limb", ["left_knee", "right_elbow"])
def test_bones_of_no_length_are_refused(tmp_path, limb):
    rest = REST.copy()
    end = JOINT_NAMES.index(limb)
    rest[end] = rest[PARENTS[end]]
    with pytest.raises(InputError, match="a bone of no length"):
        read(tmp_path, bvh(movement(), standing_axes(), rest=rest))


def lying(heading):
    down = turning([0, 1, 0], np.full(FRAMES, 1.5))
    return (turning([0, 0, 1], np.full(FRAMES, heading)) @ down)[:, None] @ movement()


@pytest.mark.parametrize(("heading", "axis"), [(0.0, "z"), (np.pi / 2, "x")])
def test_someone_lying_needs_a_given_vertical(tmp_path, heading, axis):
    turns = lying(heading)
    text = bvh(turns, standing_axes())
    with pytest.raises(
        InputError, match=f"vertical axis: found a body along {axis}, a skeleton along y"
    ):
        read(tmp_path, text)
    assert_same(read(tmp_path, text, up="y"), turns)


def test_someone_who_mostly_bends_is_upright_in_the_zero_pose(tmp_path):
    turns = lying(np.pi / 4)
    assert_same(read(tmp_path, bvh(turns, standing_axes())), turns)


def test_axes_of_their_own_tell_no_vertical_but_the_map_may(tmp_path):
    axes = Rotation.random(22, rng=np.random.default_rng(8)).as_matrix()
    turns = lying(np.pi / 4)
    text = bvh(turns, axes)
    with pytest.raises(InputError, match="found a body along none, a skeleton along none"):
        read(tmp_path, text, mapping(t_pose=axes))
    assert_same(read(tmp_path, text, mapping(extra='up = "y"', t_pose=axes)), turns)


@pytest.mark.parametrize("up", ["x", "", "Y up"])
def test_bad_verticals_are_refused(tmp_path, up):
    with pytest.raises(InputError, match=r"up: found .*, expected 'y' or 'z'"):
        read(tmp_path, bvh(movement(), standing_axes()), up=up)


def test_frame_times_are_kept_exactly(tmp_path):
    text = bvh(movement(), standing_axes(), frame_time="0.0333333")
    assert read(tmp_path, text).fps == 1 / 0.0333333
    assert read(tmp_path, text.replace("0.0333333", ".0083333")).fps == 1 / 0.0083333


def test_a_pose_in_front_of_the_motion_is_left_out(tmp_path, caplog):
    lines = bvh(movement(), standing_axes()).split("\n")
    start = lines.index("Frame Time: 0.0333333")
    lines[start - 1] = f"Frames: {FRAMES + 1}"
    zeros = ["0"] * len(lines[start + 1].split())
    # The pose of cgspeed's files: the root turned round, arms and legs let down.
    zeros[3:30] = ["60"] * 27
    lines.insert(start + 1, " ".join(zeros))
    with caplog.at_level(logging.INFO):
        assert_same(read(tmp_path, "\n".join(lines)), movement())
    assert "first frame left out" in caplog.text


def test_missing_joints_ride_on_the_one_above(tmp_path):
    turns = movement()
    motion = read(tmp_path, bvh(turns, standing_axes()), mapping(without=OPTIONAL_JOINTS))
    rotations = matrices(motion.rotations)
    for name in JOINT_NAMES:
        joint = motion.index(name)
        if name not in OPTIONAL_JOINTS:
            np.testing.assert_allclose(motion.positions[:, joint], centres(turns)[:, joint])
            continue
        parent = PARENTS[joint]
        np.testing.assert_allclose(rotations[:, joint], rotations[:, parent])
        step = motion.rest_positions[joint] - motion.rest_positions[parent]
        np.testing.assert_allclose(
            motion.positions[:, joint] - motion.positions[:, parent],
            rotations[:, parent] @ step,
            atol=1e-9,
        )
    rest = dict(zip(JOINT_NAMES, motion.rest_positions + REST[0], strict=True))
    np.testing.assert_allclose(rest["spine1"], [0, 0, 1.05], atol=1e-9)
    np.testing.assert_allclose(rest["spine2"], [0, 0, 1.15], atol=1e-9)
    np.testing.assert_allclose(rest["neck"], [0.01, 0, 1.4], atol=1e-9)
    np.testing.assert_allclose(rest["right_collar"], [0, -0.09, 1.325], atol=1e-9)
    # The foot joint is in the file but not in the map, and the ankle has no end site: the mean
    # skeleton's foot, scaled.
    np.testing.assert_allclose(
        rest["left_foot"] - rest["left_ankle"], [0.12, 0.027, -0.056], atol=0.01
    )


def test_end_sites_stand_in_for_toe_joints(tmp_path):
    text = bvh(movement(), standing_axes())
    for side in ("left", "right"):
        # Turns the foot joint with its end site into the ankle's end site.
        start = text.index(f"JOINT {side}_foot")
        offset = text.index("OFFSET", start)
        line = text[offset : text.index("\n", offset)]
        end = text.index("}\n}\n", start) + 4
        text = text[:start] + f"End Site\n{{\n{line}\n}}\n" + text[end:]
    lines = text.split("\n")
    first = lines.index("Frame Time: 0.0333333") + 1
    # Depth-first order of the written joints: 3 position and 3 rotation channels first.
    written = []

    def visit(joint):
        written.append(JOINT_NAMES[joint])
        for child, parent in enumerate(PARENTS):
            if parent == joint:
                visit(child)

    visit(0)
    gone = [
        3 + 3 * written.index(f"{side}_foot") + k for side in ("left", "right") for k in range(3)
    ]
    for row in range(first, first + FRAMES):
        values = [v for k, v in enumerate(lines[row].split()) if k not in gone]
        lines[row] = " ".join(values)
    motion = read(tmp_path, "\n".join(lines), mapping(without=("left_foot", "right_foot")))
    expected = centres(movement())
    np.testing.assert_allclose(motion.positions, expected, atol=1e-6)


def test_stature_follows_shoulder_height(tmp_path):
    motion = read(tmp_path, bvh(movement(), standing_axes()))
    assert motion.stature == pytest.approx((1.4 - 0.08) / 0.779)


# As listed in files of the MotionBuilder-friendly conversion.
MOTIONBUILDER = """Hips LHipJoint LeftUpLeg LeftLeg LeftFoot LeftToeBase RHipJoint RightUpLeg
RightLeg RightFoot RightToeBase LowerBack Spine Spine1 Neck Neck1 Head LeftShoulder LeftArm
LeftForeArm LeftHand LeftFingerBase LeftHandIndex1 LThumb RightShoulder RightArm RightForeArm
RightHand RightFingerBase RightHandIndex1 RThumb"""


def test_joints_of_the_motionbuilder_conversion():
    packaged = Path(read_module.__file__).with_name("skeletons.toml")
    skeleton = {each.name: each for each in load_skeletons(packaged)}["cmu_motionbuilder"]
    assert set(skeleton.joints.values()) <= set(MOTIONBUILDER.split())
    assert set(skeleton.joints) == set(JOINT_NAMES)


@pytest.mark.parametrize("name", ["cmu", "cmu_motionbuilder"])
def test_packaged_maps_of_standing_figures(tmp_path, caplog, name):
    packaged = Path(read_module.__file__).with_name("skeletons.toml")
    skeleton = {each.name: each for each in load_skeletons(packaged)}[name]
    lines = bvh(movement(), standing_axes(), unit=0.0254 / 0.45).split("\n")
    for index, line in enumerate(lines):
        keyword, _, joint = line.partition(" ")
        if keyword in ("ROOT", "JOINT"):
            lines[index] = f"{keyword} {skeleton.joints[joint]}"
    (tmp_path / "figure.bvh").write_text("\n".join(lines))
    with caplog.at_level(logging.INFO):
        assert_same(read_bvh(tmp_path / "figure.bvh"), movement())
    assert f"{name} skeleton, lengths in cmu" in caplog.text


def test_an_unknown_skeleton_is_named(tmp_path):
    (tmp_path / "figure.bvh").write_text(bvh(movement(), standing_axes()))
    with pytest.raises(
        InputError, match=r"joints: found no .* expected those of bandai, cmu, .*skeleton map"
    ):
        read_bvh(tmp_path / "figure.bvh")


def test_a_hinge_is_no_chain_when_mapped_across_limbs(tmp_path):
    swapped = mapping().replace('left_knee = "left_knee"', 'left_knee = "left_elbow"')
    swapped = swapped.replace('left_elbow = "left_elbow"', 'left_elbow = "left_knee"')
    with pytest.raises(InputError, match="found left_elbow not below left_hip"):
        read(tmp_path, bvh(movement(), standing_axes()), swapped)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "", r"map\.toml: file: found 0 bytes"),
        (lambda text: "# nothing", "no table"),
        (lambda text: "[figure", "file: found .* expected TOML"),
        (lambda text: "figure = 1", "figure: found 1, expected a table"),
        (lambda text: text.replace("[figure.joints]", "[figure.bones]"), "found 'bones'"),
        (lambda text: "[figure]\nup = 'y'", "figure.joints: found nothing, expected a table"),
        (lambda text: "[figure]\nup = 'x'\n" + text[9:], "figure.up: found 'x'"),
        (lambda text: text.replace("left_knee =", "left_nee ="), "found 'left_nee', expected one"),
        (lambda text: text.replace('pelvis = "pelvis"', ""), "found no pelvis"),
        (lambda text: text.replace('"pelvis"', '"head"'), "head: found 'head', expected a BVH"),
        (lambda text: text.replace('"pelvis"', "3"), "pelvis: found 3, expected a BVH joint"),
        (lambda text: text + "\n[figure.t_pose]\npelvis = 1", "t_pose: found 'left_hip' in one"),
    ],
)
def test_what_is_wrong_with_a_map_is_named(tmp_path, change, message):
    (tmp_path / "map.toml").write_text(change(mapping()))
    with pytest.raises(InputError, match=message) as caught:
        load_skeletons(tmp_path / "map.toml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ('{ x = "up", y = "down" }', "parallel axes"),
        ('{ x = "up" }', "found x, expected two of x, y and z"),
        ('{ x = "up", w = "left" }', "found x, w, expected two of x, y and z"),
        ('{ x = "up", y = "north" }', "found 'north', expected forward, back"),
        ('{ x = "up", y = [0, 0, 0] }', r"found \[0, 0, 0\]"),
        ('{ x = "up", y = [0, 1] }', r"found \[0, 1\]"),
        ('{ x = "up", y = [0, 1, "a"] }', r"found \[0, 1, 'a'\]"),
        ('{ x = "up", y = [0, nan, 1] }', r"found \[0, nan, 1\]"),
        ('"up"', "t_pose.pelvis: found 'up', expected a table"),
    ],
)
def test_what_is_wrong_with_a_t_pose_is_named(tmp_path, axes, message):
    text = mapping(t_pose=standing_axes())
    lines = [
        f"pelvis = {axes}" if line.startswith("pelvis = {") else line for line in text.split("\n")
    ]
    (tmp_path / "map.toml").write_text("\n".join(lines))
    with pytest.raises(InputError, match=message):
        load_skeletons(tmp_path / "map.toml")


def test_axes_of_a_t_pose_are_right_handed(tmp_path):
    text = mapping(t_pose=standing_axes())
    lines = [
        'pelvis = { z = "left", x = [0.1, 0, 1] }' if line.startswith("pelvis = {") else line
        for line in text.split("\n")
    ]
    (tmp_path / "map.toml").write_text("\n".join(lines))
    (skeleton,) = load_skeletons(tmp_path / "map.toml")
    assert skeleton.t_pose is not None
    frame = skeleton.t_pose["pelvis"]
    np.testing.assert_allclose(frame[:, 2], [0, 1, 0])
    np.testing.assert_allclose(frame[:, 0], np.array([0.1, 0, 1]) / np.hypot(0.1, 1))
    np.testing.assert_allclose(np.linalg.det(frame), 1)
