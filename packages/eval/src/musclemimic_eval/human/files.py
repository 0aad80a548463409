"""The one place of this package that reads files through musclemimic_retarget."""

from musclemimic_models import InputError

try:
    from musclemimic_retarget.opensim import Table, read_table
except ModuleNotFoundError as error:
    if error.name is None or not error.name.startswith("musclemimic_retarget"):
        raise
    raise InputError(
        "musclemimic_eval.human",
        "package",
        found="no musclemimic_retarget",
        expected="the readers: pip install 'musclemimic-eval[human]'",
    ) from error

__all__ = ["Table", "read_table"]
