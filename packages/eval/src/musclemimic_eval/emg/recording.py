"""`EmgRecording`: electromyographic channels on one clock, raw or already envelopes."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError

Kind = Literal["raw", "envelope"]
# Steps may differ from their mean by this share (decimals of text files).
_UNEVEN = 0.01
# Share of samples below zero, from and up to which a channel can only be raw or an envelope: a
# raw signal swings to both sides, a low-passed rectified one dips below zero only by ringing.
_RAW_FROM, _ENVELOPE_TO = 0.30, 0.20


@dataclass(frozen=True)
class EmgRecording:
    """Channels of surface electromyography. Arrays are read-only float64.

    Attributes:
        time: (T,) s, even steps.
        labels: (C) names of the channels, unique.
        values: (T, C) in the recorder's unit (V), or envelopes in any unit.
        kind: "raw" or "envelope".
        source: file name, for messages.
    """

    time: Float[np.ndarray, " T"]
    labels: tuple[str, ...]
    values: Float[np.ndarray, "T C"]
    kind: Kind
    source: str = "EMG"

    def __post_init__(self) -> None:
        """Validate and make arrays read-only.

        Raises:
            InputError: too few samples, uneven or falling time, a label twice, values that are
                not finite.
        """
        for name in ("time", "values"):
            array = np.array(getattr(self, name), dtype=np.float64)
            if not np.isfinite(array).all():
                bad = int((~np.isfinite(array)).sum())
                raise InputError(
                    self.source, name, found=f"{bad} non-finite values", expected="numbers"
                )
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if self.values.shape != (len(self.time), len(self.labels)):
            raise InputError(
                self.source,
                "values",
                found=f"shape {self.values.shape}",
                expected=f"({len(self.time)}, {len(self.labels)})",
            )
        twice = sorted({label for label in self.labels if self.labels.count(label) > 1})
        if twice:
            raise InputError(self.source, "labels", found=f"{twice[0]!r} twice", expected="unique")
        if len(self.time) < 2:
            raise InputError(self.source, "samples", found=len(self.time), expected="at least 2")
        steps = np.diff(self.time)
        if (steps <= 0).any() or np.abs(steps - steps.mean()).max() > _UNEVEN * steps.mean():
            raise InputError(
                self.source,
                "time",
                found=f"steps from {steps.min():.3g} to {steps.max():.3g} s",
                expected="even steps",
            )

    @property
    def rate_hz(self) -> float:
        """Samples per second."""
        return (len(self.time) - 1) / float(self.time[-1] - self.time[0])

    def channel(self, label: str) -> Float[np.ndarray, " T"]:
        """The samples of one channel.

        Raises:
            InputError: no such channel; lists those there are.
        """
        if label not in self.labels:
            raise InputError(
                self.source,
                "channel",
                found=repr(label),
                expected="one of " + ", ".join(self.labels),
            )
        return self.values[:, self.labels.index(label)]

    def select(self, labels: tuple[str, ...]) -> "EmgRecording":
        """The same recording with only these channels, in this order."""
        columns = [self.channel(label) for label in labels]
        return replace(self, labels=labels, values=np.stack(columns, axis=1))

    def shifted(self, seconds: float) -> "EmgRecording":
        """The same recording on a clock that is `seconds` later."""
        return replace(self, time=self.time + seconds)


def guess_kind(values: Float[np.ndarray, "T C"], source: str = "EMG") -> Kind:
    """Raw or envelope, by the median share of samples below zero.

    Raises:
        InputError: neither is clear; the user has to say.
    """
    share = float(np.median((values < 0).mean(axis=0)))
    if share >= _RAW_FROM:
        return "raw"
    if share <= _ENVELOPE_TO:
        return "envelope"
    raise InputError(
        source,
        "kind",
        found=f"{100 * share:.0f} % of samples below zero",
        expected='kind="raw" (about half) or kind="envelope" (few) to be given',
    )
