"""The live path: sound and face readings come as they come, a FusionReading can be had ten times a second.

The sound's tracks are measured as it arrives (each 10 ms once) and kept for WINDOW_S; one network of the voice model
runs in every other update, in turn, and its scores are averaged with the latest of the others. Memory does not grow.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from perception.features.sound import HOP, PITCH_WINDOW, RATE, Floats, FrameTracks, StreamResampler, measure
from perception.fusion.starter import STEPS, FusionReading, StarterFusion, log_of
from perception.sound import checked_rate
from perception.speech import MIN_SPOKEN_S, SpeechStream, spoken_s
from perception.speech import WINDOW_S as SPEECH_STEP_S
from perception.types import EXPRESSIONS

#: Seconds of face and of sound that a reading looks back on.
WINDOW_S = 4.0
#: Frames of speech (10 ms each) that one network looks at in an update: what fits into 2 ms on one thread.
SPEECH_FRAMES = 160
#: Seconds between updates.
STEP_S = WINDOW_S / STEPS
_FRAMES = int(WINDOW_S * RATE / HOP)
#: Frames at the end of what was heard whose window is not full yet: they are measured again with the next sound.
_AHEAD = -(-PITCH_WINDOW // HOP) // 2


class SoundTracks:
    """The tracks of the last WINDOW_S of a stream: `hear` adds sound, `tracks` is what is there now."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.float32)  # context whose frames are measured, then samples that wait for theirs
        self._parts: deque[FrameTracks] = deque()
        self._kept = 0

    def hear(self, x: Floats) -> None:
        """Add 16 kHz sound of any length."""
        self._rest = np.concatenate([self._rest, x[-_FRAMES * HOP :]])
        frames = len(self._rest) // HOP
        ready = frames - _AHEAD  # frames with their full window
        start = _AHEAD if self._kept else 0
        if ready <= start:
            return
        got = measure(self._rest[: frames * HOP])
        self._parts.append(FrameTracks(got.power[start:ready], got.pitch_hz[start:ready], got.periodicity[start:ready]))
        self._kept += ready - start
        self._rest = self._rest[(ready - _AHEAD) * HOP :]
        while self._kept - len(self._parts[0]) >= _FRAMES:
            self._kept -= len(self._parts.popleft())

    def tracks(self) -> FrameTracks | None:
        """The newest WINDOW_S, or None before the first frame."""
        if not self._parts:
            return None
        if len(self._parts) > 1:  # joined once, so that an update copies the window once and no more
            joined = FrameTracks(*(np.concatenate([getattr(p, name) for p in self._parts])[-_FRAMES:]
                                   for name in ("power", "pitch_hz", "periodicity")))  # fmt: skip
            self._parts = deque([joined])
            self._kept = len(joined)
        return self._parts[0].last(_FRAMES)


class LiveFusion:
    """Feed it with `see` and `hear`, ask `update` ten times a second. Not for several threads at once.

    Times are seconds on one clock that does not run backwards. A reading is about the last WINDOW_S seconds.
    """

    def __init__(self, model: StarterFusion) -> None:
        self._model = model
        self.forget()

    def forget(self) -> None:
        """Start over: nothing that was seen or heard remains."""
        self._faces: deque[tuple[float, Floats]] = deque(maxlen=STEPS * 8)
        self._silence()
        self._resampler: StreamResampler | None = None
        self._scores: list[Floats | None] = [None] * len(self._model.voice)
        self._turn = 0
        self._rested = True
        self._heard_s = -np.inf  # when a network last heard
        self._voiced_s = 0.0
        self._last_sound_s: float | None = None

    def _silence(self) -> None:
        """Nothing was heard yet."""
        self._sound = SoundTracks()
        self._stream = SpeechStream(self._model.voice.speech)
        self._spoken: deque[float] = deque(maxlen=int(WINDOW_S / SPEECH_STEP_S))

    def see(self, probabilities: npt.ArrayLike | None, t_s: float) -> None:
        """One face reading: (7,) probabilities over EXPRESSIONS, or None when no face was there."""
        if probabilities is None:
            return
        p = np.asarray(probabilities, np.float64)
        if p.shape != (len(EXPRESSIONS),) or not np.isfinite(p).all() or p.min() < 0 or not 0.99 < p.sum() < 1.01:
            raise ValueError(f"a face reading is {len(EXPRESSIONS)} probabilities that sum to 1, got {p}")
        self._faces.append((t_s, log_of(p)))

    def hear(self, sound: npt.ArrayLike, sample_rate: int, t_s: float) -> None:
        """The next piece of sound, see features.sound.to_mono; `t_s` is when it ended. Pieces of 0.1 s suit best."""
        if np.size(sound) == 0:
            return
        if self._resampler is None or self._resampler.rate != checked_rate(sample_rate):
            self._resampler = StreamResampler(sample_rate)
        x = self._resampler.push(sound)
        self._sound.hear(x)
        self._spoken.extend(self._stream.hear(x).tolist())
        self._last_sound_s = t_s

    def update(self, now_s: float) -> FusionReading:
        """The reading of the last WINDOW_S seconds."""
        voice = self._hear_voice(now_s)
        faces, seen = self._steps(now_s)
        return self._model.network(faces, seen, voice, self._voiced_s if voice is not None else 0.0)

    def _steps(self, now_s: float) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """The face readings on a grid of STEP_S: the newest in each step; steps without one are unseen."""
        faces, seen = np.zeros((STEPS, len(EXPRESSIONS)), np.float32), np.zeros(STEPS, bool)
        while self._faces and self._faces[0][0] <= now_s - WINDOW_S:
            self._faces.popleft()
        for t_s, reading in self._faces:
            step = STEPS - 1 - int((now_s - t_s) / STEP_S)
            if 0 <= step < STEPS:
                faces[step], seen[step] = reading, True
        return faces, seen

    def _hear_voice(self, now_s: float) -> Floats | None:
        tracks = self._sound.tracks()
        stale = self._last_sound_s is None or now_s - self._last_sound_s > WINDOW_S
        if tracks is None or stale:
            self._scores = [None] * len(self._scores)
            if stale:
                self._silence()
            return None
        if spoken_s(self._spoken) < MIN_SPOKEN_S:
            self._scores = [None] * len(self._scores)
            self._voiced_s = 0.0
            return None
        # At ten updates a second every other one has a network hear: the scores of the others are at most a second old.
        # Updates that come more slowly (a microphone alone, in longer pieces) never rest.
        self._rested = not self._rested and now_s - self._heard_s < 2 * STEP_S
        if self._rested and self._scores[self._turn - 1] is not None:
            return self._mean_score()
        self._heard_s = now_s
        reading = self._model.voice.of_tracks(tracks, self._turn, SPEECH_FRAMES)
        self._voiced_s = reading.voiced_s
        if reading.log_probabilities is None:
            self._scores = [None] * len(self._scores)
            return None
        self._scores[self._turn] = reading.log_probabilities
        self._turn = (self._turn + 1) % len(self._scores)
        return self._mean_score()

    def _mean_score(self) -> Floats:
        mean = np.mean([score for score in self._scores if score is not None], axis=0)
        return np.asarray(mean - np.log(np.exp(mean).sum()), np.float32)
