"""Brief movements, live: watched for only while somebody wants it, and only where the camera is quick enough.

A moment is when and where a face moved briefly. It says nothing about a feeling, enters no state and no prompt, and is
kept for a minute.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass

from perception.micro.spot import LEAST_FPS, Spotter
from perception.micro.types import Event
from perception.models import load
from perception.types import Face, Image

#: How long a moment is kept (seconds): the timeline's length.
KEPT_S = 60.0


@dataclass(frozen=True, slots=True)
class Moments:
    """`fps` is what really comes, in frames a second (0 before a second was seen); with fewer than LEAST_FPS nothing is
    found and `enough` is False. `events` are those of the last KEPT_S, oldest first."""

    watching: bool = False
    fps: float = 0.0
    enough: bool = False
    events: tuple[Event, ...] = ()


class MomentWatch:
    """One person's watch. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spotter: Spotter | None = None
        self._events: deque[Event] = deque()
        self._last_s = -math.inf

    def turn(self, on: bool) -> None:
        """Begin or end watching; ending forgets. Loads the judge (a file of a few numbers) at the first time."""
        judge = load("micro/spot") if on else None
        with self._lock:
            if on and self._spotter is None:
                self._spotter = Spotter(judge=judge)
            elif not on:
                self._spotter = None
                self._events.clear()

    def see(self, image: Image, face: Face | None, t_s: float) -> None:
        """One frame with its one face; None where there is no good one: what comes after is watched anew."""
        with self._lock:
            if self._spotter is None:
                return
            if face is None or t_s <= self._last_s:  # nobody, or a clock that jumped back
                self._spotter.reset()
            if face is not None:
                self._events.extend(self._spotter.add(image, face.landmarks, t_s))
            self._last_s = t_s
            while self._events and t_s - self._events[0].apex_s > KEPT_S:
                self._events.popleft()

    def told(self) -> Moments:
        """What was found so far."""
        with self._lock:
            if self._spotter is None:
                return Moments()
            fps = self._spotter.fps
            return Moments(True, fps, fps >= LEAST_FPS, tuple(self._events))

    def anew(self) -> MomentWatch:
        """A watch that knows nothing and is on where this one is. A frame that is under way still goes to this one, and
        is forgotten with it."""
        fresh = MomentWatch()
        fresh.turn(self.told().watching)
        return fresh
