"""Number formats and parameter section of C3D files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError

BLOCK = 512
_SIGNATURE = 0x50
_PROCESSORS: dict[int, Literal["intel", "dec", "mips"]] = {84: "intel", 85: "dec", 86: "mips"}
_TEXT, _BYTE, _INTEGER, _REAL = -1, 1, 2, 4


@dataclass(frozen=True)
class Encoding:
    """How a file writes numbers.

    Attributes:
        processor: "intel" and "dec" put the low byte first, "mips" the high one; "dec" has reals
            of its own.
        parameters: offset of the parameter section, bytes.
    """

    processor: Literal["intel", "dec", "mips"]
    parameters: int

    @property
    def order(self) -> str:
        """Byte order as NumPy writes it."""
        return ">" if self.processor == "mips" else "<"

    def integer(self, content: bytes, offset: int) -> int:
        """An unsigned 16-bit number."""
        return int(np.frombuffer(content, f"{self.order}u2", 1, offset)[0])

    def real(self, content: bytes, offset: int) -> float:
        """A 32-bit real."""
        return float(self.reals(content[offset : offset + 4])[0])

    def integers(self, data: bytes) -> Float[np.ndarray, " N"]:
        """Signed 16-bit numbers."""
        return np.frombuffer(data, f"{self.order}i2").astype(np.float64)

    def reals(self, data: bytes) -> Float[np.ndarray, " N"]:
        """32-bit reals."""
        if self.processor != "dec":
            return np.frombuffer(data, f"{self.order}f4").astype(np.float64)
        # VAX reals: 16-bit words exchanged, exponents larger by two.
        words = np.frombuffer(data, "<u2").reshape(-1, 2)[:, ::-1]
        return np.ascontiguousarray(words).view("<f4")[:, 0].astype(np.float64) / 4.0


@dataclass(frozen=True)
class Parameters:
    """The parameter section: "GROUP:NAME" to type, dimensions and bytes."""

    encoding: Encoding
    entries: dict[str, tuple[int, tuple[int, ...], bytes]]

    def has(self, group: str, name: str) -> bool:
        """Whether there is such a parameter."""
        return f"{group}:{name}" in self.entries

    def texts(self, group: str, name: str) -> list[str]:
        """Strings of a parameter; none if it is missing or holds numbers."""
        kind, dimensions, data = self.entries.get(f"{group}:{name}", (_BYTE, (), b""))
        if kind != _TEXT:
            return []
        width = dimensions[0] if dimensions else 1
        if width == 0:
            return []
        pieces = [data[start : start + width] for start in range(0, len(data), width)]
        return [piece.decode("latin-1").strip("\0 ") for piece in pieces]

    def numbers(self, group: str, name: str) -> Float[np.ndarray, " N"]:
        """Numbers of a parameter; none if it is missing or holds text."""
        kind, _, data = self.entries.get(f"{group}:{name}", (_TEXT, (), b""))
        match kind:
            case 1:
                return np.frombuffer(data, "u1").astype(np.float64)
            case 2:
                return self.encoding.integers(data)
            case 4:
                return self.encoding.reals(data)
            case _:
                return np.empty(0)


def read_encoding(path: Path, content: bytes) -> Encoding:
    """Number formats of a file.

    Raises:
        InputError: no C3D file, or one that ends in its header.
    """
    if len(content) < 2 or content[1] != _SIGNATURE:
        raise InputError(path, "file", found="no C3D signature", expected="a C3D file")
    parameters = (content[0] - 1) * BLOCK
    if parameters < BLOCK or len(content) < parameters + 4:
        raise InputError(
            path,
            "file",
            found=f"{len(content)} bytes, parameters from {parameters}",
            expected="a complete C3D file",
        )
    processor = _PROCESSORS.get(content[parameters + 3])
    if processor is None:
        raise InputError(
            path,
            "file",
            found=f"processor type {content[parameters + 3]}",
            expected="84 (Intel), 85 (DEC) or 86 (MIPS)",
        )
    return Encoding(processor, parameters)


def read_parameters(path: Path, content: bytes, encoding: Encoding) -> Parameters:
    """The parameter section.

    Raises:
        InputError: it runs over the end of the file, or its records over their own end.
    """
    groups: dict[int, str] = {}
    found: dict[tuple[int, str], tuple[int, tuple[int, ...], bytes]] = {}
    offset = encoding.parameters + 4
    try:
        while content[offset] != 0 and content[offset + 1] != 0:
            length, group = abs(_signed(content[offset])), _signed(content[offset + 1])
            name = content[offset + 2 : offset + 2 + length].decode("latin-1").upper()
            body = offset + 2 + length
            step = encoding.integer(content, body)
            if group < 0:
                groups[-group] = name
            else:
                found[group, name] = _record(content, body + 2)
            if step == 0:
                break
            offset = body + step
    except (IndexError, ValueError) as error:
        raise InputError(
            path, "file", found="parameters cut off", expected="a complete C3D file"
        ) from error
    entries = {f"{groups.get(group, '')}:{name}": value for (group, name), value in found.items()}
    return Parameters(encoding, entries)


def _record(content: bytes, offset: int) -> tuple[int, tuple[int, ...], bytes]:
    """Type, dimensions and bytes of a parameter."""
    kind, rank = _signed(content[offset]), content[offset + 1]
    dimensions = tuple(content[offset + 2 : offset + 2 + rank])
    start = offset + 2 + rank
    size = abs(kind) * int(np.prod(dimensions, dtype=np.int64))
    if kind not in (_TEXT, _BYTE, _INTEGER, _REAL) or not 0 <= size <= len(content) - start:
        raise ValueError(f"parameter of type {kind} and {size} bytes")
    return kind, dimensions, content[start : start + size]


def _signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte
