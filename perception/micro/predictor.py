"""The runtime of the recogniser: flow images in, probabilities out. numpy, OpenCV and ONNX Runtime only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from perception.cards import ModelCard
from perception.micro.flow import Method, clip_flow, encoded, mirrored, normalised
from perception.micro.types import LABELS, FlowImages, Probabilities
from perception.session import onnx_session
from perception.types import Image, Landmarks

BATCH = 256


def softmax(logits: npt.NDArray[Any]) -> Probabilities:
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    out: Probabilities = shifted / shifted.sum(axis=-1, keepdims=True)
    return out


class MicroPredictor:
    """Negative, positive or surprise from the flow of a micro-expression. Each clip and its mirror image are read, and
    the mean counts. Thread-safe."""

    labels = LABELS

    def __init__(self, network: Path | bytes, name: str, temperature: float = 1.0) -> None:
        if temperature <= 0:
            raise ValueError(f"{name}: the temperature is above 0, got {temperature}")
        self.name, self._temperature = name, temperature
        self._session = onnx_session(network, name)

    def _run(self, inputs: npt.NDArray[np.float32]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        parts = [self._session.run(["logits", "embedding"], {"flows": inputs[i : i + BATCH]})
                 for i in range(0, len(inputs), BATCH)]  # fmt: skip
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def read(self, flows: FlowImages) -> tuple[Probabilities, npt.NDArray[np.float32]]:
        """Probabilities (N, 3) and embeddings (N, E), both means over a clip and its mirror image."""
        inputs = normalised(flows)
        if not len(inputs):
            return np.zeros((0, len(LABELS))), np.zeros((0, 0), np.float32)
        logits, embedding = self._run(np.concatenate([inputs, mirrored(inputs)]))
        n = len(inputs)
        probs = softmax(logits / self._temperature)
        return (probs[:n] + probs[n:]) / 2, (embedding[:n] + embedding[n:]) / 2

    def predict(self, flows: FlowImages) -> Probabilities:
        """(N, 3) probabilities negative, positive, surprise, each row summing to 1, of (N, H, W, 3) uint8 flow images:
        u (right positive), v (down positive), strain, each scaled to 0..255 by its own extremes or by a fixed range.

        Raises ValueError for another type, shape, or sides below 8 px.
        """
        return self.read(flows)[0]

    def predict_pair(self, onset: Image, apex: Image, at_onset: Landmarks, at_apex: Landmarks,
                     method: Method = "dis") -> Probabilities:  # fmt: skip
        """(3,) probabilities of two RGB pictures of one face with their landmarks."""
        row: Probabilities = self.predict(encoded(clip_flow(onset, apex, at_onset, at_apex, method))[None])[0]
        return row


def load(card: ModelCard, path: Path | None) -> MicroPredictor:
    """What a card's `target` names."""
    if path is None:
        raise ValueError(f"{card.name}: the card names no network file")
    return MicroPredictor(path, card.name, float(card.preprocessing.get("temperature", 1.0)))
