"""The command for GPU machines, on the CPU device: measures, goes on, writes its table."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_it_goes_on_where_it_ended_and_writes_a_table(tmp_path):
    def call(*arguments, **environment):
        command = ["benchmarks/gpu_check.sh", str(tmp_path), "--no-sync", "--device", "cpu"]
        return subprocess.run(
            [*command, "--quick", "--models", "BimanualMuscle", *arguments],
            cwd=ROOT,
            env=os.environ | {"PYTHON": sys.executable} | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    parts = tmp_path / "parts"
    describe = [sys.executable, "-m", "benchmarks.gpu_speed", "--device", "cpu", "--describe"]
    machine = parts / "machine.json"
    subprocess.run([*describe, str(machine)], cwd=ROOT, check=True)
    here = json.loads(machine.read_text())
    # As if parity had passed here before, and a row came from another machine.
    parity = {"status": "passed", "passed": 3, "quick": True, "machine": here}
    (parts / "parity.json").write_text(json.dumps(parity))
    foreign = {
        "model": "BimanualMuscle",
        "backend": "warp",
        "worlds": 2,
        "machine": {"device": "?"},
    }
    foreign["environment_steps_per_second"] = 1e9
    (parts / "BimanualMuscle-warp-00002.json").write_text(json.dumps(foreign))
    done = call("--worlds", "2")
    assert done.returncode == 0, done.stderr
    table = (tmp_path / "gpu_check.md").read_text()
    assert "Parity suite (arms only): **passed** (3 passed, 0 failed, 0 error)" in table
    assert "| BimanualMuscle | warp | 2 |" in table
    rows = json.loads((tmp_path / "gpu_check.json").read_text())["rows"]
    speeds = {row["backend"]: row["environment_steps_per_second"] for row in rows}
    assert 0 < speeds["warp"] < 1e6
    assert 0 < speeds["native"] < 1e6
    allocated = [row["allocated_mb_per_world"] for row in rows if row["backend"] == "warp"]
    assert 0.01 < allocated[0] < 10
    before = [path.stat().st_mtime_ns for path in sorted(parts.glob("Bim*"))]
    again = call("--worlds", "2,3", "--minutes", "0.1")
    assert "Not measured in the time given: BimanualMuscle at 3" in again.stdout
    assert [path.stat().st_mtime_ns for path in sorted(parts.glob("Bim*"))] == before
    assert call("--worlds", "0").returncode == 2
