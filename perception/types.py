"""The values that flow through perception: Frame -> Face -> FaceTrack -> Affect -> EmotionalState.

Pure, frozen values without I/O. Pixels live only in `Frame` and never leave memory. Times are seconds on one monotonic
clock, pixels are in the original frame's coordinates, angles are degrees.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Landmarks = npt.NDArray[np.float32]

#: The twelve action units of the Facial Action Coding System that Aff-Wild2 annotates, in its column order.
AUS: tuple[int, ...] = (1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26)

#: The one canonical order of the basic expressions. A card maps its own label order to this one.
EXPRESSIONS: tuple[str, ...] = ("Neutral", "Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise")

#: What a frame can be refused for. "ok" is the only value under which features are used.
Quality = Literal["ok", "no_face", "several_faces", "too_dark", "too_far", "turned_away", "bad_frame"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture. `image` is (H, W, 3) uint8 RGB, 0-255; `t_s` seconds; invariant: checked on construction."""

    image: Image
    t_s: float
    index: int = 0

    def __post_init__(self) -> None:
        image = self.image
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            got = f"{getattr(image, 'dtype', type(image).__name__)} {getattr(image, 'shape', '')}"
            raise ValueError(f"a frame is an (H, W, 3) uint8 RGB array, got {got}; perception.video.as_rgb converts")
        if not np.isfinite(self.t_s):
            raise ValueError(f"a frame's time is a finite number of seconds, got {self.t_s}")


@dataclass(frozen=True, slots=True)
class Pose:
    """Head rotation in degrees. pitch > 0 looks down, yaw > 0 turns to the person's left, roll > 0 tilts clockwise."""

    pitch: float
    yaw: float
    roll: float


@dataclass(frozen=True, slots=True)
class Face:
    """One face in one frame. `box` is (x0, y0, x1, y1) px with x0 < x1, y0 < y1; `landmarks` is (478, 3) px
    (x, y, and relative depth on the scale of x); `score` is in [0, 1]."""

    box: tuple[float, float, float, float]
    score: float
    landmarks: Landmarks
    pose: Pose


@dataclass(frozen=True, slots=True)
class FaceTrack:
    """One person through time. `times_s` strictly increase, one per face; `track_id` is stable within a session."""

    track_id: int
    times_s: tuple[float, ...]
    faces: tuple[Face, ...]

    def __post_init__(self) -> None:
        increasing = all(a < b for a, b in zip(self.times_s, self.times_s[1:], strict=False))
        if len(self.times_s) != len(self.faces) or not increasing:
            raise ValueError("a track has one strictly later time for each face")


@dataclass(frozen=True, slots=True)
class Affect:
    """One reading of one face at one time. `aus` maps each of AUS to an activation in [0, 1] relative to the person's
    neutral; `expressions` maps each of EXPRESSIONS to a probability, summing to 1; valence and arousal are in [-1, 1];
    confidence is in [0, 1]; `source` names the model card that made it; `compound` maps compound expressions, where the
    model knows them, to probabilities that sum to 1."""

    t_s: float
    aus: Mapping[int, float]
    expressions: Mapping[str, float]
    valence: float
    arousal: float
    confidence: float
    source: str
    compound: Mapping[str, float] = field(default_factory=lambda: _NONE)


_NONE: Mapping[str, float] = MappingProxyType({})

#: What a state rests on.
Modality = Literal["face", "voice", "both", "none"]
#: A behaviour that differs from the usual by this much (spreads) is worth words.
NOTEWORTHY = 1.5
#: From here on it is clearly so.
CLEAR = 3.0


@dataclass(frozen=True, slots=True)
class Behaviours:
    """How much more of each behaviour the face shows than is usual for this person, in spreads of what is usual; 0 is
    as usual, or not known. Finite numbers. `valence` and `arousal` are the estimates', not behaviours one can see."""

    brow_raise: float = 0.0
    brow_lower: float = 0.0
    brow_oblique: float = 0.0  # the inner ends raised against the outer ones and drawn together
    smile: float = 0.0
    lip_press: float = 0.0
    mouth_open: float = 0.0
    lip_corner_down: float = 0.0
    eye_narrow: float = 0.0
    eyes_closed: float = 0.0  # for longer than a blink
    head_down: float = 0.0
    movement: float = 0.0
    blink_rate: float = 0.0
    valence: float = 0.0
    arousal: float = 0.0

    def __post_init__(self) -> None:
        for name, value in self.as_dict().items():
            if not math.isfinite(value):
                raise ValueError(f"a behaviour is a finite number of spreads, {name} is {value}")

    def as_dict(self) -> dict[str, float]:
        """Field -> value, in the order above."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class Observation:
    """What may be put into words about a face: how it behaved around `t_s` (seconds), how surely that was measured and
    which share of the window the face was seen, both in [0, 1]. `acquainted`: the usual is the person's own; else it is
    that of people in general."""

    t_s: float
    behaviours: Behaviours
    confidence: float
    coverage: float
    acquainted: bool = True


@dataclass(frozen=True, slots=True)
class EmotionalState:
    """What a window of seconds says about a person, or that it says nothing.

    `known` is False for `unknown()`: then `reason` says why and every number is empty or zero and means nothing.
    `coverage` is the share of the window in which the person was seen (or heard) well enough, in [0, 1].
    `confidence` in [0, 1]. `expressions` sums to 1 over EXPRESSIONS. `trend` is the change of valence per 10 s within
    the window. `change` says how the face behaves now against the usual; `acquainted`: the person's own usual is known,
    and not only that of people in general. `voice` holds prosody in named units. `modality` says what stands behind the
    state: of "voice" nothing may be said about a face. `held` is the observation that was last put into words and still
    stands (see `perception.held`); None where nobody holds one.
    """

    t0_s: float
    t1_s: float
    known: bool
    expressions: Mapping[str, float] = field(default_factory=lambda: _NONE)
    valence: float = 0.0
    arousal: float = 0.0
    confidence: float = 0.0
    coverage: float = 0.0
    trend: float = 0.0
    change: Behaviours = field(default_factory=Behaviours)
    voice: Mapping[str, float] = field(default_factory=lambda: _NONE)
    compound: Mapping[str, float] = field(default_factory=lambda: _NONE)
    source: str = ""
    reason: str = ""
    modality: Modality = "none"
    acquainted: bool = True
    held: Observation | None = None

    def __post_init__(self) -> None:
        if self.t1_s < self.t0_s:
            raise ValueError(f"a state's window ends at {self.t1_s} before it starts at {self.t0_s}")
        if self.known and self.expressions and abs(sum(self.expressions.values()) - 1.0) > 1e-3:
            raise ValueError("the expression probabilities of a known state sum to 1")
        if self.known and not (-1 <= self.valence <= 1 and -1 <= self.arousal <= 1):
            raise ValueError(f"valence and arousal lie in [-1, 1], got {self.valence}, {self.arousal}")

    @classmethod
    def unknown(cls, reason: str = "off", t_s: float = 0.0) -> EmotionalState:
        """Nothing is known: sensors off, too little seen, or too unsure. A normal value, never 'neutral'."""
        return cls(t0_s=t_s, t1_s=t_s, known=False, reason=reason)

    @property
    def observation(self) -> Observation:
        """What may be put into words: the held one, or the present where nobody holds one."""
        return self.held or Observation(self.t1_s, self.change, self.confidence, self.coverage, self.acquainted)

    @property
    def dominant(self) -> str | None:
        """The strongest expression's name, or None when unknown."""
        return max(self.expressions, key=self.expressions.__getitem__) if self.known and self.expressions else None
