#!/usr/bin/env bash
# One command for a machine with a CUDA GPU: is MuJoCo Warp right here, and how fast is it?
#
#   benchmarks/gpu_check.sh OUT [--quick] [--no-sync] [--device cuda:0] [--worlds 64,512]
#                               [--models MyoFullBody] [--minutes 8] [--fresh]
#
# Installs the environment with the cuda extra (--no-sync: uses the one that is there, for machines
# without a network; PYTHON names another interpreter), runs the parity suite on the device,
# measures steps per second and memory per world, and writes OUT/gpu_check.md and .json. What has
# been measured is kept: run it again to go on, or with --fresh to start anew.
# Without a GPU: benchmarks/gpu_check.sh OUT --device cpu --worlds 4,8
set -euo pipefail
cd "$(dirname "$0")/.."

sync=yes
extra="--extra cuda"
arguments=()
previous=""
for argument in "$@"; do
  case "$argument" in
    --no-sync) sync=no ;;
    *) arguments+=("$argument") ;;
  esac
  [[ "$argument" == "--device=cpu" || "$previous $argument" == "--device cpu" ]] && extra=""
  previous="$argument"
done

if [[ "$sync" == yes ]]; then
  command -v uv > /dev/null || python3 -m pip install -q uv
  # shellcheck disable=SC2086 - no extra is no argument
  uv sync --frozen $extra
fi
python="${PYTHON:-.venv/bin/python}"
command -v "$python" > /dev/null || python=python3
exec "$python" -m benchmarks.gpu_check "${arguments[@]}"
