"""Inverse use: posed clips, open-loop playback, excitations from files, the command."""

import csv
import dataclasses
import json

import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from motions import arm_wave, clip_from_qpos
from musclemimic_models import InputError, get_musculo_model
from musclemimic_models.cli import run
from musclemimic_sim import (
    NativeSimulator,
    Trajectory,
    load_excitation,
    make_env,
    play_excitations,
    replay_clip,
    replay_moments,
)
from musclemimic_sim.bench_clip import built_in_clip

STEPS = 12


@pytest.fixture(scope="module")
def arms():
    return get_musculo_model("BimanualMuscle", fingers=False)


@pytest.fixture(scope="module")
def clip(arms):
    return arm_wave(arms, 0.35)


@pytest.fixture(scope="module")
def excitation(arms):
    return np.random.default_rng(0).uniform(0, 0.4, (STEPS, len(arms.muscle_names)))


@pytest.mark.parametrize("worlds", [1, 8, 50])
def test_posed_frames_are_those_of_mujoco(arms, clip, worlds):
    """35 frames in 1, 8 or 50 worlds: whole and broken batches."""
    seen = []
    simulator = NativeSimulator(arms, num_worlds=worlds, substeps=1, moments=True)
    output = replay_clip(simulator, arms, clip, progress=seen.append)
    moments = replay_moments(simulator, arms, clip)
    assert seen[-1] == len(clip) == 35
    assert output.time == pytest.approx(0.01 * np.arange(35))
    np.testing.assert_allclose(output.site_pos, clip.site_pos, atol=1e-6)
    np.testing.assert_allclose(output.site_linvel, clip.site_linvel, atol=1e-5)
    m, d = arms.mj_model, mujoco.MjData(arms.mj_model)
    for frame in (0, 7, 8, 34):
        d.qpos[:], d.qvel[:], d.act[:] = clip.qpos[frame], clip.qvel[frame], 0
        mujoco.mj_forward(m, d)
        np.testing.assert_allclose(output.actuator_length[frame], d.actuator_length, atol=1e-6)
        np.testing.assert_allclose(output.actuator_velocity[frame], d.actuator_velocity, atol=1e-6)
        np.testing.assert_allclose(output.actuator_force[frame], d.actuator_force, rtol=1e-4)
        dense = np.zeros((m.nu, m.nv))
        mujoco.mju_sparse2dense(
            dense, d.actuator_moment, d.moment_rownnz, d.moment_rowadr, d.moment_colind
        )
        np.testing.assert_allclose(moments[frame], dense, atol=1e-6)


def test_moments_are_the_slope_of_the_lengths(arms, clip):
    """dL = moments · v dt along the motion, by central differences over the clip's frames."""
    simulator = NativeSimulator(arms, num_worlds=35, substeps=1, moments=True)
    output = replay_clip(simulator, arms, clip)
    moments = replay_moments(simulator, arms, clip)
    slope = (output.actuator_length[2:] - output.actuator_length[:-2]) / 0.02
    predicted = np.einsum("tmv,tv->tm", moments, clip.qvel)[1:-1]
    assert np.abs(predicted).max() > 0.05
    np.testing.assert_allclose(slope, predicted, atol=2e-3)


def test_playback_is_plain_mujoco(arms, clip, excitation):
    trajectory = play_excitations(arms, clip, excitation, start_frame=4)
    m, d = arms.mj_model, mujoco.MjData(arms.mj_model)
    start = (clip.qpos[4], clip.qvel[4], excitation[0])
    d.qpos[:], d.qvel[:], d.act[:] = (part.astype(np.float32) for part in start)
    mujoco.mj_forward(m, d)
    for row in excitation:
        d.ctrl[:] = row.astype(np.float32)
        mujoco.mj_step(m, d, 5)
    out = trajectory.output
    assert out.qpos.shape == (STEPS + 1, m.nq)
    np.testing.assert_array_equal(out.qpos[0], clip.qpos[4].astype(np.float32))
    np.testing.assert_array_equal(out.qpos[-1], d.qpos.astype(np.float32))
    assert out.time == pytest.approx(0.01 * np.arange(STEPS + 1))
    assert trajectory.healthy.all()
    np.testing.assert_array_equal(trajectory.excitation, excitation)


def test_what_an_environment_did_plays_back_open_loop(arms, clip):
    """Bit for bit: recorded excitations, started with the environment's activation."""
    env = make_env(arms, [clip], num_envs=1)
    env.reset_to(np.array([0]), np.array([2]))
    recorded = []
    for step in range(6):
        env.step(jnp.full((1, 64), 0.05 * step))
        recorded.append(env.excitation[0])
    trajectory = play_excitations(
        arms, clip, np.stack(recorded).astype(float), start_frame=2, activation=np.zeros(64)
    )
    np.testing.assert_array_equal(trajectory.output.qpos[-1], env.output.qpos[0])
    np.testing.assert_array_equal(
        trajectory.output.actuator_force[-1], env.output.actuator_force[0]
    )


def test_trajectory_file_round_trip_and_replay(arms, clip, excitation, tmp_path):
    first = play_excitations(arms, clip, excitation)
    first.save(tmp_path / "first.npz")
    loaded = Trajectory.load(tmp_path / "first.npz")
    for name, value in vars(first.output).items():
        np.testing.assert_array_equal(getattr(loaded.output, name), value)
    assert dataclasses.replace(loaded, output=first.output).muscle_names == arms.muscle_names
    again = load_excitation(tmp_path / "first.npz", arms, dt=clip.dt)
    second = play_excitations(arms, clip, again)
    np.testing.assert_array_equal(second.output.qpos, first.output.qpos)


def test_diverged_playback_is_told(arms, clip, excitation):
    wild = dataclasses.replace(clip, qvel=clip.qvel + 1e5)
    trajectory = play_excitations(arms, wild, excitation)
    assert not trajectory.healthy[-1]


def write_csv(path, names, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([names, *rows])


def test_csv_columns_in_any_order_with_time(arms, excitation, tmp_path):
    names = list(arms.muscle_names)
    order = np.random.default_rng(1).permutation(len(names))
    rows = np.column_stack([excitation[:, order], 0.01 * np.arange(STEPS)])
    write_csv(tmp_path / "e.csv", [*(names[i] for i in order), "time"], rows)
    values = load_excitation(tmp_path / "e.csv", arms, dt=0.01)
    np.testing.assert_allclose(values, excitation)
    with pytest.raises(InputError, match=r"time: found steps of 0.01 to 0.01 s, expected steps of"):
        load_excitation(tmp_path / "e.csv", arms, dt=0.002)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda names, rows: (names[1:], rows[:, 1:]), r"found no '.*', expected the 64 muscles"),
        (lambda names, rows: (["soleus", *names[1:]], rows), r"found no"),
        (lambda names, rows: ([*names, "x"], rows[:, [*range(64), 0]]), r"found 'x', expected"),
        (lambda names, rows: ([names[1], *names[1:]], rows), r"more than once, expected every"),
        (lambda names, rows: (names, rows + 1), r"excitation: found values from 1.* expected 0 to"),
        (lambda names, rows: (names, rows * np.nan), r"excitation: found values from nan"),
        (lambda names, rows: (names, rows[:, 1:]), r"line 2: found 63 values, expected 64"),
        (lambda names, rows: (names, rows[:0]), r"rows: found none"),
        (lambda names, rows: (names, [*rows.astype(str).tolist()[:1], ["a"] * 64]), r"numbers"),
    ],
)
def test_hostile_csv_is_refused(arms, excitation, tmp_path, change, message):
    write_csv(tmp_path / "e.csv", *change(list(arms.muscle_names), excitation))
    with pytest.raises(InputError, match=message):
        load_excitation(tmp_path / "e.csv", arms, dt=0.01)


def test_other_refusals(arms, clip, excitation, tmp_path):
    np.savez(tmp_path / "other.npz", action=excitation)
    with pytest.raises(InputError, match="excitation: found action, expected an array of that"):
        load_excitation(tmp_path / "other.npz", arms, dt=0.01)
    with pytest.raises(InputError, match="saved Trajectory"):
        Trajectory.load(tmp_path / "other.npz")
    with pytest.raises(InputError, match="start_frame: found 35, expected 0 to 34"):
        play_excitations(arms, clip, excitation, start_frame=35)
    with pytest.raises(InputError, match=r"dt: found 0.003 s, expected a multiple of"):
        play_excitations(arms, dataclasses.replace(clip, dt=0.003), excitation)
    full = get_musculo_model("MyoFullBody", fingers=False)
    with pytest.raises(InputError, match="BimanualMuscle"):
        replay_clip(NativeSimulator(full, num_worlds=1, substeps=1), full, clip)


def test_built_in_clip_has_the_site_states_of_its_positions(arms):
    clip = built_in_clip(arms, seconds=0.2)
    expected = clip_from_qpos(arms, clip.qpos)
    np.testing.assert_allclose(clip.qvel, expected.qvel, atol=1e-9)
    for name in ("site_pos", "site_linvel", "site_angvel"):
        np.testing.assert_allclose(getattr(clip, name), getattr(expected, name), atol=1e-5)
    same = np.abs(np.sum(clip.site_quat * expected.site_quat, axis=2))
    np.testing.assert_allclose(same, 1, atol=1e-6)
    assert np.ptp(clip.qpos, axis=0).max() > 0.1


def test_command_poses_and_plays_back(arms, clip, excitation, tmp_path, capsys):
    clip.save(tmp_path / "wave.npz")
    np.savez(tmp_path / "e.npz", excitation=excitation)
    source, posed, played = (str(tmp_path / f"{n}.npz") for n in ("wave", "posed", "played"))
    assert run(["sim", "replay", source, "--out", posed, "--moments", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["frames"] == 35
    assert result["mean_site_distance_m"] < 1e-5
    with np.load(posed) as archive:
        assert archive["moments"].shape == (35, 64, arms.mj_model.nv)
        assert archive["muscle_names"].tolist() == list(arms.muscle_names)
    arguments = ["sim", "replay", source, "--excitation", str(tmp_path / "e.npz")]
    assert run([*arguments, "--out", played, "--start-frame", "4"]) == 0
    assert "last_site_distance_m" in capsys.readouterr().out
    expected = play_excitations(arms, clip, excitation, start_frame=4)
    np.testing.assert_array_equal(Trajectory.load(played).output.qpos, expected.output.qpos)
    assert run([*arguments, "--moments", "--out", played]) == 2
    assert "--moments: found --excitation" in capsys.readouterr().err
    assert run(["sim", "replay", source, "--excitation", source]) == 2
    assert "excitation" in capsys.readouterr().err
