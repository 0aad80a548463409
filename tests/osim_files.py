"""Small OpenSim models, written in the layouts of OpenSim 4 and 3."""

import numpy as np

ROOT = ("pelvis_tilt", "pelvis_tx", "pelvis_ty")
AXES = {"rotation1": "0 0 1", "rotation2": "1 0 0", "rotation3": "0 1 0"}
AXES |= {"translation1": "1 0 0", "translation2": "0 1 0", "translation3": "0 0 1"}
LINEAR = "<LinearFunction{name}><coefficients>1 0</coefficients></LinearFunction>"
ZERO = "<Constant{name}><value>0</value></Constant>"


def coordinate(name, *, default=0.0, locked="false"):
    fields = f"<default_value>{default}</default_value><locked>{locked}</locked>"
    return f'<Coordinate name="{name}">{fields}</Coordinate>'


def transform(moves, functions, *, wrapped, axes=AXES):
    """A SpatialTransform: axis name to coordinate, and to another function than the identity."""
    text = ""
    for name in AXES:
        moved = moves.get(name, "")
        function = functions.get(name, LINEAR if moved else ZERO)
        function = function.format(name="" if wrapped else ' name="function"')
        function = f"<function>{function}</function>" if wrapped else function
        fields = f"<coordinates>{moved}</coordinates><axis>{axes[name]}</axis>{function}"
        text += f'<TransformAxis name="{name}">{fields}</TransformAxis>'
    return f"<SpatialTransform>{text}</SpatialTransform>"


def vector(values):
    return " ".join(f"{value:.17g}" for value in values)


def joint4(
    name, kind, parent, child, coordinates, inside="", *, at=(0, 0, 0), turned=(0, 0, 0), **child_at
):
    """A joint of OpenSim 4; `child_at` has `child_place` and `child_turned`."""
    places = (
        (f"{parent}_offset", parent, at, turned),
        (
            f"{child}_offset",
            child,
            child_at.get("child_place", (0, 0, 0)),
            child_at.get("child_turned", (0, 0, 0)),
        ),
    )
    frames = "".join(
        f'<PhysicalOffsetFrame name="{frame}"><socket_parent>'
        f"{'/ground' if body == 'ground' else f'/bodyset/{body}'}</socket_parent>"
        f"<translation>{vector(place)}</translation><orientation>{vector(turn)}</orientation>"
        "</PhysicalOffsetFrame>"
        for frame, body, place, turn in places
    )
    return (
        f'<{kind} name="{name}"><socket_parent_frame>{parent}_offset</socket_parent_frame>'
        f"<socket_child_frame>{child}_offset</socket_child_frame>"
        f"<coordinates>{coordinates}</coordinates><frames>{frames}</frames>{inside}</{kind}>"
    )


def document(inside, *, version="40000", head=""):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}<OpenSimDocument Version="{version}">'
        f'<Model name="tiny">{inside}</Model></OpenSimDocument>'
    )


def model4(bodies, joints, *, markers=(), constraints="", version="40000", components=""):
    """A model of OpenSim 4: body names, joint texts, (name, body, place) of markers."""
    body_text = "".join(
        f'<Body name="{body}">{components if body == bodies[0] else ""}</Body>' for body in bodies
    )
    marker_text = "".join(
        f'<Marker name="{name}"><socket_parent_frame>/bodyset/{body}</socket_parent_frame>'
        f"<location>{vector(place)}</location></Marker>"
        for name, body, place in markers
    )
    return document(
        f"<BodySet><objects>{body_text}</objects></BodySet>"
        f"<JointSet><objects>{''.join(joints)}</objects></JointSet>"
        f"<ConstraintSet><objects>{constraints}</objects></ConstraintSet>"
        f"<MarkerSet><objects>{marker_text}</objects></MarkerSet>",
        version=version,
    )


def planar_root(body="pelvis", names=ROOT):
    """A CustomJoint on the ground that tilts about z and moves along x and y."""
    moves = dict(zip(("rotation1", "translation1", "translation2"), names, strict=True))
    return joint4(
        "ground_pelvis",
        "CustomJoint",
        "ground",
        body,
        "".join(coordinate(name) for name in names),
        transform(moves, {}, wrapped=False),
    )


def leg4(*, knee=LINEAR, hip="PinJoint", constraints="", extra=""):
    """Pelvis, thigh 0.4 m below it and a shank whose knee slides by a function of its angle."""
    hip_joint = joint4(
        "hip", hip, "pelvis", "femur", coordinate("hip_flexion"), at=(0.1, -0.1, 0.05)
    )
    knee_joint = joint4(
        "knee",
        "CustomJoint",
        "femur",
        "tibia",
        coordinate("knee_angle") + extra,
        transform(
            {"rotation1": "knee_angle", "translation1": "knee_angle"},
            {"translation1": knee},
            wrapped=False,
        ),
        at=(0, -0.4, 0),
        child_place=(0.0, 0.02, 0.0),
    )
    markers = [("heel", "tibia", (0.05, -0.4, 0.0)), ("S2", "pelvis", (-0.1, 0.05, 0.0))]
    return model4(
        ("pelvis", "femur", "tibia"),
        [knee_joint, hip_joint, planar_root()],  # children before parents, as files may have them
        markers=markers,
        constraints=constraints,
    )


def leg3(*, knee=LINEAR):
    """The same in the layout of OpenSim 3: joints within bodies."""

    def joint(name, kind, parent, coordinates, inside="", at=(0, 0, 0), place=(0, 0, 0)):
        text = "".join(coordinates)
        return (
            f'<Joint><{kind} name="{name}"><parent_body>{parent}</parent_body>'
            f"<location_in_parent>{vector(at)}</location_in_parent>"
            "<orientation_in_parent>0 0 0</orientation_in_parent>"
            f"<location>{vector(place)}</location><orientation>0 0 0</orientation>"
            f"<CoordinateSet><objects>{text}</objects></CoordinateSet>"
            f"<reverse>false</reverse>{inside}</{kind}></Joint>"
        )

    moves = dict(zip(("rotation1", "translation1", "translation2"), ROOT, strict=True))
    root = joint(
        "ground_pelvis",
        "CustomJoint",
        "ground",
        [coordinate(name) for name in ROOT],
        transform(moves, {}, wrapped=True),
    )
    hip = joint("hip", "PinJoint", "pelvis", [coordinate("hip_flexion")], at=(0.1, -0.1, 0.05))
    knee_joint = joint(
        "knee",
        "CustomJoint",
        "femur",
        [coordinate("knee_angle")],
        transform(
            {"rotation1": "knee_angle", "translation1": "knee_angle"},
            {"translation1": knee},
            wrapped=True,
        ),
        at=(0, -0.4, 0),
        place=(0.0, 0.02, 0.0),
    )
    bodies = '<Body name="ground"><Joint /></Body>' + "".join(
        f'<Body name="{name}">{text}</Body>'
        for name, text in (("pelvis", root), ("femur", hip), ("tibia", knee_joint))
    )
    return document(
        f"<BodySet><objects>{bodies}</objects></BodySet>"
        "<MarkerSet><objects>"
        '<Marker name="heel"><body>tibia</body><location>0.05 -0.4 0</location></Marker>'
        '<Marker name="S2"><body>pelvis</body><location>-0.1 0.05 0</location></Marker>'
        "</objects></MarkerSet>",
        version="30000",
    )


def coupler(dependent, independent, function=LINEAR, *, scale=1.0, name="c", enforced="true"):
    return (
        f'<CoordinateCouplerConstraint name="{name}"><isEnforced>{enforced}</isEnforced>'
        f"<coupled_coordinates_function>{function.format(name='')}</coupled_coordinates_function>"
        f"<independent_coordinate_names>{independent}</independent_coordinate_names>"
        f"<dependent_coordinate_name>{dependent}</dependent_coordinate_name>"
        f"<scale_factor>{scale}</scale_factor></CoordinateCouplerConstraint>"
    )


def table(columns, *, degrees=False, path="{}"):
    """A .mot table of columns, 100 Hz."""
    names, values = list(columns), np.array(list(columns.values()), dtype=float).T
    lines = ["Coordinates", "version=1", f"inDegrees={'yes' if degrees else 'no'}", "endheader"]
    lines.append("\t".join(["time", *(path.format(name) for name in names)]))
    lines += [
        "\t".join([f"{0.01 * row:.2f}", *(f"{value:.17g}" for value in cells)])
        for row, cells in enumerate(values)
    ]
    return "\n".join(lines) + "\n"
