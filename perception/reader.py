"""One person's face, read against what is usual for that person: Face -> Sample."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from perception.action_units import PRIOR_CENTRE, PRIOR_SPREAD, activations
from perception.baseline import Vector
from perception.emfacs import SOURCE, expressions_from, valence_arousal_from
from perception.expression.live import LiveExpressions, Reading, agreement
from perception.expression.predictor import load_custom
from perception.geometry import MEASURES, measure
from perception.neutral import NeutralFace
from perception.pose import fit_head, to_canonical
from perception.quality import MAX_PITCH_DEG, MAX_YAW_DEG
from perception.types import AUS, Affect, Face, Image, Quality

#: (stage name, milliseconds): called after each stage, for the bench.
StageHook = Callable[[str, float], None]

#: What a person's baseline is kept of: the measures, head pitch (degrees), head movement (degrees/s), valence, arousal.
SIGNALS: tuple[str, ...] = (*MEASURES, "pitch", "movement", "valence", "arousal")
EYE_OPEN = SIGNALS.index("eye_open")
#: Priors of the four signals after the measures: their centre, and a spread of about what a calm minute at a desk
#: shows.
_OTHER_CENTRE, _OTHER_SPREAD = (5.0, 8.0, 0.0, 0.1), (6.0, 6.0, 0.15, 0.12)
#: A moment is calm when its expression reading says so: so much Neutral, and so many times any other expression ...
CALM_NEUTRAL, CALM_LEAD = 0.42, 1.5
#: ... and when no unit is more active than this against the person's own neutral, once that is known.
STRONG = 0.5
#: Eyes are closed below this share of the neutral opening; of a stranger's below the second: narrow eyes are open.
CLOSED_SHARE, STRANGER_CLOSED_SHARE = 0.5, 0.3
#: The share of confidence that is left when the neutral is a stranger's (the population prior).
PRIOR_CONFIDENCE = 0.6
#: All of it is there from this share of own neutral on.
FAMILIAR = 0.6
#: The share of confidence that is left at the limits of head rotation.
TURNED_CONFIDENCE = 0.5
#: The share of a learned reading's confidence that is left when the geometry says something else altogether.
CONTRADICTED_CONFIDENCE = 0.5
#: A learned model reads a face this often (seconds); in between its last reading stands. It costs as much as the mesh.
LOOK_EVERY_S = 0.1
#: Movement is read between frames no further apart than this (seconds).
MAX_STEP_S = 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """What is kept of one frame: numbers, never pixels. `signals` is (17,) in the order of SIGNALS, or None where the
    quality is not "ok"; `affect` likewise. `sureness` in [0, 1] says how surely the face was measured, whatever it was
    read as. `by_rule` holds the geometry's own expression shares, where a network made the reading."""

    t_s: float
    quality: Quality
    signals: Vector | None = None
    affect: Affect | None = None
    closed: bool = False
    sureness: float = 1.0
    by_rule: Mapping[str, float] = field(default_factory=dict)


@cache
def learned(model: str) -> LiveExpressions | None:
    """The network that reads expressions: a card's name or PATH.onnx; None for the geometry alone. One instance a
    process, like models.load: it keeps nothing of whom it reads.

    Raises KeyError that lists the cards, FileNotFoundError or ValueError for a file that cannot be used.
    """
    if model == SOURCE:
        return None
    return LiveExpressions(load_custom(model) if model.endswith(".onnx") else model)


class FaceReader:
    """Reads one person. Holds their neutral and the last pose; not thread-safe."""

    def __init__(
        self, model: str = "geometry/emfacs", on_stage: StageHook | None = None, look_every_s: float = LOOK_EVERY_S
    ) -> None:
        self._learned, self._look_every_s = learned(model), look_every_s
        self._looked_s, self._look = -math.inf, Reading({}, {}, 0.0, 0.0, True, "")
        self._on_stage = on_stage
        self._last: tuple[float, float, float, float] | None = None
        self.neutral = NeutralFace(
            np.concatenate([PRIOR_CENTRE, _OTHER_CENTRE]), np.concatenate([PRIOR_SPREAD, _OTHER_SPREAD])
        )

    def read(self, image: Image, face: Face, t_s: float, crop: Image | None = None) -> Sample:
        """One face of good quality at `t_s` seconds -> its sample; the neutral learns from it if it is calm. `crop` is
        the face's `face_crop` where that was cut already."""
        start = time.perf_counter()
        measures = measure(to_canonical(face.landmarks, fit_head(face.landmarks)))
        start = self._stage("geometry", start)
        n = len(MEASURES)
        centre, spread = self.neutral.centre[:n], self.neutral.spread[:n]
        active = activations(measures, centre, spread)
        aus = dict(zip(AUS, active.tolist(), strict=True))
        start = self._stage("action units", start)
        by_rule = expressions_from(aus)
        look = self._look_at(image, face, by_rule, t_s, crop)
        start = self._stage("expression", start)
        share = CLOSED_SHARE if self.neutral.acquainted else STRANGER_CLOSED_SHARE
        closed = bool(measures[EYE_OPEN] < share * centre[EYE_OPEN])
        signals = np.array([*measures, face.pose.pitch, self._movement(face, t_s), look.valence, look.arousal])
        if not closed:  # a blink is neither neutral nor an expression
            self.neutral.update(t_s, signals, calm=self._is_calm(active, look.basic))
        sureness = self._sureness(face)
        agreed = 1.0 if self._learned is None else agreement(look.basic, by_rule)
        confidence = sureness * (CONTRADICTED_CONFIDENCE + (1 - CONTRADICTED_CONFIDENCE) * agreed)
        affect = Affect(t_s, aus, look.basic, look.valence, look.arousal, confidence, look.source, look.compound)
        self._stage("neutral", start)
        return Sample(t_s, "ok", signals, affect, closed, sureness, {} if self._learned is None else by_rule)

    def _is_calm(self, active: Vector, expressions: Mapping[str, float]) -> bool:
        """Whether the neutral may learn from this moment. Against a stranger's neutral the expression reading decides
        alone: naturally low brows are no frown, and somebody who arrives laughing or crying is not calm."""
        if self.neutral.acquainted and active.max() > STRONG:
            return False
        other = max(share for name, share in expressions.items() if name != "Neutral")
        return expressions["Neutral"] >= max(CALM_NEUTRAL, CALM_LEAD * other)

    def _look_at(
        self, image: Image, face: Face, by_rule: Mapping[str, float], t_s: float, crop: Image | None
    ) -> Reading:
        """The reading of this face."""
        if self._learned is None:
            return Reading(by_rule, {}, *valence_arousal_from(by_rule), derived=True, source=SOURCE)
        if not 0 <= t_s - self._looked_s < self._look_every_s:
            self._look, self._looked_s = self._learned.read(image, face, crop), t_s
        return self._look

    def _sureness(self, face: Face) -> float:
        known = PRIOR_CONFIDENCE + (1 - PRIOR_CONFIDENCE) * min(1.0, self.neutral.weight / FAMILIAR)
        turned = max(abs(face.pose.yaw) / MAX_YAW_DEG, abs(face.pose.pitch) / MAX_PITCH_DEG)
        return face.score * known * (1 - (1 - TURNED_CONFIDENCE) * min(1.0, turned))

    def _movement(self, face: Face, t_s: float) -> float:
        """Head rotation since the last frame in degrees/s; the usual where there was none lately."""
        now = (t_s, face.pose.pitch, face.pose.yaw, face.pose.roll)
        last, self._last = self._last, now
        if last is None or not 0 < t_s - last[0] <= MAX_STEP_S:
            return float(self.neutral.centre[SIGNALS.index("movement")])
        return math.dist(now[1:], last[1:]) / (t_s - last[0])

    def _stage(self, name: str, start: float) -> float:
        now = time.perf_counter()
        if self._on_stage:
            self._on_stage(name, (now - start) * 1e3)
        return now
