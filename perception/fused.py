"""Face and voice together, live: what the Perceiver sees and hears goes into one LiveFusion, and `with_fusion` lays
what comes out over the plain state of perception.state.

    good frames' expressions, sound --> LiveFusion --at most ten times a second--> readings --with_fusion--> the state

The plain state is never worse off: without readings that are sure enough it is returned as it is, and a fusion that
breaks is switched off, logged with its traceback, and named in `FaceVoiceJoin.problem`.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from perception.emfacs import SOURCE as GEOMETRY
from perception.fusion.live import STEP_S, LiveFusion
from perception.fusion.live import WINDOW_S as FUSION_WINDOW_S
from perception.fusion.starter import OTHER, FusionReading
from perception.models import card_of, load
from perception.sound import one_channel
from perception.state import MIN_COVERAGE, MIN_SPAN_S, NOW_S, coverage
from perception.types import EXPRESSIONS, Affect, EmotionalState, Modality

log = logging.getLogger(__name__)

#: Bound on memory: readings of a minute, the longest window.
MAX_READINGS = 600
#: A time this much before the newest one (seconds) means that the clock has jumped back: everything starts over.
MAX_BACK_S = 2.0
#: A reading counts from this confidence on. There the voice's best guess is right more often than not: on training
#: speakers that a network had not heard .35 of guesses were right below, .54 just above, .92 from 0.7 on (LOG.md).
MIN_FUSED_CONFIDENCE = 0.35
#: With no face a reading counts from this many seconds of voiced speech within its four seconds: 19 of 20 of the clips
#: on which the voice model was measured (LOG.md) hold at least as much.
MIN_VOICED_S = 1.2


@dataclass(frozen=True, slots=True)
class TimedReading:
    """One reading of the fusion and when it was made (seconds)."""

    t_s: float
    reading: FusionReading

    @property
    def confidence(self) -> float:
        """The reading's own, less the share of "Other": faces that fit no one expression tell the state nothing."""
        return self.reading.confidence * (1.0 - float(self.reading.expression[OTHER]))


class FaceVoiceJoin:
    """The Perceiver's LiveFusion, loaded when first needed. `card` "" switches it off. `see`, `hear`, `readings` and
    `forget` are for one thread at a time (the Perceiver's lock); `start` is for any."""

    def __init__(self, card: str) -> None:
        if card:
            card_of(card)  # an unknown name is told at once
        self.card, self.problem = card, ""
        self._live: LiveFusion | None = None
        self._starting = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Start over: nothing that was seen or heard remains."""
        self._readings: deque[TimedReading] = deque(maxlen=MAX_READINGS)
        self._updated_s = self._newest_s = -np.inf
        self.first_sound_s: float | None = None
        if self._live is not None:
            self._live.forget()

    def start(self) -> None:
        """Load the models, once. Takes a moment: call it before the Perceiver's lock is taken."""
        with self._starting:
            if self.card and self._live is None and not self.problem:
                self._guarded(self._load)

    def _load(self) -> None:
        self._live = LiveFusion(load(self.card))

    def see(self, affect: Affect | None, t_s: float) -> None:
        """One frame: what was read in it, or None for a bad one.

        The fusion gets the expression network's calibrated probabilities of that frame, neither smoothed nor compared
        with the person's baseline: on those it was trained (train_starter.face_readings), and it averages over time
        itself. The geometry's rule scores are no such probabilities and are not passed on; where the geometry reads
        alone, the fusion hears and does not see.
        """
        if self._live is None:
            return
        learned = affect is not None and affect.source != GEOMETRY
        face = [affect.expressions[name] for name in EXPRESSIONS] if affect is not None and learned else None
        self._guarded(lambda live: live.see(face, t_s), t_s)

    def hear(self, sound: Any, sample_rate: float, t_s: float) -> None:
        """One chunk of sound that ended at `t_s`, as `sound.one_channel` takes it and after that has accepted it."""
        if self._live is None:
            return
        mono = one_channel(sound)
        if self.first_sound_s is None:
            self.first_sound_s = t_s - len(mono) / sample_rate
        newest = mono[-int((FUSION_WINDOW_S + 0.5) * sample_rate) :]
        self._guarded(lambda live: live.hear(newest, round(sample_rate), t_s), t_s)

    def readings(self) -> tuple[TimedReading, ...]:
        """What was read so far, oldest first."""
        return tuple(self._readings)

    def _guarded(self, work: Callable[..., None], t_s: float | None = None) -> None:
        """Do `work`, then update. Whatever breaks in there ends the fusion of this Perceiver, not the plain path."""
        try:
            if t_s is None:
                return work()
            if t_s < self._newest_s - MAX_BACK_S:
                self.forget()
            self._newest_s = max(self._newest_s, t_s)
            work(self._live)
            self._update()
        except Exception as error:  # ONNX Runtime's own share no base class; logged, and kept in `problem`
            self.problem = f"{type(error).__name__}: {error}"
            self.forget()
            self._live = None
            log.exception("%s cannot be used; the state goes on without it", self.card)

    def _update(self) -> None:
        if self._live is None or self._newest_s - self._updated_s < STEP_S - 1e-6:
            return
        self._updated_s = self._newest_s
        reading = self._live.update(self._newest_s)
        if reading.confidence > 0:
            self._readings.append(TimedReading(self._newest_s, reading))


def with_fusion(plain: EmotionalState, fused: FaceVoiceJoin, window_s: float) -> EmotionalState:
    """The state, from face and voice together where that is sure enough; otherwise `plain`.

    Where `plain` is known: expressions, valence and arousal are the mean of the last NOW_S' fused readings that saw the
    face, weighted by confidence; "Other" is left out of the seven and taken off the confidence. Confidence is theirs
    times the coverage, but never above the plain state's: that holds what the fusion cannot see (a turned head, a short
    acquaintance, a geometry that contradicts the network), and a voice makes nobody surer of a face. Behaviour, trend,
    coverage and compound stay the face's.

    Where it is unknown the voice alone may speak (see `_by_voice`), unless several people are in view: whose voice it
    is cannot be told then.
    """
    inside = [one for one in fused.readings() if plain.t1_s - window_s <= one.t_s <= plain.t1_s]
    if plain.known:
        seen = [one for one in inside if one.reading.faces and one.t_s >= max(plain.t0_s, plain.t1_s - NOW_S)]
        if not seen or _confidence(seen) < MIN_FUSED_CONFIDENCE:
            return plain
        heard = any(one.reading.voiced_s > 0 for one in seen)
        confidence = min(_confidence(seen) * plain.coverage, plain.confidence)
        source = f"{fused.card} (face{' and voice' if heard else ''})"
        modality: Modality = "both" if heard else "face"
        return replace(plain, **_mean(seen), confidence=confidence, source=source, modality=modality)
    if plain.reason == "several_faces":
        return plain
    return _by_voice(plain, fused, inside, window_s)


def _by_voice(
    plain: EmotionalState, fused: FaceVoiceJoin, inside: Sequence[TimedReading], window_s: float
) -> EmotionalState:
    """What the voice says where no face does: known after MIN_SPAN_S of listening, when readings without a face but
    with MIN_VOICED_S of voice cover MIN_COVERAGE of the window, surely enough. `coverage` is then theirs. Without a
    camera the reason says what the voice lacks; with one it stays the camera's."""
    start = max(plain.t1_s - window_s, plain.t1_s if fused.first_sound_s is None else fused.first_sound_s)
    heard = [one for one in inside if not one.reading.faces and one.reading.voiced_s >= MIN_VOICED_S]
    covered = coverage([one.t_s for one in heard if one.t_s >= start], start, plain.t1_s)
    enough = plain.t1_s - start >= MIN_SPAN_S and covered >= MIN_COVERAGE
    if enough and _confidence(heard) >= MIN_FUSED_CONFIDENCE:
        source = f"{fused.card} (voice alone)"
        return replace(
            plain, **_mean(heard), t0_s=start, known=True, reason="", source=source, modality="voice", coverage=covered,
            confidence=_confidence(heard) * covered,
        )  # fmt: skip
    if plain.reason != "off" or not plain.voice:
        return plain
    return replace(plain, reason="voice_broken" if fused.problem else "unsure_voice" if enough else "little_voice")


def _confidence(readings: Sequence[TimedReading]) -> float:
    return float(np.mean([one.confidence for one in readings]))


def _mean(readings: Sequence[TimedReading]) -> dict[str, Any]:
    """The seven expressions, valence and arousal, averaged by confidence."""
    weights = [one.confidence for one in readings]
    shares = np.average([one.reading.expression[:OTHER] for one in readings], axis=0, weights=weights)
    place = np.average([(one.reading.valence, one.reading.arousal) for one in readings], axis=0, weights=weights)
    valence, arousal = np.clip(place, -1.0, 1.0).tolist()
    expressions = dict(zip(EXPRESSIONS, (shares / shares.sum()).tolist(), strict=True))
    return {"expressions": expressions, "valence": valence, "arousal": arousal}
