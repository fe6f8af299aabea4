"""Videos for Chromium's fake camera, made at test time and never kept: a portrait that moves, zooms and raises its
brows, and a real clip."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from perception.face import FaceMesh
from perception.types import Image

WIDTH, HEIGHT, FPS = 640, 480, 10
#: The brows are raised in this part of each round (seconds), after a part in which only the head moves.
CALM_S, ROUND_S = 20.0, 32.0
BROWS = (70, 63, 105, 66, 107, 300, 293, 334, 296, 336)


def with_raised_brows(portrait: Image, share: float = 0.16) -> Image:
    """The portrait with its brows moved up by `share` of the distance between the outer eye corners."""
    with FaceMesh(still=True) as mesh:
        points = mesh.find(portrait)[0].landmarks[:, :2]
    eyes_px = float(np.hypot(*(points[263] - points[33])))
    centre_x, brow_y = points[list(BROWS)].mean(axis=0)
    ys, xs = np.mgrid[: portrait.shape[0], : portrait.shape[1]].astype(np.float32)
    near = np.exp(
        -(((ys - brow_y + 0.1 * eyes_px) / (0.28 * eyes_px)) ** 2) - ((xs - centre_x) / (0.95 * eyes_px)) ** 4
    )
    moved: Image = cv2.remap(portrait, xs, (ys + share * eyes_px * near).astype(np.float32), cv2.INTER_LINEAR)
    return moved


def portrait_frames(portrait: Image) -> Iterator[Image]:
    """RGB frames of one round: slow drift and zoom all the time, calm brows and then raised ones."""
    raised = with_raised_brows(portrait)
    for index in range(int(ROUND_S * FPS)):
        t = index / FPS
        high = 300 / (1.45 + 0.15 * math.sin(2 * math.pi * t / 8))
        scale = HEIGHT / high
        x, y = 225 + 8 * math.sin(2 * math.pi * t / 4), 150 + 4 * math.sin(2 * math.pi * t / 8)
        move = np.array([[scale, 0, WIDTH / 2 - x * scale], [0, scale, HEIGHT / 2 - y * scale]])
        source = raised if t >= CALM_S else portrait
        yield cv2.warpAffine(source, move, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)


def write_portrait(portrait: Image, path: Path) -> Path:
    """The round as raw video, which is what Chromium takes."""
    size = f"{WIDTH}x{HEIGHT}"
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(FPS), "-i", "-"]
    command = ["ffmpeg", "-loglevel", "error", "-y", *source, "-pix_fmt", "yuv420p", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as ffmpeg:
        assert ffmpeg.stdin is not None
        for frame in portrait_frames(portrait):
            ffmpeg.stdin.write(frame.tobytes())
        ffmpeg.stdin.close()
        assert ffmpeg.wait() == 0
    return path


def write_clip(clip: Path, path: Path) -> Path:
    """A clip as raw video, fitted into the same size."""
    fit = f"scale={WIDTH}:{HEIGHT}:force_original_aspect_ratio=decrease,pad={WIDTH}:{HEIGHT}:(ow-iw)/2:(oh-ih)/2"
    command = [
        "ffmpeg",
        "-loglevel",
        "error",
        "-y",
        "-i",
        str(clip),
        "-vf",
        fit,
        "-r",
        str(FPS),
        "-pix_fmt",
        "yuv420p",
        str(path),
    ]
    subprocess.run(command, check=True)
    return path
