"""Every label order in one place, and what follows from the seven basic expressions without further training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from perception.emfacs import CIRCUMPLEX
from perception.types import EXPRESSIONS

Probabilities = npt.NDArray[np.float32]

#: The seven compound expressions of C-EXPR-DB in the challenge's order, each with its two basic constituents.
COMPOUND_OF: Mapping[str, tuple[str, str]] = {
    "Fearfully Surprised": ("Fear", "Surprise"),
    "Happily Surprised": ("Happiness", "Surprise"),
    "Sadly Surprised": ("Sadness", "Surprise"),
    "Disgustedly Surprised": ("Disgust", "Surprise"),
    "Angrily Surprised": ("Anger", "Surprise"),
    "Sadly Fearful": ("Sadness", "Fear"),
    "Sadly Angry": ("Sadness", "Anger"),
}
COMPOUNDS: tuple[str, ...] = tuple(COMPOUND_OF)

#: Label in the data set's own files -> our name. A label that is not here is not used; the readers count such rows.
LABEL_MAPS: Mapping[str, Mapping[str, str]] = {
    "rafdb-basic": {
        "1": "Surprise", "2": "Fear", "3": "Disgust", "4": "Happiness", "5": "Sadness", "6": "Anger", "7": "Neutral",
    },
    # 2 Happily Disgusted, 6 Sadly Disgusted, 7 Fearfully Angry and 10 Angrily Disgusted have no place in C-EXPR-DB.
    "rafdb-compound": {
        "1": "Happily Surprised", "3": "Sadly Fearful", "4": "Sadly Angry", "5": "Sadly Surprised",
        "8": "Fearfully Surprised", "9": "Angrily Surprised", "11": "Disgustedly Surprised",
    },
    # 7 is contempt; 8 none, 9 uncertain and 10 no face occur in the manually annotated list.
    "affectnet": {
        "0": "Neutral", "1": "Happiness", "2": "Sadness", "3": "Surprise", "4": "Fear", "5": "Disgust", "6": "Anger",
    },
    "folders": {
        "neutral": "Neutral", "anger": "Anger", "angry": "Anger", "disgust": "Disgust", "disgusted": "Disgust",
        "fear": "Fear", "fearful": "Fear", "happiness": "Happiness", "happy": "Happiness", "sadness": "Sadness",
        "sad": "Sadness", "surprise": "Surprise", "surprised": "Surprise",
    },
    # The "emotion" column of the challenge's own fer2013.csv.
    "fer2013-csv": {
        "0": "Anger", "1": "Disgust", "2": "Fear", "3": "Happiness", "4": "Sadness", "5": "Surprise", "6": "Neutral",
    },
}  # fmt: skip

_RULE = np.array([[0.5 * (name in pair) for name in EXPRESSIONS] for pair in COMPOUND_OF.values()], dtype=np.float32)
_PLACES = np.array([CIRCUMPLEX[name] for name in EXPRESSIONS], dtype=np.float32)


def compound_from(basic: Probabilities) -> Probabilities:
    """Zero-shot compound probabilities (N, 7) in COMPOUNDS order from basic ones (N, 7) in EXPRESSIONS order.

    The rule of the CER paper's code (arXiv 2407.12257): a compound scores the mean of its two constituents. The scores
    are normalised to sum to 1, so the share of Neutral cancels. Where a face shows no constituent at all every
    compound gets 1/7.
    """
    scores = basic @ _RULE.T + np.float32(1e-7)
    return np.asarray(scores / scores.sum(axis=1, keepdims=True), dtype=np.float32)


def circumplex_from(basic: Probabilities) -> tuple[Probabilities, Probabilities]:
    """Valence and arousal (N,) each in [-1, 1]: the expected place on the circumplex. Derived, not measured."""
    places = basic @ _PLACES
    return places[:, 0].astype(np.float32), places[:, 1].astype(np.float32)
