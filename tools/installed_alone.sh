#!/usr/bin/env bash
# Build the five wheels and install each, with what it asks for and nothing else, in a fresh
# environment outside the workspace; import it and run its commands' --help.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
uv build -q --all-packages --wheel --no-sources --out-dir "$scratch/wheels"

check() { # package, what its dependencies may bring, commands, names that need an extra
    local package=$1 may=$2 commands=$3 extra=${4:-} python
    uv venv -q "$scratch/$package"
    python="$scratch/$package/bin/python"
    # Our own packages come from the wheels just built, everything else at the locked versions.
    uv export -q --frozen --no-emit-workspace --no-hashes --all-packages --no-dev >"$scratch/constraints"
    uv pip install -q --python "$python" --find-links "$scratch/wheels" \
        --constraint "$scratch/constraints" "$scratch/wheels/musclemimic_$package"-*.whl
    (
        cd "$scratch"
        "$python" - "$package" "$may" "$extra" <<'PYTHON'
import importlib, pkgutil, sys
from importlib.util import find_spec

package, may, extra = sys.argv[1], {"", *sys.argv[2].split()}, set(sys.argv[3].split())
installed = {n for n in ("models", "retarget", "sim", "rl", "eval") if find_spec(f"musclemimic_{n}")}
assert installed == {package} | may - {""}, f"{package} brought {installed}"
module = importlib.import_module(f"musclemimic_{package}")
refused = set()
for name in (name for name in dir(module) if not name.startswith("_")):
    try:
        getattr(module, name)
    except ValueError as error:  # InputError says which extra to install
        assert "pip install" in str(error), error
        refused.add(name)
assert refused == extra, f"{refused} need an extra, expected {extra}"
if package in ("models", "retarget"):
    assert find_spec("jax") is None, f"{package} must run without jax"
PYTHON
        for command in $commands; do
            "$scratch/$package/bin/musclemimic" "$command" --help >/dev/null
        done
        "$scratch/$package/bin/musclemimic" --help >/dev/null
    )
    printf '%s installs alone\n' "musclemimic_$package"
}

check models "" "models"
check retarget "models" "retarget"
check sim "models" "sim"
check rl "models sim" "train resume policy"
check eval "models sim" "eval" "MotionAnalysis Recording analyse read_ground_reaction read_recording"
