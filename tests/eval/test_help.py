"""`--help` shows examples and the further commands, which tyro would drop by itself."""

import pytest
from musclemimic_eval.cli import main
from musclemimic_eval.demo_cli import main as demo
from musclemimic_models.help_text import help_text

COMMANDS = {"eval": main, "demo": demo}


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        (
            "eval",
            [
                "    musclemimic eval runs/latest --clips clips/ --out report",
                "    musclemimic eval --compare report-a report-b",
                f"    {'musclemimic eval motion walk.c3d --out gait':<50}"
                "gait, joint moments and powers",
                f"    {'musclemimic eval muscles walk.c3d --mass 72':<50}"
                "activations, joint forces, energy",
            ],
        ),
        ("eval motion", ["    musclemimic eval motion walk.c3d --out report"]),
        ("eval muscles", ["    musclemimic eval muscles walk.c3d --mass 72 --out muscles"]),
        ("demo", ["    musclemimic demo"]),
    ],
)
def test_help_is_laid_out_as_written(
    command: str, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    name, *rest = command.split()
    with pytest.raises(SystemExit) as ended:
        COMMANDS[name]([*rest, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out.splitlines()
    for line in lines:
        assert line in shown


def test_fields_are_left_to_the_options() -> None:
    class Command:
        """Do it.

        Example:
            do it

        Attributes:
            how: well.
        """

    assert help_text(Command) == "Do it.\n\nExample:\n    do it"
