"""The ablation command in its smoke setting: rows, tables, and going on where it was stopped."""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What the processes compile is most of their time.
CACHE: dict[str, str] = {}


def start(*arguments):
    command = [sys.executable, str(ROOT / "benchmarks" / "ablations.py"), *arguments]
    env = os.environ | {"JAX_PLATFORMS": "cpu", "COLUMNS": "200"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    )


def finish(process):
    out, err = process.communicate()
    return process.returncode, out, err


@pytest.mark.slow
def test_runs_are_made_once_and_a_killed_command_goes_on(tmp_path, monkeypatch):
    monkeypatch.setitem(CACHE, "JAX_COMPILATION_CACHE_DIR", str(tmp_path / "compiled"))
    monkeypatch.setitem(CACHE, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    names = ("epochs-1", "wide")
    process = start(*names, "--smoke", "--out", str(tmp_path))
    first = tmp_path / "runs" / "epochs-1-0" / "row.json"
    deadline = time.monotonic() + 300
    while not first.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    _, _, err = finish(process)
    assert first.exists(), err
    made = first.stat().st_mtime_ns

    code, out, err = finish(start(*names, "--smoke", "--out", str(tmp_path)))
    assert code == 0, err
    assert "epochs-1, seed 0: finished before" in out
    assert first.stat().st_mtime_ns == made
    rows = json.loads((tmp_path / "ablations.json").read_text())
    assert [row["name"] for row in rows] == list(names)
    for row in rows:
        assert row["env_steps"] == 128
        assert 0.0 < row["site_error_cm"] < 100.0
    assert rows[0]["config"]["ppo"]["epochs"] == 1
    assert rows[1]["config"]["ppo"]["epochs"] == 4
    table = (tmp_path / "ablations.md").read_text()
    assert [line.split(" | ")[0] for line in table.splitlines()[2:]] == ["| epochs-1", "| wide"]


def test_an_unknown_ablation_lists_those_there_are(monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(ROOT))
    main = importlib.import_module("benchmarks.ablations").main
    with pytest.raises(SystemExit, match="2"):
        main(["adm"])
    assert "unknown adm; expected adam, muon-5" in capsys.readouterr().err
