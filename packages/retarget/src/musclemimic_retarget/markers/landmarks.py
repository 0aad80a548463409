"""Landmarks of one recording: gaps filled, frames trimmed, axes turned."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float
from musclemimic_models import InputError

from musclemimic_retarget.markers.gaps import fill_gaps, longest_run
from musclemimic_retarget.markers.marker_sets import CLUSTERS, SIDES, MarkerSet
from musclemimic_retarget.markers.trajectories import MarkerTrajectories

logger = logging.getLogger(__name__)

# An optional marker seen in this share of the frames shortens the recording rather than go.
_WORTH_TRIMMING = 0.9
_UPRIGHT = 0.8


@dataclass(frozen=True)
class Landmarks:
    """Anatomical landmarks over time, without gaps.

    Attributes:
        source: the file.
        fps: frames per second.
        points: landmark name, such as "left_asis", to (T, 3) m.
        clusters: "left_thigh" and the like to (T, K, 3) m, K ≥ 1.
        start: time of the first frame on the recording's clock, s.
        hip_offset: see `MarkerSet`.
    """

    source: str
    fps: float
    points: Mapping[str, Float[np.ndarray, "T 3"]]
    clusters: Mapping[str, Float[np.ndarray, "T K 3"]]
    start: float = 0.0
    hip_offset: tuple[float, float, float] | None = None

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.points["left_asis"])

    def __getitem__(self, name: str) -> Float[np.ndarray, "T 3"]:
        """A landmark that is known to be there."""
        return self.points[name]

    def has(self, *names: str) -> bool:
        """Whether all of these landmarks are there."""
        return all(name in self.points for name in names)

    def turned(self, turn: Float[np.ndarray, "3 3"]) -> "Landmarks":
        """The same landmarks in other axes."""
        return Landmarks(
            self.source,
            self.fps,
            MappingProxyType({name: point @ turn.T for name, point in self.points.items()}),
            MappingProxyType({name: points @ turn.T for name, points in self.clusters.items()}),
            self.start,
            self.hip_offset,
        )


def gather_landmarks(trajectories: MarkerTrajectories, marker_set: MarkerSet) -> Landmarks:
    """Landmarks of the longest stretch of frames in which the needed markers are all there.

    Gaps are filled first. An optional landmark that is there in 90 % of that stretch trims it
    further; others are left out. What is trimmed or left out is logged.

    Raises:
        InputError: fewer than two such frames.
    """
    labels = frozenset(trajectories.seen_names)
    present = {
        name: tuple(label for label in names if label in labels)
        for name, names in marker_set.landmarks.items()
        if (labels.intersection if _is_cluster(name) else labels.issuperset)(names)
    }
    back = marker_set.back(labels)
    if "sacrum" not in back:
        present.pop("sacrum", None)
    kept = {label for names in present.values() for label in names}
    bodies = [[label for label in body if label in kept] for body in marker_set.bodies]
    filled = fill_gaps(trajectories, bodies)
    needed = [label for name in (*marker_set.needed, *back) for label in present[name]]
    seen = {label: filled.seen[:, filled.names.index(label)] for label in sorted(kept)}
    stretch, chosen = _stretch(trajectories, seen, needed)
    _report(trajectories, stretch, sorted(kept - chosen))
    points: dict[str, Float[np.ndarray, "T 3"]] = {}
    clusters: dict[str, Float[np.ndarray, "T K 3"]] = {}
    for name, names in present.items():
        if _is_cluster(name):
            columns = filled.columns([label for label in names if label in chosen])
            if columns:
                clusters[name] = filled.positions[stretch, :][:, columns]
        elif chosen.issuperset(names):
            points[name] = filled.positions[stretch, :][:, filled.columns(names)].mean(axis=1)
    return Landmarks(
        trajectories.source,
        trajectories.fps,
        MappingProxyType(points),
        MappingProxyType(clusters),
        trajectories.start + stretch.start / trajectories.fps,
        marker_set.hip_offset,
    )


def upright_facing_x(landmarks: Landmarks) -> Float[np.ndarray, "3 3"]:
    """The rotation from the laboratory's axes to z up with the person facing +x.

    Up is the laboratory's axis that points from the feet to the pelvis. Facing is the mean
    direction, over the recording, from the back of the pelvis to its front; for someone who turns
    all the way round, that of the first frame.

    Raises:
        InputError: feet not below the pelvis along one axis, left and right exchanged.
    """
    feet = np.mean([landmarks[f"{side}_{name}"] for side in SIDES for name in ("heel", "toe")], 0)
    front = (landmarks["left_asis"] + landmarks["right_asis"]) / 2
    rise = (front - feet).mean(axis=0)
    axis = int(np.argmax(np.abs(rise)))
    if abs(rise[axis]) < _UPRIGHT * np.linalg.norm(rise):
        raise InputError(
            landmarks.source,
            "up axis",
            found=f"pelvis at {np.round(rise, 2).tolist()} m from the feet",
            expected="someone on their feet, one axis vertical",
        )
    up = np.zeros(3)
    up[axis] = np.sign(rise[axis])
    ahead = _horizontal(front - pelvis_back(landmarks), up)
    left = landmarks["left_asis"] - landmarks["right_asis"]
    if float(np.median(np.sum(np.cross(up, ahead) * left, axis=1))) < 0:
        raise InputError(
            landmarks.source,
            "sides",
            found="the left of the pelvis on its right",
            expected="right-handed axes and labels on their own side",
        )
    mean = ahead.mean(axis=0)
    facing = _horizontal((ahead[0] if np.linalg.norm(mean) < 0.1 else mean)[None], up)[0]
    return np.stack([facing, np.cross(up, facing), up])


def pelvis_back(landmarks: Landmarks) -> Float[np.ndarray, "T 3"]:
    """Middle of the posterior iliac spines, or the marker on the sacrum, m."""
    if landmarks.has("left_psis", "right_psis"):
        return (landmarks["left_psis"] + landmarks["right_psis"]) / 2
    return landmarks["sacrum"]


def _stretch(
    trajectories: MarkerTrajectories, seen: dict[str, Bool[np.ndarray, " T"]], needed: list[str]
) -> tuple[slice, set[str]]:
    """Frames to keep, and the markers that are all there in them."""
    complete = np.all([seen[label] for label in needed], axis=0)
    first, end = longest_run(complete)
    if end - first < 2:
        shares = {label: float(seen[label].mean()) for label in needed}
        worst = sorted(shares, key=lambda label: shares[label])[:3]
        raise InputError(
            trajectories.source,
            "gaps",
            found=f"{end - first} frames with all needed markers; least seen "
            + ", ".join(f"{label} ({100 * shares[label]:.0f} %)" for label in worst),
            expected="at least 2 such frames in a row",
        )
    good = {k for k, frames in seen.items() if frames[first:end].mean() >= _WORTH_TRIMMING}
    good.update(needed)
    complete = np.all([seen[label] for label in sorted(good)], axis=0)
    complete[:first] = complete[end:] = False
    first, end = longest_run(complete)
    if end - first < 2:
        raise InputError(
            trajectories.source, "gaps", found="no two complete frames", expected="fewer gaps"
        )
    inside = slice(first, end)
    return inside, good | {label for label, frames in seen.items() if frames[inside].all()}


def _report(trajectories: MarkerTrajectories, stretch: slice, dropped: list[str]) -> None:
    frames = len(trajectories.positions)
    if stretch.stop - stretch.start < frames:
        logger.warning(
            "%s: frames %d to %d of %d kept (from %.2f s), markers are missing in the others",
            Path(trajectories.source).name,
            stretch.start + 1,
            stretch.stop,
            frames,
            stretch.start / trajectories.fps,
        )
    if dropped:
        logger.warning(
            "%s: too many gaps, not used: %s", Path(trajectories.source).name, ", ".join(dropped)
        )


def _is_cluster(name: str) -> bool:
    return name.partition("_")[2] in CLUSTERS


def _horizontal(
    vectors: Float[np.ndarray, "N 3"], up: Float[np.ndarray, " 3"]
) -> Float[np.ndarray, "N 3"]:
    flat = vectors - np.outer(vectors @ up, up)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)
