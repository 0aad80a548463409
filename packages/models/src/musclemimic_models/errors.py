"""Errors that name the place, what was found and what was expected."""

# More of what was found than this helps nobody.
_LONGEST = 500


class InputError(ValueError):
    """Bad input from outside: a file, a field of it, an option or a name.

    The command line prints it on one line and exits with code 2.
    """

    def __init__(self, source: object, field: str, *, found: object, expected: object) -> None:
        """Compose the message.

        Args:
            source: the file (or option, or object) that holds the bad value.
            field: the field in it.
            found: what stands there.
            expected: what should stand there.
        """
        self.source, self.field, self.found, self.expected = str(source), field, found, expected
        super().__init__(f"{source}: {field}: found {_line(found)}, expected {expected}")


def _line(value: object) -> str:
    """As one line, not too long: an array would print itself over many."""
    text = " ".join(str(value).splitlines())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def unknown_name(source: object, field: str, found: str, valid: "list[str]") -> InputError:
    """The error for a name that is not among the valid ones, which it lists."""
    return InputError(source, field, found=repr(found), expected="one of " + ", ".join(valid))
