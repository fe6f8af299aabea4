"""Pictures and video files, good and bad."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from perception.types import Frame, Image
from perception.video import as_rgb, count_frames, read_video


@pytest.mark.parametrize("picture", [
    np.full((4, 5), 200, np.uint8), np.full((4, 5, 1), 200, np.uint8), np.full((4, 5, 4), 200, np.uint8),
    np.full((4, 5, 3), 200 << 8, np.uint16), np.full((4, 5, 3), 200 / 255, np.float32),
])  # fmt: skip
def test_usual_pictures_become_rgb(picture: np.ndarray[Any, Any]) -> None:
    rgb = as_rgb(picture)
    assert rgb.shape == (4, 5, 3) and rgb.dtype == np.uint8 and (rgb == 200).all()
    Frame(rgb, 0.0)


def test_bgr_is_turned_and_rgb_left() -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    picture[..., 0] = 9
    assert as_rgb(picture, order="bgr")[0, 0].tolist() == [0, 0, 9]
    assert as_rgb(picture)[0, 0].tolist() == [9, 0, 0]
    assert as_rgb(np.eye(2, dtype=bool))[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize(("picture", "says"), [
    (None, "numpy array"), ([[1]], "numpy array"), (np.zeros((2, 2, 7), np.uint8), r"\(2, 2, 7\)"),
    (np.zeros((2, 2, 3, 1), np.uint8), r"\(2, 2, 3, 1\)"), (np.zeros((0, 4, 3), np.uint8), "empty"),
    (np.zeros((2, 2, 3), np.int64), "int64"), (np.full((2, 2, 3), 200.0), "divide"), (np.full((2, 2), np.nan), "NaN"),
    (np.full((2, 2), -0.5), "0, 1"), (np.zeros((2, 2), "U1"), "<U1"),
])  # fmt: skip
def test_what_is_no_picture_is_refused_by_name(picture: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        as_rgb(picture)


@pytest.mark.parametrize("image", [np.zeros((2, 2), np.uint8), np.zeros((2, 2, 3), np.float32), "x"])
def test_a_frame_checks_itself(image: Any) -> None:
    with pytest.raises(ValueError, match="as_rgb"):
        Frame(image, 0.0)
    with pytest.raises(ValueError, match="finite"):
        Frame(np.zeros((2, 2, 3), np.uint8), float("nan"))


def write(path: Path, frames: int, size: tuple[int, int] = (64, 48), fps: float = 20.0) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), fps, size)
    for i in range(frames):
        picture: Image = np.full((size[1], size[0], 3), 40, np.uint8)
        picture[:, : size[0] // 2] = (i * 10, 0, 200)  # BGR: red on the left
        writer.write(picture)
    writer.release()
    return path


def test_a_video_gives_rgb_frames_with_their_times(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.mp4", 10)
    frames = list(read_video(path))
    assert count_frames(path) == 10
    assert [frame.index for frame in frames] == list(range(10))
    assert [frame.t_s for frame in frames] == pytest.approx([i / 20 for i in range(10)], abs=1e-3)
    red, _, blue = frames[0].image[24, 8].tolist()
    assert red > 150 > 60 > blue


def test_a_video_is_opened_only_when_read(tmp_path: Path) -> None:
    reader = read_video(tmp_path / "missing.mp4")
    with pytest.raises(FileNotFoundError, match=r"missing\.mp4"):
        next(reader)


@pytest.mark.parametrize("content", [b"", b"not a video at all", bytes(4096)])
def test_a_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.mp4"):
        next(read_video(path))


def test_a_file_that_breaks_off_gives_what_it_has(tmp_path: Path) -> None:
    whole = tmp_path / "whole.avi"
    writer = cv2.VideoWriter(str(whole), cv2.VideoWriter_fourcc(*"MJPG"), 20.0, (64, 48))
    for _ in range(20):
        writer.write(np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8))
    writer.release()
    half = tmp_path / "half.avi"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert 0 < len(list(read_video(half))) < 20
