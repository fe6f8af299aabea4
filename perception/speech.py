"""Whether somebody speaks, 31 times a second: Silero VAD, a small recurrent network, over 16 kHz sound.

Every reader of voices asks here. Music, noise and typing are told from speech, which rules on level and pitch are not
able to do (LOG.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from perception.cards import ModelCard
from perception.session import onnx_session

Floats = npt.NDArray[np.float32]

RATE = 16_000  # Hz
WINDOW = 512  # samples that get one probability: 32 ms
WINDOW_S = WINDOW / RATE
CONTEXT = 64  # samples before them, which the network sees again
#: Speech begins above the first and ends below the second; silences of up to so many windows (96 ms) are part of it.
BEGINS, ENDS, GAP = 0.5, 0.35, 3
#: Less speech than this (seconds) is none.
MIN_SPOKEN_S = 0.25


class SpeechModel:
    """The network. It holds nothing of what it hears: a SpeechStream does."""

    def __init__(self, path: Path, name: str = "speech/silero") -> None:
        self._session = onnx_session(path, name)

    def step(self, sound: Floats, memory: Floats) -> tuple[float, Floats]:
        """`sound` (CONTEXT + WINDOW,), `memory` (2, 1, 128) -> the probability of speech, and the next memory."""
        found, memory = self._session.run(
            None, {"input": sound[None], "state": memory, "sr": np.array(RATE, dtype=np.int64)}
        )
        return float(found[0, 0]), memory

    def probabilities(self, x: Floats) -> Floats:
        """(windows,) of a whole recording at 16 kHz; what is left over at its end is not heard."""
        return SpeechStream(self).hear(x)


class SpeechStream:
    """One source of sound. `hear` takes the next piece of any length."""

    def __init__(self, model: SpeechModel) -> None:
        self._model = model
        self._memory = np.zeros((2, 1, 128), dtype=np.float32)
        self._rest = np.zeros(CONTEXT, dtype=np.float32)

    @property
    def waiting_s(self) -> float:
        """Seconds of sound that wait for the rest of their window."""
        return (len(self._rest) - CONTEXT) / RATE

    def hear(self, x: Floats) -> Floats:
        """(windows,) probabilities of the windows that are now full."""
        self._rest = np.concatenate([self._rest, x.astype(np.float32, copy=False)])
        count = (len(self._rest) - CONTEXT) // WINDOW
        out = np.zeros(count, dtype=np.float32)
        for k in range(count):
            piece = self._rest[k * WINDOW : k * WINDOW + CONTEXT + WINDOW]
            out[k], self._memory = self._model.step(piece, self._memory)
        self._rest = self._rest[count * WINDOW :]
        return out


def spoken(probabilities: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """(windows,) which windows belong to speech: from where it begins to where it ends, short gaps filled."""
    p = np.asarray(probabilities, dtype=np.float32)
    out = np.zeros(len(p), dtype=bool)
    speaking = False
    for k, value in enumerate(p.tolist()):
        speaking = value > (ENDS if speaking else BEGINS)
        out[k] = speaking
    inside = np.flatnonzero(out)
    for before, after in zip(inside[:-1].tolist(), inside[1:].tolist(), strict=True):
        if after - before <= GAP + 1:
            out[before:after] = True
    return out


def spoken_s(probabilities: npt.ArrayLike) -> float:
    """Seconds of speech."""
    return float(spoken(probabilities).sum()) * WINDOW_S


def load_speech(card: ModelCard, path: Path | None) -> Any:
    """The model of its card."""
    if path is None:
        raise ValueError(f"{card.name}: its card names no file")
    return SpeechModel(path, card.name)
