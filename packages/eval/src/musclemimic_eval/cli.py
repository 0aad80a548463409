"""`musclemimic eval`: policies, and beside them the subcommands for measured motion."""

from collections.abc import Sequence
from importlib import import_module
from types import MappingProxyType

# First word to the module whose `main` runs it; anything else is a checkpoint or an option.
SUBCOMMANDS = MappingProxyType(
    {"motion": "musclemimic_eval.human.command", "muscles": "musclemimic_eval.inverse.command"}
)
_POLICY = "musclemimic_eval.policy_command"


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code.

    Raises:
        InputError: a file or option that cannot be used.
    """
    if argv and argv[0] in SUBCOMMANDS:
        return import_module(SUBCOMMANDS[argv[0]]).main(argv[1:])
    return import_module(_POLICY).main(argv)
