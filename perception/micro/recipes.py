"""How a fold learns: recipes for `protocol`, each from training clips to a predictor, all choices made inside.

All start from `micro/small`, which was trained on synthetic faces and saw no subject of any data set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from perception.micro.flow import mirrored, normalised
from perception.micro.network import NetworkOptions, network_of, options_of
from perception.micro.predictor import MicroPredictor
from perception.micro.protocol import Predict, Recipe, confusion_of, f1_of, inner_folds
from perception.micro.start import load_start
from perception.micro.train import TrainOptions, train_network
from perception.micro.types import LABELS, Dataset, FlowImages, Probabilities
from perception.models import load

Features = npt.NDArray[np.float32]
#: What the nested search of the classifier tries: weight of the raw flow beside the embedding, and C.
FLOW_WEIGHTS, COSTS = (0.0, 0.5), (0.3, 1.0, 3.0, 10.0)
INNER = 4


def features(predictor: MicroPredictor, flows: FlowImages, flow_weight: float) -> Features:
    """(N, F): embedding, log-probabilities, and the flow at 14 px times `flow_weight`; the first part has unit spread
    only after standardisation, which the classifier does."""
    probs, embedding = predictor.read(flows)
    parts = [embedding, np.log(probs + 1e-4).astype(np.float32) * 2]
    if flow_weight:
        small = [cv2.resize(image.transpose(1, 2, 0), (14, 14), interpolation=cv2.INTER_AREA).ravel()
                 for image in normalised(flows)]  # fmt: skip
        parts.append(np.array(small, np.float32) * np.float32(flow_weight * np.sqrt(embedding.shape[1] / 588)))
    return np.concatenate(parts, axis=1)


def _classifier(cost: float) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    return make_pipeline(StandardScaler(), SVC(C=cost, gamma="scale", class_weight="balanced"))


def _soft(scores: npt.NDArray[np.float64], classes: int, known: npt.NDArray[np.int64]) -> Probabilities:
    """Decision values of the classes seen in training -> probabilities over all classes."""
    values = np.full((len(scores), classes), -6.0)
    values[:, known] = np.column_stack([-scores, scores]) if scores.ndim == 1 else scores
    values = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(values / values.sum(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True)
class EmbeddingRecipe:
    """A support-vector classifier on what micro/small sees in a clip; C and the share of raw flow by inner folds over
    the training subjects. `raw` uses the flow alone: the field's plain baseline."""

    raw: bool = False

    def __call__(self, train: Dataset, seed: int) -> Predict:
        predictor: MicroPredictor = load("micro/small")

        def seen(flows: FlowImages, weight: float) -> Features:
            if self.raw:
                return normalised(flows).reshape(len(flows), -1)
            return features(predictor, flows, weight)

        folds = list(inner_folds(train, INNER, seed))
        best, chosen = -1.0, (0.0, 1.0)
        for weight in FLOW_WEIGHTS[:1] if self.raw else FLOW_WEIGHTS:
            values = seen(train.flows, weight)
            for cost in COSTS:
                answers = np.zeros_like(train.labels)
                for fit, held in folds:
                    if len(set(train.labels[fit])) > 1:
                        answers[held] = _classifier(cost).fit(values[fit], train.labels[fit]).predict(values[held])
                found = float(f1_of(confusion_of(train.labels, answers, len(train.names))).mean())
                if found > best:
                    best, chosen = found, (weight, cost)
        model = _classifier(chosen[1]).fit(seen(train.flows, chosen[0]), train.labels)
        known = np.unique(train.labels)
        return lambda flows: _soft(model.decision_function(seen(flows, chosen[0])), len(train.names), known)


def network_predict(network: torch.nn.Module, flows: FlowImages) -> Probabilities:
    """(N, classes) mean probabilities over a clip and its mirror image."""
    inputs = normalised(flows)
    with torch.no_grad():
        parts = [
            torch.cat([network(part)[0].softmax(dim=1) for part in torch.from_numpy(view).split(256)])
            for view in (inputs, mirrored(inputs))
        ]  # fmt: skip
    return np.asarray((parts[0] + parts[1]).double().numpy() / 2)


@dataclass(frozen=True, slots=True)
class FinetuneRecipe:
    """The networks of micro/small trained on with a small rate for a fixed number of epochs: nothing is selected.
    `scratch` begins with random weights instead; `network` then says which."""

    epochs: int = 15
    rate: float = 5e-4
    scratch: NetworkOptions | None = None

    def __call__(self, train: Dataset, seed: int) -> Predict:
        options = TrainOptions(epochs=self.epochs, rate=self.rate, batch=32, seed=seed, magnify_weight=0.3)
        if self.scratch is not None:
            torch.manual_seed(seed)
            starts = [network_of(replace(self.scratch, classes=len(train.names)))]
        else:
            starts = load_start(classes=len(train.names))[:1]
        networks = [train_network(train, replace(options, network=options_of(start)), start=start, quiet=True)
                    for start in starts]  # fmt: skip
        return lambda flows: np.mean([network_predict(network, flows) for network in networks], axis=0)


@dataclass(frozen=True, slots=True)
class BothRecipe:
    """The mean of the fine-tuned networks and the classifier on embeddings."""

    def __call__(self, train: Dataset, seed: int) -> Predict:
        first, second = EmbeddingRecipe()(train, seed), FinetuneRecipe()(train, seed)
        return lambda flows: (first(flows) + second(flows)) / 2


@dataclass(frozen=True, slots=True)
class ShippedRecipe:
    """micro/small as it is: the training clips are not used. Three classes only."""

    def __call__(self, train: Dataset, seed: int) -> Predict:
        if train.names != LABELS:
            raise ValueError(f"micro/small knows {', '.join(LABELS)}; for {len(train.names)} classes train a recipe")
        predict: Callable[[FlowImages], Probabilities] = load("micro/small").predict
        return predict


RECIPES: dict[str, Recipe] = {
    "both": BothRecipe(),
    "embedding": EmbeddingRecipe(),
    "finetune": FinetuneRecipe(),
    "scratch": FinetuneRecipe(epochs=40, rate=2e-3, scratch=NetworkOptions()),
    "ststnet": FinetuneRecipe(epochs=60, rate=2e-3, scratch=NetworkOptions(kind="ststnet")),
    "svm": EmbeddingRecipe(raw=True),
    "shipped": ShippedRecipe(),
}


def recipe_of(name: str) -> Recipe:
    """Raises KeyError that lists the names."""
    if name not in RECIPES:
        raise KeyError(f"no recipe is called {name!r}; choose from {', '.join(RECIPES)}")
    return RECIPES[name]
