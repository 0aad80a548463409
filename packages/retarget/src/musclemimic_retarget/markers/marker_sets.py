"""Marker sets: which labels of a laboratory stand for which anatomical landmarks."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import cast

from musclemimic_models import InputError
from musclemimic_models.files import require_file

from musclemimic_retarget.markers.trajectories import MarkerTrajectories

SIDES = ("left", "right")
CLUSTERS = ("thigh", "shank")
_ALWAYS = ("asis", "heel", "toe")
_OPTIONAL = (
    "hip",
    "psis",
    "knee_lateral",
    "knee_medial",
    "ankle_lateral",
    "ankle_medial",
    "mt1",
    "mt5",
    "acromion",
    "elbow_lateral",
    "elbow_medial",
    "wrist_radial",
    "wrist_ulnar",
    "wrist",
)
_ON_ONE_SIDE = (*_ALWAYS, *_OPTIONAL, *CLUSTERS)
_FEWEST_THIGH, _FEWEST_SHANK = 2, 3
# Landmarks that move as one body with a segment's further markers.
_BODIES = {
    "thigh": ("thigh", "knee_lateral", "knee_medial"),
    "shank": ("shank", "ankle_lateral", "ankle_medial"),
    "foot": ("heel", "toe", "mt1", "mt5"),
}


@dataclass(frozen=True)
class MarkerSet:
    """A laboratory's labels for anatomical landmarks.

    Attributes:
        name: of the set.
        landmarks: landmark ("left_asis", "sacrum", "right_thigh") to labels: their mean is the
            landmark, except for the clusters thigh and shank, which list markers.
        hip_offset: the person's hip joint centres, where known better than by regression: from the
            middle of the anterior iliac spines forward, outward and up along the axes of the plane
            through the iliac spines, m.
    """

    name: str
    landmarks: Mapping[str, tuple[str, ...]]
    hip_offset: tuple[float, float, float] | None = None

    @property
    def needed(self) -> tuple[str, ...]:
        """Landmarks without which no skeleton can be built from this set."""
        chosen: list[str] = []
        for side in SIDES:
            chosen += [f"{side}_{name}" for name in _ALWAYS]
            knee = f"{side}_knee_lateral" in self.landmarks
            ankle = f"{side}_ankle_lateral" in self.landmarks
            chosen += [f"{side}_knee_lateral" if knee else f"{side}_thigh"]
            chosen += [f"{side}_ankle_lateral" if ankle else f"{side}_shank"]
            if not knee and ankle:
                chosen.append(f"{side}_shank")
        return tuple(chosen)

    @property
    def bodies(self) -> tuple[tuple[str, ...], ...]:
        """Labels of the markers on each rigid segment."""
        pelvis = [f"{side}_{name}" for side in SIDES for name in ("asis", "psis")]
        groups = [[*pelvis, "sacrum"]]
        groups += [
            [f"{side}_{name}" for name in names] for side in SIDES for names in _BODIES.values()
        ]
        return tuple(
            tuple(label for landmark in group for label in self.landmarks.get(landmark, ()))
            for group in groups
        )

    def back(self, labels: frozenset[str]) -> tuple[str, ...]:
        """The landmarks at the back of the pelvis to use with a file of these labels."""
        both = ("left_psis", "right_psis")
        has_both = all(labels.issuperset(self.landmarks.get(name, ("",))) for name in both)
        return both if has_both or "sacrum" not in self.landmarks else ("sacrum",)

    def missing(self, labels: frozenset[str]) -> tuple[str, ...]:
        """Labels that the set needs and a file lacks."""
        needed = (*self.needed, *self.back(labels))
        wanted = dict.fromkeys(label for name in needed for label in self.landmarks[name])
        return tuple(label for label in wanted if label not in labels)


def load_marker_sets(path: Path | None = None) -> tuple[MarkerSet, ...]:
    """The packaged marker sets, or those of a file like `data/marker_sets.toml`.

    Raises:
        InputError: no such file, not TOML, an unknown landmark, a set without the needed ones.
    """
    if path is None:
        source = "packaged marker_sets.toml"
        resource = files("musclemimic_retarget.markers") / "data" / "marker_sets.toml"
        text = resource.read_text(encoding="utf-8")
    else:
        source = str(path)
        require_file(path)
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InputError(path, "file", found="binary data", expected="TOML") from error
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(source, "TOML", found=str(error), expected="marker sets") from error
    if not tables:
        raise InputError(source, "tables", found="none", expected="one table a marker set")
    return tuple(_marker_set(source, name, table) for name, table in tables.items())


def choose_marker_set(trajectories: MarkerTrajectories, path: Path | None = None) -> MarkerSet:
    """The set whose needed markers a recording has, the user's sets before the packaged ones.

    Of several the one that accounts for most markers is taken.

    Raises:
        InputError: as `load_marker_sets`; no set fits, or two fit equally well.
    """
    labels = frozenset(trajectories.seen_names)
    lacking: list[str] = []
    for sets in ([load_marker_sets(path)] if path else []) + [load_marker_sets()]:
        fitting = [known for known in sets if not known.missing(labels)]
        lacking += [_complaint(known, labels) for known in sets]
        if fitting:
            return _best(trajectories, fitting, labels)
    raise InputError(
        trajectories.source,
        "markers",
        found=", ".join(trajectories.seen_names[:12]) or "none seen",
        expected="a marker set; missing for " + "; for ".join(lacking),
    )


def _best(
    trajectories: MarkerTrajectories, fitting: list[MarkerSet], labels: frozenset[str]
) -> MarkerSet:
    used = [
        len(labels.intersection(label for names in known.landmarks.values() for label in names))
        for known in fitting
    ]
    best = [known for known, count in zip(fitting, used, strict=True) if count == max(used)]
    if len(best) > 1:
        raise InputError(
            trajectories.source,
            "markers",
            found=f"labels of {' and '.join(known.name for known in best)} alike",
            expected="one marker set; name it in a file of your own",
        )
    return best[0]


def _complaint(known: MarkerSet, labels: frozenset[str]) -> str:
    missing = known.missing(labels)
    more = f" and {len(missing) - 6} more" if len(missing) > 6 else ""
    return f"{known.name}: {', '.join(missing[:6])}{more}"


def _marker_set(source: str, name: str, table: object) -> MarkerSet:
    landmarks: dict[str, tuple[str, ...]] = {}
    hip_offset: tuple[float, float, float] | None = None
    for key, value in _table(source, name, table).items():
        if key == "hip_offset":
            hip_offset = _offset(source, f"{name}.{key}", value)
        elif key == "sacrum":
            landmarks[key] = _labels(source, f"{name}.{key}", value)
        elif key in SIDES:
            for landmark, labels in _table(source, f"{name}.{key}", value).items():
                where = f"{name}.{key}.{landmark}"
                if landmark not in _ON_ONE_SIDE:
                    raise InputError(
                        source,
                        where,
                        found="no landmark of this name",
                        expected="one of " + ", ".join(_ON_ONE_SIDE),
                    )
                landmarks[f"{key}_{landmark}"] = _labels(source, where, labels)
        elif key != "about":
            raise InputError(
                source,
                f"{name}.{key}",
                found="an entry",
                expected="about, hip_offset, sacrum, left or right",
            )
    marker_set = MarkerSet(name, MappingProxyType(landmarks), hip_offset)
    _require_enough(source, marker_set)
    return marker_set


def _require_enough(source: str, marker_set: MarkerSet) -> None:
    given = marker_set.landmarks
    lacking = [name for name in marker_set.needed if name not in given]
    if "sacrum" not in given:
        lacking += [f"{side}_psis" for side in SIDES if f"{side}_psis" not in given]
    for side in SIDES:
        few_thigh = len(given.get(f"{side}_thigh", ())) < _FEWEST_THIGH
        few_shank = len(given.get(f"{side}_shank", ())) < _FEWEST_SHANK
        if f"{side}_knee_lateral" not in given and (few_thigh or few_shank):
            lacking.append(f"{side}_knee_lateral")
        if f"{side}_ankle_lateral" not in given and few_shank:
            lacking.append(f"{side}_ankle_lateral")
    if lacking:
        raise InputError(
            source,
            marker_set.name,
            found="no " + ", ".join(dict.fromkeys(lacking)),
            expected="markers for them, or more on the segments (see the packaged file)",
        )


def _table(source: str, where: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise InputError(source, where, found=repr(value), expected="a table")
    return cast("dict[str, object]", value)


def _labels(source: str, where: str, value: object) -> tuple[str, ...]:
    """One label or a list of them."""
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    labels = tuple(item for item in items if isinstance(item, str) and item)
    if not labels or len(labels) != len(items):
        found = ", ".join(repr(item) for item in items) or "none"
        raise InputError(source, where, found=found, expected="labels of markers")
    return labels


def _offset(source: str, where: str, value: object) -> tuple[float, float, float]:
    """Three numbers below half a metre."""
    given = repr(value)
    items = cast("list[object]", value) if isinstance(value, list) else []
    numbers = [float(item) for item in items if isinstance(item, int | float)]
    if len(numbers) != 3 or len(items) != 3 or not all(abs(number) < 0.5 for number in numbers):
        raise InputError(
            source, where, found=given, expected="[forward, outward, up] in m, below 0.5"
        )
    return numbers[0], numbers[1], numbers[2]
