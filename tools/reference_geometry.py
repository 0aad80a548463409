"""Write the reference set of muscle lengths and moment arms, straight from myo-sim.

Run once per myo-sim release: uv run python tools/reference_geometry.py. Uses nothing of ours, so
that tests/models/test_reference.py holds our models against the source they are made from.
"""

from importlib.metadata import version
from pathlib import Path

import mujoco
import myo_sim
import numpy as np

MODELS = {"BimanualMuscle": "myoarms", "MyoFullBody": "myofullbody"}
FOLDER = Path(__file__).resolve().parent.parent / "tests" / "models" / "reference"
FINGERS = ("cmc_", "mp_", "ip_", "mcp", "md", "pm")
POSES = 3


def main() -> None:
    """One file a model: poses (the last half with straight fingers), lengths, moment arms."""
    FOLDER.mkdir(exist_ok=True)
    for name, source in MODELS.items():
        model = myo_sim.load_spec(source).compile()
        rng = np.random.default_rng(2026)
        scalar = np.flatnonzero(model.jnt_type >= int(mujoco.mjtJoint.mjJNT_SLIDE))
        qpos = np.tile(model.qpos0, (2 * POSES, 1))
        # Half of each range around the middle: away from the ends, where paths may snap.
        low, high = model.jnt_range[scalar].T
        middle, reach = (low + high) / 2, (high - low) / 4
        values = rng.uniform(middle - reach, middle + reach, (2 * POSES, len(scalar)))
        qpos[:, model.jnt_qposadr[scalar]] = values
        for joint in scalar:
            if model.joint(joint).name.startswith(FINGERS):
                qpos[POSES:, model.jnt_qposadr[joint]] = model.qpos0[model.jnt_qposadr[joint]]
        lengths, arms = geometry(model, qpos)
        np.savez_compressed(
            FOLDER / f"{name}.npz",
            joints=np.array([model.joint(j).name for j in scalar]),
            muscles=np.array([model.actuator(i).name for i in range(model.nu)]),
            values=qpos[:, model.jnt_qposadr[scalar]],
            lengths=lengths,
            moment_arms=arms[:, :, model.jnt_dofadr[scalar]].astype(np.float32),
            myo_sim_version=np.array(version("myo-sim")),
            mujoco_version=np.array(mujoco.__version__),
        )


def geometry(model: mujoco.MjModel, poses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(P, nu) lengths, m, and (P, nu, nv) moment arms −dL/dq, m."""
    data, dense = mujoco.MjData(model), np.zeros((model.nu, model.nv))
    lengths, arms = np.zeros((len(poses), model.nu)), np.zeros((len(poses), model.nu, model.nv))
    for index, pose in enumerate(poses):
        data.qpos[:] = pose
        mujoco.mj_fwdPosition(model, data)
        mujoco.mju_sparse2dense(
            dense, data.actuator_moment, data.moment_rownnz, data.moment_rowadr, data.moment_colind
        )
        lengths[index], arms[index] = data.actuator_length, -dense
    return lengths, arms


if __name__ == "__main__":
    main()
