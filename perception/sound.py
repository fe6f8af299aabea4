"""Sound in: any array of samples to one channel of floats in [-1, 1]. Every reader of sound begins here."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

#: Sampling rates that are taken for real (Hz): below telephone to ultrasonic studio.
MIN_RATE_HZ, MAX_RATE_HZ = 4_000, 768_000
#: Float sound louder than this (times full scale) is in another unit.
MAX_AMPLITUDE = 20.0
#: At most this many channels; more means that the array is not what it is taken for.
MAX_CHANNELS = 32
#: Channels whose mean keeps less than this share of the loudest one's power cancel each other.
CANCELLED = 0.25


def checked_rate(sample_rate: float | None) -> int:
    """The rate as whole Hz. Raises ValueError for none or one that no sound card has."""
    if sample_rate is None or not np.isfinite(sample_rate) or not MIN_RATE_HZ <= sample_rate <= MAX_RATE_HZ:
        raise ValueError(f"the sampling rate (sample_rate) is {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz, got {sample_rate!r}")
    return round(sample_rate)


def one_channel(sound: Any) -> Floats:
    """`sound` as (n,) float32 whose full scale is [-1, 1].

    Accepts (n,), (n, channels) or (channels, n) with the longer axis as time; floats of any width in [-1, 1]; signed
    integers of any width at full scale; unsigned ones centred on half of theirs, as 8-bit WAV files are. Peaks of
    floats beyond full scale stay as they are. Raises ValueError for what is no such array, empty sound, more than
    MAX_CHANNELS channels, NaN or infinity, and floats that are clearly in another unit.
    """
    if not isinstance(sound, np.ndarray):
        raise ValueError(f"sound is a numpy array, got {type(sound).__name__}; convert it with numpy.asarray")
    if sound.ndim not in (1, 2) or sound.size == 0:
        raise ValueError(f"sound is a non-empty (n,) or (n, channels) array, got {sound.shape}")
    x = _as_float(sound)
    if x.ndim == 2:
        x = _mixed(x if x.shape[0] >= x.shape[1] else x.T)
    return np.ascontiguousarray(x, dtype=np.float32)


def _as_float(sound: npt.NDArray[Any]) -> npt.NDArray[np.floating[Any]]:
    kind, width = sound.dtype.kind, 8 * sound.dtype.itemsize
    if kind == "i":
        return sound.astype(np.float64) / 2.0 ** (width - 1)
    if kind == "u":
        return sound.astype(np.float64) / 2.0 ** (width - 1) - 1.0
    if kind != "f":
        raise ValueError(f"sound is made of floats in [-1, 1] or of integers, got {sound.dtype}")
    x = sound.astype(np.float64)
    if not np.isfinite(x).all():
        bad = int((~np.isfinite(x)).sum())
        raise ValueError(f"the sound holds {bad} samples that are not finite (NaN or infinity)")
    if (peak := float(np.abs(x).max())) > MAX_AMPLITUDE:
        raise ValueError(f"float sound lies in [-1, 1], got a peak of {peak:g}; divide it by its full scale")
    return x


def _mixed(channels: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
    """One channel of (n, channels): the mean of those that carry sound. Where the mean cancels (an inverted channel),
    the loudest one alone."""
    if channels.shape[1] > MAX_CHANNELS:
        raise ValueError(f"sound has at most {MAX_CHANNELS} channels, got an array of {channels.shape}")
    power = np.square(channels - channels.mean(axis=0)).mean(axis=0)
    loudest = int(power.argmax())
    if power[loudest] == 0.0:
        return channels[:, loudest]
    sounding = power >= 1e-4 * power[loudest]  # 40 dB below is hum of an empty channel
    mean = channels[:, sounding].mean(axis=1)
    return mean if np.square(mean - mean.mean()).mean() >= CANCELLED * power[loudest] else channels[:, loudest]
