"""What moved and how: the paths of a face's regions over time, and the bumps in them that may be brief movements.

Each frame is registered, and the flow from the frame before is averaged over regions; the nose, which no expression
moves much, gives the head's own motion, which is taken out. The sum over time is a region's path.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from perception.canonical import RIGID
from perception.micro.flow import BOTTOM, HALF_WIDTH, TOP, WORK_PX, Grey, dis, registered, registration
from perception.micro.types import Flow, Region
from perception.types import Image, Landmarks

Array = npt.NDArray[np.float64]

#: Region, and its box x0, x1, y0, y1 in eye-corner distances from the middle of the eyes, mirrored too when x0 > 0.
BOXES: tuple[tuple[Region, float, float, float, float], ...] = (
    ("brows", 0.04, 0.28, -0.34, -0.10), ("brows", 0.28, 0.58, -0.34, -0.10), ("eyes", 0.12, 0.58, -0.08, 0.10),
    ("nose", 0.10, 0.26, 0.28, 0.46), ("cheeks", 0.28, 0.58, 0.24, 0.50), ("mouth", 0.18, 0.42, 0.54, 0.80),
    ("mouth", -0.18, 0.18, 0.54, 0.80), ("chin", -0.20, 0.20, 0.88, 1.12),
)  # fmt: skip
STILL = (-0.10, 0.10, 0.05, 0.34)  # the bridge of the nose


def _slices(x0: float, x1: float, y0: float, y1: float) -> tuple[slice, slice]:
    def px(value: float, low: float, high: float) -> int:
        return round(min(max((value - low) / (high - low), 0.0), 1.0) * WORK_PX)

    return (slice(px(y0, TOP, BOTTOM), px(y1, TOP, BOTTOM)),
            slice(px(x0, -HALF_WIDTH, HALF_WIDTH), px(x1, -HALF_WIDTH, HALF_WIDTH)))  # fmt: skip


AREAS: tuple[tuple[Region, tuple[slice, slice]], ...] = tuple(
    (name, _slices(*box)) for name, x0, x1, y0, y1 in BOXES
    for box in ([(x0, x1, y0, y1), (-x1, -x0, y0, y1)] if x0 > 0 else [(x0, x1, y0, y1)])
)  # fmt: skip
_STILL = _slices(*STILL)
_PER_EYE_DISTANCE = np.array([2 * HALF_WIDTH / WORK_PX, (BOTTOM - TOP) / WORK_PX])


def region_motion(flow: Flow) -> npt.NDArray[np.float64]:
    """(regions, 2) mean motion of each area without the nose's, in eye-corner distances."""
    planes = (flow.u, flow.v)
    still = [float(plane[_STILL].mean()) for plane in planes]
    moved = np.array([[float(plane[area].mean()) for plane in planes] for _, area in AREAS])
    return np.asarray((moved - still) * _PER_EYE_DISTANCE)


class Follower:
    """Follows the regions of one face from frame to frame: the registration, smoothed, and the sum of their motion."""

    def __init__(self) -> None:
        self._dis = dis(1)
        self.reset()

    def reset(self) -> None:
        """Begin anew: another face, or a gap."""
        self._matrix: Array | None = None
        self._before: Grey | None = None
        self._path = np.zeros((len(AREAS), 2))

    def follow(self, image: Image, landmarks: Landmarks) -> tuple[Grey, Array]:
        """The next frame's registered face, and the path (regions, 2) up to it."""
        matrix = registration(landmarks)
        self._matrix = matrix if self._matrix is None else 0.7 * self._matrix + 0.3 * matrix
        face = registered(image, self._matrix)
        if self._before is not None:
            field = self._dis.calc(self._before, face, None)
            self._path = self._path + region_motion(Flow(field[..., 0], field[..., 1]))
        self._before = face
        return face, self._path


def heights(paths: npt.NDArray[np.float64], fps: float) -> npt.NDArray[np.float64]:
    """(T, regions) distance of each path (T, regions, 2) from its own running median over about a second and a half."""
    window = max(3, int(1.5 * fps) | 1)
    padded = np.pad(paths, ((window // 2, window // 2), (0, 0), (0, 0)), mode="edge")
    baseline = np.median(np.lib.stride_tricks.sliding_window_view(padded, window, axis=0), axis=-1)
    away = paths - baseline
    size = max(1, int(0.04 * fps))
    kernel = np.ones(size) / size
    smooth = np.apply_along_axis(lambda row: np.convolve(row, kernel, mode="same"), 0, away)
    return np.asarray(np.hypot(smooth[..., 0], smooth[..., 1]))


def half_width(path: npt.NDArray[np.float64], apex: int) -> tuple[int, int]:
    """The first and last frames around `apex` at which a (T,) path has fallen to half of its height there."""
    first = last = apex
    while first > 0 and path[first] > path[apex] / 2:
        first -= 1
    while last < len(path) - 1 and path[last] > path[apex] / 2:
        last += 1
    return first, last


def head_place(landmarks: Landmarks) -> Array:
    """(2,) where the head is, in eye-corner distances of the picture."""
    points = np.asarray(landmarks, np.float64)[:, :2]
    return np.asarray(points[RIGID].mean(axis=0) / max(float(np.hypot(*(points[263] - points[33]))), 1e-6))


#: A bump is looked at from this many times the noise of its path and this height in eye-corner distances on, and
#: between these lengths (seconds, foot to foot).
LEAST_TIMES_NOISE, LEAST_BUMP, BRIEFEST_S, SLOWEST_S = 3.0, 0.003, 0.04, 0.9
#: What else happens this much before and after a bump is a part of what is known about it (seconds).
AROUND_S = 1.3
#: What is known of a bump, in the order of `Candidate.features`.
FEATURES = (
    "height over noise", "height", "length", "length squared", "like it nearby", "mouth movements nearby",
    "share of regions moving along", "eyelids", "head speed", "head speed, small", "does not return", "brows",
    "mouth or chin", "nose", "apex late",
)  # fmt: skip
_EYES = np.array([name == "eyes" for name, _ in AREAS])
_MOUTH = np.array([name in ("mouth", "chin") for name, _ in AREAS])


@dataclass(frozen=True, slots=True)
class Candidate:
    """A bump in a region's path: seconds with onset < apex < offset, and `features` as FEATURES names them."""

    onset_s: float
    apex_s: float
    offset_s: float
    region: Region
    features: tuple[float, ...]


def peaks_of(path: Array) -> npt.NDArray[np.intp]:
    """The local maxima of a (T,) path."""
    return np.flatnonzero((path[1:-1] >= path[:-2]) & (path[1:-1] > path[2:])) + 1


def head_speed(heads: Array, fps: float) -> Array:
    """(T,) eye-corner distances a second, less what is usual for this head, from (T, 2) places."""
    speed = np.concatenate([[0.0], np.hypot(*np.diff(heads, axis=0).T)]) * fps
    size = max(1, int(0.06 * fps))
    smooth = np.convolve(speed, np.ones(size) / size, mode="same")
    return np.asarray(np.maximum(smooth - np.median(smooth), 0.0))


def candidates(times_s: Array, paths: Array, heads: Array) -> list[Candidate]:
    """The bumps of (T, regions, 2) paths, the lids' own left out, with what is known of each; (T, 2) `heads`."""
    if len(times_s) < 8:
        return []
    fps = (len(times_s) - 1) / (times_s[-1] - times_s[0])
    high = heights(paths, fps)
    noise, speed, mouth = np.median(high, axis=0) + 1e-5, head_speed(heads, fps), high[:, _MOUTH].max(axis=1)
    mouth_peaks = peaks_of(mouth)
    found = []
    for area in np.flatnonzero(~_EYES):
        path = high[:, area]
        peaks = peaks_of(path)
        for apex in map(int, peaks[(path[peaks] >= LEAST_BUMP) & (path[peaks] >= LEAST_TIMES_NOISE * noise[area])]):
            first, last = half_width(path, apex)
            length = (times_s[last] - times_s[first]) * 1.6  # from half height to the feet
            if first == 0 or last == len(path) - 1 or not BRIEFEST_S <= length <= SLOWEST_S:
                continue
            near = peaks[(np.abs(times_s[peaks] - times_s[apex]) < AROUND_S) & (peaks != apex)]
            talk = mouth_peaks[np.abs(times_s[mouth_peaks] - times_s[apex]) < AROUND_S]
            tenth, half_s = int(0.1 * fps), int(0.5 * fps)
            turned = float(speed[max(0, first - tenth) : last + tenth + 1].max())
            moved = paths[min(len(path) - 1, apex + half_s), area] - paths[max(0, apex - half_s), area]
            region, top = AREAS[area][0], float(path[apex])
            features = (
                np.log(top / noise[area]), np.log(top / 0.01), np.log(length / 0.3), np.log(length / 0.3) ** 2,
                min(int((path[near] > 0.5 * top).sum()), 4), min(int((mouth[talk] > max(0.006, 0.4 * top)).sum()), 6),
                float((high[first : last + 1].max(axis=0) > 0.5 * top).mean()),
                min(float(high[max(0, first - 2) : last + 3][:, _EYES].max()) / top, 3.0), 3 * min(turned, 1.0),
                np.log1p(20 * turned), min(float(np.hypot(*moved)) / top, 3.0), region == "brows",
                region in ("mouth", "chin"), region == "nose", (apex - first) / (last - first + 1e-6) - 0.5,
            )  # fmt: skip
            reach = 0.3 * (times_s[last] - times_s[first]) + 1e-3
            found.append(Candidate(float(times_s[first] - reach), float(times_s[apex]), float(times_s[last] + reach),
                                   region, tuple(float(value) for value in features)))  # fmt: skip
    return found
