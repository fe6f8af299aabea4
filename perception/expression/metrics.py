"""What a classifier's probabilities are worth. NumPy only.

Predictions are (N, C) probabilities, labels (N,) class indices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Metric = Callable[[Array, Array], float]

#: Equal-width confidence bins of the calibration error (Guo et al., arXiv 1706.04599).
ECE_BINS = 15
#: Bootstrap resamples and the interval's level.
RESAMPLES = 1000
LEVEL = 0.95


def confusion(probabilities: Array, labels: Array) -> npt.NDArray[np.int64]:
    """(C, C) counts, true classes in rows."""
    classes = probabilities.shape[1]
    pairs = labels * classes + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def accuracy(probabilities: Array, labels: Array) -> float:
    return float((probabilities.argmax(axis=1) == labels).mean())


def recalls(probabilities: Array, labels: Array) -> Array:
    """(C,) share of each true class that was found; NaN for a class that does not occur."""
    counts = confusion(probabilities, labels)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.diag(counts) / counts.sum(axis=1))


def mean_recall(probabilities: Array, labels: Array) -> float:
    """Unweighted average recall over the classes that occur."""
    return float(np.nanmean(recalls(probabilities, labels)))


def macro_f1(probabilities: Array, labels: Array) -> float:
    """The mean over the classes that occur (in truth or prediction) of their F1."""
    counts = confusion(probabilities, labels)
    total = counts.sum(axis=0) + counts.sum(axis=1)
    occurs = total > 0
    return float((2 * np.diag(counts)[occurs] / total[occurs]).mean())


def calibration_bins(probabilities: Array, labels: Array) -> tuple[Array, Array, Array]:
    """(count, mean confidence, accuracy) of each of ECE_BINS bins of the top probability; 0 in empty bins."""
    sure = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    place = np.minimum((sure * ECE_BINS).astype(int), ECE_BINS - 1)
    count = np.bincount(place, minlength=ECE_BINS)
    some = np.maximum(count, 1)
    return (
        count, np.bincount(place, weights=sure, minlength=ECE_BINS) / some,
        np.bincount(place, weights=right, minlength=ECE_BINS) / some,
    )  # fmt: skip


def calibration_error(probabilities: Array, labels: Array) -> float:
    """Expected calibration error of the top probability."""
    count, sure, right = calibration_bins(probabilities, labels)
    return float((count * np.abs(sure - right)).sum() / len(labels))


METRICS: Mapping[str, Metric] = {
    "accuracy": accuracy, "macro_f1": macro_f1, "mean_recall": mean_recall, "ece": calibration_error,
}  # fmt: skip


def interval(metric: Metric, probabilities: Array, labels: Array, seed: int = 0) -> tuple[float, float, float]:
    """(value, low, high): the metric and its percentile bootstrap interval over faces."""
    rng = np.random.default_rng(seed)
    n = len(labels)
    values = []
    for _ in range(RESAMPLES):
        chosen = rng.integers(0, n, n)
        values.append(metric(probabilities[chosen], labels[chosen]))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(values, (tail, 1 - tail))
    return metric(probabilities, labels), float(low), float(high)


def tempered(probabilities: Array, temperature: float) -> Array:
    """The probabilities after their logits are divided by `temperature`; above 1 makes them less sure."""
    powers = np.maximum(probabilities, 1e-12) ** (1 / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def fit_temperature(probabilities: Array, labels: Array) -> float:
    """The temperature in [0.2, 5] (Guo et al., arXiv 1706.04599) with the lowest Brier score of the top probability, by
    golden-section search. That probability is what is shown and compared; cross-entropy, which weighs all classes, was
    measured to leave it half again as far off (LOG.md)."""
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)

    def loss(log_temperature: float) -> float:
        sure = tempered(probabilities, float(np.exp(log_temperature))).max(axis=1)
        return float(((sure - right) ** 2).mean())

    low, high = float(np.log(0.2)), float(np.log(5.0))
    ratio = (np.sqrt(5) - 1) / 2
    for _ in range(40):
        left, right_end = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right_end) if loss(left) < loss(right_end) else (left, high)
    return float(np.exp((low + high) / 2))


def cross_calibrated(probabilities: Array, labels: Array, seed: int = 0) -> Array:
    """Each half of the faces tempered by what was fitted on the other half: an honest calibration error where the
    same set has to serve for fitting and for judging."""
    order = np.random.default_rng(seed).permutation(len(labels))
    halves = np.array_split(order, 2)
    out = np.empty_like(probabilities)
    for mine, other in (halves, halves[::-1]):
        out[mine] = tempered(probabilities[mine], fit_temperature(probabilities[other], labels[other]))
    return out
