"""Body-model files as smplx reads them, of few vertices; and what smplx makes of them.

Run as a program in an environment that has smplx:
    python smpl_model_file.py FOLDER MOTION... prints the rest joints of every motion, as JSON.
"""

import json
import logging
import pickle
import sys
from pathlib import Path

import numpy as np

VERTICES = 60
JOINTS = {"SMPL": 24, "SMPL-H": 52, "SMPL-X": 55}
SHAPES = {"SMPL": 10, "SMPL-H": 16, "SMPL-X": 400}


def model_arrays(family, gender):
    """Random numbers in the layout of a family's files; joints near those of the mean shape."""
    from musclemimic_retarget.smpl import PARENTS, REST

    random = np.random.default_rng([len(gender), JOINTS[family]])
    joints = JOINTS[family]
    rest = np.vstack([REST, np.tile(REST[20], (joints - 22, 1))])
    template = np.zeros((VERTICES, 3))
    template[:joints] = rest
    regressor = np.zeros((joints, VERTICES))
    regressor[np.arange(joints), np.arange(joints)] = 0.5
    regressor[np.arange(joints), (np.arange(joints) + 1) % joints] = 0.5
    parents = np.r_[PARENTS, np.full(joints - 22, 20)]
    parents[0] = 2**32 - 1  # as in the published files
    hands = np.zeros((45, 45))
    arrays = {
        "v_template": template,
        "shapedirs": 0.01 * random.normal(size=(VERTICES, 3, SHAPES[family])),
        "posedirs": np.zeros((VERTICES, 3, 9 * (joints - 1))),
        "J_regressor": regressor,
        "kintree_table": np.stack([parents, np.arange(joints)]).astype(np.uint32),
        "weights": np.eye(VERTICES, joints),
        "f": np.zeros((4, 3), dtype=np.uint32),
    }
    if family != "SMPL":
        arrays |= {"hands_componentsl": hands, "hands_componentsr": hands}
        arrays |= {"hands_meanl": hands[0], "hands_meanr": hands[0]}
    if family == "SMPL-X":
        landmarks = 51
        arrays |= {
            "lmk_faces_idx": np.zeros(landmarks, dtype=np.int64),
            "lmk_bary_coords": np.zeros((landmarks, 3)),
            "dynamic_lmk_faces_idx": np.zeros((79, 17), dtype=np.int64),
            "dynamic_lmk_bary_coords": np.zeros((79, 17, 3)),
        }
    return arrays


def expected_joints(family, gender, betas):
    """J_regressor · (template + shapes · betas), by hand."""
    arrays = model_arrays(family, gender)
    used = min(len(betas), SHAPES[family])
    shaped = arrays["v_template"] + arrays["shapedirs"][..., :used] @ betas[:used]
    return (arrays["J_regressor"] @ shaped)[:22]


def write_model(path, family, gender):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npz":
        np.savez(path, **model_arrays(family, gender))
    else:
        path.write_bytes(pickle.dumps(model_arrays(family, gender), protocol=2))
    return path


def main(folder, motions):
    from musclemimic_models import InputError
    from musclemimic_retarget.smpl import read_smpl

    logging.basicConfig(stream=sys.stderr)
    results = {}
    for motion in motions:
        try:
            read = read_smpl(Path(motion), body_models=Path(folder))
            results[motion] = {
                "rest": read.rest_positions.tolist(),
                "positions": read.positions.tolist(),
                "stature": read.stature,
            }
        except InputError as error:
            results[motion] = str(error)
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
