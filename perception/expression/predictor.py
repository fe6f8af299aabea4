"""Face crops -> expressions with ONNX Runtime. No torch here: this is what the app runs."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from perception.cards import ModelCard
from perception.expression.labels import circumplex_from, compound_from
from perception.expression.preprocess import Preprocessing, to_input
from perception.files import sha256_of
from perception.session import onnx_session
from perception.types import EXPRESSIONS

Floats = npt.NDArray[np.float32]

#: Crops that pass through the network at once: bounds memory, and beyond it a CPU gains nothing.
BATCH = 64


@dataclass(frozen=True, slots=True)
class Expressions:
    """What N crops show. `basic` (N, 7) in EXPRESSIONS order and `compound` (N, 7) in COMPOUNDS order sum to 1 over
    each row; `valence` and `arousal` (N,) lie in [-1, 1], derived from `basic` unless `derived` is False; `embedding`
    is (N, D)."""

    basic: Floats
    compound: Floats
    valence: Floats
    arousal: Floats
    embedding: Floats
    derived: bool = True

    def __len__(self) -> int:
        return len(self.basic)


@dataclass(frozen=True, slots=True)
class OutputRule:
    """How a network's logits become probabilities. `labels` is their order; `temperature` softens them (above 1);
    `flip` averages with the mirrored crop; `valence_arousal` says that two more logits follow, valence then arousal."""

    labels: tuple[str, ...] = EXPRESSIONS
    temperature: float = 1.0
    flip: bool = True
    valence_arousal: bool = False

    def __post_init__(self) -> None:
        missing = [name for name in EXPRESSIONS if self.labels.count(name) != 1]
        if missing:
            raise ValueError(f"the label order must hold each of {', '.join(EXPRESSIONS)} once; wrong: {missing}")
        if not self.temperature > 0:
            raise ValueError(f"a temperature is positive, got {self.temperature}")


def softmax(logits: Floats) -> Floats:
    """Over the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), dtype=np.float32)


class Predictor:
    """A network in ONNX Runtime. Thread-safe. `threads` is what one call may use."""

    def __init__(self, path: Path, how: Preprocessing, rule: OutputRule, name: str, threads: int = 1) -> None:
        self.name, self.how, self.rule = name, how, rule
        self._session = onnx_session(path, name, threads)
        self._input = self._session.get_inputs()[0].name
        self._outputs = [output.name for output in self._session.get_outputs()][:2]
        self._lock = threading.Lock()
        self._order = [rule.labels.index(name) for name in EXPRESSIONS]
        self._dimensions = self._check()

    def _check(self) -> int:
        """Run one blank face; the outputs must fit the card. Returns the embedding's width."""
        channels = 1 if self.how.colour == "grey" else 3
        logits, embedding = self._run(np.zeros((1, channels, self.how.side, self.how.side), dtype=np.float32))
        expected = len(self.rule.labels) + 2 * self.rule.valence_arousal
        if logits.shape != (1, expected):
            raise ValueError(f"{self.name}: the network gives {logits.shape[1:]} numbers a face, the card {expected}")
        return int(embedding.shape[1])

    def _run(self, batch: Floats) -> tuple[Floats, Floats]:
        with self._lock:
            found = self._session.run(self._outputs, {self._input: batch})
        logits = np.asarray(found[0], dtype=np.float32)
        embedding = found[1] if len(found) > 1 else logits
        return logits, np.asarray(embedding, dtype=np.float32).reshape(len(batch), -1)

    def logits(self, batch: Floats) -> Floats:
        """The raw logits (N, labels) of a preprocessed (N, C, H, W) batch, in the network's own label order."""
        return self._run(batch)[0]

    def predict(self, crops: Sequence[npt.NDArray[np.uint8]]) -> Expressions:
        """Read crops, each (H, W) grey or (H, W, 3) RGB uint8 of any size. An empty list gives empty arrays.

        Raises ValueError that names the first crop of a wrong type, dtype, shape or size.
        """
        crops = list(crops)
        parts = [self._some(crops[i : i + BATCH], i) for i in range(0, len(crops), BATCH)]
        empty = np.zeros((0, 7), dtype=np.float32)
        basic = np.concatenate([empty, *(part[0] for part in parts)])
        embedding = np.concatenate([np.zeros((0, self._dimensions), np.float32), *(part[2] for part in parts)])
        if self.rule.valence_arousal:
            places = np.concatenate([np.zeros((0, 2), np.float32), *(part[1] for part in parts)])
            valence, arousal = places[:, 0], places[:, 1]
        else:
            valence, arousal = circumplex_from(basic)
        compound = compound_from(basic)
        return Expressions(basic, compound, valence, arousal, embedding, not self.rule.valence_arousal)

    def _some(self, crops: list[Any], first: int) -> tuple[Floats, Floats, Floats]:
        batch = to_input(crops, self.how, first)
        if self.rule.flip:
            batch = np.concatenate([batch, batch[..., ::-1]])
        logits, embedding = self._run(batch)
        labels, views = len(self.rule.labels), 2 if self.rule.flip else 1
        parts = (softmax(logits[:, :labels]), np.clip(logits[:, labels:], -1, 1), embedding)
        shares, places, embedding = (part.reshape(views, len(crops), -1).mean(axis=0) for part in parts)
        shares = np.maximum(shares, np.float32(1e-12)) ** np.float32(1 / self.rule.temperature)
        basic = shares[:, self._order]
        basic = basic / basic.sum(axis=1, keepdims=True)  # labels beyond the seven (contempt) leave
        return basic, places, embedding


def load(card: ModelCard, path: Path | None) -> Predictor:
    """What a card's `target` names: its predictor, set up as the card says."""
    if path is None:
        raise ValueError(f"{card.name}: its card names no file")
    return _from_settings(card.name, path, {**card.preprocessing, "labels": card.labels["basic"]})


def load_custom(path: str | Path) -> Predictor:
    """A user's own network: PATH.onnx beside PATH.card.json, for example one of the EmotiEffNet models.

    The card holds `labels` (the order of the network's logits; must contain our seven; others, such as Contempt, are
    left out and the rest sums to 1), `side` (px), `colour` ("rgb" or "grey"), `mean` and `std` per channel, and if it
    matters `equalise`, `temperature`, `flip`, `valence_arousal` (two more logits: valence, arousal), `sha256`, `name`.
    The first output holds the logits; the second, if any, the embedding. For EmotiEffNet enet_b0_8_*:

        {"name": "enet_b0_8_best_vgaf", "side": 224, "colour": "rgb",
         "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
         "labels": ["Anger", "Contempt", "Disgust", "Fear", "Happiness", "Neutral", "Sadness", "Surprise"]}

    Raises FileNotFoundError for a missing file and ValueError for a card that does not fit.
    """
    path = Path(path)
    card = path.with_suffix(".card.json")
    for file in (path, card):
        if not file.is_file():
            raise FileNotFoundError(f"{file} is missing: --expression needs MODEL.onnx and MODEL.card.json beside it")
    try:
        settings = json.loads(card.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{card} is not JSON: {error}") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{card} must hold one JSON object")
    needed = {"labels", "side", "colour", "mean", "std"}
    allowed = needed | {"equalise", "temperature", "flip", "valence_arousal", "sha256", "name", "quality", "notes"}
    if wrong := sorted((needed - set(settings)) | (set(settings) - allowed)):
        raise ValueError(f"{card}: missing or unknown: {', '.join(wrong)}; it may hold {', '.join(sorted(allowed))}")
    if "sha256" in settings and sha256_of(path) != settings["sha256"]:
        raise ValueError(f"{path.name} does not have the checksum that {card.name} says: damaged, or another model's")
    return _from_settings(str(settings.get("name", path.stem)), path, {"equalise": False, "flip": False, **settings})


def _from_settings(name: str, path: Path, settings: Mapping[str, Any]) -> Predictor:
    how = Preprocessing(
        side=int(settings["side"]), colour=str(settings["colour"]), equalise=bool(settings["equalise"]),
        mean=tuple(map(float, settings["mean"])), std=tuple(map(float, settings["std"])),
    )  # fmt: skip
    rule = OutputRule(
        labels=tuple(map(str, settings["labels"])), temperature=float(settings.get("temperature", 1.0)),
        flip=bool(settings["flip"]), valence_arousal=bool(settings.get("valence_arousal", False)),
    )  # fmt: skip
    return Predictor(path, how, rule, name)
