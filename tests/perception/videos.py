"""Video files of many kinds, encoded by PyAV for the tests that read them back."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from perception.types import Image


def encode(
    path: Path, pictures: Iterable[Image], codec: str = "libx264", fps: int = 25,
    options: Mapping[str, str] | None = None, aspect: Fraction | None = None, times_s: Sequence[float] | None = None,
) -> Path:  # fmt: skip
    """Write RGB pictures of one size as a video; `aspect` is the width of a pixel over its height, `times_s` the time
    of each picture where the rate varies."""
    with av.open(f"file:{path}", "w") as container:
        stream = container.add_stream(codec, rate=fps, options=dict(options or {}))
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000) if times_s else Fraction(1, fps)
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        for i, picture in enumerate(pictures):
            if i == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.time_base = stream.codec_context.time_base
            frame.pts = round(1000 * times_s[i]) if times_s else i
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def turned(path: Path, degrees: int) -> Path:
    """The MP4 with its track's matrix (ISO 14496-12, tkhd) set: the picture is to be turned clockwise when shown."""
    data = bytearray(path.read_bytes())
    a, b = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    start = data.index(b"tkhd") + 4 + 40
    data[start : start + 36] = struct.pack(">9i", a << 16, b << 16, 0, -b << 16, a << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def halves(width: int = 96, height: int = 64) -> Image:
    """Red on the left, blue on the right, a white square in the upper left corner."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, : width // 2] = (200, 0, 0)
    picture[:, width // 2 :] = (0, 0, 200)
    picture[: height // 4, : height // 4] = 255
    return picture
