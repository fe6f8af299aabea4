"""From any recording to a level-free, silence-free matrix of voice features, in numpy and scipy alone.

The steps: one channel at 16 kHz; 25 ms frames every 10 ms; 64 log-mel bands, pitch and periodicity; frames of silence
dropped; level removed. What a microphone adds (gain, silence before and after, sampling rate) is gone before a model
sees anything; what it shapes (its frequency response) is left for the model, which has seen many.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import gcd

import numpy as np
import numpy.typing as npt

from perception.sound import checked_rate, one_channel

Floats = npt.NDArray[np.float32]

RATE = 16_000  # Hz
HOP = 160  # samples: 10 ms
WINDOW = 400  # samples: 25 ms
N_FFT = 512
N_MELS = 64
MEL_LOW, MEL_HIGH = 60.0, 7600.0  # Hz; below lies hum, above lie the edges of the anti-alias filters
PITCH_WINDOW = 640  # samples: 40 ms, two periods of the lowest pitch
PITCH_LOW, PITCH_HIGH = 60.0, 500.0  # Hz, from low male speech to high excited female speech
FLOOR_DB = (
    65.0  # dB under the loudest band: what lies deeper is called silence, so that digital zero and hiss look alike
)
VOICED = 0.45  # periodicity above which a frame counts as voiced (normalised autocorrelation, 0 to 1)

#: Columns of a feature matrix: the mel bands, then these.
PROSODY = ("energy", "periodicity", "pitch", "pitch_change")
N_FEATURES = N_MELS + len(PROSODY)


def to_mono(sound: npt.ArrayLike, sample_rate: int | None) -> Floats:
    """One channel at 16 kHz. `sound` is (samples,), (samples, channels) or (channels, samples), floats in [-1, 1] or
    integers of full scale; `sample_rate` in Hz. Raises ValueError as `perception.sound.one_channel`."""
    x = one_channel(sound)
    rate = checked_rate(sample_rate)
    if rate != RATE:
        from scipy.signal import resample_poly

        divisor = gcd(rate, RATE)
        x = resample_poly(x, RATE // divisor, rate // divisor).astype(np.float32)
    return np.ascontiguousarray(x)


class StreamResampler:
    """Sound that comes in pieces -> the same sound at 16 kHz, 10 ms later: the pieces' borders leave no trace."""

    def __init__(self, sample_rate: float) -> None:
        self.rate = checked_rate(sample_rate)
        divisor = gcd(self.rate, RATE)
        self._up, self._down = RATE // divisor, self.rate // divisor
        self._margin = -(-self.rate // (100 * self._down)) * self._down  # at least 10 ms, and a whole number of steps
        self._rest = np.zeros(self._margin, np.float32)

    @property
    def delay_s(self) -> float:
        """Seconds by which the newest output lies behind the newest input."""
        return 0.0 if self.rate == RATE else max(0, len(self._rest) - self._margin) / self.rate

    def push(self, piece: npt.ArrayLike) -> Floats:
        """What can be said so far, possibly nothing."""
        x = one_channel(piece)
        if self.rate == RATE:
            return x
        from scipy.signal import resample_poly

        self._rest = np.concatenate([self._rest, x])
        ready = (len(self._rest) - 2 * self._margin) // self._down * self._down
        if ready <= 0:
            return np.zeros(0, np.float32)
        out = resample_poly(self._rest[: ready + 2 * self._margin], self._up, self._down)
        self._rest = self._rest[ready:]
        start = self._margin * self._up // self._down
        return np.asarray(out[start : start + ready * self._up // self._down], np.float32)


@cache
def mel_filters() -> Floats:
    """(N_MELS, N_FFT // 2 + 1) triangular filters, evenly spaced on the HTK mel scale, each of unit peak."""
    mel = np.linspace(_mel(MEL_LOW), _mel(MEL_HIGH), N_MELS + 2)
    edges = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    hz = np.arange(N_FFT // 2 + 1) * RATE / N_FFT
    low, mid, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.maximum(0.0, np.minimum((hz - low) / (mid - low), (high - hz) / (high - mid))).astype(np.float32)


def _mel(hz: float) -> float:
    return float(2595.0 * np.log10(1.0 + hz / 700.0))


def _frames(x: Floats, length: int, count: int) -> Floats:
    """(count, length) frames whose centres lie every HOP samples, the ends padded with zeros."""
    left = (length - HOP) // 2
    padded = np.pad(x, (left, max(0, (count - 1) * HOP + length - left - len(x))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, length)
    return windows[::HOP][:count]


def mel_power(x: Floats) -> Floats:
    """(frames, N_MELS) mel power of 16 kHz sound, one frame for each full 10 ms."""
    count = max(1, len(x) // HOP)
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    spectrum = np.fft.rfft(_frames(x, WINDOW, count) * window, N_FFT)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    return (power.astype(np.float32) @ mel_filters().T).astype(np.float32)


def pitch_track(x: Floats) -> tuple[Floats, Floats]:
    """Pitch in Hz and periodicity in [0, 1] of 16 kHz sound, one value for each full 10 ms.

    The highest peak of the autocorrelation divided by the window's own (Boersma 1993), parabolically interpolated;
    among peaks nearly as high the shortest period wins, against errors of one octave down.
    """
    count = max(1, len(x) // HOP)
    window, lags, correction = _pitch_constants()
    frames = _frames(x, PITCH_WINDOW, count)
    frames = (frames - frames.mean(axis=1, keepdims=True)) * window
    spectrum = np.fft.rfft(frames, 2 * PITCH_WINDOW)
    correlation = np.fft.irfft(np.square(spectrum.real) + np.square(spectrum.imag))[:, : lags[-1] + 2]
    correlation = correlation / (correlation[:, :1] + 1e-9) / correction
    inner = correlation[:, lags]
    peak = (inner >= correlation[:, lags - 1]) & (inner >= correlation[:, lags + 1])
    score = np.where(peak, inner - 0.02 * np.log2(lags * PITCH_HIGH / RATE), -1.0)
    best = lags[score.argmax(axis=1)]
    rows = np.arange(count)
    before, at, after = (correlation[rows, best + d] for d in (-1, 0, 1))
    bend = before - 2 * at + after
    shift = np.where(np.abs(bend) > 1e-9, 0.5 * (before - after) / np.where(np.abs(bend) > 1e-9, bend, 1.0), 0.0)
    hz = RATE / (best + np.clip(shift, -0.5, 0.5))
    found = score.max(axis=1) > -1.0
    return hz.astype(np.float32), np.where(found, np.clip(at, 0.0, 1.0), 0.0).astype(np.float32)


@cache
def _pitch_constants() -> tuple[Floats, npt.NDArray[np.int64], Floats]:
    window = np.hanning(PITCH_WINDOW + 1)[:-1].astype(np.float32)
    lags = np.arange(int(RATE / PITCH_HIGH), int(RATE / PITCH_LOW) + 1)
    own = np.fft.irfft(np.abs(np.fft.rfft(window, 2 * PITCH_WINDOW)) ** 2)[: lags[-1] + 2]
    return window, lags, (own / own[0]).astype(np.float32)


def speech_frames(power: Floats) -> npt.NDArray[np.bool_]:
    """Which frames belong to speech or the short pauses within it: (frames,) from (frames, N_MELS) mel power.

    A frame is active when it rises above the recording's own floor and lies within 35 dB of its loud parts; pauses up
    to 0.3 s are kept, longer ones are dropped but for 0.1 s on either side.
    """
    level = 10.0 * np.log10(power.sum(axis=1) + 1e-12)
    loud, floor = np.percentile(level, 95), np.percentile(level, 5)
    active = level > min(max(loud - 35.0, floor + 6.0), loud - 12.0)
    margin = np.convolve(active.astype(np.float32), np.ones(21))[10 : 10 + len(active)] > 0.5
    gaps = np.flatnonzero(np.diff(np.concatenate([[1], margin.astype(np.int8), [1]])))
    for start, end in gaps.reshape(-1, 2):
        if end - start <= 10 and start > 0 and end < len(margin):
            margin[start:end] = True
    return margin


@dataclass(frozen=True, slots=True)
class FrameTracks:
    """What the front end measures every 10 ms: mel power (frames, N_MELS), pitch in Hz and periodicity (frames,)."""

    power: Floats
    pitch_hz: Floats
    periodicity: Floats

    def __len__(self) -> int:
        return len(self.power)

    def last(self, frames: int) -> FrameTracks:
        """The newest `frames` of them."""
        return FrameTracks(self.power[-frames:], self.pitch_hz[-frames:], self.periodicity[-frames:])


def measure(x: Floats) -> FrameTracks:
    """The tracks of 16 kHz sound."""
    return FrameTracks(mel_power(x), *pitch_track(x))


def voice_features(tracks: FrameTracks) -> Floats:
    """(frames of speech, N_FEATURES) features without level and long silence; see PROSODY for the last columns.

    Log-mel in units of 10 dB around the speech's mean level; energy in the same unit; pitch in octaves around 150 Hz
    (0 where unvoiced); pitch_change in octaves around the recording's median pitch (0 where unvoiced).
    """
    keep = speech_frames(tracks.power)
    power = tracks.power[keep]
    ceiling = float(np.percentile(power.max(axis=1), 98)) + 1e-12 if len(power) else 1.0
    mel = np.log10(np.maximum(power, ceiling * 10.0 ** (-FLOOR_DB / 10.0)))
    mel -= mel.mean()
    energy = np.log10(power.sum(axis=1) + ceiling * 10.0 ** (-FLOOR_DB / 10.0))
    energy -= energy.mean() if len(energy) else 0.0
    periodicity = tracks.periodicity[keep]
    voiced = periodicity > VOICED
    octaves = np.log2(tracks.pitch_hz[keep] / 150.0)
    middle = float(np.median(octaves[voiced])) if voiced.any() else 0.0
    pitch, change = np.where(voiced, octaves, 0.0), np.where(voiced, octaves - middle, 0.0)
    return np.concatenate([mel, np.stack([energy, periodicity, pitch, change], axis=1)], axis=1).astype(np.float32)
