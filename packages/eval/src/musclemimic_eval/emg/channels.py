"""What a channel's label means: which muscles of the model, on which side."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from musclemimic_models import InputError, MuscleTable
from musclemimic_models.errors import unknown_name
from musclemimic_models.files import require_file

Side = Literal["left", "right"]
_LABELS = "labels"
_SIDE_WORDS: Mapping[str, Side] = {"l": "left", "left": "left", "r": "right", "right": "right"}
_LEADING = {"emg", "analog", "voltage"}


@dataclass(frozen=True)
class Site:
    """A place of measurement: the muscles heard there and what its channel is called."""

    name: str
    muscles: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class ChannelTable:
    """The known sites, and whole labels with their site and side."""

    sites: Mapping[str, Site]
    labels: Mapping[str, tuple[str, Side]]


@dataclass(frozen=True)
class Channel:
    """A channel and the model's muscles it stands for.

    Attributes:
        label: in the recording. site: of measurement. side: of the body.
        muscles: indices in the model's muscle table.
        weight: share of each in the channel's activation; maximal isometric forces, sum 1.
    """

    label: str
    site: str
    side: Side
    muscles: Int[np.ndarray, " m"]
    weight: Float[np.ndarray, " m"]

    def activation(self, activation: Float[np.ndarray, "T nu"]) -> Float[np.ndarray, " T"]:
        """Activation of the muscles under the electrode: mean, weighted by strength."""
        return activation[:, self.muscles] @ self.weight


@dataclass(frozen=True)
class ChannelMap:
    """Channels with a meaning, and the labels without."""

    channels: tuple[Channel, ...]
    unknown: tuple[str, ...]


def load_channel_table(*own: Path | str) -> ChannelTable:
    """The project's table with the user's own files laid over it, later ones on top.

    Raises:
        InputError: an unreadable file, an entry of the wrong form, a label whose site is unknown,
            or one name for two sites.
    """
    sites: dict[str, Site] = {}
    labels: dict[str, tuple[str, Side]] = {}
    shipped = files("musclemimic_eval.emg").joinpath("channels.toml").read_text(encoding="utf-8")
    _add(sites, labels, shipped, "channels.toml")
    for path in map(Path, own):
        require_file(path)
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InputError(path, "file", found="binary data", expected="TOML text") from error
        _add(sites, labels, text, path)
    _require_unambiguous(sites, own[-1] if own else "channels.toml")
    for label, (site, _) in labels.items():
        if site not in sites:
            raise unknown_name(own[-1], f"labels.{label}", site, sorted(sites))
    return ChannelTable(sites, labels)


def map_channels(
    labels: Sequence[str],
    muscles: MuscleTable,
    *,
    table: ChannelTable | None = None,
    default_side: Side | None = None,
) -> ChannelMap:
    """Find the muscles of every label.

    Args:
        labels: of the recording; force plates and the like come out as unknown.
        muscles: of the model.
        table: None for the project's own.
        default_side: of labels that name none.

    Returns:
        The channels whose muscles the model has, in the order of the labels, and all other labels.

    Raises:
        InputError: labels without a side and no `default_side`; two labels for one site and side.
    """
    table = table or load_channel_table()
    sides = {muscles.names[i]: side for i, side in enumerate(muscles.side)}
    stems = {(re.sub(r"_[lr]$", "", name), sides[name]): i for i, name in enumerate(muscles.names)}
    channels: list[Channel] = []
    unknown: list[str] = []
    sideless: list[str] = []
    for label in labels:
        found = _find(label, table)
        if found is None:
            unknown.append(label)
            continue
        site, side = found
        if side is None:
            side = default_side
        if side is None:
            sideless.append(label)
            continue
        rows = [stems[stem, side] for stem in table.sites[site].muscles if (stem, side) in stems]
        if not rows:
            unknown.append(label)
            continue
        strength = muscles.max_isometric_force[rows]
        channels.append(Channel(label, site, side, np.array(rows), strength / strength.sum()))
    if sideless:
        raise InputError(
            "EMG",
            "side",
            found=f"none in {', '.join(sideless)}",
            expected="left or right to be given",
        )
    taken: dict[tuple[str, str], str] = {}
    for channel in channels:
        first = taken.setdefault((channel.site, channel.side), channel.label)
        if first != channel.label:
            raise InputError(
                "EMG",
                f"{channel.side} {channel.site}",
                found=f"{first!r} and {channel.label!r}",
                expected="one channel",
            )
    return ChannelMap(tuple(channels), tuple(unknown))


def _find(label: str, table: ChannelTable) -> tuple[str, Side | None] | None:
    """Site and side of a label; None where it means nothing."""
    if label in table.labels:
        return table.labels[label]
    names = {_words(name): site.name for site in table.sites.values() for name in site.names}
    words = _words(label)
    while words and words[0] in _LEADING:
        words = words[1:]
    plain = _site_of(words, names)
    if plain is not None:
        return plain, None
    for rest, side in _without_side(words):
        site = _site_of(rest, names)
        if site is not None:
            return site, side
    return None


def _site_of(words: tuple[str, ...], names: Mapping[tuple[str, ...], str]) -> str | None:
    """Site of a name, written apart or together ("vas lat", "vaslat")."""
    if words in names:
        return names[words]
    joined = "".join(words)
    return next((site for name, site in names.items() if "".join(name) == joined and joined), None)


def _without_side(words: tuple[str, ...]) -> list[tuple[tuple[str, ...], Side]]:
    """The ways to read a side off a label: first or last word, or a glued first or last letter."""
    readings: list[tuple[tuple[str, ...], Side]] = []
    if len(words) > 1:
        for side_word, rest in ((words[0], words[1:]), (words[-1], words[:-1])):
            if side_word in _SIDE_WORDS:
                readings.append((rest, _SIDE_WORDS[side_word]))
    if words and len(words[0]) > 2 and words[0][0] in _SIDE_WORDS:
        readings.append(((words[0][1:], *words[1:]), _SIDE_WORDS[words[0][0]]))
    return readings


def _words(name: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[^0-9a-z]+", name.lower()) if word)


def _add(
    sites: dict[str, Site], labels: dict[str, tuple[str, Side]], text: str, source: object
) -> None:
    """Lay one TOML text over the tables, in place."""
    try:
        document: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(source, "TOML", found=str(error), expected="valid TOML") from error
    for name, entry in document.items():
        if not isinstance(entry, dict):
            raise InputError(source, name, found=repr(entry), expected="a table")
        values: dict[str, object] = entry  # pyright: ignore[reportUnknownVariableType]
        if name == _LABELS:
            labels |= {label: _label(source, label, value) for label, value in values.items()}
            continue
        foreign = sorted(set(values) - {"muscles", "names"})
        if foreign:
            raise unknown_name(source, name, foreign[0], ["muscles", "names"])
        before = sites.get(name, Site(name, (), ()))
        muscles = _texts(source, f"{name}.muscles", values.get("muscles", list(before.muscles)))
        names = _texts(source, f"{name}.names", values.get("names", []))
        if not muscles:
            raise InputError(source, f"{name}.muscles", found="none", expected="muscle names")
        sites[name] = Site(name, muscles, tuple(dict.fromkeys((*before.names, *names))))


def _label(source: object, label: str, value: object) -> tuple[str, Side]:
    match value:
        case {"site": str(site), "side": "left"}:
            return site, "left"
        case {"site": str(site), "side": "right"}:
            return site, "right"
        case _:
            raise InputError(
                source,
                f"{_LABELS}.{label}",
                found=repr(value),
                expected='{ site = "…", side = "left" or "right" }',
            )


def _texts(source: object, field: str, value: object) -> tuple[str, ...]:
    found = repr(value)
    if isinstance(value, list):
        items: list[object] = value  # pyright: ignore[reportUnknownVariableType]
        if all(isinstance(item, str) and item for item in items):
            return tuple(str(item) for item in items)
    raise InputError(source, field, found=found, expected="a list of names")


def _require_unambiguous(sites: Mapping[str, Site], source: object) -> None:
    seen: dict[str, str] = {}
    for site in sites.values():
        for name in site.names:
            joined = "".join(_words(name))
            other = seen.setdefault(joined, site.name)
            if other != site.name:
                raise InputError(
                    source,
                    site.name,
                    found=f"{name!r}, also a name of {other}",
                    expected="one site",
                )
