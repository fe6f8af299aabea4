"""Who is who from frame to frame: faces get track ids by overlap and nearness of their boxes, and by their looks: at a
hard cut another person may stand in the very place of the one before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from perception.types import Face, Image

Box = tuple[float, float, float, float]

#: Boxes may belong together when they overlap by this share (intersection over union) ...
MIN_IOU = 0.2
#: ... or their centres are no further apart than this share of the larger box's diagonal (fast movement).
MAX_CENTRE_SHARE = 0.5
#: A face that comes back after a longer absence (seconds) is a new track: it may be somebody else.
MAX_GAP_S = 1.0
#: The same person's appearance correlates at least so much from one frame to the next. Measured: .94 was the least over
#: 190 neighbouring frames of two clips, .73 over half a second of head movement; of 87,000 pairs of different people in
#: web portraits 96 % lie below.
MIN_ALIKE = 0.7
#: Side (px) of the thumbnail that is compared.
THUMBNAIL_PX = 16
#: A thumbnail whose grey levels (0-255) spread less than this shows nothing that could be compared.
MIN_CONTRAST = 3.0

Appearance = npt.NDArray[np.float32]


def appearance_of(crop: Image) -> Appearance:
    """A unit vector (256,) of an aligned face crop (`expression.live.face_crop`): grey, small, without level and
    contrast. The dot product of two is their correlation, in [-1, 1]. All zeros where the crop shows next to
    nothing."""
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    small -= small.mean()
    if float(small.std()) < MIN_CONTRAST:
        return np.zeros_like(small)
    return np.asarray(small / float(np.linalg.norm(small)), dtype=np.float32)


@dataclass(slots=True)
class _Track:
    track_id: int
    box: Box
    t_s: float
    appearance: Appearance | None = None


class Tracker:
    """Gives each face of each frame a track id that stays with the person while they stay in view. Ids start at 0 and
    are never used again. Not thread-safe."""

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._next_id = 0

    def assign(self, faces: Sequence[Face], t_s: float, appearances: Sequence[Appearance] | None = None) -> list[int]:
        """The track ids of `faces`, in their order. Pairs are made greedily, the best match first.

        With `appearances`, one for each face, a face that does not look like a track's last one is somebody else; the
        track waits for MAX_GAP_S, so that a hand before the face for a moment makes no second person for good.
        """
        self._tracks = [track for track in self._tracks if 0 <= t_s - track.t_s <= MAX_GAP_S]
        pairs = sorted(
            ((match, row, column) for row, face in enumerate(faces) for column, track in enumerate(self._tracks)
             if (match := _match(face.box, track.box)) is not None
             and (appearances is None or alike(appearances[row], track.appearance))),
            reverse=True,
        )  # fmt: skip
        ids: dict[int, int] = {}
        taken: set[int] = set()
        for _, row, column in pairs:
            if row not in ids and column not in taken:
                taken.add(column)
                track = self._tracks[column]
                track.box, track.t_s, ids[row] = faces[row].box, t_s, track.track_id
                track.appearance = appearances[row] if appearances is not None else None
        for row, face in enumerate(faces):
            if row not in ids:
                ids[row] = self._next_id
                looks = appearances[row] if appearances is not None else None
                self._tracks.append(_Track(self._next_id, face.box, t_s, looks))
                self._next_id += 1
        return [ids[row] for row in range(len(faces))]


def alike(one: Appearance, other: Appearance | None) -> bool:
    """Whether two appearances may be one person's; so they may where either shows nothing."""
    return other is None or not (one.any() and other.any()) or float(one @ other) >= MIN_ALIKE


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes (x0, y0, x1, y1), in [0, 1]."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def _match(a: Box, b: Box) -> float | None:
    """How well two boxes match (higher is better), or None when they cannot be the same face."""
    overlap = iou(a, b)
    apart = math.dist(((a[0] + a[2]) / 2, (a[1] + a[3]) / 2), ((b[0] + b[2]) / 2, (b[1] + b[3]) / 2))
    apart /= max(math.dist(a[:2], a[2:]), math.dist(b[:2], b[2:]), 1e-6)
    if overlap < MIN_IOU and apart > MAX_CENTRE_SHARE:
        return None
    return overlap - apart
