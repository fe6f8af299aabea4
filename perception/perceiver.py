"""The live side: frames and sound come as they come, an EmotionalState can be had at any time.

camera thread --offer--> [newest frame] --worker--> see --> ring of samples --+
                                                     |                        +--state()--> EmotionalState
                    microphone --> hear --> prosody, fusion's readings -------+
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from statistics import fmean
from types import TracebackType
from typing import Any, Self

from perception.face import FaceDetector, FaceMesh, working_scale
from perception.fused import FaceVoiceJoin, with_fusion
from perception.held import HeldObservation
from perception.models import DEFAULT_EXPRESSION, load
from perception.moments import Moments, MomentWatch
from perception.prosody import VoiceReader
from perception.quality import is_too_small, judge
from perception.reader import FaceReader, Sample, StageHook
from perception.state import NOW_S, WINDOW_S, summarise, tempered
from perception.types import Affect, EmotionalState, Face, Image, Quality
from perception.video import as_rgb

#: Bounds on memory: samples (ten seconds at 60 frames per second) and points of the plot (five minutes at 2 per
#: second).
MAX_SAMPLES = 600
TIMELINE_STEP_S, MAX_TIMELINE = 0.5, 600
#: How often the picture is searched for a second person (seconds).
COUNT_EVERY_S = 0.5
#: A frame up to this much older than the newest one (seconds) came late and is dropped; beyond, the clock has jumped.
MAX_LATE_S = 2.0


@dataclass(frozen=True, slots=True)
class PerceiverOptions:
    """`model` names the card that reads expressions, `fusion` the one that joins face and voice ("": the plain state
    of the face alone); `window_s` seconds; `on_stage` is called with (stage, ms)."""

    model: str = DEFAULT_EXPRESSION
    fusion: str = "fusion/starter"
    window_s: float = WINDOW_S
    on_stage: StageHook | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.window_s) and 1.0 <= self.window_s <= 60.0):
            raise ValueError(f"the window is 1 to 60 seconds, got {self.window_s}")


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of one frame. `affect` is None unless `quality` is "ok"; `problem` says what was wrong with a frame
    that could not be read; `ms` is the time it took; `dropped` counts the frames dropped so far (stale, late or
    doubled)."""

    t_s: float
    quality: Quality
    faces: tuple[Face, ...] = ()
    affect: Affect | None = None
    ms: float = 0.0
    dropped: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of one chunk of sound: `problem` is empty when it was taken."""

    t_s: float
    ms: float = 0.0
    problem: str = ""


class Perceiver:
    """One person's session. Thread-safe. Models load at the first frame. Close it, or use it as a context manager."""

    def __init__(self, options: PerceiverOptions | None = None) -> None:
        self.options = options or PerceiverOptions()
        self._seeing = threading.Lock()  # the models hold state: one frame at a time
        self._data = threading.Lock()  # what was seen and heard; held briefly
        self._models: tuple[FaceMesh, FaceDetector] | None = None
        self._mailbox: tuple[Any, float] | None = None
        self._mail = threading.Condition()
        self._worker: threading.Thread | None = None
        self._closed = False
        self._last_seen: Seen | None = None
        self._dropped = 0
        self._generation = 0
        self._fused = FaceVoiceJoin(self.options.fusion)
        self._moments = MomentWatch()
        self._start_over()

    def _start_over(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=MAX_SAMPLES)
        self._timeline: deque[Affect] = deque(maxlen=MAX_TIMELINE)
        self._reader = FaceReader(self.options.model, self.options.on_stage)
        self._voice = VoiceReader()
        self._fused.forget()
        self._moments = self._moments.anew()
        self._held = HeldObservation()
        self._last_s: float | None = None  # the newest frame's time
        self._clock: tuple[float, float] | None = None  # the newest time stated, and when it came (monotonic)
        self._counted_s = -math.inf
        self._several = False

    # --- frames -------------------------------------------------------------------------------------------------------

    def see(self, image: Any, t_s: float | None = None) -> Seen:
        """Read one frame now. `image` is anything that `video.as_rgb` takes; `t_s` seconds on any one clock, by default
        the monotonic one. Never raises for a bad picture or time: the answer has quality "bad_frame" and the
        problem."""
        start = time.perf_counter()
        self._check_open()
        now = time.monotonic() if t_s is None else t_s
        try:
            if not math.isfinite(now):
                raise ValueError(f"a frame's time is a finite number of seconds, got {now}")
            picture = as_rgb(image)
            if is_too_small(picture):
                raise ValueError(f"a frame of {picture.shape[1]}x{picture.shape[0]} px is too small to hold a face")
        except ValueError as error:
            when = now if math.isfinite(now) else 0.0
            return self._record(Seen(when, "bad_frame", problem=str(error)), None, start, None)
        with self._seeing:
            self._check_open()
            with self._data:
                late, generation, reader = self._is_late(now), self._generation, self._reader
                moments = self._moments
            if late:
                problem = "an older or repeated frame"
                return self._record(Seen(now, "bad_frame", problem=problem), None, start, generation, drop=True)
            faces, several = self._find(picture, now)
            judging = time.perf_counter()
            quality = judge(picture, faces, several, working_scale(picture))
            self._stage("quality", judging)
            sample = reader.read(picture, faces[0], now) if quality == "ok" else Sample(now, quality)
            self._fused.start()
            watching = time.perf_counter()
            moments.see(picture, faces[0] if quality == "ok" else None, now)
            self._stage("moments", watching)
            return self._record(Seen(now, quality, tuple(faces), sample.affect), sample, start, generation)

    def offer(self, image: Any, t_s: float | None = None) -> None:
        """Leave a frame for the worker and return at once. A frame that still waits there is replaced: dropped,
        counted."""
        self._check_open()
        now = time.monotonic() if t_s is None else t_s
        with self._mail:
            if self._mailbox is not None:
                self._dropped += 1
            self._mailbox = (image, now)
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="perceiver", daemon=True)
                self._worker.start()
            self._mail.notify()

    def last_seen(self) -> Seen | None:
        """What came of the newest frame, for the page's outline and hint."""
        with self._data:
            return self._last_seen

    def _work(self) -> None:
        while True:
            with self._mail:
                self._mail.wait_for(lambda: self._mailbox is not None or self._closed)
                if self._closed:
                    return
                mail, self._mailbox = self._mailbox, None
            if mail is not None:
                try:
                    self.see(*mail)
                except RuntimeError:
                    if not self._closed:  # closed between the look and the reading: nothing left to do
                        raise

    def _find(self, picture: Image, now: float) -> tuple[list[Face], bool]:
        start = time.perf_counter()
        if self._models is None:
            self._models = (load("landmarks/mediapipe")(max_faces=1), FaceDetector(near=True))
            start = self._stage("start of the models", start)
        mesh, detector = self._models
        faces = mesh.find(picture)
        start = self._stage("detection and landmarks", start)
        if faces and not 0 <= now - self._counted_s < COUNT_EVERY_S:
            several = detector.count(picture) > 1
            # A changed answer is checked in the next frame: detectors see a ghost in one frame of a hundred.
            self._counted_s = now if several == self._several else -math.inf
            self._several = several
            self._stage("second face", start)
        return faces, self._several and bool(faces)

    def _is_late(self, now: float) -> bool:
        """Whether a frame comes late. A clock that jumped far back starts a new window; the baseline stays."""
        if self._last_s is None or now > self._last_s:
            return False
        if self._last_s - now <= MAX_LATE_S:
            return True
        self._samples.clear()
        self._timeline.clear()
        self._counted_s = -math.inf
        return False

    def _record(
        self, seen: Seen, sample: Sample | None, start: float, generation: int | None, drop: bool = False
    ) -> Seen:
        with self._mail:
            self._dropped += drop
            dropped = self._dropped
        seen = replace(seen, ms=(time.perf_counter() - start) * 1e3, dropped=dropped)
        with self._data:
            if generation is not None and generation != self._generation:
                return seen  # forget() was called meanwhile: keep nothing
            if not drop:
                self._last_seen = seen
            if sample is not None:
                self._samples.append(sample)
                self._last_s, self._clock = sample.t_s, (sample.t_s, time.monotonic())
                if sample.affect and (not self._timeline or sample.t_s - self._timeline[-1].t_s >= TIMELINE_STEP_S):
                    self._timeline.append(sample.affect)
                self._fused.see(sample.affect, sample.t_s)
        return seen

    # --- sound --------------------------------------------------------------------------------------------------------

    def hear(self, sound: Any, sample_rate: float, t_s: float | None = None) -> Heard:
        """Read one chunk of sound (0.5 to 1 s is best) that ended at `t_s`, on the same clock as the frames; see
        `sound.one_channel` for what it may be. Bad sound is reported in `problem` and leaves everything as it was."""
        start = time.perf_counter()
        self._check_open()
        now = time.monotonic() if t_s is None else t_s
        problem = ""
        self._fused.start()
        with self._data:
            try:
                self._voice.hear(sound, sample_rate, now)
                self._fused.hear(sound, sample_rate, now)
                self._clock = (now, time.monotonic())
            except ValueError as error:
                problem = str(error)
        return Heard(now if math.isfinite(now) else 0.0, (time.perf_counter() - start) * 1e3, problem)

    # --- what is known ------------------------------------------------------------------------------------------------

    def state(self, now_s: float | None = None) -> EmotionalState:
        """What the last seconds before `now_s` say, by default before this moment on the frames' clock."""
        start = time.perf_counter()
        with self._data:
            now = now_s
            if now is None:
                now = self._clock[0] + time.monotonic() - self._clock[1] if self._clock else time.monotonic()
            heard = self._voice.reading(now)
            state = summarise(self._samples, now, self._reader.neutral, heard, self.options.window_s)
            latest = [one for one in self._samples if now - NOW_S < one.t_s <= now]
            if self.options.fusion:
                plain, state = state, with_fusion(state, self._fused, self.options.window_s)
                if state is not plain and state.modality == "face":
                    state = tempered(state, latest)
            sureness = fmean(one.sureness for one in latest) if latest else 0.0
            state = replace(state, held=self._held.update(state, sureness * state.coverage))
        self._stage("state", start)
        return state

    @property
    def fusion_problem(self) -> str:
        """Why face and voice are not joined although they should be; empty when all is well."""
        return self._fused.problem

    def timeline(self) -> tuple[Affect, ...]:
        """Recent readings for the plot, oldest first, about two a second, at most MAX_TIMELINE."""
        with self._data:
            return tuple(self._timeline)

    def watch_moments(self, on: bool) -> None:
        """Look for brief movements from now on, or no longer (off at first): see `perception.moments`."""
        with self._data:  # not while a watch is exchanged for a new one
            self._moments.turn(on)

    def moments(self) -> Moments:
        """The brief movements of the last minute, and whether the frames come fast enough for them."""
        return self._moments.told()

    def forget(self) -> None:
        """Delete everything that was kept: samples, timeline, moments, baselines, the last frame's landmarks, the
        waiting frame."""
        with self._mail:
            self._mailbox = None
        with self._data:
            self._generation += 1
            self._last_seen = None
            self._start_over()

    def close(self) -> None:
        """Stop the worker, forget everything, free the models. A second call does nothing."""
        with self._mail:
            if self._closed:
                return
            self._closed = True
            self._mailbox = None
            self._mail.notify_all()
        if self._worker is not None and self._worker is not threading.current_thread():
            self._worker.join()
        with self._seeing:
            for model in self._models or ():
                model.close()
            self._models = None
        self.forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("this Perceiver is closed; make a new one")

    def _stage(self, name: str, start: float) -> float:
        now = time.perf_counter()
        if self.options.on_stage:
            self.options.on_stage(name, (now - start) * 1e3)
        return now
