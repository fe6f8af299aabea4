"""The measure by which voice and fusion are judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def recall_unweighted(truth: npt.ArrayLike, predicted: npt.ArrayLike, classes: Sequence[int]) -> float:
    """The mean recall of `classes` (UAR), a class that does not occur left out; NaN where none occurs.

    Raises ValueError when the two differ in shape.
    """
    t, p = np.asarray(truth), np.asarray(predicted)
    if t.shape != p.shape:
        raise ValueError(f"truth and prediction have different shapes, {t.shape} and {p.shape}")
    recalls = [float((p[t == k] == k).mean()) for k in classes if (t == k).any()]
    return float(np.mean(recalls)) if recalls else float("nan")
