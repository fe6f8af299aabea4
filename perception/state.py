"""A window of face samples -> EmotionalState. Pure functions: what they say depends on their arguments only.

This is the plain path and the reference: perception.fused lays what face and voice together say over its answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

import numpy as np

from perception.baseline import RunningBaseline, Vector
from perception.reader import SIGNALS, Sample
from perception.types import EXPRESSIONS, Affect, EmotionalState

#: The window (seconds): long enough to outlast a word or a blink, short enough to be "now".
WINDOW_S = 10.0
#: Nothing is said before this much time has been seen (seconds).
MIN_SPAN_S = 3.0
#: Coverage is counted in bins of this length (seconds): a bin counts when it holds one good frame.
BIN_S = 0.5
#: Below these the answer is "unknown": half of the window unseen, or readings that are mostly doubt.
MIN_COVERAGE = 0.5
MIN_CONFIDENCE = 0.35
#: Differences from the baseline are cut here: beyond ten spreads the number says nothing more.
MAX_CHANGE = 10.0
#: The usual number of blinks a minute and its spread at a screen (Bentivoglio et al. 1997: about 17 at rest, fewer when
#: reading); a ten-second count is coarse, hence the wide spread.
BLINKS_PER_MIN = 15.0
BLINKS_SPREAD = 12.0
#: A face-based state's behaviours: name -> ((signal, sign), ...), averaged; 0 is as usual for this person.
BEHAVIOURS: Mapping[str, tuple[tuple[str, float], ...]] = {
    "brow_raise": (("brow_inner", 1.0), ("brow_outer", 1.0)),
    "brow_lower": (("brow_inner", -1.0), ("brow_gap", -1.0)),
    "smile": (("mouth_width", 1.0), ("lip_corner", 1.0)),
    "lip_press": (("lip_thickness", -1.0),),
    "mouth_open": (("mouth_open", 1.0),),
    "lip_corner_down": (("lip_corner", -1.0),),
    "eye_narrow": (("eye_open", -1.0),),
    "head_down": (("pitch", 1.0),),
    "valence": (("valence", 1.0),),
    "arousal": (("arousal", 1.0),),
    "movement": (("movement", 1.0),),
}
Reason = Literal[
    "off", "no_frames", "warming_up", "no_face", "several_faces", "too_dark", "too_far", "turned_away",
    "low_coverage", "low_confidence", "little_voice", "unsure_voice", "voice_broken",
]  # fmt: skip


def summarise(
    samples: Sequence[Sample],
    now_s: float,
    baseline: RunningBaseline | None = None,
    voice: Mapping[str, float] | None = None,
    window_s: float = WINDOW_S,
) -> EmotionalState:
    """The state of the last `window_s` seconds before `now_s` (seconds), from samples in order of time.

    It is known when the person was seen well for MIN_SPAN_S, in at least MIN_COVERAGE of the window, with a mean
    confidence of MIN_CONFIDENCE; otherwise unknown, with the reason. The window starts no earlier than the first
    sample, so that a new session is not taken for an absence. `change` is empty until the baseline has formed. Voice is
    carried either way.
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
    affects = [sample.affect for sample in good if sample.affect is not None]
    weights = np.array([affect.confidence for affect in affects])
    if not len(weights) or weights.mean() < MIN_CONFIDENCE:
        return _unknown("low_confidence", start, now_s, heard, covered)
    times = np.array([affect.t_s for affect in affects])
    valence = np.array([affect.valence for affect in affects])
    arousal = np.array([affect.arousal for affect in affects])
    shares = np.array([[affect.expressions[name] for name in EXPRESSIONS] for affect in affects])
    mean_shares = np.average(shares, axis=0, weights=weights)
    return EmotionalState(
        t0_s=start, t1_s=now_s, known=True,
        expressions=dict(zip(EXPRESSIONS, (mean_shares / mean_shares.sum()).tolist(), strict=True)),
        valence=float(np.average(valence, weights=weights)), arousal=float(np.average(arousal, weights=weights)),
        confidence=float(weights.mean()) * covered, coverage=covered, trend=trend(times, valence),
        compound=_mean_compound(affects, weights),
        change=change_from(good, baseline) if baseline is not None and baseline.formed else {},
        voice=heard, source=affects[-1].source,
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


def change_from(good: Sequence[Sample], baseline: RunningBaseline) -> dict[str, float]:
    """Each behaviour's difference from the baseline in units of its spread, within +-MAX_CHANGE.

    Medians over the open-eyed samples, so that blinks do not count as narrow eyes. Only `blink_rate` is measured
    against people at a screen in general: ten seconds hold too few blinks to learn a person's own rate.
    """
    rows = [sample.signals for sample in good if sample.signals is not None and not sample.closed]
    if not rows:
        return {}
    apart = (np.median(np.stack(rows), axis=0) - baseline.centre) / baseline.spread
    by_signal = dict(zip(SIGNALS, apart.tolist(), strict=True))
    change = {
        name: sum(sign * by_signal[signal] for signal, sign in parts) / len(parts) for name, parts in BEHAVIOURS.items()
    }
    change["blink_rate"] = (blinks_per_min(good) - BLINKS_PER_MIN) / BLINKS_SPREAD
    return {name: float(np.clip(value, -MAX_CHANGE, MAX_CHANGE)) for name, value in change.items()}


def blinks_per_min(good: Sequence[Sample]) -> float:
    """Closings of the eyes a minute over the samples' span."""
    if len(good) < 2 or good[-1].t_s - good[0].t_s < MIN_SPAN_S:
        return BLINKS_PER_MIN
    closings = sum(b.closed and not a.closed for a, b in pairwise(good))
    return 60.0 * closings / (good[-1].t_s - good[0].t_s)
