"""The shown environment: session without graphics, ghost, agents, and the page itself."""

import time
import urllib.request
from importlib.metadata import EntryPoint
from pathlib import Path

import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from motions import arm_wave, clip_from_qpos
from musclemimic_models import InputError, get_musculo_model
from musclemimic_sim import EnvConfig, TerminationConfig
from musclemimic_sim.play import agents
from musclemimic_sim.play.command import PlayArguments, make_session
from musclemimic_sim.play.ghost import body_meshes


@pytest.fixture(scope="module")
def clip_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "wave.npz"
    arm_wave(get_musculo_model("bimanual", fingers=False), 0.3).save(path)
    return path


@pytest.fixture(scope="module")
def shared_session(clip_file):
    return make_session(PlayArguments(clip_file, env=EnvConfig(action_map="coordinated")))


@pytest.fixture
def session(shared_session):
    shared_session.paused, shared_session.speed, shared_session.agent = False, 1.0, "zero"
    shared_session.longest_work_s = np.inf  # however slow this machine is
    shared_session.restart(clip=0, frame=0)
    return shared_session


def test_session_follows_the_clock_and_shows_body_and_reference(session):
    session.advance(0.035)
    assert int(session.env.frame[0]) == 3
    session.advance(0.005)
    assert int(session.env.frame[0]) == 4
    assert session.time == pytest.approx(0.04)
    assert session.duration == pytest.approx(0.29)
    assert session.stage.data.qpos == pytest.approx(session.env.output.qpos[0], abs=1e-6)
    reference = np.asarray(session.env.task.bank.qpos)[4]
    assert session.ghost.qpos == pytest.approx(reference, abs=1e-6)
    assert len(session.rewards) == 4
    session.paused = True
    session.advance(1.0)
    assert int(session.env.frame[0]) == 4
    session.paused, session.speed = False, 0.5
    session.advance(0.04)
    assert int(session.env.frame[0]) == 6


def test_session_starts_again_at_the_end(session):
    session.restart(clip=0, frame=27)
    before = session.episodes
    session.advance(0.1)
    assert session.episodes == before + 1
    assert session.ended == "reached the end at 0.29 s"
    with pytest.raises(InputError, match="frame"):
        session.restart(clip=0, frame=40)


def test_session_starts_again_when_lost_only_if_asked(clip_file):
    tight = EnvConfig(termination=TerminationConfig(relative_site_m=1e-5))
    session = make_session(PlayArguments(clip_file, agent="random", env=tight))
    session.restart(clip=0, frame=0)
    session.advance(0.011)
    assert session.ended.startswith("lost the reference at 0.01 s")
    session.restart_when_lost, session.longest_work_s = False, np.inf
    session.restart(clip=0, frame=0)
    session.advance(0.05)
    assert int(session.env.frame[0]) >= 4


def test_ghost_of_a_walking_body_starts_where_the_body_does(tmp_path):
    """The reference's place on the floor is subtracted, as in the reward."""
    full = get_musculo_model("MyoFullBody", fingers=False)
    qpos = np.tile(full.mj_model.qpos0, (20, 1))
    qpos[:, 0] += 3 + np.linspace(0, 0.2, 20)
    qpos[:, 1] -= 2
    clip_from_qpos(full, qpos).save(tmp_path / "far.npz")
    session = make_session(PlayArguments(tmp_path / "far.npz"))
    session.restart(clip=0, frame=5)
    assert session.ghost.qpos == pytest.approx(session.stage.data.qpos, abs=1e-5)
    assert session.ghost.qpos[:2] == pytest.approx([0, 0], abs=1e-5)


def test_ghost_meshes_are_the_models_bones():
    """Every body's mesh, placed by the body's pose, passes through MuJoCo's geom centres."""
    from musclemimic_models import load_model

    model = load_model("BimanualMuscle", fingers=False)
    meshes = {body: (vertices, faces) for body, vertices, faces in body_meshes(model)}
    humerus = model.body("humerus_r").id
    assert humerus in meshes
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    for body, (vertices, faces) in meshes.items():
        assert faces.max() == len(vertices) - 1
        geoms = np.flatnonzero((model.geom_bodyid == body) & (model.geom_type == 7))
        placed = vertices @ data.xmat[body].reshape(3, 3).T + data.xpos[body]
        for geom in geoms:
            nearest = np.linalg.norm(placed - data.geom_xpos[geom], axis=1).min()
            assert nearest < model.geom_rbound[geom]
        assert sum(model.mesh_vertnum[model.geom_dataid[geoms]]) == len(vertices)


class Still:
    """A policy that does nothing."""

    def __init__(self, spec):
        self.spec = spec
        self.provenance = {"config": {"env": {"action_map": "affine", "substeps": 5}}}

    def act(self, obs):
        return jnp.zeros((obs.shape[0], self.spec.action_size)) - 1


def test_policy_comes_through_an_entry_point_with_its_task(clip_file, session, monkeypatch):
    """Whatever package offers a loader for the suffix; the task is the policy's own."""
    spec = make_session(PlayArguments(clip_file, env=EnvConfig(action_map="affine"))).env.spec
    point = EntryPoint("toy", "somewhere:load", agents.POLICY_GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda self: lambda path: Still(spec))
    monkeypatch.setattr(agents, "entry_points", lambda group: [point])
    shown = make_session(PlayArguments(clip_file, policy=Path("still.toy")))
    assert shown.agent == "policy"
    assert shown.env.spec.action_map == "affine"
    shown.advance(0.02)
    assert shown.env.excitation.max() == 0.0
    with pytest.raises(InputError, match=r"no loader for .onnx, expected one of: .toy"):
        make_session(PlayArguments(clip_file, policy=Path("still.onnx")))
    monkeypatch.setattr(agents, "entry_points", lambda group: [])
    with pytest.raises(InputError, match=r"none installed \(pip install musclemimic_rl"):
        agents.load_policy(Path("still.npz"))
    with pytest.raises(InputError, match=r"still.toy: spec: found obs_fields: .* instead of"):
        agents.policy_agent(Still(spec), session.env.spec, "still.toy")


def test_rl_offers_its_loader():
    from importlib.metadata import entry_points

    from musclemimic_rl.portable import load_numpy_policy

    offered = {point.name: point for point in entry_points(group=agents.POLICY_GROUP)}
    assert offered["npz"].load() is load_numpy_policy


def test_page_answers_and_obeys_its_controls(session, capsys):
    from musclemimic_sim.play.browser import PlayView

    view = PlayView(session, host="127.0.0.1", port=0)
    try:
        address = view.url.replace("localhost", "127.0.0.1")
        with urllib.request.urlopen(address, timeout=10) as page:
            assert page.status == 200
            assert b"<html" in page.read(4096).lower()
        view.tick(0.03)
        humerus = session.stage.model.body("humerus_r").id
        shown = view.ghost.meshes[humerus]
        assert np.asarray(shown.position) == pytest.approx(session.ghost.xpos[humerus], abs=1e-5)
        view.aside.value = 1.0
        view.agent.value = "random"
        view.tick(0.02)
        assert session.agent == "random"
        moved = session.ghost.xpos[humerus] + [0, 1, 0]
        assert np.asarray(shown.position) == pytest.approx(moved, abs=1e-5)
        time.sleep(0.25)
        view.tick(0.0)
        assert "reward" in view.report.content
        assert "site position m" in view.report.content
        assert len(view.plot.data[1]) == len(session.rewards) == 5
        view.show_ghost.value = False
        view.frame.value = 12
        view._ask_restart()
        view.pause.value = True
        view.tick(0.1)
        assert not shown.visible
        assert int(session.env.frame[0]) == 12
    finally:
        view.close()
    assert capsys.readouterr().out == ""
