"""What every check returns."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """Outcome of one check.

    Attributes:
        name: what was checked.
        worst: largest deviation found. limit: largest allowed. unit: of both.
        where: muscle, joint or site of the worst deviation.
        details: further findings, one line each.
    """

    name: str
    worst: float
    limit: float
    unit: str
    where: str
    details: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the deviation stays within the limit (NaN fails)."""
        return self.worst <= self.limit
