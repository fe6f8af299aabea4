"""Deformations of a face's landmarks, and frames and faces made of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from perception.action_units import PRIOR_CENTRE
from perception.geometry import _MATRIX, _USED, INDEX, measure
from perception.pose import fit_head, pose_of
from perception.types import Face, Image

Points = npt.NDArray[np.float64]
Move = Callable[[Points], None]

#: Landmark numbers of the parts that the tests move.
BROWS = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55, 300, 293, 334, 296, 336, 276, 283, 282, 295, 285)
LIP_CORNERS = (61, 291)


def shift(indices: tuple[int, ...], x: float = 0.0, y: float = 0.0) -> Move:
    """A deformation: move points by (x, y) eye-corner distances; y grows downward."""

    def move(points: Points) -> None:
        points[list(indices), 0] += x
        points[list(indices), 1] += y

    return move


def smile(points: Points) -> None:
    """Lip corners out and up, cheeks and lower lids up."""
    points[[61, 291], 1] -= 0.07
    points[61, 0] -= 0.09
    points[291, 0] += 0.09
    points[[50, 101, 118, 280, 330, 347], 1] -= 0.05
    points[[145, 153, 144, 374, 380, 373], 1] -= 0.02


def bent(points: Points, *moves: Move) -> Points:
    copy = points.copy()
    for move in moves:
        move(copy)
    return copy


def face_of(points: Points, size_px: float = 100.0, shift_px: tuple[float, float] = (300.0, 200.0)) -> Face:
    """A frontal Face of canonical points, as the mesh would give it."""
    landmarks = (points * size_px + [*shift_px, 0.0]).astype(np.float32)
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    fit = fit_head(landmarks)
    box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    return Face(box, fit.score, landmarks, pose_of(fit))


def measured(points: Points, wanted: npt.NDArray[np.float64]) -> Points:
    """The face with the least movement of its landmarks that gives the (13,) measures `wanted`."""
    new = points.copy()
    for _ in range(3):  # the eyes' opening is a ratio: a few steps
        short = wanted - measure(new)
        width = float(_MATRIX[-1] @ new[_USED, :2].T.ravel())
        short[INDEX["eye_open"]] *= width
        step = np.linalg.pinv(_MATRIX) @ np.append(short, 0.0)
        new[_USED, :2] += step.reshape(2, -1).T
    return new


def people_in_general(points: Points) -> Points:
    """The face with the population's neutral measures."""
    return measured(points, PRIOR_CENTRE)


def with_change(points: Points, **changes: float) -> Points:
    """The face with some measures changed by so many units of `geometry.MEASURES`."""
    wanted = measure(points)
    for name, change in changes.items():
        wanted[INDEX[name]] += change
    return measured(points, wanted)


class ScriptedMesh:
    """Stands in for mesh and detector: gives the face that was put into it. What follows in the Perceiver is real."""

    def __init__(self) -> None:
        self.face: Face | None = None

    def find(self, image: Image) -> list[Face]:
        return [self.face] if self.face else []

    def count(self, image: Image) -> int:
        return int(self.face is not None)

    def close(self) -> None:
        self.face = None
