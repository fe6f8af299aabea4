"""Action units (FACS, Ekman & Friesen 1978) from geometry: how far each measure is from the person's own neutral.

A landmark mesh shows movement, not muscles: units that show mainly in skin texture (6, 7, 23) are proxies here. Units
5, 9, 16 and 20 are not measured at all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from perception.geometry import INDEX, MEASURES, Vector
from perception.types import AUS

#: Centre and spread (1.4826 MAD) of MEASURES over 596 near-frontal faces labelled neutral in
#: muxspace/facial_expressions (Apache-2.0): what a stranger's neutral face is taken to be.
PRIOR_CENTRE = np.array(
    [0.207, 0.193, 0.283, 0.277, -0.026, -0.283, -0.405, 0.182, 0.547, -0.109, 0.032, 0.162, 0.746]
)  # fmt: skip
PRIOR_SPREAD = np.array([0.032, 0.029, 0.024, 0.055, 0.007, 0.016, 0.024, 0.032, 0.049, 0.033, 0.047, 0.035, 0.042])

#: The lip corners' natural fall under the upper lip for each unit of mouth opening (surprised faces of the same set).
CORNER_FALL = 0.35

#: For each unit: (measure, weight, change from neutral that counts as full, in the measure's unit). The full changes
#: are about the 95th percentile of the change seen on web photos of happy, surprised and angry faces; the weights are
#: ours. They were read off muxspace and FER2013's PublicTest, so neither is an untouched test of these rules.
RULES: Mapping[int, tuple[tuple[str, float, float], ...]] = {
    1: (("brow_inner", 1.0, 0.10),),
    2: (("brow_outer", 1.0, 0.09),),
    4: (("brow_inner", 0.6, -0.06), ("brow_gap", 0.4, -0.04)),
    6: (("cheek", 0.6, 0.05), ("lower_lid", 0.4, 0.02)),
    7: (("eye_open", 0.6, -0.15), ("lower_lid", 0.4, 0.025)),
    10: (("philtrum", 0.6, -0.07), ("nose_wing", 0.4, 0.06), ("mouth_width", 0.6, -0.20)),
    12: (("mouth_width", 0.6, 0.20), ("lip_corner", 0.4, 0.08)),
    15: (("lip_corner", 1.0, -0.06),),
    23: (("lip_thickness", 0.5, -0.06), ("mouth_width", 0.5, -0.10)),
    24: (("lip_thickness", 1.0, -0.06), ("mouth_open", 0.5, -0.04)),
    25: (("mouth_open", 1.0, 0.08),),
    26: (("jaw_drop", 0.5, 0.14), ("mouth_open", 0.5, 0.25)),
}

#: Evidence below this is noise; wider where the person's (or the population's) spread is wide, up to the maximum.
DEAD_ZONE, DEAD_ZONE_SPREADS, DEAD_ZONE_MAX = 0.15, 1.0, 0.5
#: Eyes open less than this share of neutral are closed (a blink, AU 43/45): then units of the lids are not read.
CLOSED_SHARE = 0.5

_WEIGHTS = np.zeros((len(AUS), len(MEASURES)))
for _row, _au in enumerate(AUS):
    for _name, _weight, _full in RULES[_au]:
        _WEIGHTS[_row, INDEX[_name]] += _weight / _full
_EYE, _LID, _CORNER, _OPEN = (INDEX[name] for name in ("eye_open", "lower_lid", "lip_corner", "mouth_open"))


def eyes_closed(measures: Vector, centre: Vector) -> bool:
    """Whether the eyes are closed against the neutral `centre`."""
    return bool(measures[_EYE] < CLOSED_SHARE * centre[_EYE])


def activations(measures: Vector, centre: Vector, spread: Vector) -> Vector:
    """The (12,) activations in [0, 1], in the order of AUS, of (13,) measures against a neutral centre and spread."""
    change = measures - centre
    change[_CORNER] += CORNER_FALL * max(change[_OPEN], 0.0)
    if eyes_closed(measures, centre):
        change[[_EYE, _LID]] = 0.0
    evidence = _WEIGHTS @ change
    noise = np.sqrt((_WEIGHTS**2) @ (spread**2))
    dead = np.clip(DEAD_ZONE_SPREADS * noise, DEAD_ZONE, DEAD_ZONE_MAX)
    active: Vector = np.clip((evidence - dead) / (1.0 - dead), 0.0, 1.0)
    return active


def activations_reference(measures: Vector, centre: Vector, spread: Vector) -> dict[int, float]:
    """The same as `activations`, unit by unit, as one would write it in a paper."""
    closed = eyes_closed(measures, centre)
    opened = max(float(measures[_OPEN] - centre[_OPEN]), 0.0)
    result: dict[int, float] = {}
    for au in AUS:
        evidence = variance = 0.0
        for name, weight, full in RULES[au]:
            i = INDEX[name]
            change = float(measures[i] - centre[i])
            if name == "lip_corner":
                change += CORNER_FALL * opened
            if closed and name in ("eye_open", "lower_lid"):
                change = 0.0
            evidence += weight * change / full
            variance += (weight * float(spread[i]) / full) ** 2
        dead = min(max(DEAD_ZONE, DEAD_ZONE_SPREADS * math.sqrt(variance)), DEAD_ZONE_MAX)
        result[au] = min(1.0, max(0.0, (evidence - dead) / (1.0 - dead)))
    return result
