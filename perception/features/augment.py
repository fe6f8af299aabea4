"""What rooms, microphones and lines do to a voice: training-time changes, in the waveform and in the features.

The training corpus is one studio, one microphone, two sentences and two dozen speakers. Everything that a model could
learn from those and not from the voice is varied here: level is removed by the features; sampling speed (pitch and
vocal tract), room, microphone response, noise, babble, line bandwidth, clipping and coding are varied in the waveform;
tempo, order of the syllables, vocal tract, response and gaps are varied in the feature matrix, which is cheap.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from perception.features.sound import N_MELS, RATE, VOICED, Floats

Wave = npt.NDArray[np.float64]
PERIODICITY, PITCH, CHANGE = N_MELS + 1, N_MELS + 2, N_MELS + 3


def coloured_noise(length: int, slope: float, rng: np.random.Generator) -> Wave:
    """Unit-power noise whose amplitude falls with frequency^slope (0 white, 0.5 pink, 1 brown)."""
    hz = np.fft.rfftfreq(length, 1 / RATE)
    spectrum = rng.standard_normal(len(hz)) + 1j * rng.standard_normal(len(hz))
    noise = np.fft.irfft(spectrum / np.maximum(hz, 30.0) ** slope, length)
    return np.asarray(noise / (noise.std() + 1e-9))


def babble(length: int, others: Sequence[Floats], rng: np.random.Generator) -> Wave:
    """Unit-power sum of two to five other voices."""
    total = np.zeros(length)
    for _ in range(rng.integers(2, 6)):
        voice = others[int(rng.integers(len(others)))].astype(np.float64)
        total += np.resize(np.roll(voice / (voice.std() + 1e-9), rng.integers(len(voice))), length)
    return np.asarray(total / (total.std() + 1e-9))


def add_noise(x: Wave, noise: Wave, snr_db: float) -> Wave:
    """`noise` of unit power under `x`, at `snr_db` relative to the mean power of x."""
    return np.asarray(x + noise * np.sqrt(np.mean(x**2)) * 10 ** (-snr_db / 20))


def telephone(x: npt.ArrayLike, low: float = 300.0, high: float = 3400.0, order: int = 5) -> Wave:
    """A line's band, Butterworth edges in Hz."""
    from scipy.signal import butter, sosfilt

    return np.asarray(sosfilt(butter(order, [low, high], "band", fs=RATE, output="sos"), np.asarray(x, np.float64)))


def _microphone(x: Wave, rng: np.random.Generator) -> Wave:
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(x), 1 / RATE), 50.0) / 1000.0)
    gain_db = rng.uniform(-4, 4) * octaves / 1.5
    for _ in range(rng.integers(1, 5)):
        gain_db += rng.uniform(-8, 8) * np.exp(-0.5 * ((octaves - rng.uniform(-4, 3)) / rng.uniform(0.2, 0.8)) ** 2)
    return np.fft.irfft(np.fft.rfft(x) * 10 ** (np.clip(gain_db, -20, 20) / 20), len(x))


def _room(x: Wave, rng: np.random.Generator) -> Wave:
    from scipy.signal import fftconvolve

    length = int(RATE * rng.uniform(0.1, 0.6))
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail *= rng.uniform(0.1, 0.6) / np.sqrt(np.sum(tail**2))
    tail[0] += 1
    return np.asarray(fftconvolve(x, tail)[: len(x) + length // 3])


def _band(x: Wave, rng: np.random.Generator) -> Wave:
    from scipy.signal import butter, sosfilt

    chance = rng.random()
    if chance < 0.2:
        return telephone(x, rng.uniform(200, 400), rng.uniform(3000, 3600), int(rng.integers(3, 7)))
    if chance < 0.35:
        order, edge = int(rng.integers(3, 7)), rng.uniform(3000, 7000)
        return np.asarray(sosfilt(butter(order, edge, fs=RATE, output="sos"), x))
    if chance < 0.5:
        return np.asarray(sosfilt(butter(2, rng.uniform(60, 300), "high", fs=RATE, output="sos"), x))
    return x


def _coding(x: Wave, rng: np.random.Generator) -> Wave:
    if rng.random() < 0.15:
        peak = np.percentile(np.abs(x), 99.5) * rng.uniform(0.3, 1.0)
        x = np.clip(x, -peak, peak)
    if rng.random() < 0.1:  # mu-law of 8 bits (ITU-T G.711)
        peak = np.abs(x).max() + 1e-9
        code = np.round(np.sign(x) * np.log1p(255 * np.abs(x) / peak) / np.log(256) * 127) / 127
        x = peak * np.sign(code) * (256 ** np.abs(code) - 1) / 255
    return x


def new_recording(x: Floats, others: Sequence[Floats], rng: np.random.Generator) -> Floats:
    """The same words as another voice in another room over another line: one random draw of everything above."""
    y = x.astype(np.float64) / (np.sqrt(np.mean(np.square(x, dtype=np.float64))) + 1e-9)
    if rng.random() < 0.85:
        count = int(len(y) / np.exp(rng.uniform(-0.2, 0.2)))
        y = np.interp(np.linspace(0, len(y) - 1, count), np.arange(len(y)), y)
    if rng.random() < 0.35:
        y = _room(y, rng)
    if rng.random() < 0.5:
        before, after = (np.zeros(int(s * RATE)) for s in rng.uniform(0, 0.8, 2))
        y = np.concatenate([before, y, after])
    if rng.random() < 0.6:
        y = _microphone(y, rng)
    if rng.random() < 0.65:
        pick = rng.random()
        noise = coloured_noise(len(y), rng.choice([0.0, 0.5, 1.0]), rng) if pick < 0.7 else babble(len(y), others, rng)
        y = add_noise(y, noise, rng.uniform(4, 35))
    y = _coding(_band(y, rng), rng)
    return np.asarray(y / (np.abs(y).max() + 1e-9) * 0.5, np.float32)


def new_features(features: Floats, rng: np.random.Generator) -> Floats:
    """One random draw of the changes that are cheap in a (frames, N_FEATURES) matrix."""
    h = _tempo(features, rng)
    if rng.random() < 0.3 and len(h) > 60:  # blocks change places: other words, the same voice
        cuts = np.sort(rng.choice(np.arange(20, len(h) - 20), rng.integers(1, 3), replace=False))
        parts = np.split(h, cuts)
        h = np.concatenate([parts[i] for i in rng.permutation(len(parts))])
    mel = h[:, :N_MELS]
    if rng.random() < 0.5:  # a longer or shorter vocal tract
        mel = _between(mel.T, (np.arange(N_MELS) * np.exp(rng.uniform(-0.08, 0.08))).clip(0, N_MELS - 1)).T
    if rng.random() < 0.5:  # another microphone: a tilt and a smooth curve, in units of 10 dB
        knots = np.interp(np.arange(N_MELS), np.linspace(0, N_MELS - 1, 6), rng.normal(0, 0.25, 6))
        mel = mel + (rng.uniform(-0.6, 0.6) * np.linspace(-1, 1, N_MELS) + knots).astype(np.float32)
    if rng.random() < 0.3:
        mel = mel * np.float32(np.exp(rng.uniform(-0.15, 0.15)))
    if rng.random() < 0.3:  # a higher noise floor
        mel = np.maximum(mel, np.percentile(mel, rng.uniform(5, 45)))
    h = np.concatenate([mel, h[:, N_MELS:]], axis=1).astype(np.float32)
    h[:, PITCH] += (h[:, PERIODICITY] > VOICED) * rng.uniform(-0.25, 0.25)
    if rng.random() < 0.5:  # absolute pitch tells the sex of the speaker: do not rely on it
        h[:, PITCH] = h[:, CHANGE]
    if rng.random() < 0.1:
        h[:, PERIODICITY:] = 0
    for _ in range(rng.integers(0, 3)):  # SpecAugment (Park et al. 2019): a band and a stretch of time are hidden
        band, start = rng.integers(0, 60), rng.integers(0, max(1, len(h) - 10))
        h[:, band : min(N_MELS, band + rng.integers(1, 9))] = 0
        h[start : start + rng.integers(1, 20), :N_MELS] = 0
    return h


def _between(rows: Floats, at: npt.NDArray[np.floating]) -> Floats:
    """Linear interpolation between rows at fractional row numbers."""
    low = np.minimum(at.astype(int), len(rows) - 1)
    share = (at - low)[:, None].astype(np.float32)
    return np.asarray(rows[low] * (1 - share) + rows[np.minimum(low + 1, len(rows) - 1)] * share)


def _tempo(features: Floats, rng: np.random.Generator) -> Floats:
    count = max(16, int(len(features) * np.exp(rng.uniform(-0.25, 0.25))))
    at = np.linspace(0, len(features) - 1, count)
    h = _between(features, at)
    # Pitch is 0 where unvoiced: between voiced and unvoiced there is nothing to interpolate, so take the nearest.
    h[:, PERIODICITY:] = features[np.round(at).astype(int)][:, PERIODICITY:]
    return h
