"""kill -9 at any moment: at most the last interval is lost, and nothing is ever half written."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from musclemimic_rl import load_policy, resume, train
from musclemimic_rl.arrays import to_arrays
from musclemimic_sim import write_json
from toys import PointMass

STEPS = 16 * 16
UPDATES = 60
# Seconds between the report of an update and the kill: a checkpoint follows the report and takes
# some tens of milliseconds, so these land before, inside and after it.
DELAYS = (0.0, 0.01, 0.03, 0.06)

WORKER = """
import sys
from pathlib import Path
from musclemimic_rl import read_config, resume, train
from toys import PointMass

def say(progress):
    print(progress.counters.updates, flush=True)

out = Path(sys.argv[1])
if (out / "checkpoints").is_dir():
    resume(out, PointMass(16), on_update=say, show_progress=False)
else:
    train(read_config(Path(sys.argv[2])), PointMass(16), on_update=say, show_progress=False)
"""


def killed_after(run: Path, config: Path, *, updates: int, delay: float) -> tuple[int, int]:
    """Start or resume a run in a process of its own, and kill it; its first and last report."""
    tests = str(Path(__file__).resolve().parents[1])
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(run), str(config)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": tests, "JAX_PLATFORMS": "cpu"} | compiled_once(run.parent),
    )
    with process:
        reports = [int(process.stdout.readline()) for _ in range(updates)]
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        reports += [int(line) for line in process.stdout if line.endswith("\n")]
    assert process.returncode == -signal.SIGKILL
    return reports[0], reports[-1]


def compiled_once(folder: Path) -> dict[str, str]:
    """Let the processes share what they compile: it is most of their time."""
    return {
        "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }


@pytest.mark.slow
def test_killed_again_and_again_a_run_ends_like_one_that_never_was(toy_config, tmp_path):
    config = toy_config(total_steps=UPDATES * STEPS, checkpoint_minutes=0.0)
    straight = train(replace(config, out=tmp_path / "straight"), PointMass(16), show_progress=False)
    write_json(tmp_path / "config.json", asdict(config))
    last = 0
    for delay in DELAYS:
        first, newest = killed_after(config.out, tmp_path / "config.json", updates=3, delay=delay)
        # A checkpoint follows every report: only an update without one yet may be done again.
        assert last <= first <= last + 1
        last = newest
        load_policy(config.out / "policy.npz")
    again = resume(config.out, PointMass(16), show_progress=False)
    assert again.counters[:2] == straight.counters[:2]
    expected = to_arrays({"actor": straight.policy.actor, "obs": straight.policy.obs_moments})
    found = to_arrays({"actor": again.policy.actor, "obs": again.policy.obs_moments})
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
    leftovers = [path.name for path in (config.out / "checkpoints").iterdir()]
    assert all(name.isdigit() for name in leftovers), leftovers
