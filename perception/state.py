"""A window of face samples -> EmotionalState. Pure functions: what they say depends on their arguments only.

This is the plain path and the reference: perception.fused lays what face and voice together say over its answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from perception.baseline import Vector
from perception.behaviours import behaviours_of
from perception.emfacs import valence_arousal_from
from perception.expression.live import agreement
from perception.neutral import NeutralFace
from perception.reader import Sample
from perception.types import EXPRESSIONS, Affect, Behaviours, EmotionalState

#: The window (seconds): long enough to outlast a word or a blink, short enough to be "now".
WINDOW_S = 10.0
#: Nothing is said before this much time has been seen (seconds).
MIN_SPAN_S = 3.0
#: Coverage is counted in bins of this length (seconds): a bin counts when it holds one good frame.
BIN_S = 0.5
#: The present (seconds): what a face shows is averaged over this much.
NOW_S = 1.5
#: Below these the answer is "unknown": half of the window unseen, or faces that were measured with much doubt.
MIN_COVERAGE = 0.5
MIN_CONFIDENCE = 0.25
#: The share of a reading that gives way to the geometry's when the two have nothing in common.
MOST_TEMPERED = 0.5
Reason = Literal[
    "off", "no_frames", "warming_up", "no_face", "several_faces", "too_dark", "too_far", "turned_away",
    "low_coverage", "low_confidence", "little_voice", "unsure_voice", "voice_broken",
]  # fmt: skip


def summarise(
    samples: Sequence[Sample],
    now_s: float,
    neutral: NeutralFace | None = None,
    voice: Mapping[str, float] | None = None,
    window_s: float = WINDOW_S,
) -> EmotionalState:
    """The state of the last `window_s` seconds before `now_s` (seconds), from samples in order of time.

    It is known when the person was seen well for MIN_SPAN_S, in at least MIN_COVERAGE of the window, with a mean
    confidence of MIN_CONFIDENCE; otherwise unknown, with the reason. The window starts no earlier than the first
    sample, so that a new session is not taken for an absence. Expressions, valence and arousal are those of the last
    NOW_S, so that they follow the face within two seconds; a network's are tempered by the geometry's where the two
    have little in common. `change` is all zero without a neutral. Voice is carried either way.
    """
    heard = dict(voice or {})
    if not samples:
        return _unknown("off", now_s, now_s, heard)
    start = max(now_s - window_s, samples[0].t_s)
    inside = [sample for sample in samples if start <= sample.t_s <= now_s]
    if not inside:
        return _unknown("no_frames", min(start, now_s), now_s, heard)
    good = [sample for sample in inside if sample.quality == "ok"]
    covered = coverage([sample.t_s for sample in good], start, now_s)
    if covered < MIN_COVERAGE:
        bad = Counter(sample.quality for sample in inside if sample.quality != "ok")
        mostly = bad.most_common(1)[0][0] if bad and sum(bad.values()) >= len(good) else "low_coverage"
        return _unknown(mostly, start, now_s, heard, covered)
    if now_s - start < MIN_SPAN_S:
        return _unknown("warming_up", start, now_s, heard, covered)
    if float(np.mean([sample.sureness for sample in good])) < MIN_CONFIDENCE:
        return _unknown("low_confidence", start, now_s, heard, covered)
    latest = [sample for sample in good if sample.t_s > good[-1].t_s - NOW_S]
    affects = [sample.affect for sample in latest if sample.affect is not None]
    weights = np.array([max(affect.confidence, 1e-3) for affect in affects])
    place = np.average([(affect.valence, affect.arousal) for affect in affects], axis=0, weights=weights)
    shares = np.average([[affect.expressions[name] for name in EXPRESSIONS] for affect in affects], axis=0,
                        weights=weights)  # fmt: skip
    times = np.array([sample.t_s for sample in good])
    valence = np.array([sample.affect.valence for sample in good if sample.affect is not None])
    state = EmotionalState(
        t0_s=start, t1_s=now_s, known=True,
        expressions=dict(zip(EXPRESSIONS, (shares / shares.sum()).tolist(), strict=True)),
        valence=float(place[0]), arousal=float(place[1]),
        confidence=float(weights.mean()) * covered, coverage=covered, trend=trend(times, valence),
        compound=_mean_compound(affects, weights), change=behaviours_of(good, neutral) if neutral else Behaviours(),
        voice=heard, source=affects[-1].source, modality="face", acquainted=neutral is not None and neutral.acquainted,
    )  # fmt: skip
    return tempered(state, latest)


def tempered(state: EmotionalState, latest: Sequence[Sample]) -> EmotionalState:
    """The state with its expressions, valence and arousal moved toward the geometry's where they contradict it: by half
    of what the two do not share. A network that sees surprise in a grimace without raised brows or an open mouth stays
    doubtful, for however long. Unchanged where the geometry made the reading itself."""
    rules = [sample.by_rule for sample in latest if sample.by_rule]
    if not rules or not state.known:
        return state
    by_rule = {name: float(np.mean([rule[name] for rule in rules])) for name in EXPRESSIONS}
    share = MOST_TEMPERED * (1.0 - agreement(state.expressions, by_rule))
    mixed = {name: (1 - share) * state.expressions[name] + share * by_rule[name] for name in EXPRESSIONS}
    valence, arousal = valence_arousal_from(by_rule)
    return replace(
        state, expressions=mixed, valence=(1 - share) * state.valence + share * valence,
        arousal=(1 - share) * state.arousal + share * arousal,
    )  # fmt: skip


def _mean_compound(affects: Sequence[Affect], weights: Vector) -> dict[str, float]:
    """Compound expressions over the window, weighted by confidence; empty where the model knows none."""
    if not all(affect.compound for affect in affects):
        return {}
    names = tuple(affects[0].compound)
    rows = np.array([[affect.compound[name] for name in names] for affect in affects])
    shares = np.average(rows, axis=0, weights=weights)
    return dict(zip(names, (shares / shares.sum()).tolist(), strict=True))


def _unknown(reason: str, start: float, end: float, voice: Mapping[str, float], covered: float = 0.0) -> EmotionalState:
    return EmotionalState(t0_s=start, t1_s=end, known=False, reason=reason, voice=voice, coverage=covered)


def coverage(times_s: Sequence[float], start_s: float, end_s: float) -> float:
    """The share of the window's BIN_S bins that hold one of the times of good readings, in [0, 1]."""
    bins = max(1, round((end_s - start_s) / BIN_S))
    filled = {min(bins - 1, int((t_s - start_s) / BIN_S)) for t_s in times_s}
    return len(filled) / bins


def trend(times_s: Vector, valence: Vector) -> float:
    """The least-squares change of valence per 10 s; 0 where the times span less than MIN_SPAN_S."""
    if len(times_s) < 3 or times_s[-1] - times_s[0] < MIN_SPAN_S:
        return 0.0
    centred = times_s - times_s.mean()
    return float((centred @ valence) / (centred @ centred) * 10.0)
