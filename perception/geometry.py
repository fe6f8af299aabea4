"""What the landmarks say about brows, eyes, cheeks and mouth, with head pose and size taken out.

All measures are read off the canonical view (`pose.to_canonical`), so that nodding, turning, tilting and stepping back
do not change them to first order. Unit: eye-corner distances, except `eye_open`, which is a ratio.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

#: The measures, in the order of every measure vector. "Height" grows upward in the face.
MEASURES: tuple[str, ...] = (
    "brow_inner",  # height of the inner brow over the eyes' inner corners
    "brow_outer",  # height of the outer brow over the eyes' outer corners
    "brow_gap",  # distance between the brows
    "eye_open",  # eye aspect ratio, mean of both eyes (Soukupova & Cech 2016)
    "lower_lid",  # height of the lower lids over the line of the eye corners (negative: below)
    "cheek",  # height of the cheeks under the eyes, from the same line
    "nose_wing",  # height of the nostrils' wings, from the same line
    "philtrum",  # distance from the nose's base to the top of the upper lip
    "mouth_width",  # distance between the lip corners
    "lip_corner",  # height of the lip corners over the top of the upper lip (negative: below)
    "mouth_open",  # distance between the inner lips
    "lip_thickness",  # height of the red of both lips
    "jaw_drop",  # distance from the nose's base to the chin
)
INDEX: dict[str, int] = {name: i for i, name in enumerate(MEASURES)}

# Landmark numbers of the MediaPipe mesh; "right" is the person's right, the left half of an unmirrored picture.
_BROW_INNER, _BROW_OUTER = (107, 55, 336, 285), (70, 63, 300, 293)
_EYE_INNER, _EYE_OUTER = (133, 362), (33, 263)
_EYE_CORNERS = _EYE_INNER + _EYE_OUTER
_LIDS = ((159, 145), (158, 153), (160, 144), (386, 374), (385, 380), (387, 373))  # upper, lower
_LOWER_LIDS = tuple(lower for _, lower in _LIDS)
_CHEEKS = (50, 101, 118, 280, 330, 347)
_NOSE_WINGS, _NOSE_BASE = (129, 358), (2,)
_LIP_TOP, _LIP_BOTTOM = (0, 37, 267), (17, 84, 314)
_INNER_UPPER, _INNER_LOWER = (13, 82, 312), (14, 87, 317)
_LIP_CORNERS, _CHIN = (61, 291), (152,)
_GROUPS = (
    _BROW_INNER, _BROW_OUTER, _EYE_CORNERS, _LIDS, _CHEEKS, _NOSE_WINGS, _NOSE_BASE, _LIP_TOP, _LIP_BOTTOM,
    _INNER_UPPER, _INNER_LOWER, _LIP_CORNERS, _CHIN,
)  # fmt: skip


def measure_reference(points: Vector) -> Vector:
    """The (13,) measures of (478, 3) canonical points, written out one by one. `measure` is the same, faster."""

    def height(indices: tuple[int, ...]) -> float:
        return -float(np.mean([points[i, 1] for i in indices]))

    eyes = height(_EYE_CORNERS)
    widths = [abs(points[33, 0] - points[133, 0]), abs(points[263, 0] - points[362, 0])]
    openings = [points[lower, 1] - points[upper, 1] for upper, lower in _LIDS]
    values = {
        "brow_inner": height(_BROW_INNER) - height(_EYE_INNER),
        "brow_outer": height(_BROW_OUTER) - height(_EYE_OUTER),
        "brow_gap": points[285, 0] - points[55, 0],
        "eye_open": float(np.mean(openings)) / max(float(np.mean(widths)), 1e-6),
        "lower_lid": height(_LOWER_LIDS) - eyes,
        "cheek": height(_CHEEKS) - eyes,
        "nose_wing": height(_NOSE_WINGS) - eyes,
        "philtrum": height(_NOSE_BASE) - height(_LIP_TOP),
        "mouth_width": points[291, 0] - points[61, 0],
        "lip_corner": height(_LIP_CORNERS) - height(_LIP_TOP),
        "mouth_open": height(_INNER_UPPER) - height(_INNER_LOWER),
        "lip_thickness": (height(_LIP_TOP) - height(_INNER_UPPER)) + (height(_INNER_LOWER) - height(_LIP_BOTTOM)),
        "jaw_drop": height(_NOSE_BASE) - height(_CHIN),
    }
    return np.array([values[name] for name in MEASURES])


def _linear() -> tuple[npt.NDArray[np.intp], Vector]:
    """The landmarks in use, and the matrix that takes their x and y to the measures plus the eyes' mean width."""
    used = sorted({int(i) for group in _GROUPS for i in np.ravel(group)})
    place = {int(landmark): column for column, landmark in enumerate(used)}
    n = len(used)
    matrix = np.zeros((len(MEASURES) + 1, 2 * n))

    def add_height(row: int, indices: tuple[int, ...], sign: float) -> None:
        for i in indices:
            matrix[row, n + place[i]] -= sign / len(indices)

    differences = {
        "brow_inner": (_BROW_INNER, _EYE_INNER), "brow_outer": (_BROW_OUTER, _EYE_OUTER),
        "eye_open": (tuple(upper for upper, _ in _LIDS), _LOWER_LIDS), "lower_lid": (_LOWER_LIDS, _EYE_CORNERS),
        "cheek": (_CHEEKS, _EYE_CORNERS), "nose_wing": (_NOSE_WINGS, _EYE_CORNERS),
        "philtrum": (_NOSE_BASE, _LIP_TOP), "lip_corner": (_LIP_CORNERS, _LIP_TOP),
        "mouth_open": (_INNER_UPPER, _INNER_LOWER), "jaw_drop": (_NOSE_BASE, _CHIN),
    }  # fmt: skip
    for name, (upper, lower) in differences.items():
        add_height(INDEX[name], upper, 1.0)
        add_height(INDEX[name], lower, -1.0)
    for indices, sign in ((_LIP_TOP, 1.0), (_INNER_UPPER, -1.0), (_INNER_LOWER, 1.0), (_LIP_BOTTOM, -1.0)):
        add_height(INDEX["lip_thickness"], indices, sign)
    for row, right, left, weight in (
        (INDEX["brow_gap"], 55, 285, 1.0), (INDEX["mouth_width"], 61, 291, 1.0),
        (-1, 33, 133, 0.5), (-1, 362, 263, 0.5),
    ):  # fmt: skip
        matrix[row, place[left]] += weight
        matrix[row, place[right]] -= weight
    return np.array(used, dtype=np.intp), matrix


_USED, _MATRIX = _linear()


def measure(points: Vector) -> Vector:
    """The (13,) MEASURES of (478, 3) canonical points: one matrix product."""
    row: Vector = _MATRIX @ points[_USED, :2].T.ravel()
    values = row[:-1]
    values[INDEX["eye_open"]] /= max(float(row[-1]), 1e-6)
    return values
