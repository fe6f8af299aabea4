"""One frame's face -> expressions, cut and turned to look like the faces that the networks were trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from perception.expression.labels import COMPOUNDS
from perception.expression.predictor import Predictor
from perception.models import DEFAULT_EXPRESSION, load
from perception.types import EXPRESSIONS, Face, Image, Landmarks

#: Where FER2013's crops have the face, measured with the mesh on 380 training pictures (medians; 150 LFW crops of
#: another detector agree within 0.01): the middle of the eyes' corners, and two lengths as shares of the side.
EYES_AT = (0.5, 0.395)
EYES_APART = 0.52  # outer corner to outer corner
EYES_TO_MOUTH = 0.39
#: Corners of the eyes and of the mouth in the 478-point mesh.
EYE_CORNERS, OUTER_CORNERS, MOUTH_CORNERS = (33, 133, 362, 263), (33, 263), (61, 291)
#: Sides (px) of the crop: the smallest that does not skip pixels of the frame is taken.
SIDES_PX = (48, 96, 192)


def face_crop(image: Image, landmarks: Landmarks) -> Image:
    """The upright square crop of one face, as FER2013's.

    `image` (H, W, 3) uint8 RGB, `landmarks` (478, 3) px of the mesh. The head's roll is turned away; the side follows
    the distance of the eyes, or of eyes and mouth where a turned head shortens the first. What lies outside of the
    picture repeats its border. Raises ValueError for landmarks that are not finite or lie in one place.
    """
    points = np.asarray(landmarks, dtype=np.float64)[:, :2]
    if not np.isfinite(points).all():
        raise ValueError("the landmarks are not finite")
    eyes = points[list(EYE_CORNERS)].mean(axis=0)
    across = points[OUTER_CORNERS[1]] - points[OUTER_CORNERS[0]]
    down = points[list(MOUTH_CORNERS)].mean(axis=0) - eyes
    side = max(float(np.hypot(*across)) / EYES_APART, float(np.hypot(*down)) / EYES_TO_MOUTH)
    if side < 2.0:
        raise ValueError(f"the landmarks lie within {side:.1f} px: no face")
    roll = float(np.arctan2(across[1], across[0]))
    out = next((s for s in SIDES_PX if side < 2 * s), SIDES_PX[-1])
    # Frame px of crop px: rotate by the roll, scale by side / out, with the eyes where FER2013 has them.
    step = side / out
    turn = step * np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    shift = eyes - turn @ (np.array(EYES_AT) * out)
    crop = cv2.warpAffine(
        image, np.hstack([turn, shift[:, None]]), (out, out), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return np.asarray(crop, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one face shows: `basic` over EXPRESSIONS and `compound` over COMPOUNDS each sum to 1; `valence`, `arousal`
    in [-1, 1], derived where `derived`."""

    basic: Mapping[str, float]
    compound: Mapping[str, float]
    valence: float
    arousal: float
    derived: bool
    source: str


class LiveExpressions:
    """Reads the face of each frame. Thread-safe, keeps nothing of what it sees. Smoothing over time and comparison with
    the person's own baseline are the business of the state and the baseline."""

    def __init__(self, model: str | Predictor = DEFAULT_EXPRESSION) -> None:
        self._predictor: Predictor = load(model) if isinstance(model, str) else model
        if not isinstance(self._predictor, Predictor):
            raise ValueError(f"{model} reads no expressions; choose geometry/emfacs, an expression/ card or PATH.onnx")

    @property
    def side_px(self) -> int:
        """The side of the crops that the network is given."""
        return self._predictor.how.side

    def read(self, image: Image, face: Face, crop: Image | None = None) -> Reading:
        """One face of an (H, W, 3) uint8 RGB frame, its landmarks in the frame's px; `crop` is its `face_crop` where
        that was cut already."""
        found = self._predictor.predict([face_crop(image, face.landmarks) if crop is None else crop])
        return Reading(
            dict(zip(EXPRESSIONS, found.basic[0].tolist(), strict=True)),
            dict(zip(COMPOUNDS, found.compound[0].tolist(), strict=True)),
            float(found.valence[0]), float(found.arousal[0]), found.derived, self._predictor.name,
        )  # fmt: skip


def agreement(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """How much two readings of the same face overlap, in [0, 1]: one minus half the sum of absolute differences.

    The confidence in a learned reading is lowered where the geometry's overlaps little with it.
    """
    return 1.0 - 0.5 * sum(abs(one[name] - other[name]) for name in EXPRESSIONS)
