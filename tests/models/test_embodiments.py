"""The compiled models are the ones the registry promises."""

import mujoco
import numpy as np
import pytest
from musclemimic_models import InputError, get_musculo_model, list_models, load, load_model
from musclemimic_models.registry import REGISTRY

CASES = [(name, fingers) for name in REGISTRY for fingers in (True, False)]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def case(request):
    return request.param


def test_counts_are_the_published_ones(case):
    name, fingers = case
    entry = REGISTRY[name]
    joints, muscles, free = entry.counts if fingers else entry.counts_without_fingers
    m = get_musculo_model(name, fingers=fingers).mj_model
    assert (m.njnt, m.nu, m.njnt - m.neq) == (joints, muscles, free)


@pytest.mark.parametrize("poses", [10, pytest.param(1000, marks=pytest.mark.slow)])
def test_simulation_variant_moves_and_pulls_exactly_like_the_full_one(case, poses):
    name, fingers = case
    model = get_musculo_model(name, fingers=fingers)
    lean, full = model.mj_model, load_model(name, fingers=fingers)
    assert lean.nmesh == 0 < full.nmesh
    rng = np.random.default_rng(0)
    data = [mujoco.MjData(lean), mujoco.MjData(full)]
    for _ in range(poses):
        qpos = random_pose(model, rng)
        qvel, act = rng.normal(size=lean.nv), rng.uniform(size=lean.na)
        for m, d in zip((lean, full), data, strict=True):
            d.qpos[:], d.qvel[:], d.act[:] = qpos, qvel, act
            mujoco.mj_forward(m, d)
        for field in ("actuator_force", "actuator_length", "qacc"):
            ours, theirs = (getattr(d, field) for d in data)
            scale = np.abs(theirs).max()
            assert scale > 0
            assert np.abs(ours - theirs).max() <= 1e-9 * scale, field


def test_muscle_table_ranges_are_the_compiled_models(case):
    name, fingers = case
    table, full = (
        get_musculo_model(name, fingers=fingers).muscles,
        load_model(name, fingers=fingers),
    )
    assert np.array_equal(table.length_range, full.actuator_lengthrange)
    assert np.array_equal(table.max_isometric_force, full.actuator_gainprm[:, 2])
    # Active force is there somewhere in every muscle's range.
    assert (table.normalised_range[:, 0] < table.active_bounds[:, 1]).all()
    assert (table.normalised_range[:, 1] > table.active_bounds[:, 0]).all()


def test_mass_survives_the_removal_of_meshes(case):
    name, fingers = case
    lean = get_musculo_model(name, fingers=fingers).mj_model
    full = load_model(name, fingers=fingers)
    # Measured from myo-sim 0.2.4: 84.26 kg and 46.44 kg.
    expected = {"MyoFullBody": 84.265, "BimanualMuscle": 46.442}[name]
    assert lean.body_mass.sum() == pytest.approx(full.body_mass.sum(), rel=1e-12)
    assert lean.body_mass.sum() == pytest.approx(expected, abs=1e-3)


def test_figure_faces_forward_with_left_on_the_left(case):
    name, fingers = case
    model = get_musculo_model(name, fingers=fingers)
    data = mujoco.MjData(model.mj_model)
    mujoco.mj_kinematics(model.mj_model, data)

    def site(name: str) -> np.ndarray:
        return data.site(f"mimic_{name}").xpos

    forward = data.site(f"mimic_{next(iter(model.mimic_sites))}").xmat.reshape(3, 3)[:, 0]
    assert forward == pytest.approx([1, 0, 0], abs=2e-3)
    assert site("left_shoulder")[1] > site("right_shoulder")[1] + 0.3
    assert site("left_elbow")[2] < site("left_shoulder")[2] - 0.25


def test_mimic_sites(case):
    name, fingers = case
    model = get_musculo_model(name, fingers=fingers)
    assert len(model.mimic_sites) == (17 if name == "MyoFullBody" else 7)
    for site, body in model.mimic_sites.items():
        m = model.mj_model
        assert m.body(m.site(f"mimic_{site}").bodyid[0]).name == body


def test_ankle_site_sits_at_the_ankle_centre():
    m, d = load("MyoFullBody", fingers=False, visual=False)
    mujoco.mj_kinematics(m, d)
    for side in ("left", "right"):
        centre = d.body(f"talus_{side[0]}").xpos
        assert d.site(f"mimic_{side}_ankle").xpos == pytest.approx(centre, abs=1e-12)


def test_names_in_any_case_and_aliases():
    for name in ("MYOFULLBODY", "myofullbody", "fullbody"):
        assert get_musculo_model(name, fingers=False).name == "MyoFullBody"
    assert get_musculo_model("bimanual", fingers=False).name == "BimanualMuscle"


def test_unknown_name_lists_the_valid_ones():
    with pytest.raises(InputError, match="'robot', expected one of BimanualMuscle, MyoFullBody"):
        get_musculo_model("robot")
    assert list_models() == ["BimanualMuscle", "MyoFullBody"]


def test_hash_tells_models_apart_and_is_stable():
    hashes = {get_musculo_model(n, fingers=f).content_sha256 for n, f in CASES}
    assert len(hashes) == len(CASES)
    from musclemimic_models.musculo import content_hash

    model = get_musculo_model("BimanualMuscle", fingers=False)
    assert content_hash(load_model("bimanual", fingers=False)) == model.content_sha256


def random_pose(model, rng):
    """A random feasible pose with couplings satisfied."""
    couplings = model.couplings
    qpos = model.mj_model.qpos0.copy()
    qpos[couplings.scalar_qpos] = rng.uniform(couplings.box[:, 0], couplings.box[:, 1])
    return couplings.apply(qpos)
