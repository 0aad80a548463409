"""Forward kinematics of OpenSim models: worked by hand, and against recorded markers."""

import numpy as np
import pytest
from musclemimic_models import InputError
from musclemimic_retarget.markers import read_trc_markers
from musclemimic_retarget.osim import place, read_coordinates, read_osim
from musclemimic_retarget.osim.functions import piecewise_linear, simm_spline
from osim_files import (
    ROOT,
    coordinate,
    coupler,
    joint4,
    leg3,
    leg4,
    model4,
    planar_root,
    table,
    transform,
)
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

rng = np.random.default_rng(7)
STANDING = {name: np.zeros(2) for name in (*ROOT, "hip_flexion", "knee_angle")}


def placed(folder, model, columns, *, markers=(), bodies=(), may_lack=(), **how):
    (folder / "m.osim").write_text(model)
    (folder / "m.mot").write_text(table(columns, **how))
    osim = read_osim(folder / "m.osim")
    coordinates = read_coordinates(folder / "m.mot", osim)
    return place(osim, coordinates, markers=markers, bodies=bodies, may_lack=may_lack)


def test_a_leg_worked_by_hand(tmp_path):
    """Hip 90° forward: the thigh points ahead; then knee −90°, which slides it by −π/2 × 0.01."""
    slide = "<LinearFunction{name}><coefficients>0.01 0</coefficients></LinearFunction>"
    columns = {
        "pelvis_tilt": [0.0, 0.0],
        "pelvis_tx": [2.0, 2.0],
        "pelvis_ty": [0.9, 0.9],
        "hip_flexion": [np.pi / 2, np.pi / 2],
        "knee_angle": [0.0, -np.pi / 2],
    }
    found = placed(
        tmp_path,
        leg4(knee=slide),
        columns,
        markers=["heel", "S2"],
        bodies=["pelvis", "femur", "tibia"],
    ).positions
    np.testing.assert_allclose(found["pelvis"], [[2.0, 0.9, 0.0]] * 2, atol=1e-12)
    np.testing.assert_allclose(found["S2"], [[1.9, 0.95, 0.0]] * 2, atol=1e-12)
    np.testing.assert_allclose(found["femur"], [[2.1, 0.8, 0.05]] * 2, atol=1e-12)
    # The knee lies 0.4 m ahead of the hip. Its frame slides along the thigh's x axis, which is
    # up; the tibia's origin is 2 cm below that frame in its own axes.
    knee = np.array([[2.5, 0.8, 0.05], [2.5, 0.8 - 0.01 * np.pi / 2, 0.05]])
    below = np.array([[0.02, 0.0, 0.0], [0.0, -0.02, 0.0]])
    np.testing.assert_allclose(found["tibia"], knee + below, atol=1e-12)
    np.testing.assert_allclose(
        found["heel"], found["tibia"] + [[0.4, 0.05, 0.0], [0.05, -0.4, 0.0]], atol=1e-12
    )


def test_both_layouts_say_the_same(tmp_path):
    columns = {name: rng.normal(size=5) for name in STANDING}
    knee = "<SimmSpline{name}><x>-2 -1 0 1 3</x><y>0 0.01 0.03 0.02 0</y></SimmSpline>"
    four, three = (
        placed(tmp_path, model(knee=knee), columns, markers=["heel", "S2"]).positions
        for model in (leg4, leg3)
    )
    for name in ("heel", "S2"):
        np.testing.assert_allclose(three[name], four[name], atol=1e-12)


def test_offsets_turn_and_shift_on_both_sides(tmp_path):
    """X_PF X_FM(q) X_BM⁻¹ with body-fixed x-y-z orientations, made with homogeneous matrices."""
    turned, child_turned = rng.normal(size=(2, 3))
    at, child_place, angle = rng.normal(size=3), rng.normal(size=3), 0.7
    joint = joint4(
        "j",
        "PinJoint",
        "ground",
        "pelvis",
        coordinate("q"),
        at=at,
        turned=turned,
        child_place=child_place,
        child_turned=child_turned,
    )
    text = model4(("pelvis",), [joint], markers=[("m", "pelvis", (0.1, 0.2, 0.3))])
    found = placed(tmp_path, text, {"q": [angle, angle]}, markers=["m"]).positions["m"]

    def pose(turn, shift):
        result = np.eye(4)
        result[:3, :3], result[:3, 3] = turn.as_matrix(), shift
        return result

    parent, child = (
        pose(Rotation.from_euler("XYZ", angles), shift)
        for angles, shift in ((turned, at), (child_turned, child_place))
    )
    moved = pose(Rotation.from_euler("Z", angle), np.zeros(3))
    expected = parent @ moved @ np.linalg.inv(child) @ [0.1, 0.2, 0.3, 1.0]
    np.testing.assert_allclose(found, [expected[:3]] * 2, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "axes", "shifts"),
    [
        ("WeldJoint", "", ""),
        ("PinJoint", "Z", ""),
        ("SliderJoint", "", "x"),
        ("UniversalJoint", "XY", ""),
        ("BallJoint", "XYZ", ""),
        ("GimbalJoint", "XYZ", ""),
        ("PlanarJoint", "Z", "xy"),
        ("FreeJoint", "XYZ", "xyz"),
    ],
)
def test_joints_without_functions(tmp_path, kind, axes, shifts):
    names = [f"q{n}" for n in range(len(axes) + len(shifts))]
    values = rng.normal(size=(len(names), 4))
    joint = joint4("j", kind, "ground", "pelvis", "".join(coordinate(name) for name in names))
    root = joint4("r", "SliderJoint", "pelvis", "other", coordinate("other"))
    text = model4(("pelvis", "other"), [joint, root], markers=[("m", "pelvis", (0.1, 0.2, 0.3))])
    columns = dict(zip(names, values, strict=True)) | {"other": np.zeros(4)}
    found = placed(tmp_path, text, columns, markers=["m"]).positions["m"]
    turn = Rotation.identity(4)
    if axes:
        turn = Rotation.from_euler(axes, values[: len(axes)].T.reshape(4, len(axes)))
    expected = turn.apply([0.1, 0.2, 0.3])
    for axis, shift in zip(shifts, values[len(axes) :], strict=True):
        expected[:, "xyz".index(axis)] += shift
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_custom_joint_turns_about_axes_as_turned_and_shifts_in_the_parents_frame(tmp_path):
    """Two coordinates in one linear function; oblique axes, one of them not of unit length."""
    axes = {
        "rotation1": "0 0 2",
        "rotation2": "0.6 0 0.8",
        "rotation3": "0 1 0",
        "translation1": "1 0 0",
        "translation2": "0 1 0",
        "translation3": "0 0 1",
    }
    moves = {"rotation1": "a", "rotation2": "b", "rotation3": "a b", "translation2": "a"}
    functions = {
        "rotation3": "<LinearFunction{name}><coefficients>2 -1 0.3</coefficients></LinearFunction>",
        "translation2": "<MultiplierFunction{name}><function><PolynomialFunction>"
        "<coefficients>1 0 -2 5</coefficients></PolynomialFunction></function>"
        "<scale>0.1</scale></MultiplierFunction>",
    }
    joint = joint4(
        "j",
        "CustomJoint",
        "ground",
        "pelvis",
        coordinate("a") + coordinate("b"),
        transform(moves, functions, wrapped=False, axes=axes),
    )
    text = model4(("pelvis",), [joint], markers=[("m", "pelvis", (0.1, 0.2, 0.3))])
    a, b = np.array([0.3, -0.5]), np.array([0.2, 1.1])
    found = placed(tmp_path, text, {"a": a, "b": b}, markers=["m"]).positions["m"]
    turns = [
        Rotation.from_rotvec(np.outer(angle, axis))
        for angle, axis in ((a, [0, 0, 1]), (b, [0.6, 0, 0.8]), (2 * a - b + 0.3, [0, 1, 0]))
    ]
    expected = (turns[0] * turns[1] * turns[2]).apply([0.1, 0.2, 0.3])
    expected[:, 1] += 0.1 * (a**3 - 2 * a + 5)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def forsythe(x, y):
    """Second derivatives over six of the spline at its points, from its equations as they stand."""
    h, s = np.diff(x), np.diff(y) / np.diff(x)
    size = len(x)
    left, right = np.zeros((size, size)), np.zeros(size)
    for i in range(1, size - 1):
        left[i, i - 1 : i + 2] = h[i - 1], 2 * (h[i - 1] + h[i]), h[i]
        right[i] = s[i] - s[i - 1]
    left[0, :2], left[-1, -2:] = (-h[0], h[0]), (h[-1], -h[-1])
    if size > 3:
        low = right[2] / (x[3] - x[1]) - right[1] / (x[2] - x[0])
        high = right[-2] / (x[-1] - x[-3]) - right[-3] / (x[-2] - x[-4])
        right[0] = h[0] ** 2 * low / (x[3] - x[0])
        right[-1] = -(h[-1] ** 2) * high / (x[-1] - x[-4])
    return np.linalg.solve(left, right)


@pytest.mark.parametrize("count", [3, 4, 5, 9])
def test_simm_splines_are_forsythes(count):
    x, y = np.cumsum(0.2 + rng.random(count)), rng.normal(size=count)
    c, h = forsythe(x, y), np.diff(x)
    at = np.linspace(x[0], x[-1], 101)
    piece = np.clip(np.searchsorted(x, at, side="right") - 1, 0, count - 2)
    d = at - x[piece]
    slope = np.diff(y) / h - h * (c[1:] + 2 * c[:-1])
    expected = y[piece] + d * (slope[piece] + d * (3 * c[piece] + d * (np.diff(c) / h)[piece]))
    np.testing.assert_allclose(simm_spline(x, y)(at[None]), expected, atol=1e-11)


def test_simm_splines_repeat_cubics_and_go_straight_on_beyond_the_ends():
    """Which neither natural nor not-a-knot ends would do for y = x³ − x."""
    x = np.array([-1.0, -0.3, 0.4, 0.5, 1.3, 2.0])
    curve = simm_spline(x, x**3 - x)
    at = np.linspace(-1, 2, 31)
    np.testing.assert_allclose(curve(at[None]), at**3 - at, atol=1e-12)
    outside = curve(np.array([[-1.5, 4.0]]))
    np.testing.assert_allclose(outside, [0.0 + 2 * -0.5, 6.0 + 11 * 2.0], atol=1e-12)
    y = rng.normal(size=6)
    assert np.abs(simm_spline(x, y)(at[None]) - CubicSpline(x, y)(at)).max() > 0.01
    natural = CubicSpline(x, y, bc_type="natural")
    assert np.abs(simm_spline(x, y)(at[None]) - natural(at)).max() > 0.01
    line = simm_spline(np.array([0.0, 2.0]), np.array([1.0, 5.0]))
    np.testing.assert_allclose(line(np.array([[-1.0, 0.5, 3.0]])), [-1.0, 2.0, 7.0])


def test_piecewise_lines():
    curve = piecewise_linear(np.array([0.0, 1.0, 3.0]), np.array([0.0, 2.0, 1.0]))
    np.testing.assert_allclose(
        curve(np.array([[-1.0, 0.5, 1.0, 2.0, 5.0]])), [-2.0, 1.0, 2.0, 1.5, 0.0]
    )


def test_coupled_coordinates_follow_their_constraint_whatever_the_table_says(tmp_path):
    """knee = 2 × (0.5 hip + 0.1), and hip = −tilt: in this order of constraints or the other."""
    half = "<LinearFunction><coefficients>0.5 0.1</coefficients></LinearFunction>"
    less = "<LinearFunction><coefficients>-1 0</coefficients></LinearFunction>"
    knee = coupler("knee_angle", "hip_flexion", half, scale=2.0, name="a")
    hip = coupler("hip_flexion", "pelvis_tilt", less, name="b")
    tilt = np.array([0.2, -0.4])
    columns = STANDING | {"pelvis_tilt": tilt}
    expected = placed(
        tmp_path,
        leg4(),
        columns | {"hip_flexion": -tilt, "knee_angle": 0.2 - tilt},
        markers=["heel"],
    ).positions["heel"]
    # A coupled column in degrees beside radians (as Moco writes patellae) spoils nothing.
    wrong = columns | {"hip_flexion": [1.0, 2.0], "knee_angle": [70.0, 80.0]}
    for constraints in (knee + hip, hip + knee):
        found = placed(tmp_path, leg4(constraints=constraints), wrong, markers=["heel"])
        np.testing.assert_allclose(found.positions["heel"], expected, atol=1e-12)
        lacking = {name: wrong[name] for name in ROOT}
        found = placed(tmp_path, leg4(constraints=constraints), lacking, markers=["heel"])
        np.testing.assert_allclose(found.positions["heel"], expected, atol=1e-12)
    free = coupler("knee_angle", "hip_flexion", half, enforced="false")
    found = placed(tmp_path, leg4(constraints=free), columns, markers=["heel"]).positions["heel"]
    plain = placed(tmp_path, leg4(), columns, markers=["heel"]).positions["heel"]
    np.testing.assert_allclose(found, plain, atol=1e-12)


def test_what_a_table_may_lack(tmp_path):
    """Locked coordinates, those of other limbs, and those that the caller allows, by name."""
    model = leg4().replace(
        coordinate("knee_angle"), coordinate("knee_angle", default=-0.5, locked="true")
    )
    bent = STANDING | {"knee_angle": [-0.5, -0.5]}
    expected = placed(tmp_path, leg4(), bent, markers=["heel"]).positions["heel"]
    without = {name: values for name, values in STANDING.items() if name != "knee_angle"}
    found = placed(tmp_path, model, without, markers=["heel"])
    np.testing.assert_allclose(found.positions["heel"], expected, atol=1e-12)
    assert found.at_default == ()
    open_ = model.replace("<locked>true</locked>", "<locked>false</locked>")
    assert placed(tmp_path, open_, without, markers=["S2"]).at_default == ()
    with pytest.raises(InputError, match=r"m\.mot: columns: found no knee_angle, expected"):
        placed(tmp_path, open_, without, markers=["heel"])
    found = placed(tmp_path, open_, without, markers=["heel"], may_lack=["knee_angle"])
    np.testing.assert_allclose(found.positions["heel"], expected, atol=1e-12)
    assert found.at_default == ("knee_angle",)


def test_degrees_and_state_paths(tmp_path):
    columns = {name: 0.1 * rng.normal(size=3) for name in STANDING}
    expected = placed(tmp_path, leg4(), columns, markers=["heel"]).positions["heel"]
    shifts = ("pelvis_tx", "pelvis_ty")
    degrees = {k: v if k in shifts else np.rad2deg(v) for k, v in columns.items()}
    path = "/jointset/any/{}/value"
    for how in ({"degrees": True}, {"degrees": True, "path": path}):
        found = placed(tmp_path, leg4(), degrees, markers=["heel"], **how).positions["heel"]
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_frames_on_frames_and_markers_on_them(tmp_path):
    inner = (
        '<components><PhysicalOffsetFrame name="tip"><socket_parent>../base</socket_parent>'
        "<translation>0.1 0 0</translation></PhysicalOffsetFrame>"
        '<PhysicalOffsetFrame name="base"><socket_parent>/bodyset/pelvis</socket_parent>'
        f"<translation>0 0.2 0</translation><orientation>0 0 {np.pi / 2}</orientation>"
        "</PhysicalOffsetFrame></components>"
    )
    text = model4(
        ("pelvis",), [planar_root()], markers=[("m", "pelvis/tip", (0.01, 0, 0))]
    ).replace('<Body name="pelvis"></Body>', f'<Body name="pelvis">{inner}</Body>')
    found = placed(tmp_path, text, {name: [0.0, 0.0] for name in ROOT}, markers=["m"])
    np.testing.assert_allclose(found.positions["m"], [[0.0, 0.31, 0.0]] * 2, atol=1e-12)


def test_moving_the_root_moves_everything(tmp_path):
    columns = {name: rng.normal(size=4) for name in STANDING}
    names = ["heel", "S2"]
    here = placed(tmp_path, leg4(), columns, markers=names).positions
    shifted = columns | {"pelvis_tx": columns["pelvis_tx"] + 3.0}
    there = placed(tmp_path, leg4(), shifted, markers=names).positions
    for name in names:
        np.testing.assert_allclose(there[name] - here[name], [[3.0, 0.0, 0.0]] * 4, atol=1e-12)


# Model, coordinates and markers of one trial; the thigh markers of opencap's left leg, which its
# own inverse kinematics left out, lie 11 cm off in the file. RMS over frames and markers, m, of all
# markers that both have and of those on pelvis, shanks and feet, where the largest is given, too.
TRUTH = {
    "walk3d": ("opensim_walk3d", "subject_walk_scaled.osim", "coordinates.sto", "markers_walk.trc"),
    "opencap": (
        "opencap_lab_walk",
        "LaiArnoldModified2017_poly_withArms_weldHand_scaled.osim",
        "walking1.mot",
        "walking1.trc",
    ),
    "run200": ("running_hamner", "final.osim", "run200_ik.mot", "run200.trc"),
    "run300": ("running_hamner", "final.osim", "run300_ik.mot", "run300.trc"),
}
WELDED = ("mtp_angle_r", "mtp_angle_l")


@pytest.mark.parametrize(
    ("name", "count", "rms", "worst"),
    [
        ("walk3d", 41, 0.031, 0.055),
        ("opencap", 41, 0.016, 0.045),
        ("run200", 42, 0.009, 0.022),
        ("run300", 42, 0.011, 0.027),
    ],
)
def test_models_repeat_the_markers_that_their_angles_were_made_from(
    real_data, name, count, rms, worst
):
    """Within the residual of inverse kinematics (walk3d: after residual reduction, welded toes)."""
    folder, model, coordinates, markers = TRUTH[name]
    osim = read_osim(real_data / folder / model)
    angles = read_coordinates(real_data / folder / coordinates, osim)
    seen = read_trc_markers(real_data / folder / markers)
    names = [
        marker
        for marker in seen.names
        if marker in osim.markers and not marker.startswith("L_thigh")
    ]
    assert len(names) == count
    ours = place(osim, angles, markers=names, may_lack=WELDED)
    assert ours.at_default == (WELDED if name == "walk3d" else ())
    time = seen.start + np.arange(len(seen.positions)) / seen.fps
    both = (time >= angles.time[0]) & (time <= angles.time[-1])
    frames = np.searchsorted(angles.time, time[both] - 1e-9)
    apart = [
        np.linalg.norm(
            ours.positions[marker][frames] - seen.positions[both, seen.names.index(marker)], axis=1
        )
        for marker in names
    ]
    each = np.sqrt(np.nanmean(np.square(apart), axis=1))
    assert np.sqrt(np.nanmean(np.square(apart))) <= rms
    assert each.max() <= worst


def test_real_models_have_what_their_files_list(real_data):
    """Counts of a search for the tags; bodies that hang on the ground; three layouts of joints."""
    for name, bodies, coordinates, couplings, markers in (
        ("walk3d", 22, 33, 2, 65),
        ("opencap", 22, 35, 2, 49),
        ("run200", 20, 37, 0, 64),
    ):
        folder, file, *_ = TRUTH[name]
        model = read_osim(real_data / folder / file)
        assert (len(model.bodies), len(model.coordinates)) == (bodies, coordinates), name
        assert (len(model.couplings), len(model.markers)) == (couplings, markers), name
        assert model.bodies[0] == "pelvis"
