"""Where the named emotions lie on valence and arousal: the only source of the starter model's valence and arousal.

DERIVED, not annotated: no corpus with valence-arousal labels was at hand, so that each label stands for one place, and
a distribution over labels for the expected place.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from perception.emfacs import CIRCUMPLEX
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

#: The places of the expressions (perception.emfacs says from where); calm is "relaxed" in the same table.
PLACE: dict[str, tuple[float, float]] = {
    name: (0.68, -0.46) if name == "calm" else CIRCUMPLEX[EXPRESSION_OF[name]] for name in EMOTIONS
}

_PLACES = np.array([PLACE[name] for name in EMOTIONS])


def expected_place(emotion: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """(..., 8) probabilities over EMOTIONS -> (..., 2) expected valence and arousal, each in [-1, 1]."""
    return np.asarray(np.asarray(emotion, np.float64) @ _PLACES)
