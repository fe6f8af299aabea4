"""The voice model at run time: emotion from sound alone, in numpy and onnxruntime.

Its file holds several small networks (trained on different speakers and seeds, see train_voice.py) whose probabilities
are averaged in the log domain; the live path runs one of them per update.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from perception.cards import ModelCard
from perception.features.sound import VOICED, Floats, FrameTracks, measure, to_mono, voice_features
from perception.fusion.circumplex import EMOTIONS, expected_place
from perception.models import load
from perception.session import onnx_session
from perception.speech import MIN_SPOKEN_S, SpeechModel, spoken_s

#: Frames of speech (10 ms each) that one pass of a network sees, and how far windows of a longer recording lie apart.
PASS, STEP = 320, 160
#: Less voiced speech than this (seconds) says nothing about a voice.
MIN_VOICED_S = 0.25


@dataclass(frozen=True, slots=True)
class VoiceReading:
    """`log_probabilities` (8,) over EMOTIONS, or None where no voice was heard; `voiced_s` seconds of voiced speech."""

    log_probabilities: Floats | None
    voiced_s: float


class VoiceModel:
    """`predict(sound, sample_rate)` for a recording; `of_tracks` for what the live path has measured already, once
    `speech` says that somebody spoke."""

    def __init__(self, networks: list[bytes], speech: SpeechModel, name: str = "fusion/voice") -> None:
        self.name, self.speech = name, speech
        self._sessions = [onnx_session(network, "fusion/voice") for network in networks]

    def __len__(self) -> int:
        return len(self._sessions)

    def predict(self, sound: npt.ArrayLike, sample_rate: int | None) -> VoiceReading:
        """One reading of a recording. Raises ValueError for a sound that is empty, not finite or without a rate."""
        x = to_mono(sound, sample_rate)
        if spoken_s(self.speech.probabilities(x)) < MIN_SPOKEN_S:
            return VoiceReading(None, 0.0)
        return self.of_tracks(measure(x))

    def of_tracks(self, tracks: FrameTracks, member: int | None = None, newest: int | None = None) -> VoiceReading:
        """One reading of measured sound, by all networks or by the one with index `member`, of all its speech or of the
        `newest` so many frames; `voiced_s` counts all of it."""
        speech = voice_features(tracks)
        features = speech[-(newest or 0) :]
        voiced_s = _voiced_s(speech)
        if _voiced_s(features) < MIN_VOICED_S:
            return VoiceReading(None, voiced_s)
        sessions = self._sessions if member is None else [self._sessions[member]]
        starts = range(0, max(1, len(features) - PASS + STEP), STEP) if len(features) > PASS else [0]
        scores = [_run(session, features[s : s + PASS]) for s in starts for session in sessions]
        mean = np.mean(scores, axis=0)
        return VoiceReading((mean - np.log(np.exp(mean - mean.max()).sum()) - mean.max()).astype(np.float32), voiced_s)

    def emotion(self, sound: npt.ArrayLike, sample_rate: int | None) -> dict[str, float]:
        """Probabilities over EMOTIONS and derived valence and arousal; empty where no voice was heard."""
        reading = self.predict(sound, sample_rate)
        if reading.log_probabilities is None:
            return {}
        p = np.exp(reading.log_probabilities)
        valence, arousal = expected_place(p)
        return {**dict(zip(EMOTIONS, map(float, p), strict=True)), "valence": float(valence), "arousal": float(arousal)}


def _voiced_s(features: Floats) -> float:
    """Seconds of voiced speech in rows of voice_features."""
    return float((features[:, -3] > VOICED).sum()) / 100.0


def _run(session: Any, features: Floats) -> npt.NDArray[np.float64]:
    short = (-len(features)) % 4 if len(features) >= 16 else 16 - len(features)
    mask = np.pad(np.ones(len(features), np.float32), (0, short))
    x = np.pad(features, ((0, short), (0, 0)))
    logits = session.run(None, {"features": x[None], "mask": mask[None]})[0][0].astype(np.float64)
    return np.asarray(logits - np.log(np.exp(logits - logits.max()).sum()) - logits.max())


def read_networks(path: Path) -> list[bytes]:
    """The ONNX graphs in a weight file (an .npz of byte arrays, never a pickle)."""
    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
        return [file[name].tobytes() for name in sorted(file.files)]


def load_voice(card: ModelCard, path: Path) -> VoiceModel:
    """The voice model of its card."""
    return VoiceModel(read_networks(path), load("speech/silero"), card.name)
