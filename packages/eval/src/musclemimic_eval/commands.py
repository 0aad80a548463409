"""`musclemimic eval`: what is evaluated, a policy or a human's own recording."""

from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Run `eval motion FILE` or `eval CHECKPOINT`; returns the exit code.

    Only what is asked for is imported: recordings need no learner, policies no readers.
    """
    if argv and argv[0] == "motion":
        from musclemimic_eval.human.command import main as motion

        return motion(argv[1:])
    from musclemimic_eval.cli import main as policy

    return policy(argv)
