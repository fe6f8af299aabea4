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
