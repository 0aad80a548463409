"""How much memory this process has used."""

import sys


def peak_memory_mb() -> float:
    """Largest resident set of this process so far, MB; NaN where the system does not tell."""
    if sys.platform == "win32":
        return float("nan")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
