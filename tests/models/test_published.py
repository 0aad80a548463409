"""Published human moment arms: reading a table, and comparing the models with it."""

import mujoco
import numpy as np
import pytest
from musclemimic_models import InputError, get_musculo_model
from musclemimic_models.validation.moment_arm_table import (
    PublishedMomentArm,
    read_moment_arms,
    shipped_moment_arms,
)
from musclemimic_models.validation.published import compare_moment_arms, coupled_moment_arms

HEADER = "muscle,joint,angle_deg,moment_arm_mm,source\n"
GOOD = "soleus,ankle_angle,0,-40,Someone 2000\n"


@pytest.fixture(scope="module")
def body():
    return get_musculo_model("MyoFullBody", fingers=False)


@pytest.fixture(scope="module")
def arms():
    return get_musculo_model("BimanualMuscle", fingers=False)


def row(muscle="soleus", joint="ankle_angle", angle=0.0, arm=-40.0, sd=None):
    return PublishedMomentArm(muscle, joint, angle, arm, "Someone 2000", sd_mm=sd)


def compare(model, *rows):
    return compare_moment_arms(model, rows)


def slope_of_length(model, muscle, joint, angle_rad, step=1e-5):
    """-dL/dq by central differences along the coupled coordinate, from MuJoCo's own lengths."""
    m, d = model.mj_model, mujoco.MjData(model.mj_model)
    lengths = []
    for shift in (step, -step):
        qpos = m.qpos0.copy()
        qpos[m.jnt_qposadr[m.joint(joint).id]] = angle_rad + shift
        d.qpos[:] = model.couplings.apply(qpos)
        mujoco.mj_fwdPosition(m, d)
        lengths.append(float(d.actuator_length[model.muscle_names.index(muscle)]))
    return (lengths[1] - lengths[0]) / (2 * step)


@pytest.mark.parametrize(
    ("muscle", "joint", "degrees"),
    [
        ("vasint_r", "knee_angle_r", 35.0),
        ("bflh_r", "knee_angle_r", 70.0),
        ("gasmed_r", "knee_angle_r", 20.0),
        ("DELT2", "shoulder_elv_r", 45.0),
        ("rect_abd_r", "flex_extension", -10.0),
        ("soleus_r", "ankle_angle_r", 10.0),
    ],
)
def test_moment_arm_is_the_slope_of_length_along_the_coupled_motion(body, muscle, joint, degrees):
    angle = np.radians([degrees])
    index = body.muscle_names.index(muscle)
    ours = coupled_moment_arms(body, body.joint_names.index(joint), angle)[0, index]
    assert ours == pytest.approx(slope_of_length(body, muscle, joint, angle[0]), abs=1e-6)


def test_couplings_matter_at_the_knee(body):
    """Without the patella's motion the vasti would have a quarter more."""
    joint = body.joint_names.index("knee_angle_r")
    index = body.muscle_names.index("vasint_r")
    ours = 1e3 * coupled_moment_arms(body, joint, np.radians([10.0]))[0, index]
    assert ours == pytest.approx(-38.7, abs=0.1)


def test_comparison_reports_value_difference_ratio_and_verdict(body):
    (found,) = compare(body, row(arm=-20.0))
    expected = 1e3 * slope_of_length(body, "soleus_r", "ankle_angle_r", 0.0)
    assert found.model_mm == pytest.approx(expected, abs=1e-3)
    assert found.difference_mm == pytest.approx(expected + 20)
    assert found.ratio == pytest.approx(expected / -20)
    assert (found.model, found.within, found.reason) == ("MyoFullBody", False, "")


def test_tolerance_is_two_sd_or_forty_percent_or_ten_millimetres(body):
    model_mm = compare(body, row())[0].model_mm
    assert [row(sd=3.0).tolerance_mm, row(arm=50.0).tolerance_mm, row(arm=5.0).tolerance_mm] == [
        6.0,
        20.0,
        10.0,
    ]
    verdicts = compare(
        body,
        row(arm=model_mm + 5.9, sd=3.0),
        row(arm=model_mm + 6.1, sd=3.0),
        row(arm=model_mm / 1.39),
        row(arm=model_mm / 1.41),
    )
    assert [c.within for c in verdicts] == [True, False, True, False]


def test_without_a_standard_deviation_the_sign_must_agree(body):
    small = row("ECU", "flexion", 30.0, 4.0)
    (found,) = compare(body, small)
    assert found.model_mm < 0 and abs(found.difference_mm) < 10
    assert found.within is False
    assert compare(body, row("ECU", "flexion", 30.0, 4.0, sd=8.0))[0].within is True


def test_group_is_the_strength_weighted_mean(body):
    names = ("gaslat", "gasmed", "soleus")
    single = np.array([c.model_mm for c in compare(body, *(row(name) for name in names))])
    force = np.array(
        [body.muscles.max_isometric_force[body.muscle_names.index(f"{name}_r")] for name in names]
    )
    (group,) = compare(body, row("+".join(names)))
    assert group.model_mm == pytest.approx(float(single @ force / force.sum()))
    assert group.model_mm != pytest.approx(float(single.mean()), abs=0.01)


def test_peak_is_the_largest_arm_of_the_published_sign_over_the_range(body):
    angles = np.arange(0.0, 130.0, 5.0)
    curve = [c.model_mm for c in compare(body, *(row("BRA", "elbow_flexion", a) for a in angles))]
    (peak,) = compare(body, row("BRA", "elbow_flexion", None, 26.0))
    assert max(curve) <= peak.model_mm < max(curve) + 0.5
    (lowest,) = compare(body, row("TRIlong", "elbow_flexion", None, -23.0))
    assert lowest.model_mm < -20


def test_published_zero_has_no_ratio(body):
    (found,) = compare(body, row(arm=0.0))
    assert found.ratio is None
    assert found.within is False


def test_rows_of_another_model_are_returned_with_the_reason(arms):
    leg, mixed, arm = compare(arms, row(), row("BRA", "knee_angle"), row("BRA", "elbow_flexion"))
    assert leg.reason == "not in this model: soleus at ankle_angle"
    assert mixed.reason == "not in this model: BRA at knee_angle"
    assert (leg.model_mm, leg.difference_mm, leg.ratio, leg.within) == (None,) * 4
    assert arm.reason == "" and arm.model_mm > 0


def test_finger_muscles_are_known_but_not_in_the_fingerless_model(arms):
    assert compare(arms, row("FPL", "flexion"))[0].reason == "not in this model: FPL at flexion"


def test_coupled_joint_and_angle_out_of_range_are_not_compared(body):
    coupled, far = compare(body, row("vasint", "knee_angle_rotation3"), row(angle=60.0))
    assert coupled.reason == "knee_angle_rotation3 follows another joint of this model"
    assert far.reason == "60° is outside the model's range, -40° to 30°"
    assert coupled.within is far.within is None


@pytest.mark.parametrize(
    ("muscle", "joint", "message"),
    [
        ("Soleus", "ankle_angle", r"row: muscle: found 'Soleus'.*perhaps soleus"),
        ("bicepslong", "elbow_flexion", "perhaps BIClong"),
        ("soleus", "ankel_angle", r"row: joint: found 'ankel_angle'.*ankle_angle"),
        ("soleus+gastroc", "ankle_angle", "muscle: found 'gastroc'"),
    ],
)
def test_name_in_no_model_is_refused_with_near_names(body, muscle, joint, message):
    with pytest.raises(InputError, match=message):
        compare(body, row(muscle, joint))


HOSTILE = {
    "": "0 bytes",
    "\n\n": "header: found .*, expected also muscle, joint",
    HEADER: "rows: found none, expected at least one",
    GOOD: "header: found .*'soleus'.*expected also muscle",
    "muscle,joint,angle_deg,source\n": "expected also moment_arm_mm",
    HEADER[:-1] + ",sd\n" + GOOD[:-1] + ",2\n": "header: found .*'sd'.*once each .*sd_mm",
    HEADER[:-1] + ",joint\n": "header: found .*once each",
    HEADER + GOOD.replace("-40", "forty"): r"row 2: moment_arm_mm: found 'forty'",
    HEADER + GOOD + GOOD.replace("-40", "nan"): r"row 3: moment_arm_mm: found 'nan', .*-500 to 500",
    HEADER + GOOD.replace("-40", "inf"): "found 'inf'",
    HEADER + GOOD.replace("-40", "-501"): "moment_arm_mm: found '-501'",
    HEADER + GOOD.replace("-40", ""): "moment_arm_mm: found nothing",
    HEADER + GOOD.replace("-40", "-0.04"): "moment_arm_mm: found metres, it seems",
    HEADER + GOOD.replace("-40", "-40,0"): "cells: found 6, expected 5",
    HEADER + GOOD.replace(",0,", ",neutral,"): "row 2: angle_deg: found 'neutral'.*-360 to 360",
    HEADER + GOOD.replace(",0,", ",,"): "angle_deg: found nothing",
    HEADER + GOOD.replace("Someone 2000", " "): "source: found nothing",
    HEADER
    + GOOD.replace("soleus", "soleus_l"): "name: found 'soleus_l', expected one without side",
    HEADER + GOOD.replace("ankle_angle", "ankle_angle_r"): "name: found 'ankle_angle_r'",
    HEADER + GOOD.replace("soleus", "soleus+"): "name: found ''",
    HEADER + GOOD.replace("soleus", "soleus + gasmed"): "name: found 'soleus '",
    HEADER + '"soleus,ankle_angle,0,-40,Someone\n': "text: found .*expected a UTF-8 CSV",
    HEADER[:-1] + ",sd_mm\n" + GOOD[:-1] + ",0\n": "sd_mm: found '0', expected a number from 0.001",
    HEADER[:-1] + ",sd_mm\n" + GOOD[:-1] + ",-2\n": "sd_mm: found '-2'",
}


@pytest.mark.parametrize("text", HOSTILE)
def test_bad_table_is_refused_by_file_row_and_column(tmp_path, text):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=r"mine\.csv: .*" + HOSTILE[text]):
        read_moment_arms(path)


def test_missing_file_folder_and_foreign_encoding_are_refused(tmp_path):
    with pytest.raises(InputError, match="nothing there"):
        read_moment_arms(tmp_path / "none.csv")
    with pytest.raises(InputError, match="a directory"):
        read_moment_arms(tmp_path)
    path = tmp_path / "latin.csv"
    path.write_bytes((HEADER + GOOD.replace("Someone", "Möller")).encode("latin-1"))
    with pytest.raises(InputError, match="expected a UTF-8 CSV table"):
        read_moment_arms(path)


def test_only_the_required_columns_in_any_order_with_bom_and_blank_lines(tmp_path):
    path = tmp_path / "mine.csv"
    line = "Möller, ankle_angle ,soleus,-4e1,peak\r\n"
    text = "source,joint,muscle,moment_arm_mm,angle_deg\r\n\r\n" + line + line
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    first, second = read_moment_arms(path)
    assert first == PublishedMomentArm(
        "soleus", "ankle_angle", None, -40.0, "Möller", where=f"{path}: row 3"
    )
    assert second.where == f"{path}: row 4"


def test_shipped_table_names_its_sources_and_is_compared_in_full(body):
    table = shipped_moment_arms()
    assert len(table) >= 60
    for published in table:
        assert published.source and published.read_at and published.method, published
        assert "://" in published.read_at or "/" in published.read_at.partition(":")[0]
    found = compare_moment_arms(body, table)
    assert tuple(c.published for c in found) == table
    assert not [c.reason for c in found if c.reason]
    assert {c.published.joint for c in found} == {
        *("ankle_angle", "knee_angle", "elbow_flexion", "pro_sup", "flexion", "shoulder_rot"),
    }


def test_what_the_models_do_not_reproduce(body, arms):
    """Findings, not errors: pinned so that a change of anatomy shows."""
    outside = {
        (c.published.muscle, c.published.joint, c.published.angle_deg)
        for model in (body, arms)
        for c in compare_moment_arms(model, shipped_moment_arms())
        if c.within is False
    }
    assert outside == {
        ("gaslat+gasmed+soleus", "ankle_angle", -10.0),
        ("bflh", "knee_angle", None),
        ("TRIlong+TRIlat+TRImed", "elbow_flexion", 110.0),
    }
