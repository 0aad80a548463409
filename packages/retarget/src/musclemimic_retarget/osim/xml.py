"""OpenSim's XML: parsed within bounds, read field by field with errors that name the place."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError
from musclemimic_models.files import require_file

Element = ElementTree.Element

# Models of a whole body with hundreds of muscles have under 10 MB and a dozen levels.
LARGEST_FILE = 32_000_000
_DEEPEST = 64
_LARGEST_NUMBER = 1e9  # m, rad or any coefficient
# OpenSim 2.3, which wrote joints as OpenSim 3 does, up to any 4.x.
_OLDEST, _NEWEST = 20302, 49999


class _Guard(ElementTree.TreeBuilder):
    """A tree builder that refuses document types (and so entities) and endless nesting."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path, self._depth = path, 0

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """Called at a document type, before any entity of it is read."""
        del pubid, system
        raise InputError(
            self._path,
            "XML",
            found=f"a document type {name!r}, which may define entities",
            expected="an OpenSim model, which has none",
        )

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        """Called at every opening tag."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise InputError(
                self._path, "XML", found=f"more than {_DEEPEST} levels", expected="an OpenSim model"
            )
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        """Called at every closing tag."""
        self._depth -= 1
        return super().end(tag)


def read_model_element(path: Path) -> Element:
    """The `Model` element of an .osim file.

    Raises:
        InputError: no such file, a huge one, no XML, a document type, or something else than an
            OpenSim model of version 2.3 to 4.
    """
    require_file(path)
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise InputError(
            path,
            "file",
            found=f"{size / 1e6:g} MB",
            expected=f"at most {LARGEST_FILE / 1e6:g} MB, an OpenSim model",
        )
    try:
        root = ElementTree.fromstring(
            path.read_bytes(), parser=ElementTree.XMLParser(target=_Guard(path))
        )
    # ValueError, LookupError: an encoding that does not exist or cannot be used.
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(path, "XML", found=str(error), expected="an OpenSim model") from error
    model = root.find("Model")
    if root.tag != "OpenSimDocument" or model is None:
        found = f"<{root.tag}> of " + (", ".join(child.tag for child in root[:4]) or "nothing")
        raise InputError(
            path, "XML", found=found, expected="<OpenSimDocument> with a <Model>, an .osim file"
        )
    version = root.get("Version", "")
    if not version.isdecimal() or not _OLDEST <= int(version) <= _NEWEST:
        raise InputError(
            path,
            "Version",
            found=version or "none",
            expected=f"{_OLDEST} to {_NEWEST}: OpenSim 2.3 to 4 (open it there and save it)",
        )
    return model


def name_of(path: Path, element: Element) -> str:
    """The name of a component.

    Raises:
        InputError: it has none.
    """
    name = element.get("name", "").strip()
    if not name:
        raise InputError(path, f"<{element.tag}>", found="no name", expected="a name")
    return name


def text_of(element: Element | None, tag: str) -> str:
    """Text of a child element, stripped; empty if there is none."""
    return (element.findtext(tag) or "").strip() if element is not None else ""


def flag_of(path: Path, where: str, element: Element, tag: str, *, default: bool) -> bool:
    """A child element that says true or false.

    Raises:
        InputError: it says something else.
    """
    text = text_of(element, tag).lower()
    if text not in ("", "true", "false", "1", "0"):
        raise InputError(path, f"{where}: {tag}", found=repr(text), expected="true or false")
    return text in ("true", "1") if text else default


def numbers_of(
    path: Path, where: str, element: Element, tag: str, *, count: int | None = None
) -> Float[np.ndarray, " N"]:
    """Numbers of a child element, separated by blanks.

    Args:
        path: the file, for messages.
        where: what is read, for messages.
        element: the parent.
        tag: of the child.
        count: how many there have to be; None for any number but zero.

    Raises:
        InputError: another count, or text that is not a number of sensible size.
    """
    words = text_of(element, tag).split()
    wanted = f"{count} numbers" if count is not None else "numbers"
    try:
        values = np.array([float(word) for word in words])
    except ValueError as error:
        raise InputError(path, f"{where}: {tag}", found=str(error), expected=wanted) from error
    if not len(values) or (count is not None and len(values) != count):
        found = " ".join(words) or "nothing"
        raise InputError(path, f"{where}: {tag}", found=found, expected=wanted)
    # NaN is not below either.
    if not (np.abs(values) < _LARGEST_NUMBER).all():
        raise InputError(path, f"{where}: {tag}", found=" ".join(words), expected=wanted)
    return values


def number_of(path: Path, where: str, element: Element, tag: str, *, default: float) -> float:
    """One number of a child element, or the default where there is none."""
    if not text_of(element, tag):
        return default
    return float(numbers_of(path, where, element, tag, count=1)[0])


def vector_of(path: Path, where: str, element: Element, tag: str) -> Float[np.ndarray, " 3"]:
    """Three numbers of a child element; zero where there is none."""
    if not text_of(element, tag):
        return np.zeros(3)
    return numbers_of(path, where, element, tag, count=3)
