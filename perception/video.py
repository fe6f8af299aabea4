"""Pictures in: any array to 8-bit RGB, and a video file to frames."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from perception.types import Frame, Image

#: Used only where a file states no frame rate and no frame times (ISO base media files nearly always do).
FALLBACK_FPS = 25.0


def as_rgb(image: Any, order: Literal["rgb", "bgr"] = "rgb") -> Image:
    """`image` as a contiguous (H, W, 3) uint8 RGB array; alpha is dropped, grey is repeated.

    Accepts (H, W), (H, W, 1), (H, W, 3) or (H, W, 4); uint8 in 0-255, uint16 in 0-65535, bool, or floats in [0, 1].
    `order` says how the three (first) channels are stored. Raises ValueError for anything else, for an empty picture
    and for floats that are not finite or lie outside [0, 1].
    """
    if not isinstance(image, np.ndarray):
        raise ValueError(f"a picture is a numpy array, got {type(image).__name__}; convert it with numpy.asarray")
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3, 4)):
        raise ValueError(f"a picture is (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), got {image.shape}")
    if image.shape[0] == 0 or image.shape[1] == 0:
        raise ValueError(f"the picture is empty: {image.shape}")
    pixels = _as_uint8(image)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    pixels = pixels[:, :, :3]
    return np.ascontiguousarray(pixels[:, :, ::-1] if order == "bgr" else pixels)


def _as_uint8(image: np.ndarray[Any, Any]) -> Image:
    if image.dtype == np.uint8:
        return image
    if image.dtype == np.uint16:
        return (image >> 8).astype(np.uint8)
    if image.dtype == np.bool_:
        return image.astype(np.uint8) * 255
    if not np.issubdtype(image.dtype, np.floating):
        raise ValueError(f"a picture's numbers are uint8, uint16, bool or float in [0, 1], got {image.dtype}")
    low, high = float(image.min()), float(image.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("the picture holds NaN or infinite numbers")
    if low < 0.0 or high > 1.0:
        raise ValueError(f"a float picture lies in [0, 1], got {low:g} to {high:g}; divide it by its range")
    return (image * 255.0 + 0.5).astype(np.uint8)


def count_frames(path: str | Path) -> int | None:
    """The number of frames the file claims to have, or None where it does not say."""
    capture = _opened(Path(path))
    try:
        frames = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    finally:
        capture.release()
    return frames if frames > 0 else None


def read_video(path: str | Path) -> Iterator[Frame]:
    """The frames of a video file, upright (its rotation tag applied), with their times in seconds, strictly increasing.

    The file is opened at the first frame asked for, and one frame is in memory at a time. Times are the file's own
    where it has them (variable frame rates stay right), else index / frame rate. A file that breaks off ends the
    iteration. Raises FileNotFoundError, and ValueError when the file holds no readable video.
    """
    capture = _opened(Path(path))
    try:
        fps = capture.get(cv2.CAP_PROP_FPS)
        step = 1.0 / (fps if math.isfinite(fps) and fps > 0 else FALLBACK_FPS)
        index, last = 0, -1.0
        while True:
            ok, pixels = capture.read()
            if not ok:
                break
            stated = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
            now = stated if math.isfinite(stated) and stated > last else max(index * step, last + step)
            if index == 0 and not math.isfinite(stated):
                now = 0.0
            yield Frame(as_rgb(pixels, order="bgr"), now, index)
            index, last = index + 1, now
        if index == 0:
            raise ValueError(f"{path}: no frame could be decoded; check that the file plays, or convert it with ffmpeg")
    finally:
        capture.release()


def _opened(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such video file")
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        capture.release()
        raise ValueError(f"{path}: this is no video that OpenCV can open; convert it with ffmpeg")
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    return capture
