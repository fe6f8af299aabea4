"""Frames a second of `see` on three recordings, stage by stage, beside the thorough way on the same frames."""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from perception.pipeline import see
from perception.reader import learned
from perception.types import Image
from perception.video import count_frames, read_video
from tests.bench.perception_bench import frames
from tests.perception.videos import encode

FPS = 25
#: The recording of a person, where the workplace has it.
CLIP = Path(__file__).resolve().parents[3] / "shared" / "data" / "clips" / "single_face.mp4"


def recordings(folder: Path) -> list[Path]:
    """A clip of a person (or of the moving portrait), and 200 frames of 640x360 and of 1080p made of it."""
    pictures = [frame.image for frame in read_video(CLIP)] if CLIP.is_file() else frames(72)
    first = CLIP if CLIP.is_file() else encode(folder / "portrait.mp4", [whole(p, 640, 360) for p in pictures], fps=FPS)
    there_and_back = (pictures + pictures[::-1]) * 2
    made = []
    for width, height in ((640, 360), (1920, 1080)):
        large = (whole(picture, width, height) for picture in there_and_back[:200])
        made.append(encode(folder / f"{height}p.mp4", large, fps=FPS))
    return [first, *made]


def whole(picture: Image, width: int, height: int) -> Image:
    return np.asarray(cv2.resize(picture, (width, height)), dtype=np.uint8)


def timed(video: Path, thorough: bool) -> dict[str, object]:
    """One reading of a video, start-up of the models included."""
    stages: dict[str, float] = defaultdict(float)

    def add(name: str, ms: float) -> None:
        stages[name] += ms

    start, cpu = time.perf_counter(), time.process_time()
    count = len({row["frame"] for row in see(video, thorough=thorough, on_stage=add)})
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {
        "recording": video.name, "way": "thorough" if thorough else "quick", "frames": count,
        "frames/s": count / seconds, "ms": 1e3 * seconds / count, "CPU ms": 1e3 * cpu / count,
        **{f"{name} ms": stages[name] / count for name in ("decode", "faces", "read")},
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "aim": "",
    }  # fmt: skip


def run() -> list[dict[str, object]]:
    """Two rows a recording. The stages of the quick way run beside each other: their sum exceeds its time."""
    learned("expression/small")
    aims: dict[int, str] = {360: f"60 on two cores; here {os.cpu_count()}", 1080: "30"}
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        for video in recordings(Path(folder)):
            quick, thorough = timed(video, False), timed(video, True)
            height = next(read_video(video)).image.shape[0]
            quick["aim"] = aims.get(height, "")
            rows += [quick, thorough]
            assert quick["frames"] == thorough["frames"] == count_frames(video)
    return rows
