"""How fast and how well: recognition a clip beside a plain network, and spotting in made videos of a minute.

python -m tests.perception.micro.bench_micro --faces FACES.npz   (FACES.npz: what perception.micro.faces keeps)
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from perception.commands import say
from perception.micro.faces import FaceSet, cached_faces
from perception.micro.flow import dense_flow, encoded
from perception.micro.spot import Interval, Spotter, interval_f1, matches
from perception.micro.synthesis import table
from perception.models import load
from perception.types import Image

FPS, SECONDS, EACH = 60, 40.0, 6  # frames a second, length, micro-expressions a video
MICRO = ((1, 2), (4,), (12,), (6, 12), (15,), (17,), (10,))


def field(unit: int, points: np.ndarray, size: int) -> np.ndarray:  # type: ignore[type-arg]
    """(2, size, size) px of a unit at one hundredth of the eye-corner distance."""
    eye = float(np.hypot(*(points[263] - points[33])))
    ys, xs = np.mgrid[0:size, 0:size].astype(np.float32)
    moved = np.zeros((2, size, size), np.float32)
    for bump in table()["units"][str(unit)]:
        for side, sign in ((bump["points"], 1.0), (bump.get("mirror"), -1.0)):
            if side is None:
                continue
            x, y = points[side].mean(axis=0)
            wide, high = np.array(bump["radius"]) * eye
            weight = np.exp(-(((xs - x) / wide) ** 2) / 2 - ((ys - y) / high) ** 2 / 2)
            moved[0] += weight * bump["move"][0] * sign * eye * 0.01
            moved[1] += weight * bump["move"][1] * eye * 0.01
    return moved


def course(times: np.ndarray, at: float, rise: float, fall: float) -> np.ndarray:  # type: ignore[type-arg]
    return np.where(times < at, np.exp(-(((times - at) / rise * 2) ** 2)), np.exp(-(((times - at) / fall * 2) ** 2)))


def video(faces: FaceSet, number: int) -> tuple[Iterator[tuple[Image, np.ndarray, float]], list[Interval]]:  # type: ignore[type-arg]
    """Frames with landmarks and times, and the true intervals: micro-expressions among blinks, talk and head turns."""
    rng = np.random.default_rng(number)
    picture, points = faces.pictures[number], faces.landmarks[number]
    size, times = len(picture), np.arange(int(SECONDS * FPS)) / FPS
    moves: list[tuple[np.ndarray, np.ndarray]] = []  # type: ignore[type-arg]
    truth = []
    for at in np.linspace(2, SECONDS - 2, EACH) + rng.uniform(-0.8, 0.8, EACH):
        rise, fall = rng.uniform(0.08, 0.18, 2)
        truth.append((at - rise, at + fall))
        for unit in MICRO[int(rng.integers(len(MICRO)))]:
            moves.append((field(unit, points, size), course(times, at, rise, fall) * rng.uniform(1.5, 4.0)))
    blinks = sum(course(times, at, 0.08, 0.12) for at in rng.uniform(1, SECONDS, int(SECONDS / 4)))
    moves.append((field(45, points, size), blinks * 8))
    talk = (np.sin(2 * np.pi * 3.5 * times) + 1) * ((times % 20) > 16)  # four seconds of talk in every twenty
    moves.append((field(26, points, size), talk * 2.5))
    turn = np.clip(times % 13 - 12, 0, 1) * 4  # once in thirteen seconds the head turns fast
    sway = np.stack([6 * np.sin(times * 0.5 + number), 4 * np.sin(times * 0.37)]) + turn
    ys, xs = np.mgrid[0:size, 0:size].astype(np.float32)

    def frames() -> Iterator[tuple[Image, np.ndarray, float]]:  # type: ignore[type-arg]
        for i, t in enumerate(times):
            moved = sum(part * amount[i] for part, amount in moves)
            x, y = xs - moved[0] - sway[0, i], ys - moved[1] - sway[1, i]
            shot = cv2.remap(picture, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR,
                             borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
            noisy = np.clip(shot + rng.normal(0, 1.0, shot.shape), 0, 255).astype(np.uint8)
            marks = np.zeros((478, 3), np.float32)
            marks[:, :2] = points + sway[:, i] + rng.normal(0, 0.15, (478, 2))
            yield np.repeat(noisy[:, :, None], 3, axis=2), marks, float(t)

    return frames(), truth


def spotting(faces: FaceSet, videos: int) -> None:
    hits = found = true = 0
    spent = frames = 0.0
    for number in range(videos):
        stream, truth = video(faces, number * 7)
        spotter, events = Spotter(), []
        for image, marks, t in stream:
            start = time.process_time()
            events += spotter.add(image, marks, t)
            spent += time.process_time() - start
            frames += 1
        events += spotter.finish()
        hits += len(matches([(event.onset_s, event.offset_s) for event in events], truth))
        found, true = found + len(events), true + len(truth)
    minutes = videos * SECONDS / 60
    say(f"spotting: F1 {interval_f1(hits, found, true):.3f}, {hits} of {true} found, "
        f"{(found - hits) / minutes:.1f} false alarms a minute, {spent / frames * 1000:.2f} ms a frame")  # fmt: skip


def recognition() -> None:
    import torch

    from perception.micro.network import NetworkOptions, network_of
    from perception.micro.predictor import MicroPredictor
    from perception.micro.train import export

    torch.set_num_threads(1)
    plain_path = Path(tempfile.mkdtemp()) / "ststnet.onnx"
    export([network_of(NetworkOptions(kind="ststnet")).eval()], plain_path)
    rng = np.random.default_rng(0)
    pictures = [cv2.GaussianBlur(rng.integers(0, 255, (112, 112)).astype(np.uint8), (0, 0), 2) for _ in range(2)]
    models = {"micro/small": load("micro/small"), "ststnet": MicroPredictor(plain_path, "ststnet")}
    for name, model in models.items():
        start = time.process_time()
        for _ in range(50):
            flow = dense_flow(pictures[0], pictures[1])
        middle = time.process_time()
        for _ in range(50):
            model.predict(encoded(flow)[None])
        end = time.process_time()
        say(f"{name}: flow {(middle - start) * 20:.2f} ms, recognition {(end - middle) * 20:.2f} ms a clip")
    plain_path.unlink()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--videos", type=int, default=4)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    recognition()
    spotting(cached_faces(given.faces, given.faces), given.videos)
