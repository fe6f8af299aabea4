"""Action units as an artist sculpted them on a head: a second source of displacement, beside synthesis.toml's bumps.

The table holds what 36 face units of the MakeHuman community (CC0) do at the 478 landmarks; `sculpt` makes it. Between
the landmarks a displacement is their mean, each weighted by a Gaussian as wide as its neighbours are far.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

TABLE = Path(__file__).with_name("sculpted.npz")
#: A landmark reaches as far as this neighbour, in order of distance, times a factor that is drawn.
NEIGHBOUR = 3
#: Side of the grid on which fields are computed before they are enlarged, px.
COARSE = 24
Field = npt.NDArray[np.float32]


@cache
def moves() -> Mapping[str, Field]:
    """Face unit (`mouthSmileLeft`, ...) -> (478, 2) displacement in eye-corner distances, x to the picture's right, y
    down. "Left" is the person's left, which is the picture's right."""
    with np.load(TABLE, allow_pickle=False) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}


@cache
def side_moves(names: tuple[str, ...]) -> tuple[Field, Field]:
    """The person's right and left half, each (478, 2), of these face units together; the largest displacement of both
    is 1. A unit without sides counts half on either. Raises KeyError for an unknown name."""
    found, halves = moves(), []
    for side in ("Right", "Left"):
        total = np.zeros((478, 2), np.float32)
        for name in names:
            total += found[name + side] if name + side in found else found[name] / 2
        halves.append(total)
    largest = float(np.hypot(*(halves[0] + halves[1]).T).max())
    return halves[0] / largest, halves[1] / largest


def spread(move: Field, points: Field, grid: Field, width: float) -> Field:
    """(2, H, W) displacement at the places `grid` (2, H, W) from that of landmarks `points` (478, 2), all in eye-corner
    distances; it fades out beyond the face. `width` scales how far a landmark reaches (1 is usual)."""
    near = np.partition(_squared(points, points), NEIGHBOUR, axis=1)[:, NEIGHBOUR]
    reach = np.clip(near, 0.03**2, 0.2**2) * np.float32(width**2)
    height, across = grid.shape[1:]
    ys = np.linspace(0, height - 1, min(COARSE, height)).round().astype(int)
    xs = np.linspace(0, across - 1, min(COARSE, across)).round().astype(int)
    places = grid[:, ys][:, :, xs].reshape(2, -1).T
    weights = (
        np.exp(-_squared(places, points) / (2 * reach)) / reach
    )  # dense parts of the mesh do not outweigh the sparse
    field = (weights @ move) / (weights.sum(axis=1, keepdims=True) + 0.1 / np.median(reach))
    coarse = field.T.reshape(2, len(ys), len(xs)).astype(np.float32)
    return np.stack([cv2.resize(plane, (across, height), interpolation=cv2.INTER_CUBIC) for plane in coarse])


def _squared(one: Field, other: Field) -> Field:
    """(N, M) squared distances of (N, 2) from (M, 2) places."""
    return np.asarray((one[:, :1] - other[:, 0]) ** 2 + (one[:, 1:] - other[:, 1]) ** 2, np.float32)
