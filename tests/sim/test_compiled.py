"""Compiled programs on disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_CODE = """
import os, platform, sys
import jax, jax.numpy as jnp
from musclemimic_sim import keep_compilations

folder = os.environ["MUSCLEMIMIC_CACHE"]
os.environ["MUSCLEMIMIC_CACHE"] = "off"
keep_compilations()
assert jax.config.values["jax_compilation_cache_dir"] is None
os.environ["MUSCLEMIMIC_CACHE"] = folder
keep_compilations()
place = os.path.join(folder, "xla", platform.node())
assert jax.config.values["jax_compilation_cache_dir"] == place

def slow_to_compile(x):
    for k in range(60):
        x = jnp.sort(jnp.sin(x * k) + jnp.cumsum(x))
    return x

print(float(jax.jit(slow_to_compile)(jnp.arange(16.0)).sum()))
print(sum(name.startswith("jit_slow_to_compile") for name in os.listdir(place)))
os.environ["MUSCLEMIMIC_CACHE"] = folder + "-other"
keep_compilations()
assert jax.config.values["jax_compilation_cache_dir"] == place
"""


@pytest.mark.slow
def test_programs_are_kept_where_the_user_wants_and_give_the_same(tmp_path: Path) -> None:
    environment = os.environ | {"MUSCLEMIMIC_CACHE": str(tmp_path)}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    outputs = [
        subprocess.run(
            [sys.executable, "-c", _CODE],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        for _ in range(2)
    ]
    first, second = (output.stdout.split() for output in outputs)
    assert first == second
    kept = [path for path in tmp_path.rglob("jit_slow_to_compile*") if path.suffix != ".atime"]
    assert len(kept) == 1
