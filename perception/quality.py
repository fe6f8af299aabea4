"""Whether a frame is good enough to read a face from, and if not, why: the hint that the page shows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from perception.types import Face, Image, Quality

#: Shortest side of a frame that can hold a readable face (px).
MIN_SIDE_PX = 32
#: Mean luma (0-255) under which a face, or a frame without one, is too dark. Cameras raise gain before this.
DARK_FACE_LUMA = 40.0
DARK_FRAME_LUMA = 30.0
#: Distance of the eyes' outer corners (px, after shrinking to the working size) under which lids and lips blur away.
NEAR_EYES_PX = 40.0
#: Head rotation (degrees) beyond which half of the face is guessed by the landmark model.
MAX_YAW_DEG = 40.0
MAX_PITCH_DEG = 35.0
#: ITU-R BT.601 luma weights.
_LUMA = np.array([0.299, 0.587, 0.114])
#: Luma is read from about this many pixels each way; a mean needs no more.
_LUMA_GRID = 48


def luma(image: Image, box: tuple[float, float, float, float] | None = None) -> float:
    """Mean BT.601 luma in [0, 255] of an RGB picture or of a box (x0, y0, x1, y1) in it, from a sparse grid."""
    height, width = image.shape[:2]
    x0, y0, x1, y1 = box or (0.0, 0.0, float(width), float(height))
    left, top = _inside(x0, width - 1), _inside(y0, height - 1)
    right, bottom = max(_inside(x1, width), left + 1), max(_inside(y1, height), top + 1)
    part = image[top:bottom, left:right]
    step_y, step_x = max(1, part.shape[0] // _LUMA_GRID), max(1, part.shape[1] // _LUMA_GRID)
    return float(part[::step_y, ::step_x].reshape(-1, 3).mean(axis=0) @ _LUMA)


def _inside(position: float, last: int) -> int:
    return min(max(int(position), 0), last)


def is_too_small(image: Image) -> bool:
    return bool(min(image.shape[:2]) < MIN_SIDE_PX)


def eyes_px(face: Face) -> float:
    """Distance of the eyes' outer corners (landmarks 33 and 263), in px and in depth."""
    return math.dist(face.landmarks[33].tolist(), face.landmarks[263].tolist())


def judge_face(image: Image, face: Face, working_scale: float = 1.0) -> Quality:
    """The quality of one face: ok, too_dark, too_far or turned_away. `working_scale` is detector px per picture px."""
    if luma(image, face.box) < DARK_FACE_LUMA:
        return "too_dark"
    if eyes_px(face) * working_scale < NEAR_EYES_PX:
        return "too_far"
    if abs(face.pose.yaw) > MAX_YAW_DEG or abs(face.pose.pitch) > MAX_PITCH_DEG:
        return "turned_away"
    return "ok"


def judge(image: Image, faces: Sequence[Face], several: bool = False, working_scale: float = 1.0) -> Quality:
    """The quality of a frame in which one person is expected. `several`: a counter saw more than one face."""
    if is_too_small(image):
        return "bad_frame"
    if several or len(faces) > 1:
        return "several_faces"
    if not faces:
        return "too_dark" if luma(image) < DARK_FRAME_LUMA else "no_face"
    return judge_face(image, faces[0], working_scale)
