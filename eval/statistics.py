"""Intervals and paired tests, so that no difference is told that is noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 2000
LEVEL = 0.95
#: The normal distribution's quantile of that level, two-sided.
NORMAL = 1.959964


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def mean_interval(values: Sequence[float], seed: int = 0) -> Interval:
    """Percentile bootstrap over items (Efron 1979). Raises ValueError for no values."""
    if not values:
        raise ValueError("no values have no mean")
    array = np.asarray(values, float)
    means = _resampled(array, seed)
    return Interval(float(array.mean()), *_ends(means))


def share_interval(hits: int, count: int) -> Interval:
    """A share with Wilson's 95 % interval (1927). Raises ValueError unless 0 <= hits <= count and count > 0."""
    if not 0 <= hits <= count or not count:
        raise ValueError(f"a share is of at least one, got {hits} of {count}")
    share, square = hits / count, NORMAL**2 / count
    middle = (share + square / 2) / (1 + square)
    half = NORMAL / (1 + square) * math.sqrt(share * (1 - share) / count + square / (4 * count))
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))


@dataclass(frozen=True, slots=True)
class Paired:
    """B less A over the same items: the mean difference with its interval, and the two-sided p of McNemar's exact test
    on which items are fully right; `better` and `worse` count items."""

    difference: Interval
    p: float
    better: int
    worse: int


def paired(first: Sequence[float], second: Sequence[float], seed: int = 0) -> Paired:
    """Raises ValueError for lists of different length, or empty ones."""
    if len(first) != len(second) or not first:
        raise ValueError(f"a paired test needs the same items on both sides, got {len(first)} and {len(second)}")
    a, b = np.asarray(first, float), np.asarray(second, float)
    difference = b - a
    won = int(((b == 1) & (a != 1)).sum())
    lost = int(((a == 1) & (b != 1)).sum())
    interval = Interval(float(difference.mean()), *_ends(_resampled(difference, seed)))
    return Paired(interval, mcnemar(won, lost), int((difference > 0).sum()), int((difference < 0).sum()))


@dataclass(frozen=True, slots=True)
class Preference:
    """What pairwise verdicts add up to: `score` is the mean of 1 for a win, 0.5 for a tie, 0 for a loss, with its
    interval; `p` is the exact two-sided sign test's over wins and losses. A planted score of 0.6 without ties (10
    points above chance) is found at p < 0.05 in about four of five runs of 200 pairs. The pairs must be independent."""

    wins: int
    ties: int
    losses: int
    score: Interval
    p: float


def preference(scores: Sequence[float], seed: int = 0) -> Preference:
    """Raises ValueError for no scores, or others than 1, 0.5 and 0."""
    if strange := [score for score in scores if score not in (1.0, 0.5, 0.0)]:
        raise ValueError(f"a verdict is 1, 0.5 or 0, got {strange[0]}")
    wins, losses = sum(score == 1 for score in scores), sum(score == 0 for score in scores)
    return Preference(wins, len(scores) - wins - losses, losses, mean_interval(scores, seed), mcnemar(wins, losses))


def mcnemar(won: int, lost: int) -> float:
    """The exact two-sided p: are wins and losses a fair coin's (McNemar 1947, binomial form)?"""
    n, k = won + lost, min(won, lost)
    if n == 0:
        return 1.0
    logs = [math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) - n * math.log(2) for i in range(k + 1)]
    top = max(logs)
    return min(1.0, 2 * math.exp(top) * sum(math.exp(value - top) for value in logs))


def calibration_error(confidence: Sequence[float], right: Sequence[float], bins: int = 10) -> float:
    """Expected calibration error over equal-width bins (Guo et al. 2017). NaN for no values."""
    if not confidence:
        return float("nan")
    sure, hit = np.asarray(confidence, float), np.asarray(right, float)
    place = np.minimum((sure * bins).astype(int), bins - 1)
    return float(sum(abs(sure[place == k].mean() - hit[place == k].mean()) * (place == k).mean() for k in set(place)))


def _resampled(values: npt.NDArray[np.float64], seed: int) -> npt.NDArray[np.float64]:
    generator = np.random.default_rng(seed)
    # In blocks: 2,000 resamples of 4,000 items at once would take 64 MB.
    blocks = [values[generator.integers(0, len(values), (100, len(values)))].mean(1) for _ in range(RESAMPLES // 100)]
    return np.concatenate(blocks)


def _ends(means: npt.NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
