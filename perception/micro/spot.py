"""Brief movements of the face in a video: no labels, nothing learned. numpy and OpenCV only.

Each frame is registered, and the flow from the frame before is averaged over regions of the face; the nose, which no
expression moves much, gives the head's own motion, which is taken out. The sum over time is each region's path. A
movement shows as a bump in a path, higher than the region's noise, that comes and goes within half a second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from perception.micro.flow import BOTTOM, HALF_WIDTH, TOP, WORK_PX, Grey, dis, encoded, registered, registration
from perception.micro.flow import dense_flow as measured_flow
from perception.micro.predictor import MicroPredictor
from perception.micro.types import Event, Flow, Region
from perception.types import Image, Landmarks

#: Micro-expressions last at most this long (Yan et al. 2013), and a camera below this rate cannot show them.
LONGEST_S, SHORTEST_S, LEAST_FPS = 0.55, 0.06, 25.0
#: A bump counts from this many times the path's noise and from this height, in eye-corner distances.
TIMES_NOISE, LEAST_HEIGHT = 6.0, 0.006
#: Lids moving this much more than everything else are a blink.
BLINK = 1.5
#: Seconds of faces kept to measure an event's flow, and how long after an event it is reported.
KEEP_S, DELAY_S = 6.0, 0.8

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


_AREAS: tuple[tuple[Region, tuple[slice, slice]], ...] = tuple(
    (name, _slices(*box)) for name, x0, x1, y0, y1 in BOXES
    for box in ([(x0, x1, y0, y1), (-x1, -x0, y0, y1)] if x0 > 0 else [(x0, x1, y0, y1)])
)  # fmt: skip
_STILL = _slices(*STILL)
_PER_EYE_DISTANCE = np.array([2 * HALF_WIDTH / WORK_PX, (BOTTOM - TOP) / WORK_PX])


def region_motion(flow: Flow) -> npt.NDArray[np.float64]:
    """(regions, 2) mean motion of each area without the nose's, in eye-corner distances."""
    planes = (flow.u, flow.v)
    still = [float(plane[_STILL].mean()) for plane in planes]
    moved = np.array([[float(plane[area].mean()) for plane in planes] for _, area in _AREAS])
    return np.asarray((moved - still) * _PER_EYE_DISTANCE)


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


def find_events(times_s: npt.NDArray[np.float64], paths: npt.NDArray[np.float64]) -> list[Event]:
    """The bumps of (T, regions, 2) paths at (T,) times: shorter than LONGEST_S, above the noise, no blinks."""
    if len(times_s) < 8:
        return []
    fps = (len(times_s) - 1) / (times_s[-1] - times_s[0])
    high = heights(paths, fps)
    noise = np.median(high, axis=0) + 1e-5
    scaled = np.maximum(high / (noise * TIMES_NOISE), 0) * (high > LEAST_HEIGHT)
    eyes = np.array([name == "eyes" for name, _ in _AREAS])
    top = scaled[:, ~eyes].max(axis=1)
    events: list[Event] = []
    for apex in np.argsort(-top):
        if top[apex] < 1.0:
            break
        area = int(np.flatnonzero(~eyes)[scaled[apex, ~eyes].argmax()])
        first, last = _half_width(high[:, area], int(apex))
        whole_s = (times_s[last] - times_s[first]) * 1.6  # from half height to the feet
        blink = high[first : last + 1][:, eyes].max() > BLINK * high[apex, ~eyes].max()
        if first == 0 or last == len(times_s) - 1 or not SHORTEST_S <= whole_s <= LONGEST_S or blink:
            continue
        reach = 0.3 * (times_s[last] - times_s[first]) + 1e-3
        onset, offset = float(times_s[first] - reach), float(times_s[last] + reach)
        event = Event(onset, float(times_s[apex]), offset, _AREAS[area][0], float(1 - np.exp(-top[apex] / 2)))
        if all(event.offset_s < other.onset_s or event.onset_s > other.offset_s for other in events):
            events.append(event)
    return sorted(events, key=lambda event: event.onset_s)


def _half_width(path: npt.NDArray[np.float64], apex: int) -> tuple[int, int]:
    first = last = apex
    while first > 0 and path[first] > path[apex] / 2:
        first -= 1
    while last < len(path) - 1 and path[last] > path[apex] / 2:
        last += 1
    return first, last


@dataclass(frozen=True, slots=True)
class _Moment:
    t_s: float
    face: Grey
    path: npt.NDArray[np.float64]


class Spotter:
    """Finds events in frames given one by one, each with the landmarks of the same person. Keeps KEEP_S seconds of
    registered faces in memory and nothing else. Not thread-safe. With a `predictor` events carry probabilities."""

    def __init__(self, predictor: MicroPredictor | None = None) -> None:
        self._predictor = predictor
        self._moments: deque[_Moment] = deque()
        self._matrix: npt.NDArray[np.float64] | None = None
        self._reported_s = -np.inf
        self._dis = dis(1)

    @property
    def fps(self) -> float:
        """Frames a second that really came over the last seconds; 0 before the second frame."""
        if len(self._moments) < 2:
            return 0.0
        return (len(self._moments) - 1) / (self._moments[-1].t_s - self._moments[0].t_s)

    @property
    def refusal(self) -> str | None:
        """Why nothing can be spotted now, in one English sentence; None when the frames are enough."""
        if len(self._moments) < LEAST_FPS:
            return "Brief movements need about a second of video with one face first."
        if self.fps < LEAST_FPS:
            return f"The camera delivers {self.fps:.0f} frames a second; brief movements need at least {LEAST_FPS:.0f}."
        return None

    def reset(self) -> None:
        """Forget all frames: another person, or the face was lost."""
        self._moments.clear()
        self._matrix = None

    def add(self, image: Image, landmarks: Landmarks, t_s: float) -> list[Event]:
        """Take one frame; the events that have become certain by now (about DELAY_S after they ended)."""
        if self._moments and not 0 < t_s - self._moments[-1].t_s < 0.25:
            if t_s <= self._moments[-1].t_s:
                raise ValueError(f"frames come in order of time; {t_s} s follows {self._moments[-1].t_s} s")
            self.reset()  # a gap: paths cannot be carried across it
        matrix = registration(landmarks)
        self._matrix = matrix if self._matrix is None else 0.7 * self._matrix + 0.3 * matrix
        face = registered(image, self._matrix)
        path = np.zeros((len(_AREAS), 2))
        if self._moments:
            field = self._dis.calc(self._moments[-1].face, face, None)
            path = self._moments[-1].path + region_motion(Flow(field[..., 0], field[..., 1]))
        self._moments.append(_Moment(t_s, face, path))
        while t_s - self._moments[0].t_s > KEEP_S:
            self._moments.popleft()
        tenth = len(self._moments) >= 2 and int(t_s * 5) != int(self._moments[-2].t_s * 5)
        return self._certain(t_s - DELAY_S) if tenth and self.refusal is None else []

    def finish(self) -> list[Event]:
        """The events still open when the video ends."""
        return self._certain(np.inf) if self.refusal is None else []

    def _certain(self, until_s: float) -> list[Event]:
        times = np.array([moment.t_s for moment in self._moments])
        found = find_events(times, np.stack([moment.path for moment in self._moments]))
        new = [event for event in found if event.offset_s <= until_s and event.onset_s > self._reported_s]
        if new:
            self._reported_s = max(event.offset_s for event in new)
        return [self._recognised(event) for event in new]

    def _recognised(self, event: Event) -> Event:
        if self._predictor is None:
            return event
        onset = min(self._moments, key=lambda moment: abs(moment.t_s - event.onset_s))
        apex = min(self._moments, key=lambda moment: abs(moment.t_s - event.apex_s))
        flow = measured_flow(onset.face, apex.face)
        probs = self._predictor.predict(encoded(Flow(flow.u - np.median(flow.u), flow.v - np.median(flow.v)))[None])[0]
        return replace(event, probs=(float(probs[0]), float(probs[1]), float(probs[2])))


Interval = tuple[float, float]


def matches(found: Sequence[Interval], truth: Sequence[Interval], least: float = 0.5) -> list[tuple[int, int]]:
    """Pairs (found, true) of intervals whose intersection over union is at least `least`, each used once (MEGC)."""
    pairs, used = [], set()
    for i, (a, b) in enumerate(found):
        for j, (c, d) in enumerate(truth):
            both, either = min(b, d) - max(a, c), max(b, d) - min(a, c)
            if j not in used and both > 0 and both / either >= least:
                pairs.append((i, j))
                used.add(j)
                break
    return pairs


def interval_f1(hits: int, found: int, truth: int) -> float:
    """2 hits / (found + true), over all videos of a set."""
    return 2 * hits / (found + truth) if found + truth else 0.0


def strs(spotting_f1: float, recognition_f1: float) -> float:
    """Spot-then-recognise score (MEGC 2022): F1 of spotting times macro F1 of the spotted ones' classes."""
    return spotting_f1 * recognition_f1
