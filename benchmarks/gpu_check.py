"""Parity, speed and memory of the Warp backend on one device; run it by gpu_check.sh.

Each part runs in a process of its own and leaves a file in OUT/parts, so that a crash, a lack of
memory or the end of the time costs that part only, and a second run goes on where this one ended.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from musclemimic_models.files import write_json

from benchmarks.gpu_report import read_part, write_report

MODELS = ("BimanualMuscle", "MyoFullBody")
WORLDS = (64, 256, 1024, 4096, 8192)
QUICK_WORLDS = (64, 1024, 8192)
# Shares of the time limit: parity must not eat what the figures need.
PARITY_SHARE = 0.5


def main() -> int:
    """Run the parts that are missing and write the report; 1 if parity failed or did not run."""
    arguments = parse()
    parts, started = arguments.out / "parts", time.monotonic()
    limit = 60 * arguments.minutes
    if arguments.fresh:
        for path in parts.glob("*.json"):
            path.unlink()
    parity, machine = parts / "parity.json", parts / "machine.json"
    environment = os.environ | {
        "MUSCLEMIMIC_WARP_DEVICE": arguments.device,
        "JAX_PLATFORMS": "cpu" if arguments.device == "cpu" else "cuda",
        # JAX and Warp share the memory.
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }
    worker = [sys.executable, "-m", "benchmarks.gpu_speed", "--device", arguments.device]
    found = run([*worker, "--describe", str(machine)], environment, 120)
    if found != 0 or not machine.exists():
        sys.stderr.write(f"{arguments.device} cannot be used: see the message above\n")
        return 2
    drop_other_machines(parts, machine)
    if read_part(parity).get("status") not in ("passed", "failed"):
        left = limit * PARITY_SHARE
        check_parity(parity, environment, quick=arguments.quick, seconds=left)
    for model in arguments.models:
        left = limit - (time.monotonic() - started)
        command = [*worker, "--model", model, "--parts", str(parts)]
        command += ["--worlds", ",".join(map(str, arguments.worlds))]
        command += ["--seconds", "2" if arguments.quick else "5"]
        if left > 20:
            run(command, environment, left)
    report = write_report(arguments.out, models=arguments.models, worlds=arguments.worlds)
    sys.stdout.write(f"{report.read_text()}\nwritten to {report}\n")
    return 0 if read_part(parity).get("status") == "passed" else 1


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks/gpu_check.sh",
        description="Is MuJoCo Warp right on this machine, and how fast? See the script's head.",
    )
    parser.add_argument("out", type=Path, help="folder for the results; measured parts are kept")
    parser.add_argument("--device", default="cuda:0", help="Warp's name: cuda:0 (default) or cpu")
    parser.add_argument("--quick", action="store_true", help="fewer worlds, arms' parity only")
    parser.add_argument("--worlds", type=numbers, help="numbers of worlds, such as 64,512,4096")
    parser.add_argument("--models", type=lambda text: text.split(","), default=list(MODELS))
    parser.add_argument("--minutes", type=float, default=8.0, help="most time for it all")
    parser.add_argument("--fresh", action="store_true", help="measure everything anew")
    arguments = parser.parse_args()
    unknown = set(arguments.models) - set(MODELS)
    if unknown:
        parser.error(f"unknown {', '.join(sorted(unknown))}; expected {', '.join(MODELS)}")
    arguments.worlds = arguments.worlds or (QUICK_WORLDS if arguments.quick else WORLDS)
    return arguments


def numbers(text: str) -> tuple[int, ...]:
    """Whole numbers from 1, separated by commas."""
    values = tuple(int(part) for part in text.split(","))
    if min(values) < 1:
        raise argparse.ArgumentTypeError("expected numbers from 1")
    return values


def run(command: list[str], environment: dict[str, str], seconds: float) -> int | None:
    """Exit code of a command, or None when its time was over; it writes to our stderr."""
    try:
        return subprocess.run(
            command, env=environment, stdout=sys.stderr, timeout=seconds, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        sys.stderr.write("out of time\n")
        return None


def drop_other_machines(parts: Path, machine: Path) -> None:
    """Forget parts that were measured on another device or with other versions."""
    here = read_part(machine)
    for path in parts.glob("*.json"):
        if path != machine and read_part(path).get("machine") != here:
            path.unlink()


def check_parity(path: Path, environment: dict[str, str], *, quick: bool, seconds: float) -> None:
    """Run the parity suite on the device; its output goes to OUT/parity.log."""
    log = path.parent.parent / "parity.log"
    command = [sys.executable, "-m", "pytest", "tests/parity", "-q", "-m", "slow or not slow"]
    # A warning of a GPU library is no difference between the backends.
    command += ["-W", "default"]
    command += ["-k", "BimanualMuscle or environment"] if quick else []
    start = time.monotonic()
    sys.stderr.write(f"parity suite, at most {seconds:.0f} s, output in {log}\n")
    with log.open("w") as file:
        try:
            code = subprocess.run(
                command,
                env=environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=seconds,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = None
    counts = dict.fromkeys(("passed", "failed", "error"), 0)
    last = log.read_text().strip().splitlines()[-1:]
    for count, name in re.findall(r"(\d+) (passed|failed|error)", " ".join(last)):
        counts[name] = int(count)
    status = {None: "out of time", 0: "passed"}.get(code, "failed")
    write_json(
        path,
        {
            "status": status,
            **counts,
            "quick": quick,
            "seconds": time.monotonic() - start,
            "machine": read_part(path.parent / "machine.json"),
        },
    )


if __name__ == "__main__":
    sys.exit(main())
