"""The challenges' metrics, in numpy, for whole sets at once.

They equal audmetric (CCC), scikit-learn (F1) and scipy (Pearson) also where a value is undefined: CCC and Pearson of a
constant are NaN, the F1 of a class that neither side holds is 0. A NaN is returned, never replaced: an undefined score
is not a zero.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from perception.types import AUS

Array = npt.NDArray[np.float64]

REACTIONS = ("Adoration", "Amusement", "Anxiety", "Disgust", "Empathic-Pain", "Fear", "Surprise")


def _pair(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> tuple[Array, Array]:
    t, p = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
    if t.shape != p.shape:
        raise ValueError(f"truth and prediction have different shapes, {t.shape} and {p.shape}")
    return t, p


def concordance(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Lin's concordance correlation coefficient (Lin 1989) over all values pooled, in [-1, 1].

    NaN for fewer than two values, or where both sides are the same constant.
    """
    t, p = _pair(truth, predicted)
    t, p = t.ravel(), p.ravel()
    if len(t) < 2:
        return float("nan")
    a, b, gap = p - p.mean(), t - t.mean(), p.mean() - t.mean()
    denominator = float(a @ a + b @ b + len(t) * gap**2)
    return float(2 * (a @ b) / denominator) if denominator != 0 else float("nan")


def pearson(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Pearson's correlation of two vectors of at least two values; NaN where one of them is constant."""
    t, p = _pair(truth, predicted)
    if t.ndim != 1 or len(t) < 2:
        raise ValueError(f"Pearson's correlation needs two vectors of at least two values, got shape {t.shape}")
    if (t == t[0]).all() or (p == p[0]).all():
        return float("nan")
    a, b = t - t.mean(), p - p.mean()
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    return float(np.clip(a @ b, -1.0, 1.0))


def f1_binary(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """F1 of the class 1 in two vectors of 0 and 1; 0 where neither side holds a 1."""
    t, p = _pair(truth, predicted)
    hit = float(((t == 1) & (p == 1)).sum())
    total = float((t == 1).sum() + (p == 1).sum())
    return 2 * hit / total if total else 0.0


def macro_f1(truth: npt.ArrayLike, predicted: npt.ArrayLike, classes: int = 8) -> float:
    """The plain mean of the F1 of classes 0 .. classes - 1, also of classes that do not occur (their F1 is 0)."""
    t, p = _pair(truth, predicted)
    return float(np.mean([f1_binary(t == k, p == k) for k in range(classes)]))


def au_f1(truth: npt.ArrayLike, probability: npt.ArrayLike, threshold: float = 0.5) -> float:
    """The mean over the action units (columns) of the binary F1 at `threshold`; arguments are (frames, units)."""
    t, p = _pair(truth, probability)
    return float(np.mean([f1_binary(t[:, k], p[:, k] > threshold) for k in range(t.shape[1])]))


def va_score(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> Mapping[str, float]:
    """CCC of valence and of arousal over all frames pooled, and `score`, their mean; arguments are (frames, 2)."""
    t, p = _pair(truth, predicted)
    v, a = concordance(t[:, 0], p[:, 0]), concordance(t[:, 1], p[:, 1])
    return {"valence": v, "arousal": a, "score": (v + a) / 2}


def expr_score(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> Mapping[str, float]:
    """`score`, the macro F1 over the eight expressions of Aff-Wild2; labels as integers."""
    return {"score": macro_f1(truth, predicted, 8)}


def au_score(truth: npt.ArrayLike, probability: npt.ArrayLike) -> Mapping[str, float]:
    """The F1 of each of the twelve action units, and `score`, their mean; arguments are (frames, 12)."""
    t, p = _pair(truth, probability)
    each = {f"AU{au}": f1_binary(t[:, k], p[:, k] > 0.5) for k, au in enumerate(AUS)}
    return {**each, "score": float(np.mean(list(each.values())))}


def eri_score(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> Mapping[str, float]:
    """Pearson's correlation for each of the seven reactions over all clips, and `score`, their mean; (clips, 7)."""
    t, p = _pair(truth, predicted)
    each = {name: pearson(t[:, k], p[:, k]) for k, name in enumerate(REACTIONS)}
    return {**each, "score": float(np.mean(list(each.values())))}


def mtl_score(va: Mapping[str, float], expr: Mapping[str, float], au: Mapping[str, float]) -> float:
    """P of the multi-task challenge: mean CCC of valence and arousal + macro F1 of 8 expressions + mean F1 of 12 AUs.

    (Task definition of ABAW7; the exact formula is from memory and agrees with published code.)
    """
    return va["score"] + expr["score"] + au["score"]
