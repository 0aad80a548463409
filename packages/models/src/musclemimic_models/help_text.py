"""What `--help` says of a command."""

import inspect


def help_text(command: type) -> str:
    """A command's documentation as it is written, line by line, up to its fields.

    Left to itself tyro joins lines and drops sections such as "Examples:".
    """
    return (inspect.getdoc(command) or "").partition("\nAttributes:")[0].strip()
