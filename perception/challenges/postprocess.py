"""What is done to frame-level predictions after the model: gaps filled, neighbours averaged, models averaged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def fill_gaps(frames: npt.NDArray[np.int64], values: Array, count: int) -> Array:
    """Predictions (n, k) at `frames` (from 1, increasing) -> (count, k) for every frame, linear between, held at the
    ends. Raises ValueError where there is no prediction at all: a guess for a whole video is not a prediction."""
    if len(frames) == 0:
        raise ValueError("no frame of the video has a prediction (no face found in it), so that nothing can be filled")
    at = np.arange(1, count + 1)
    return np.stack([np.interp(at, frames, column) for column in values.T], axis=1)


def moving_average(values: Array, reach: int) -> Array:
    """The mean over the frames from -reach to +reach, (n, k) -> same; at the ends over those that exist."""
    if reach <= 0 or len(values) == 0:
        return values
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    at = np.arange(len(values))
    low, high = (at - reach).clip(0), (at + reach + 1).clip(max=len(values))
    return np.asarray((total[high] - total[low]) / (high - low)[:, None])


def ensemble(predictions: Sequence[Array]) -> Array:
    """The mean over folds or models, all of one shape. Raises ValueError for none or for different shapes."""
    if not predictions or len({p.shape for p in predictions}) != 1:
        raise ValueError(f"an ensemble needs predictions of one shape, got {[p.shape for p in predictions]}")
    return np.asarray(np.mean(predictions, axis=0))
