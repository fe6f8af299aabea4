"""Made videos of one face with brief movements in it, among what else a face does: blinks, talk, slow expressions and
a head that turns. For training and measuring the spotting of movements, where no annotated video is at hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from perception.micro.faces import FaceSet
from perception.micro.spot import Interval
from perception.micro.synthesis import Kernel, draw_units, unit_field, view_of
from perception.micro.types import LABELS
from perception.types import Image

Field = npt.NDArray[np.float32]
Times = npt.NDArray[np.float64]
Rng = np.random.Generator
KERNELS: tuple[Kernel, ...] = ("gauss", "cauchy", "sculpted", "muscles")
#: Onset to apex and apex to offset of a brief movement (seconds): at most half a second together (Yan et al. 2013).
RISE_S = (0.07, 0.22)


@dataclass(frozen=True, slots=True)
class VideoOptions:
    """`micro` brief movements of `amplitude` (eye-corner distances) in `seconds` at `fps`."""

    fps: float = 50.0
    seconds: float = 40.0
    micro: int = 6
    amplitude: tuple[float, float] = (0.012, 0.045)


@dataclass(frozen=True, slots=True)
class MadeVideo:
    """`frames()` gives RGB pictures, (478, 3) landmarks in px and times in seconds; `truth` the brief movements' onset
    and offset."""

    picture: npt.NDArray[np.uint8]
    points: Field
    times: Times
    moves: tuple[tuple[Field, Times], ...]
    sway: Times
    truth: tuple[Interval, ...]
    seed: int

    def frames(self) -> Iterator[tuple[Image, Field, float]]:
        rng = np.random.default_rng(self.seed)
        size = len(self.picture)
        ys, xs = np.mgrid[0:size, 0:size].astype(np.float32)
        for i, t in enumerate(self.times):
            moved = np.zeros((2, size, size), np.float32)
            for part, course in self.moves:
                if abs(course[i]) > 1e-4:
                    moved += part * np.float32(course[i])
            x, y = xs - moved[0] - np.float32(self.sway[0, i]), ys - moved[1] - np.float32(self.sway[1, i])
            shot = cv2.remap(self.picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            noisy = np.clip(shot + rng.normal(0, 1.0, shot.shape), 0, 255).astype(np.uint8)
            marks = np.zeros((478, 3), np.float32)
            marks[:, :2] = self.points + self.sway[:, i] + rng.normal(0, 0.15, (478, 2))
            yield np.repeat(noisy[:, :, None], 3, axis=2), marks, float(t)


def bump(times: Times, at: float, rise: float, fall: float) -> Times:
    """0 to 1 and back: to 2 % of the height within `rise` before and `fall` after `at` seconds."""
    width = np.where(times < at, rise, fall)
    return np.asarray(np.exp(-(((times - at) / width * 2) ** 2)))


def make_video(faces: FaceSet, number: int, seed: int, options: VideoOptions | None = None) -> MadeVideo:
    """A video of face `number`, the same for the same seed."""
    options = options or VideoOptions()
    rng = np.random.default_rng(seed)
    picture, points = faces.pictures[number], faces.landmarks[number]
    times = np.arange(int(options.seconds * options.fps)) / options.fps
    eye = float(np.hypot(*(points[263] - points[33])))
    view = view_of(points, len(picture))

    def field(unit: int, kernel: Kernel) -> Field:
        """Px of a unit whose largest displacement is one eye-corner distance."""
        made = unit_field(unit, view, (1.0, float(rng.uniform(0.5, 1.0))), kernel, rng)
        return np.asarray(made * (eye / max(float(np.hypot(made[0], made[1]).max()), 1e-6)), np.float32)

    moves: list[tuple[Field, Times]] = []
    truth: list[Interval] = []
    for at in np.linspace(2.5, options.seconds - 2.5, options.micro) + rng.uniform(-1.2, 1.2, options.micro):
        rise, fall = rng.uniform(*RISE_S, 2)
        truth.append((float(at - rise), float(at + fall)))
        kernel = KERNELS[int(rng.integers(len(KERNELS)))]
        strength = float(np.exp(rng.uniform(*np.log(options.amplitude))))
        for unit in draw_units(LABELS[int(rng.integers(len(LABELS)))], rng):
            moves.append((field(unit, kernel), bump(times, at, rise, fall) * strength))
    moves += _other_movements(times, field, rng)
    return MadeVideo(picture, points, times, tuple(moves), _sway(times, eye, rng), tuple(truth), seed)


def _other_movements(times: Times, field: object, rng: Rng) -> list[tuple[Field, Times]]:
    """Blinks, talk and slow expressions."""
    assert callable(field)  # noqa: S101  a closure of make_video
    seconds = float(times[-1])
    blinks = sum(bump(times, at, 0.07, 0.13) for at in rng.uniform(0.5, seconds, int(seconds / rng.uniform(3, 6))))
    moves: list[tuple[Field, Times]] = [(field(45, "gauss"), np.asarray(blinks) * rng.uniform(0.06, 0.1))]
    for begin in np.arange(rng.uniform(2, 8), seconds, rng.uniform(9, 15)):  # talk: syllables of uneven length and size
        jaw, lips, at = np.zeros_like(times), np.zeros_like(times), float(begin)
        while at < min(begin + rng.uniform(2, 4), seconds):
            jaw += bump(times, at, 0.09, 0.09) * rng.uniform(0.01, 0.05)
            lips += bump(times, at + 0.05, 0.1, 0.1) * rng.uniform(-0.02, 0.03)
            at += rng.uniform(0.14, 0.32)
        moves += [(field(26, "gauss"), jaw), (field(int(rng.choice([12, 20, 24, 25])), "gauss"), lips)]
    for at in rng.uniform(4, seconds - 4, 2):  # expressions that last
        label = LABELS[int(rng.integers(len(LABELS)))]
        rise, hold = rng.uniform(0.4, 0.9), rng.uniform(0.5, 2.0)
        course = np.clip((times - at) / rise, 0, 1) - np.clip((times - at - rise - hold) / rise, 0, 1)
        moves += [(field(unit, "gauss"), course * rng.uniform(0.03, 0.09)) for unit in draw_units(label, rng)]
    return moves


def _sway(times: Times, eye: float, rng: Rng) -> Times:
    """(2, T) px: a head that is never still, and at times turns, nods or settles."""
    slow = [sum(rng.uniform(0.02, 0.06) * np.sin(times * rng.uniform(0.2, 1.2) + rng.uniform(0, 6)) for _ in range(2))
            for _ in range(2)]  # fmt: skip
    sway = np.stack(slow)
    for at in rng.uniform(1, times[-1], int(times[-1] / rng.uniform(6, 12))):
        step = np.clip((times - at) / rng.uniform(0.2, 0.8), 0, 1)
        sway = sway + np.outer(rng.normal(0, 0.08, 2), step * step * (3 - 2 * step))
    for at in rng.uniform(2, times[-1], 2):
        nod = np.sin(2 * np.pi * rng.uniform(1.5, 2.5) * (times - at)) * ((times > at) & (times < at + 1.2))
        sway = sway + np.outer([0, rng.uniform(0.01, 0.05)], nod)
    return np.asarray(sway * eye)
