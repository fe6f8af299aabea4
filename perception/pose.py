"""Head pose: the rotation that carries the canonical head onto a face's landmarks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perception.canonical import RIGID, RIGID_POINTS
from perception.types import Landmarks, Pose

Matrix = npt.NDArray[np.float64]

#: Residual of the fit, in eye-corner distances, at which the fit score has fallen to 1/e. A good fit has about 0.03.
FIT_SCALE = 0.15


@dataclass(frozen=True, slots=True)
class HeadFit:
    """A similarity transform from the canonical head to the picture: pixels = scale * rotation @ canonical + shift.

    `rotation` is a proper (3, 3) rotation, `scale` px per eye-corner distance, `shift` (3,) px, and `residual` the
    root mean square distance of the rigid points after the fit, in eye-corner distances.
    """

    rotation: Matrix
    scale: float
    shift: Matrix
    residual: float

    @property
    def score(self) -> float:
        """How much the landmarks look like a head, in (0, 1]: exp(-(residual / FIT_SCALE)^2)."""
        return math.exp(-((self.residual / FIT_SCALE) ** 2))


def fit_head(landmarks: Landmarks) -> HeadFit:
    """Fit the canonical head to (478, 3) landmarks in px, by least squares over the points that no expression moves.

    Umeyama (1991), "Least-squares estimation of transformation parameters between two point patterns". Raises
    ValueError when the landmarks are not finite or all lie in one place.
    """
    points = np.asarray(landmarks, dtype=np.float64)[RIGID]
    if not np.isfinite(points).all():
        raise ValueError("the landmarks are not finite")
    mean, canonical_mean = points.mean(axis=0), RIGID_POINTS.mean(axis=0)
    moved, canonical = points - mean, RIGID_POINTS - canonical_mean
    u, singular, vt = np.linalg.svd(moved.T @ canonical)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = (u * signs) @ vt
    scale = float((singular * signs).sum() / (canonical**2).sum())
    if scale < 1e-6:
        raise ValueError("the landmarks lie in one place")
    left_over = moved / scale - canonical @ rotation.T
    residual = float(np.sqrt((left_over**2).sum(axis=1).mean()))
    return HeadFit(rotation, scale, mean - scale * rotation @ canonical_mean, residual)


def to_canonical(landmarks: Landmarks, fit: HeadFit) -> Matrix:
    """All landmarks (478, 3) turned upright and frontal, in eye-corner distances: the pose taken out."""
    points: Matrix = (np.asarray(landmarks, dtype=np.float64) - fit.shift) @ fit.rotation / fit.scale
    return points


def pose_of(fit: HeadFit) -> Pose:
    """Angles in degrees of the rotation R = Rz(roll) Ry(-yaw) Rx(pitch) in picture axes (x right, y down, z away).

    The signs are those of `types.Pose`: pitch > 0 looks down, yaw > 0 turns to the person's left, which is the right of
    an unmirrored picture, roll > 0 tilts clockwise as the picture shows it. Zero pitch is where forehead (10) and chin
    (152) are equally far from the camera.
    """
    r: Any = fit.rotation
    pitch = math.degrees(math.atan2(r[2, 1], r[2, 2]))
    yaw = math.degrees(math.asin(max(-1.0, min(1.0, r[2, 0]))))
    roll = math.degrees(math.atan2(r[1, 0], r[0, 0]))
    return Pose(pitch=pitch, yaw=yaw, roll=roll)
