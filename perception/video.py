"""Pictures in: any array to 8-bit RGB, a photo upright, a video file to frames.

Videos are decoded by PyAV (FFmpeg's libraries), not by OpenCV's reader of the same libraries. On the same files OpenCV
gave black pictures for every interlaced video (H.264, MPEG-2), ignored non-square pixels, took a name such as
`2024-05-01T12:30.mp4` for an address, and needed 0.9 ms a frame of 640x360 and 8.9 ms of 1080p on two cores where PyAV
needs 0.5 and, scaled while it converts, 3. PyAV knows rotation, field order, aspect and exact times.
"""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, TypeVar

import av
import cv2
import numpy as np

from perception.types import Frame, Image

Item = TypeVar("Item")

#: Used only where a file states no frame rate and no frame times (ISO base media files nearly always do).
FALLBACK_FPS = 25.0
#: Pixels are between an eighth and eight times as wide as high; a file that says otherwise is wrong.
MAX_ASPECT = 8.0
#: Names that end so are photos: one picture, turned as its EXIF tag says. Everything else is taken for a video.
PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".tif", ".tiff", ".webp", ".avif"})
#: Names that end so are taken for videos where a whole folder is read.
VIDEO_SUFFIXES = frozenset({
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv", ".3gp",
    ".ogv", ".gif", ".vob", ".mxf", ".dv", ".m2v", ".asf", ".3g2",
})  # fmt: skip


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


def read_photo(path: Path) -> Image:
    """A photo as (H, W, 3) uint8 RGB, turned and mirrored as its EXIF tag says; the first picture where it holds
    several. Raises ValueError naming the file when it is none."""
    from PIL import Image as Photo
    from PIL import ImageOps

    try:
        with Photo.open(path) as photo:
            upright = ImageOps.exif_transpose(photo)
            deep = upright.mode.startswith("I;16")
            return as_rgb(np.asarray(upright if deep else upright.convert("RGB")).copy())
    except (OSError, SyntaxError, Photo.DecompressionBombError) as error:
        raise ValueError(f"{path}: this is no photo that can be read ({error})") from error


def count_frames(path: str | Path) -> int | None:
    """The number of frames the file claims to have, or None where it does not say."""
    path = Path(path)
    _check_file(path)
    if path.suffix.lower() in PHOTO_SUFFIXES:
        return 1
    with _opened(path) as container:
        stream = container.streams.video[0]
        if stream.frames:
            return int(stream.frames)
        rate = float(stream.guessed_rate or stream.average_rate or 0.0)
        seconds = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / 1e6
    return round(seconds * rate) or None


def read_video(path: str | Path) -> Generator[Frame, None, None]:
    """The frames of a video file or a photo, upright and with square pixels, with their times in seconds, strictly
    increasing from the start of the file.

    The file is opened at the first frame asked for, and one frame is in memory at a time. Times are the file's own
    (variable frame rates stay right), else index / frame rate. Interlaced frames are deinterlaced, one picture a frame.
    A file that breaks off ends the iteration; a packet that cannot be decoded is left out. Raises FileNotFoundError,
    IsADirectoryError, and ValueError when the file holds no readable video.
    """
    for decoded in decode_video(path):
        yield Frame(decoded.whole(), decoded.t_s, decoded.index)


def decode_video(path: str | Path, longest_px: int | None = None) -> Generator[Decoded, None, None]:
    """As `read_video`, with each picture shrunk so that its longer side is at most `longest_px`: the decoder's scaler
    does this several times faster than a full conversion to RGB and a resize."""
    path = Path(path)
    _check_file(path)
    if path.suffix.lower() in PHOTO_SUFFIXES:
        yield Decoded.of_picture(read_photo(path), longest_px)
        return
    index, last_s = 0, -1.0
    with _opened(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        step_s = 1.0 / float(stream.guessed_rate or stream.average_rate or FALLBACK_FPS)
        origin_s = (container.start_time or 0) / av.time_base
        aspect = float(stream.sample_aspect_ratio or 1.0)
        aspect = aspect if 1.0 / MAX_ASPECT <= aspect <= MAX_ASPECT else 1.0
        for frame, rotation in _progressive(_frames(container, stream), stream):
            stated = frame.time - origin_s if frame.time is not None else math.nan
            now = max(stated, 0.0) if stated > last_s else max(index * step_s, last_s + step_s)
            yield Decoded.of_frame(frame, rotation, aspect, now, index, longest_px)
            index, last_s = index + 1, now
    if index == 0:
        raise ValueError(f"{path}: no frame could be decoded; check that the file plays, or convert it with ffmpeg")


@dataclass(frozen=True, slots=True)
class Decoded:
    """One picture of a video: `image` (h, w, 3) uint8 RGB, upright, possibly shrunk; `scale` px of it per px of the
    whole picture, at most 1; `whole()` the picture at its full size, converted when asked for."""

    image: Image
    scale: float
    t_s: float
    index: int
    whole: Callable[[], Image]

    @classmethod
    def of_picture(cls, picture: Image, longest_px: int | None) -> Decoded:
        height, width, scale = _shrunk(picture.shape[0], picture.shape[1], longest_px)
        small = picture
        if scale < 1.0:
            small = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        return cls(small, scale, 0.0, 0, lambda: picture)

    @classmethod
    def of_frame(
        cls, frame: Any, rotation: int, aspect: float, t_s: float, index: int, longest_px: int | None
    ) -> Decoded:
        """From a decoder's frame with pixels `aspect` times as wide as high: the shorter side is stretched."""
        height = round(frame.height / min(aspect, 1.0))
        width = round(frame.width * max(aspect, 1.0))
        turns = round(rotation / 90) % 4

        def converted(height: int, width: int) -> Image:
            rgb = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_ndarray()
            return np.ascontiguousarray(np.rot90(rgb, turns))

        small_height, small_width, scale = _shrunk(height, width, longest_px)
        return cls(converted(small_height, small_width), scale, t_s, index, lambda: converted(height, width))


def _shrunk(height: int, width: int, longest_px: int | None) -> tuple[int, int, float]:
    scale = min(1.0, longest_px / max(height, width)) if longest_px else 1.0
    return max(1, round(height * scale)), max(1, round(width * scale)), scale


def read_ahead(items: Generator[Item, None, None], depth: int = 8) -> Generator[Item, None, None]:
    """The same items, made in a thread of their own, up to `depth` ahead of their use. What `items` raises is raised
    here; when the reader stops early, the thread ends and `items` is closed."""
    ready: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=depth)
    stop = threading.Event()

    def put(kind: str, value: Any) -> bool:
        while not stop.is_set():
            try:
                ready.put((kind, value), timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put("item", item):
                    return
            put("end", None)
        except BaseException as error:  # noqa: BLE001  raised again in the reader's thread
            put("error", error)

    thread = threading.Thread(target=work, name="read ahead", daemon=True)
    thread.start()
    try:
        while True:
            kind, value = ready.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        stop.set()
        thread.join()
        items.close()


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give a video or a photo in it")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file")


def _opened(path: Path) -> Any:
    """The container. The `file:` protocol is named, so that a name such as `2024-05-01T12:30.mp4` is no address."""
    try:
        container = av.open(f"file:{path}", metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise ValueError(f"{path}: this is no video that can be read ({error}); convert it with ffmpeg") from error
    if not container.streams.video:
        container.close()
        raise ValueError(f"{path} holds sound but no picture; give a video or a photo")
    return container


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """The decoder's frames. Packets that it refuses are left out; a container that breaks off ends them."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):
            break
        with suppress(av.error.FFmpegError):
            yield from packet.decode()
    with suppress(av.error.FFmpegError):
        yield from stream.codec_context.decode(None)


def _progressive(frames: Iterator[Any], stream: Any) -> Iterator[Any]:
    """The frames and their rotation in degrees, interlaced ones through FFmpeg's bwdif filter: both fields of a frame
    become one picture. The filter is made at the first interlaced frame, and again when size or format changes."""
    graph: Any = None
    shape: tuple[int, int, str] | None = None
    rotation = 0
    for frame in frames:
        rotation = frame.rotation or 0
        if graph is None and not frame.interlaced_frame:
            yield frame, rotation
            continue
        if shape != (new := (frame.width, frame.height, frame.format.name)):
            yield from _filtered(graph, None, rotation)
            graph, shape = _deinterlacer(frame, stream), new
        yield from _filtered(graph, frame, rotation)
    yield from _filtered(graph, None, rotation)


def _deinterlacer(frame: Any, stream: Any) -> Any:
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=stream.time_base or Fraction(1, 1000)
    )
    bwdif, sink = graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink")
    source.link_to(bwdif)
    bwdif.link_to(sink)
    graph.configure()
    return graph


def _filtered(graph: Any, frame: Any, rotation: int) -> Iterator[Any]:
    """What the filter gives after `frame`, or with None the rest of it; nothing without a filter."""
    if graph is None:
        return
    graph.push(frame)
    with suppress(av.error.BlockingIOError, av.error.EOFError):
        while True:
            yield graph.pull(), rotation
