"""Bad, hostile and damaged OpenSim models: one line that names the file and the place."""

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from musclemimic_models import InputError
from musclemimic_retarget.osim import place, read_coordinates, read_osim, xml
from osim_files import (
    LINEAR,
    ROOT,
    coordinate,
    coupler,
    document,
    joint4,
    leg3,
    leg4,
    model4,
    planar_root,
    table,
)

SPLINE = "<SimmSpline{name}><x>-2 -1 0 1 3</x><y>0 0.01 0.03 0.02 0</y></SimmSpline>"
COLUMNS = {name: np.linspace(0, 0.3, 4) for name in (*ROOT, "hip_flexion", "knee_angle")}


def read(folder, text):
    path = folder / "bad.osim"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_osim(path)


def swap(old, new, text=None):
    text = leg4(knee=SPLINE) if text is None else text
    assert old in text
    return text.replace(old, new, 1)


BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
FAR = '<!DOCTYPE x SYSTEM "file:///etc/hostname">'
TURN = re.compile(r'<TransformAxis name="rotation3">.*?</TransformAxis>')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "file: found 0 bytes"),
        (b"\x00\x01\x02", "XML: found "),
        ("no xml", "XML: found syntax error"),
        (leg4()[:-30], "XML: found "),
        (leg4().replace("UTF-8", "UTF-99"), "XML: found "),
        ("<svg><a/><b/></svg>", "XML: found <svg> of a, b, expected <OpenSimDocument>"),
        ('<OpenSimDocument Version="40000"/>', "XML: found <OpenSimDocument> of nothing"),
        (swap('Version="40000"', 'Version="10905"'), "Version: found 10905, expected 20302 to"),
        (swap('Version="40000"', 'Version="new"'), "Version: found new"),
        (swap('Version="40000"', ""), "Version: found none"),
        (document("", head=BOMB), "XML: found a document type 'x', which may define entities"),
        (document("", head=FAR), "XML: found a document type 'x'"),
        (document("<a>" * 100 + "</a>" * 100), "XML: found more than 64 levels"),
        (document(""), "BodySet: found no body"),
        (swap('<Body name="femur">', "<Body>"), "<Body>: found no name"),
        (swap('<Body name="femur">', '<Body name="pelvis">'), "BodySet: found pelvis twice"),
        (
            swap('<PinJoint name="hip">', '<EllipsoidJoint name="hip">').replace(
                "</PinJoint>", "</EllipsoidJoint>"
            ),
            "joint hip: found 'EllipsoidJoint', expected one of CustomJoint, WeldJoint",
        ),
        (
            swap('<SimmSpline name="function">', '<Sine name="function">').replace(
                "</SimmSpline>", "</Sine>"
            ),
            "joint knee: translation1: function: found 'Sine', expected one of Constant, Linear",
        ),
        (
            leg4(knee="<metaphor/>"),
            "joint knee: translation1: found <coordinates>, <axis>, <metaphor>, expected a func",
        ),
        (
            TURN.sub("", leg4(), count=1),
            "joint knee: SpatialTransform: found rotation1, rotation2,",
        ),
        (
            swap("<axis>0 0 1</axis>", "<axis>0 0 0</axis>"),
            "joint knee: rotation1: axis: found zero",
        ),
        (swap("<axis>0 0 1</axis>", "<axis>0 0</axis>"), "axis: found 0 0, expected 3 numbers"),
        (swap("<axis>0 0 1</axis>", "<axis>0 nan 1</axis>"), "axis: found 0 nan 1, expected 3"),
        (swap("<axis>0 0 1</axis>", "<axis>0 one 1</axis>"), "axis: found could not convert"),
        (swap("<x>-2 -1 0", "<x>-2 -1 -1"), "x: found -2 -1 -1 1 3, expected two or more increas"),
        (swap("<y>0 0.01", "<y>0.01"), "y: found 0.01 0.03 0.02 0, expected 5 numbers"),
        (swap("<x>-2 -1 0 1 3", "<x>"), "x: found nothing, expected numbers"),
        (
            swap("<coefficients>1 0<", "<coefficients>1 0 2<"),
            "coefficients: found 1 0 2, expected 2 numbers",
        ),
        (
            swap("<coordinates>knee_angle<", "<coordinates>knee_bend<"),
            "joint knee: coordinate: found 'knee_bend', expected one of hip_flexion, knee_angle",
        ),
        (
            swap(
                "<coordinates>knee_angle</coordinates><axis>1 0 0",
                "<coordinates>knee_angle hip_flexion</coordinates><axis>1 0 0",
            ),
            "joint knee: translation1: coordinates: found 2 for a SimmSpline, expected one",
        ),
        (
            swap("/bodyset/femur<", "/bodyset/thigh<"),
            "joint knee: femur_offset: found '/bodyset/thigh', expected one of",
        ),
        (
            swap("<socket_child_frame>tibia_offset<", "<socket_child_frame>shin<"),
            "joint knee: socket_child_frame: found 'shin', expected one of",
        ),
        (
            leg4(extra=coordinate("hip_flexion")),
            "coordinates: found hip_flexion twice, expected unique",
        ),
        (
            leg4(extra=coordinate("q", locked="perhaps")),
            "joint knee: q: locked: found 'perhaps', expected true or false",
        ),
        (
            leg4(extra=coordinate("q", default="inf")),
            "joint knee: q: default_value: found inf, expected 1 numbers",
        ),
        (
            swap("<default_value>0.0<", "<range>-1</range><default_value>0.0<"),
            "joint knee: knee_angle: range: found -1, expected 2 numbers",
        ),
        (leg4(hip="WeldJoint"), "joint hip: coordinates: found 1, expected 0 of a WeldJoint"),
        (
            swap("/bodyset/tibia</socket_parent_frame>", "/x</socket_parent_frame>"),
            "marker heel: found '/x', expected one of",
        ),
        (
            leg3().replace("<reverse>false", "<reverse>true", 1),
            "joint ground_pelvis: reverse: found true",
        ),
        (
            leg3().replace("<parent_body>pelvis", "<parent_body>hips"),
            "joint hip: parent_body: found 'hips'",
        ),
        (
            leg4(constraints=coupler("knee_angle", "elbow")),
            "constraint c: coordinate: found 'elbow', expected one of",
        ),
        (
            leg4(constraints=coupler("knee_angle", "hip_flexion", "<Sine/>")),
            "constraint c: found <isEnforced>, <coupled|constraint c: function: found 'Sine'",
        ),
        (
            leg4(
                constraints=coupler("knee_angle", "hip_flexion", name="a")
                + coupler("hip_flexion", "knee_angle", name="b")
            ),
            "ConstraintSet: found hip_flexion, knee_angle coupled in a circle",
        ),
        (
            leg4(constraints=coupler("knee_angle", "knee_angle")),
            "ConstraintSet: found knee_angle coupled in a circle",
        ),
        (
            leg4(
                constraints=coupler("knee_angle", "hip_flexion", name="a")
                + coupler("knee_angle", "pelvis_tilt", name="b")
            ),
            "dependent coordinates: found knee_angle twice",
        ),
        (
            model4(("pelvis", "femur"), [planar_root()]),
            "body femur: found no joint, expected one joint",
        ),
        (
            model4(("pelvis",), [planar_root(), joint4("w", "WeldJoint", "ground", "pelvis", "")]),
            "body pelvis: found ground_pelvis, w, expected one joint",
        ),
        (
            model4(
                ("a", "b"),
                [joint4("ab", "WeldJoint", "a", "b", ""), joint4("ba", "WeldJoint", "b", "a", "")],
            ),
            "joints: found ab, ba in a circle, expected bodies that hang on the ground",
        ),
        (
            swap(
                "<socket_parent>/bodyset/femur<",
                "<socket_parent>tibia_offset<",
                swap("<socket_parent>/bodyset/tibia<", "<socket_parent>femur_offset<"),
            ),
            "joint knee: frames: found femur_offset, tibia_offset on each other",
        ),
    ],
)
def test_bad_models_are_named(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, text)
    assert "bad.osim" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_huge_files_are_refused_before_they_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(xml, "LARGEST_FILE", 1000)
    with pytest.raises(InputError, match=r"file: found 0\.00\d+ MB, expected at most 0\.001 MB"):
        read(tmp_path, leg4())
    with pytest.raises(InputError, match="nothing there"):
        read_osim(tmp_path / "none.osim")


def test_an_entity_bomb_costs_nothing(tmp_path):
    """Nine levels of ten: a gigabyte, were it ever expanded."""
    levels = "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "ha">' for n in range(10)
    )
    bomb = document("<credits>&l9;</credits>", head=f"<!DOCTYPE OpenSimDocument [{levels}]>")
    for text in (bomb, bomb.replace("UTF-8", "UTF-16").encode("utf-16")):
        with pytest.raises(InputError, match="document type"):
            read(tmp_path, text)


def test_long_chains_do_not_exhaust_the_stack(tmp_path):
    """A thousand coordinates, each determined by the one before, in the worst order."""
    names = [f"q{n}" for n in range(1000)]
    joint = joint4("knee", "PinJoint", "pelvis", "femur", coordinate("end"), at=(0, -0.4, 0))
    holder = joint4(
        "holder",
        "CustomJoint",
        "femur",
        "tibia",
        "".join(coordinate(name) for name in names),
        planar_root().partition("</frames>")[2].removesuffix("</CustomJoint>"),
    )
    chain = [("end", names[-1]), *zip(names[:0:-1], names[-2::-1], strict=True)]
    constraints = "".join(coupler(one, other, name=f"c{n}") for n, (one, other) in enumerate(chain))
    text = model4(
        ("pelvis", "femur", "tibia"),
        [planar_root(), joint, holder],
        markers=[("m", "femur", (1.0, 0.0, 0.0))],
        constraints=constraints,
    )
    model = read(tmp_path, text)
    path = tmp_path / "m.mot"
    path.write_text(
        table({name: np.zeros(2) for name in ROOT} | {"q0": np.array([0.0, np.pi / 2])})
    )
    found = place(model, read_coordinates(path, model), markers=["m"]).positions["m"]
    np.testing.assert_allclose(found, [[1.0, -0.4, 0.0], [0.0, 0.6, 0.0]], atol=1e-12)


def test_bad_tables_and_unknown_points_are_named(tmp_path):
    model = read(tmp_path, leg4())
    path = tmp_path / "m.mot"
    path.write_text(table({"elbow": [0.0, 1.0]}))
    with pytest.raises(InputError, match=r"m\.mot: columns: found elbow, expected coordinates of"):
        read_coordinates(path, model)
    path.write_text(table(COLUMNS))
    found = read_coordinates(path, model)
    assert found.rate == pytest.approx(100.0)
    with pytest.raises(InputError, match="marker: found 'toe', expected one of S2, heel"):
        place(model, found, markers=["toe"])
    with pytest.raises(InputError, match="body: found 'talus', expected one of pelvis, femur"):
        place(model, found, bodies=["talus"])
    path.write_text(table(COLUMNS).replace("0.02", "0.01"))
    with pytest.raises(InputError, match="time in row 3"):
        read_coordinates(path, model)
    path.write_text(table(COLUMNS | {"pelvis_tx": [0.0, 1.0, np.nan, 2.0]}))
    with pytest.raises(InputError, match="pelvis_tx in row 3: found nan"):
        read_coordinates(path, model)
    cubic = "<PolynomialFunction{name}><coefficients>1 0 0 0</coefficients></PolynomialFunction>"
    model = read(tmp_path, leg4(knee=cubic))
    path.write_text(table(COLUMNS | {"knee_angle": [0.0, 1e300, 0.0, 0.0]}))
    with pytest.raises(InputError, match=r"m\.mot: heel: found a position that is not finite"):
        place(model, read_coordinates(path, model), markers=["heel"])


FUZZ = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PIECES = st.sampled_from(
    [
        *("nan", "inf", "1e308", "-1e308", "1e-308", "0", "-1", "", "x", "½", "1 2", "\x00"),
        *("pelvis", "tibia", "ground", "knee_angle", "hip_flexion", "/bodyset/femur", "true"),
        *("<x/>", "</x>", "<Constant/>", "<MultiplierFunction/>", "&amp;", "&x;", "<!-- -->"),
    ]
)


@FUZZ
@given(data=st.data())
def test_damaged_models(tmp_path, data):
    """Words and tags exchanged, dropped, doubled, cut: read and finite, or one line."""
    text = data.draw(
        st.sampled_from(
            [leg4(knee=SPLINE, constraints=coupler("knee_angle", "hip_flexion", LINEAR)), leg3()]
        )
    )
    words = re.split(r"(<[^>]*>|\s+)", text)
    for _ in range(data.draw(st.integers(1, 4))):
        place_at = data.draw(st.integers(0, len(words) - 1))
        match data.draw(st.sampled_from(["swap", "drop", "twice", "put", "cut"])):
            case "swap":
                other = data.draw(st.integers(0, len(words) - 1))
                words[place_at], words[other] = words[other], words[place_at]
            case "drop":
                words[place_at] = ""
            case "twice":
                words[place_at] *= 2
            case "put":
                words[place_at] = data.draw(PIECES)
            case _:
                words = words[: max(place_at, 1)] if data.draw(st.integers(0, 9)) == 0 else words
    path = tmp_path / "damaged.osim"
    path.write_text("".join(words))
    coordinates = tmp_path / "m.mot"
    coordinates.write_text(table(COLUMNS))
    try:
        model = read_osim(path)
        angles = read_coordinates(coordinates, model)
        found = place(model, angles, markers=list(model.markers), bodies=list(model.bodies))
    except InputError as error:
        assert "\n" not in str(error)
        assert "damaged.osim" in str(error)
    else:
        assert all(np.isfinite(points).all() for points in found.positions.values())


@settings(FUZZ, max_examples=60)
@given(content=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_any_bytes(tmp_path, content):
    path = tmp_path / "any.osim"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_osim(path)
    assert "\n" not in str(caught.value)
    assert "any.osim" in str(caught.value)
