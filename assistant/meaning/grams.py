"""Runs of one to five characters, hashed and weighed by a logistic regression: cheap, and good at wordings."""

from __future__ import annotations

import unicodedata

import numpy as np
from numpy.typing import NDArray

LONGEST_RUN = 5
BUCKETS = 2**17
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def buckets(text: str) -> NDArray[np.int64]:
    """The buckets of the runs in `text` (in compatibility form and lower case), each once, in ascending order."""
    plain = unicodedata.normalize("NFKC", text).lower()
    points = np.frombuffer(f" {plain} ".encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    found = []
    runs = np.zeros(len(points), dtype=np.uint64)
    for length in range(1, min(LONGEST_RUN, len(points)) + 1):
        runs = (runs[: len(points) - length + 1] + points[length - 1 :] + np.uint64(1)) * _FACTOR
        runs ^= runs >> np.uint64(29)
        found.append((runs >> np.uint64(20)) % np.uint64(BUCKETS))
    return np.unique(np.concatenate(found)).astype(np.int64)


class Grams:
    """Logits of danger from the runs of a text: the mean weight of its buckets times the root of their number."""

    def __init__(self, weights: NDArray[np.float32], bias: float) -> None:
        """`weights` [BUCKETS]. Raises ValueError for another length."""
        if weights.shape != (BUCKETS,):
            raise ValueError(f"the weights of runs have the shape {weights.shape}; it must be ({BUCKETS},)")
        self._weights, self._bias = weights, bias

    def logit(self, text: str) -> float:
        """The logit of danger."""
        found = buckets(text)
        return float(self._weights[found].sum() / np.sqrt(len(found)) + self._bias)
