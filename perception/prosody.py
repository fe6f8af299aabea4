"""How somebody speaks, never what: level, pitch, pitch variation, speaking share and pauses from sound in memory.

Only these numbers are kept; the sound is dropped as soon as a chunk was read. Pitch is the autocorrelation method of
Boersma (1993), "Accurate short-term analysis of the fundamental frequency", without its path search.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perception.baseline import RunningBaseline
from perception.features.sound import StreamResampler
from perception.models import load
from perception.sound import checked_rate, one_channel
from perception.speech import WINDOW_S as SPEECH_STEP_S
from perception.speech import SpeechStream, spoken

Vector = npt.NDArray[np.float64]

#: Length and step of the frames (seconds): three periods of the lowest voice; steps as in openSMILE's sub-harmonic set.
FRAME_S, HOP_S = 0.05, 0.02
#: The range of speaking voices (Hz), and the normalised autocorrelation above which a frame has a pitch.
MIN_PITCH_HZ, MAX_PITCH_HZ = 65.0, 400.0
MIN_CLARITY = 0.6
#: Peaks this close to the best one count as equal; the shortest period wins, against octave errors.
EQUAL_PEAK = 0.9
#: Silence is reported as this level, not as minus infinity (dBFS).
FLOOR_DBFS = -100.0
#: Samples at or beyond this amplitude are clipped.
CLIPPED = 0.999
#: A silence inside speech of at least this length (seconds) is a pause; shorter ones are stops and breaths.
MIN_PAUSE_S = 0.25
#: What is remembered (seconds), and how much speech in it makes pitch and level worth reporting (seconds).
WINDOW_S = 10.0
RATE = 16_000  # Hz: what the speech network hears
MIN_SPEECH_S = 1.0
#: A chunk up to this much older than the newest (seconds) came late; beyond, the clock has jumped.
MAX_LATE_S = 2.0
#: What a personal baseline is kept of, with priors: the centre and spread of conversational adults, coarsely.
VOICE_SIGNALS: tuple[str, ...] = ("level_dbfs", "pitch_hz", "pitch_variation_st", "speaking_share", "pauses_per_min")
_CENTRE = np.array([-30.0, 165.0, 2.5, 0.5, 15.0])
_SPREAD = np.array([6.0, 45.0, 1.0, 0.2, 8.0])


def level_dbfs(frames: npt.NDArray[np.floating[Any]]) -> Vector:
    """Root mean square level of each row in dB relative to full scale, not below FLOOR_DBFS."""
    power = np.mean(np.square(frames, dtype=np.float64), axis=-1)
    level: Vector = np.maximum(10.0 * np.log10(np.maximum(power, 1e-12)), FLOOR_DBFS)
    return level


def pitch_hz(frames: npt.NDArray[np.floating[Any]], rate_hz: float) -> Vector:
    """The pitch of each row in Hz, NaN where it has none. Rows are at least FRAME_S long."""
    length = frames.shape[1]
    window = np.hanning(length)
    size = 1 << (2 * length - 1).bit_length()
    longest = min(length - 2, int(rate_hz / MIN_PITCH_HZ))
    shortest = max(2, int(rate_hz / MAX_PITCH_HZ))
    centred = frames - frames.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(centred * window, size)) ** 2
    lags = np.fft.irfft(power, size)[:, : longest + 2]
    own = np.fft.irfft(np.abs(np.fft.rfft(window, size)) ** 2, size)[: longest + 2]
    energy = np.maximum(lags[:, :1], 1e-12)
    clarity = (lags / energy) / (own / own[0])
    inner = clarity[:, shortest : longest + 1]
    peak = (inner >= clarity[:, shortest - 1 : longest]) & (inner >= clarity[:, shortest + 1 : longest + 2])
    best = np.where(peak, inner, 0.0).max(axis=1, keepdims=True)
    first = np.argmax(peak & (inner >= EQUAL_PEAK * best), axis=1) + shortest
    rows = np.arange(len(frames))
    before, at, after = clarity[rows, first - 1], clarity[rows, first], clarity[rows, first + 1]
    bend = before - 2 * at + after
    shift = np.divide(0.5 * (before - after), bend, out=np.zeros_like(bend), where=np.abs(bend) > 1e-12)
    voiced = (best[:, 0] >= MIN_CLARITY) & (lags[:, 0] > 1e-9)
    pitch: Vector = np.where(voiced, rate_hz / (first + np.clip(shift, -0.5, 0.5)), np.nan)
    return pitch


@dataclass(frozen=True, slots=True)
class _Frame:
    t_s: float
    level: float
    pitch: float
    clipped: float


class VoiceReader:
    """Turns chunks of sound into `EmotionalState.voice`. Keeps ten seconds of numbers; not thread-safe."""

    def __init__(self) -> None:
        self._frames: deque[_Frame] = deque(maxlen=int(WINDOW_S / HOP_S))
        #: (when a window of the speech network ended, its probability), oldest first.
        self._said: deque[tuple[float, float]] = deque(maxlen=int(WINDOW_S / SPEECH_STEP_S))
        self._stream, self._resampler = SpeechStream(load("speech/silero")), StreamResampler(RATE)
        self._last_s: float | None = None
        self.baseline = RunningBaseline(_CENTRE, _SPREAD)

    def hear(self, sound: Any, rate_hz: float, t_s: float) -> None:
        """Take a chunk that ended at `t_s` seconds. Of a long one, the last ten seconds count; one shorter than FRAME_S
        tells nothing. Raises ValueError as `sound.one_channel`, for a time that is not finite, and for a late or
        repeated chunk."""
        if not np.isfinite(t_s):
            raise ValueError(f"a chunk's time is a finite number of seconds, got {t_s}")
        rate_hz = checked_rate(rate_hz)
        mono = one_channel(sound)[-int(WINDOW_S * rate_hz) :]
        length, hop = int(FRAME_S * rate_hz), int(HOP_S * rate_hz)
        if self._last_s is not None and t_s <= self._last_s:
            if self._last_s - t_s <= MAX_LATE_S:
                raise ValueError(f"this chunk ends at {t_s:g} s, no later than the one before: repeated or late")
            self._frames.clear()  # the clock jumped back
            self._said.clear()
        self._last_s = t_s
        self._listen(mono, rate_hz, t_s)
        if len(mono) < length:
            return
        frames = np.lib.stride_tricks.sliding_window_view(mono, length)[::hop]
        levels = level_dbfs(frames)
        clipped = np.mean(np.abs(frames) >= CLIPPED, axis=1)
        thin = max(1, int(rate_hz // 16_000))  # pitch needs no more than 16 kHz
        thinned = frames[:, : length // thin * thin].reshape(len(frames), -1, thin).mean(axis=2)
        pitches = pitch_hz(thinned, rate_hz / thin)
        start = t_s - len(mono) / rate_hz
        for i in range(len(frames)):
            self._frames.append(_Frame(start + i * HOP_S, float(levels[i]), float(pitches[i]), float(clipped[i])))
        reading = self.reading(t_s)
        if all(name in reading for name in VOICE_SIGNALS):
            self.baseline.update(t_s, np.array([reading[name] for name in VOICE_SIGNALS]))

    def _listen(self, mono: npt.NDArray[np.float32], rate_hz: int, t_s: float) -> None:
        """Ask the speech network about the chunk that ended at `t_s` seconds."""
        if self._resampler.rate != rate_hz:
            self._stream, self._resampler = SpeechStream(load("speech/silero")), StreamResampler(rate_hz)
        found = self._stream.hear(self._resampler.push(mono))
        last_s = t_s - self._stream.waiting_s - self._resampler.delay_s
        for k, probability in enumerate(found.tolist()):
            self._said.append((last_s - (len(found) - 1 - k) * SPEECH_STEP_S, probability))

    def _speech(self, times_s: Vector) -> npt.NDArray[np.bool_]:
        """(n,) whether somebody spoke at these times (seconds); what the network has not heard yet is as its last
        window."""
        if not self._said:
            return np.zeros(len(times_s), dtype=bool)
        ends, probabilities = np.array(self._said).T
        return np.asarray(spoken(probabilities)[np.searchsorted(ends, times_s).clip(max=len(ends) - 1)])

    def reading(self, now_s: float) -> dict[str, float]:
        """The voice of the last ten seconds, empty when nothing was heard in them.

        `level_dbfs` (of speech; of all sound when nobody spoke), `speaking_share` in [0, 1], `clipped_share` in [0, 1];
        with MIN_SPEECH_S of speech also `pitch_hz` (median), `pitch_variation_st` (standard deviation, semitones) and
        `pauses_per_min`; once the baseline has formed, `<name>_change` in units of this person's spread.
        """
        inside = [frame for frame in self._frames if now_s - WINDOW_S <= frame.t_s <= now_s]
        if not inside:
            return {}
        levels = np.array([frame.level for frame in inside])
        speech = self._speech(np.array([frame.t_s for frame in inside]) + FRAME_S / 2)
        reading = {
            "level_dbfs": float(levels[speech].mean() if speech.any() else levels.mean()),
            "speaking_share": float(speech.mean()),
            "clipped_share": float(np.mean([frame.clipped for frame in inside])),
        }
        pitches = np.array([frame.pitch for frame in inside])[speech]
        pitches = pitches[np.isfinite(pitches)]
        if speech.sum() * HOP_S >= MIN_SPEECH_S and len(pitches):
            semitones = 12.0 * np.log2(pitches / np.median(pitches))
            reading["pitch_hz"] = float(np.median(pitches))
            reading["pitch_variation_st"] = float(semitones.std())
            reading["pauses_per_min"] = _pauses(speech) * 60.0 / max(len(inside) * HOP_S, 1.0)
        if self.baseline.formed:
            changes = np.array([reading.get(name, np.nan) for name in VOICE_SIGNALS]) - self.baseline.centre
            for name, change in zip(VOICE_SIGNALS, (changes / self.baseline.spread).tolist(), strict=True):
                if np.isfinite(change):
                    reading[f"{name}_change"] = change
        return reading


def _pauses(speech: npt.NDArray[np.bool_]) -> int:
    """Silences of at least MIN_PAUSE_S between two stretches of speech."""
    spoken = np.flatnonzero(speech)
    return int(np.sum(np.diff(spoken) * HOP_S >= MIN_PAUSE_S)) if len(spoken) > 1 else 0
