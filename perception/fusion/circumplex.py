"""Where the named emotions lie on valence and arousal: the only source of the starter model's valence and arousal.

DERIVED, not annotated: no corpus with valence-arousal labels was at hand, so that each label stands for one place, and
a distribution over labels for the expected place.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from perception.types import EXPRESSIONS

#: The speech corpus' classes, in its own order (RAVDESS).
EMOTIONS: tuple[str, ...] = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")

#: The face's classes of the fusion model: the seven basic ones, and one for what fits none of them.
FUSED_EXPRESSIONS: tuple[str, ...] = (*EXPRESSIONS, "Other")

#: Which expression goes with which emotion of the voice. Calm has no face of its own.
EXPRESSION_OF: dict[str, str] = {
    "neutral": "Neutral", "calm": "Neutral", "happy": "Happiness", "sad": "Sadness", "angry": "Anger",
    "fearful": "Fear", "disgust": "Disgust", "surprised": "Surprise",
}  # fmt: skip

#: Pleasure and arousal in the table of 151 terms of Russell & Mehrabian (1977); "relaxed" stands for calm.
PLACE: dict[str, tuple[float, float]] = {
    "neutral": (0.0, 0.0), "calm": (0.68, -0.46), "happy": (0.76, 0.48), "sad": (-0.63, -0.27),
    "angry": (-0.51, 0.59), "fearful": (-0.64, 0.60), "disgust": (-0.60, 0.35), "surprised": (0.40, 0.67),
}  # fmt: skip

_PLACES = np.array([PLACE[name] for name in EMOTIONS])


def expected_place(emotion: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """(..., 8) probabilities over EMOTIONS -> (..., 2) expected valence and arousal, each in [-1, 1]."""
    return np.asarray(np.asarray(emotion, np.float64) @ _PLACES)
