"""Expressions, valence and arousal from action units: EMFACS prototypes, until and beside learned models.

Prototypes after Ekman & Friesen (EMFACS-7, 1984; Facial Action Coding System, investigator's guide):

    happiness 6+12    sadness 1+4+15    surprise 1+2+5B+26    fear 1+2+4+5+7+20+26
    anger 4+5+7+23    disgust 9 or 10, +15+16

Units 5, 9, 16 and 20 cannot be measured from this geometry and are left out: surprise is read as 1+2+26, fear as
1+2+4+7+26, anger as 4+7+23 (or 24), disgust as 10+15. What the table gains in openness it loses in sharpness.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from perception.cards import ModelCard
from perception.types import EXPRESSIONS, Face, Image

SOURCE = "geometry/emfacs"

#: Unit -> weight, weights of a row summing to 1. The units are the table above; the weights are ours.
PROTOTYPES: Mapping[str, Mapping[int, float]] = {
    "Happiness": {6: 0.3, 12: 0.7},
    "Sadness": {1: 0.35, 4: 0.25, 15: 0.4},
    "Surprise": {1: 0.3, 2: 0.3, 26: 0.4},
    "Fear": {1: 0.2, 2: 0.2, 4: 0.25, 7: 0.15, 26: 0.2},
    "Anger": {4: 0.5, 7: 0.2, 23: 0.15, 24: 0.15},
    "Disgust": {10: 0.65, 15: 0.35},
}
#: Units that speak against an expression because they belong to its opposite. Ours: EMFACS lists variants instead.
AGAINST: Mapping[str, tuple[int, ...]] = {
    "Happiness": (15, 4), "Sadness": (12, 26), "Surprise": (4, 12), "Fear": (12,), "Anger": (12, 1),
    "Disgust": (12, 26),
}  # fmt: skip
AGAINST_WEIGHT = 0.5
#: The softmax's sharpness, and the score that a neutral face sets against the others.
SHARPNESS = 12.0
NEUTRAL_SCORE = 0.3

#: Valence and arousal of the named emotions: pleasure and arousal in Russell & Mehrabian (1977), table of 151 terms;
#: Happiness is "joyful" there.
CIRCUMPLEX: Mapping[str, tuple[float, float]] = {
    "Neutral": (0.0, 0.0), "Anger": (-0.51, 0.59), "Disgust": (-0.60, 0.35), "Fear": (-0.64, 0.60),
    "Happiness": (0.76, 0.48), "Sadness": (-0.63, -0.27), "Surprise": (0.40, 0.67),
}  # fmt: skip


def expressions_from(aus: Mapping[int, float]) -> dict[str, float]:
    """Probabilities over EXPRESSIONS, summing to 1, from activations in [0, 1] of the twelve AUS."""
    scores = {"Neutral": NEUTRAL_SCORE}
    for name, units in PROTOTYPES.items():
        toward = sum(weight * aus[unit] for unit, weight in units.items())
        against = max(aus[unit] for unit in AGAINST[name])
        scores[name] = toward - AGAINST_WEIGHT * against
    powers = {name: math.exp(SHARPNESS * scores[name]) for name in EXPRESSIONS}
    total = sum(powers.values())
    return {name: power / total for name, power in powers.items()}


def valence_arousal_from(expressions: Mapping[str, float]) -> tuple[float, float]:
    """The expected place on the circumplex, each in [-1, 1]."""
    valence = sum(share * CIRCUMPLEX[name][0] for name, share in expressions.items())
    arousal = sum(share * CIRCUMPLEX[name][1] for name, share in expressions.items())
    return valence, arousal


def predict(image: Image, face: Face, aus: Mapping[int, float]) -> tuple[dict[str, float], float, float]:
    """(expressions, valence, arousal) of one face; this model looks at the action units only."""
    expressions = expressions_from(aus)
    return expressions, *valence_arousal_from(expressions)


def load_emfacs(card: ModelCard, path: Path | None) -> object:
    """What the card's `target` names: the predictor itself, for there is nothing to load."""
    return predict
