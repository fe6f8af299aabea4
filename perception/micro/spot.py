"""Brief movements of the face in a video, without labels: by rules alone, or by rules that a small judge looks through.

By rules a movement is a bump in a region's path (see `movement`), higher than the region's noise, that comes and goes
within half a second. A blink, talk and a turning head make such bumps too; the judge, a logistic regression on what is
known of a bump, was trained on made videos. numpy and OpenCV only.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from perception.cards import ModelCard
from perception.micro.flow import Grey, encoded
from perception.micro.flow import dense_flow as measured_flow
from perception.micro.movement import (
    AREAS,
    AROUND_S,
    FEATURES,
    Candidate,
    Follower,
    candidates,
    half_width,
    head_place,
    heights,
)
from perception.micro.predictor import MicroPredictor
from perception.micro.types import Event, Flow
from perception.types import Image, Landmarks

#: Micro-expressions last at most this long (Yan et al. 2013), and a camera below this rate cannot show them.
LONGEST_S, SHORTEST_S, LEAST_FPS = 0.55, 0.06, 25.0
#: A bump counts from this many times the path's noise and from this height, in eye-corner distances.
TIMES_NOISE, LEAST_HEIGHT = 6.0, 0.006
#: Lids moving this much more than everything else are a blink.
BLINK = 1.5
#: Seconds of faces kept to measure an event's flow, how long after an event it is reported, and between two looks.
KEEP_S, DELAY_S, LOOK_S = 8.0, 1.5, 0.4


@dataclass(frozen=True, slots=True)
class Judge:
    """A logistic regression on a bump's standardised features. A bump is a brief movement from `threshold` (of the
    linear score) on."""

    mean: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]
    bias: float
    threshold: float

    def scores(self, found: Sequence[Candidate]) -> npt.NDArray[np.float64]:
        """(N,) log-odds."""
        rows = np.array([one.features for one in found], dtype=np.float64).reshape(len(found), len(FEATURES))
        return np.asarray((rows - self.mean) / self.spread @ self.weights + self.bias)


def load(card: ModelCard, path: Path | None) -> Judge:
    """What the card micro/spot names."""
    if path is None:
        raise ValueError(f"{card.name}: its card names no file")
    stored = json.loads(path.read_text(encoding="utf-8"))
    if tuple(stored["features"]) != FEATURES:
        raise ValueError(f"{path}: it was trained on other features than movement.FEATURES; train micro --protocol "
                         "spotting makes a new one")  # fmt: skip
    mean, spread, weights = (np.array(stored[name], dtype=np.float64) for name in ("mean", "spread", "weights"))
    return Judge(mean, spread, weights, float(stored["bias"]), float(stored["threshold"]))


def judged(found: Sequence[Candidate], judge: Judge) -> list[Event]:
    """The candidates that the judge takes for brief movements, the surest first where two overlap; in order of time.
    An event's confidence is the judge's probability."""
    events: list[Event] = []
    scores = judge.scores(found)
    for place in np.argsort(-scores):
        if scores[place] < judge.threshold:
            break
        one = found[place]
        if all(one.offset_s < other.onset_s or one.onset_s > other.offset_s for other in events):
            sure = float(np.clip(1 / (1 + np.exp(-scores[place])), 1e-3, 1 - 1e-3))
            events.append(Event(one.onset_s, one.apex_s, one.offset_s, one.region, sure))
    return sorted(events, key=lambda event: event.onset_s)


def find_events(times_s: npt.NDArray[np.float64], paths: npt.NDArray[np.float64]) -> list[Event]:
    """By rules alone, the reference: the bumps of (T, regions, 2) paths at (T,) times that are shorter than LONGEST_S,
    above the noise, and no blinks."""
    if len(times_s) < 8:
        return []
    fps = (len(times_s) - 1) / (times_s[-1] - times_s[0])
    high = heights(paths, fps)
    noise = np.median(high, axis=0) + 1e-5
    scaled = np.maximum(high / (noise * TIMES_NOISE), 0) * (high > LEAST_HEIGHT)
    eyes = np.array([name == "eyes" for name, _ in AREAS])
    top = scaled[:, ~eyes].max(axis=1)
    events: list[Event] = []
    for apex in np.argsort(-top):
        if top[apex] < 1.0:
            break
        area = int(np.flatnonzero(~eyes)[scaled[apex, ~eyes].argmax()])
        first, last = half_width(high[:, area], int(apex))
        whole_s = (times_s[last] - times_s[first]) * 1.6  # from half height to the feet
        blink = high[first : last + 1][:, eyes].max() > BLINK * high[apex, ~eyes].max()
        if first == 0 or last == len(times_s) - 1 or not SHORTEST_S <= whole_s <= LONGEST_S or blink:
            continue
        reach = 0.3 * (times_s[last] - times_s[first]) + 1e-3
        onset, offset = float(times_s[first] - reach), float(times_s[last] + reach)
        event = Event(onset, float(times_s[apex]), offset, AREAS[area][0], float(1 - np.exp(-top[apex] / 2)))
        if all(event.offset_s < other.onset_s or event.onset_s > other.offset_s for other in events):
            events.append(event)
    return sorted(events, key=lambda event: event.onset_s)


@dataclass(frozen=True, slots=True)
class _Moment:
    t_s: float
    face: Grey
    path: npt.NDArray[np.float64]
    head: npt.NDArray[np.float64]


class Spotter:
    """Finds events in frames given one by one, each with the landmarks of the same person. Keeps KEEP_S seconds of
    registered faces in memory and nothing else. Not thread-safe. With a `predictor` events carry probabilities; with a
    `judge` it decides, else the rules alone do."""

    def __init__(self, predictor: MicroPredictor | None = None, judge: Judge | None = None) -> None:
        self._predictor, self._judge = predictor, judge
        self._moments: deque[_Moment] = deque()
        self._follower = Follower()
        self._reported_s = self._began_s = -np.inf

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
        self._follower.reset()

    def add(self, image: Image, landmarks: Landmarks, t_s: float) -> list[Event]:
        """Take one frame; the events that have become certain by now (about DELAY_S after they ended)."""
        if self._moments and not 0 < t_s - self._moments[-1].t_s < 0.25:
            if t_s <= self._moments[-1].t_s:
                raise ValueError(f"frames come in order of time; {t_s} s follows {self._moments[-1].t_s} s")
            self.reset()  # a gap: paths cannot be carried across it
        if not self._moments:
            self._began_s = t_s
        face, path = self._follower.follow(image, landmarks)
        self._moments.append(_Moment(t_s, face, path, head_place(landmarks)))
        while t_s - self._moments[0].t_s > KEEP_S:
            self._moments.popleft()
        due = len(self._moments) >= 2 and int(t_s / LOOK_S) != int(self._moments[-2].t_s / LOOK_S)
        return self._certain(t_s - DELAY_S) if due and self.refusal is None else []

    def finish(self) -> list[Event]:
        """The events still open when the video ends."""
        return self._certain(np.inf) if self.refusal is None else []

    def _certain(self, until_s: float) -> list[Event]:
        times = np.array([moment.t_s for moment in self._moments])
        paths = np.stack([moment.path for moment in self._moments])
        if self._judge is None:
            found = find_events(times, paths)
        else:
            heads = np.stack([moment.head for moment in self._moments])
            early = times[0] + (AROUND_S if times[0] > self._began_s else 0.0)  # what lies before it is forgotten
            whole = [one for one in candidates(times, paths, heads) if one.apex_s >= early and one.offset_s <= until_s]
            found = judged(whole, self._judge)
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
