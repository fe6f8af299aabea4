"""Milliseconds per frame of each stage of perception on one core, beside OpenCV's Haar cascade on the same frames."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from perception.perceiver import Perceiver, PerceiverOptions
from perception.types import Image

WIDTH, HEIGHT, FPS = 640, 480, 25
FRAMES, WARM_UP = 300, 30
#: Smallest face that the cascade looks for (px), as its users set it for webcams.
HAAR_MIN_PX = 80


def frames(count: int) -> list[Image]:
    """scikit-image's astronaut, slowly moved and zoomed in a 640x480 picture."""
    from skimage import data

    portrait = data.astronaut()
    pictures = []
    for i in range(count):
        zoom = 0.95 + 0.15 * np.sin(i / 40)
        x, y = 60 + 40 * np.sin(i / 25), -20 + 15 * np.cos(i / 30)
        matrix = np.array([[zoom, 0, x], [0, zoom, y]])
        picture = cv2.warpAffine(portrait, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        pictures.append(np.asarray(picture, dtype=np.uint8))
    return pictures


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this thread, and the threads that start meanwhile, on one core."""
    cores, threads = os.sched_getaffinity(0), cv2.getNumThreads()
    os.sched_setaffinity(0, {min(cores)})
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        cv2.setNumThreads(threads)


def timed(function: Callable[[Image], object], pictures: list[Image]) -> tuple[list[float], float]:
    """Wall milliseconds of each call after the warm-up, and the mean CPU milliseconds of a call, all threads
    together."""
    taken: list[float] = []
    for i, picture in enumerate(pictures):
        if i == WARM_UP:
            cpu = time.process_time()
        start = time.perf_counter()
        function(picture)
        taken.append((time.perf_counter() - start) * 1e3)
    return taken[WARM_UP:], (time.process_time() - cpu) * 1e3 / (len(pictures) - WARM_UP)


def run() -> list[dict[str, object]]:
    """One row a stage: median and 95th percentile of wall ms over the frames, the median over Haar's, and for the whole
    paths the CPU ms, which other work on the machine disturbs less."""
    with one_core():
        pictures = frames(FRAMES)
        cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
        found = 0

        def haar(picture: Image) -> None:
            nonlocal found
            grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
            found += len(cascade.detectMultiScale(grey, 1.1, 5, minSize=(HAAR_MIN_PX, HAAR_MIN_PX))) > 0

        baseline, baseline_cpu = timed(haar, pictures)
        stages: dict[str, list[float]] = defaultdict(list)
        good = 0
        with Perceiver(PerceiverOptions(on_stage=lambda name, ms: stages[name].append(ms))) as perceiver:
            clock = iter(range(FRAMES))

            def see(picture: Image) -> None:
                nonlocal good
                seen = perceiver.see(picture, next(clock) / FPS)
                good += seen.quality == "ok"

            whole, whole_cpu = timed(see, pictures)
            now = (FRAMES - 1) / FPS
            for _ in range(50):
                perceiver.state(now)
    haar_median = float(np.median(baseline))

    def row(name: str, taken: list[float], cpu: float | str, note: str = "") -> dict[str, object]:
        median = float(np.median(taken))
        return {
            "stage": name, "median ms": median, "p95 ms": float(np.percentile(taken, 95)), "CPU ms": cpu,
            "over Haar": median / haar_median, "note": note,
        }  # fmt: skip

    aim = f"read {good}/{FRAMES}; {WIDTH}x{HEIGHT}, one core, aim <= 6 ms"
    rows = [row("OpenCV Haar alone (baseline)", baseline, baseline_cpu, f"found {found}/{FRAMES}")]
    rows.append(row("perception, whole path", whole, whole_cpu, aim))
    for name, taken in stages.items():
        if name != "start of the models":
            rows.append(row(f"  {name}", taken[WARM_UP:] if len(taken) > WARM_UP else taken, "", f"{len(taken)} times"))
    return rows
