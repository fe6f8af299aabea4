"""Sounds that the tests make themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from perception.features.sound import RATE


def voice(seconds: float = 1.5, hz: float = 140.0, seed: int = 0) -> np.ndarray:
    """A buzzing tone with syllables and gliding pitch."""
    t = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(hz * (1 + 0.2 * np.sin(2 * np.pi * 0.7 * t))) / RATE
    tone = sum(np.sin(k * phase) / k for k in range(1, 12))
    x = tone * (0.05 + 0.95 * np.sin(2 * np.pi * 1.25 * t) ** 2)
    noise = np.random.default_rng(seed).standard_normal(len(t))
    return (0.1 * x + 1e-4 * noise).astype(np.float32)


def write_sound(path: Path, seconds: float, rate: int) -> Path:
    """A file of a 200 Hz tone."""
    t = np.arange(int(seconds * rate)) / rate
    soundfile.write(path, 0.2 * np.sin(2 * np.pi * 200 * t), rate)
    return path


def level(x: np.ndarray, dbfs: float) -> np.ndarray:
    """The sound with this root mean square level."""
    return np.asarray(x * 10 ** (dbfs / 20) / (np.sqrt(np.mean(np.square(x))) + 1e-12))


def melody(seconds: float, seed: int = 0) -> np.ndarray:
    """Plucked notes of a major scale, two at a time."""
    rng, x = np.random.default_rng(seed), np.zeros(int(seconds * RATE))
    start = 0
    while start < len(x):
        length = int(RATE * rng.choice([0.18, 0.25, 0.36, 0.5]))
        t = np.arange(min(length, len(x) - start)) / RATE
        for hz in 220 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 11, 12], size=2) / 12):
            note = sum(np.sin(2 * np.pi * k * hz * t) / k**1.3 for k in range(1, 9))
            x[start : start + len(t)] += np.exp(-6 * t) * np.minimum(1, t / 0.01) * note
        start += length
    return x


def beat(seconds: float, seed: int = 0) -> np.ndarray:
    """The melody with drums."""
    x, rng = melody(seconds, seed), np.random.default_rng(seed + 100)
    for start in range(0, len(x), RATE // 4):
        t = np.arange(min(RATE // 12, len(x) - start)) / RATE
        x[start : start + len(t)] += 2.5 * rng.standard_normal(len(t)) * np.exp(-t / 0.015)
    return x


def typing(seconds: float, seed: int = 0) -> np.ndarray:
    """Keys that are struck."""
    rng = np.random.default_rng(seed)
    x = 1e-3 * rng.standard_normal(int(seconds * RATE))
    for start in rng.integers(0, len(x) - 400, size=int(7 * seconds)):
        x[start : start + 400] += rng.standard_normal(400) * np.exp(-np.arange(400) / 60) * rng.uniform(0.3, 1)
    return x
