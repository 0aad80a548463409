"""Our models against muscle lengths and moment arms written straight from myo-sim."""

from pathlib import Path

import mujoco
import numpy as np
import pytest
from musclemimic_models import get_musculo_model
from musclemimic_models.corrections import WRAP_REPAIRS
from musclemimic_models.validation import muscle_geometry

FOLDER = Path(__file__).parent / "reference"
REPAIRED = {repair.muscle for repair in WRAP_REPAIRS} | {"LTpT_T12"}
# The reference keeps moment arms in single precision.
ARM_TOLERANCE_M = 1e-7


@pytest.mark.parametrize("fingers", [True, False])
@pytest.mark.parametrize("name", ["BimanualMuscle", "MyoFullBody"])
def test_lengths_and_moment_arms_are_myo_sims(name, fingers):
    model = get_musculo_model(name, fingers=fingers)
    m = model.mj_model
    with np.load(FOLDER / f"{name}.npz") as reference:
        assert str(reference["myo_sim_version"]) == "0.2.4"
        columns = {joint: i for i, joint in enumerate(reference["joints"])}
        rows = {muscle: i for i, muscle in enumerate(reference["muscles"])}
        # Without fingers only the poses with straight ones can be compared.
        use = slice(None) if fingers else slice(3, None)
        values, lengths = reference["values"][use], reference["lengths"][use]
        arms = reference["moment_arms"][use]
    scalar = np.flatnonzero(m.jnt_type >= int(mujoco.mjtJoint.mjJNT_SLIDE))
    theirs = [columns[model.joint_names[j]] for j in scalar]
    poses = np.tile(m.qpos0, (len(values), 1))
    poses[:, m.jnt_qposadr[scalar]] = values[:, theirs]
    ours, our_arms = muscle_geometry(model, poses)
    muscles = [rows[muscle] for muscle in model.muscle_names]
    kept = np.array([stem(muscle) not in REPAIRED for muscle in model.muscle_names])
    assert kept.sum() >= 0.7 * m.nu
    assert np.abs(ours - lengths[:, muscles])[:, kept].max() < 1e-9
    difference = our_arms[:, :, m.jnt_dofadr[scalar]] - arms[:, muscles][:, :, theirs]
    assert np.abs(difference)[:, kept].max() < ARM_TOLERANCE_M


def stem(muscle):
    return muscle.removesuffix("_l").removesuffix("_r")
