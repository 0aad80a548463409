"""The command that finds its subcommands."""

import subprocess
import sys

import pytest
from musclemimic_models.cli import run


def test_overview_lists_every_command(capsys):
    assert run([]) == 0
    out = capsys.readouterr().out
    for name in ("demo", "models", "retarget", "train", "eval"):
        assert f"\n  {name}" in out


def test_unknown_command(capsys):
    assert run(["fly"]) == 2
    assert "unknown command 'fly', expected one of" in capsys.readouterr().err


def test_command_of_a_missing_package_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setattr("musclemimic_models.cli.entry_points", lambda **_: ())
    assert run(["train"]) == 2
    assert "pip install musclemimic-rl" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["models", "info", "robot"], ["models", "fly"]])
def test_bad_input_exits_with_2_and_no_traceback(arguments):
    done = subprocess.run(
        [sys.executable, "-c", "from musclemimic_models.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_import_does_not_load_mujoco():
    code = "import sys, musclemimic_models as m; assert 'mujoco' not in sys.modules; m.MotionClip"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_resolves():
    import musclemimic_models

    for name in dir(musclemimic_models):
        assert getattr(musclemimic_models, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = musclemimic_models.nothing


@pytest.mark.parametrize("visual", [True, False])
def test_export_is_self_contained_and_pulls_the_same(tmp_path, visual, monkeypatch):
    import mujoco
    import numpy as np
    from musclemimic_models import load_model

    monkeypatch.chdir(tmp_path)
    flag = "--visual" if visual else "--no-visual"
    assert run(["models", "export", "bimanual", "--out", "body", flag]) == 0
    moved = (tmp_path / "body").rename(tmp_path / "elsewhere")
    text = (moved / "BimanualMuscle.xml").read_text()
    assert "site-packages" not in text
    exported = mujoco.MjModel.from_xml_path(str(moved / "BimanualMuscle.xml"))
    original = load_model("bimanual", fingers=False, visual=visual)
    data = [mujoco.MjData(m) for m in (exported, original)]
    rng = np.random.default_rng(0)
    act = rng.uniform(size=original.na)
    for m, d in zip((exported, original), data, strict=True):
        d.act[:] = act
        mujoco.mj_forward(m, d)
    scale = np.abs(data[1].actuator_force).max()
    # The XML keeps about 6 significant digits.
    assert np.abs(data[0].actuator_force - data[1].actuator_force).max() < 1e-3 * scale
    assert run(["models", "export", "bimanual", "--out", "elsewhere", flag]) == 2


def test_validate_passes_on_the_shipped_models(capsys, tmp_path):
    import json

    table = tmp_path / "mine.csv"
    table.write_text("muscle,joint,angle_deg,moment_arm_mm,source\nBRA,elbow_flexion,90,23,me\n")
    plots = tmp_path / "plots"
    options = ["--poses", "3", "--postures", "1", "--json"]
    more = ["--moment-arms", str(table), "--plots", str(plots)]
    assert run(["models", "validate", "bimanual", *options, *more]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["checks"]) == 10
    assert all(check["passed"] for check in found["checks"].values())
    (comparison,) = found["moment_arms"]
    assert comparison["published"]["source"] == "me"
    assert 15 < comparison["model_mm"] < 30
    assert {path.name for path in plots.iterdir()} == {"moment_arms.png", "published.png"}
    assert all(path.stat().st_size > 50_000 for path in plots.iterdir() if "arms" in path.name)


def test_validate_exits_with_1_on_a_failure(capsys, monkeypatch):
    import musclemimic_models.commands.validate as command
    from musclemimic_models.validation import Check

    broken = Check("symmetry", 0.039, 0.0005, "m", "LTpT_T12_l", ("LTpT_T12_l: 0.039 m",))
    monkeypatch.setattr(command, "validate_model", lambda *_, **__: [broken])
    assert run(["models", "validate", "bimanual"]) == 1
    out = capsys.readouterr().out
    assert "FAILED" in out
    assert "LTpT_T12_l: 0.039 m" in out


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--poses", "0", "poses: found 0"),
        ("--postures", "0", "postures: found 0"),
        ("--moment-arms", "nowhere.csv", "nothing there"),
        ("--plots", "pyproject.toml", "a file"),
    ],
)
def test_validate_refuses_bad_arguments(option, value, message, capsys):
    assert run(["models", "validate", "bimanual", option, value]) == 2
    assert message in capsys.readouterr().err
