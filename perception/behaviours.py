"""What the face does, against what is usual for the person: from the signals of the last moments to `Behaviours`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from perception.action_units import CORNER_FALL
from perception.neutral import NeutralFace
from perception.reader import SIGNALS, Sample
from perception.types import NOTEWORTHY, Behaviours

#: A behaviour is the median of so many seconds: a second and a half outlasts a word or a blink, and a change shows
#: after half of it.
RECENT_S = 1.5
#: Differences are cut here: beyond ten spreads the number says nothing more.
MAX_CHANGE = 10.0
#: The usual number of blinks a minute and its spread at a screen (Bentivoglio et al. 1997: about 17 at rest, fewer when
#: reading); a ten-second count is coarse, hence the wide spread.
BLINKS_PER_MIN, BLINKS_SPREAD = 15.0, 12.0
#: The usual share of time with closed eyes and its spread: a blink in a second and a half is an eighth of it.
CLOSED_USUAL, CLOSED_SPREAD = 0.1, 0.2
#: Nothing is counted as blinking in less time than this (seconds).
MIN_BLINK_SPAN_S = 3.0

#: Behaviour -> (signal, weight); 0 is as usual for this person.
MADE_OF: Mapping[str, tuple[tuple[str, float], ...]] = {
    "brow_raise": (("brow_inner", 0.5), ("brow_outer", 0.5)),
    "brow_lower": (("brow_inner", -0.5), ("brow_gap", -0.5)),
    "brow_oblique": (("brow_inner", 0.8), ("brow_outer", -0.5), ("brow_gap", -0.3)),
    "smile": (("mouth_width", 0.5), ("lip_corner", 0.5)),
    "lip_press": (("lip_thickness", -1.0),),
    "mouth_open": (("mouth_open", 1.0),),
    "lip_corner_down": (("lip_corner", -1.0),),
    "eye_narrow": (("eye_open", -1.0),),
    "head_down": (("pitch", 1.0),),
    "movement": (("movement", 1.0),),
    "valence": (("valence", 1.0),),
    "arousal": (("arousal", 1.0),),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pattern:
    """Behaviours that come together, and the expressions under whose name a network knows them."""

    behaviours: tuple[str, ...]
    expressions: tuple[str, ...]


#: After the prototypes of EMFACS-7 (see `emfacs`), with what people do besides: look down, close their eyes.
PATTERNS: tuple[Pattern, ...] = (
    Pattern(("brow_oblique", "lip_corner_down", "eyes_closed", "eye_narrow", "head_down"), ("Sadness",)),
    Pattern(("brow_lower", "lip_press", "eye_narrow"), ("Anger", "Disgust")),
    Pattern(("smile",), ("Happiness",)),
    Pattern(("brow_raise", "mouth_open"), ("Surprise", "Fear")),
)
#: The weight of a behaviour grows with the square of the share that a network gives to its pattern, from the first to
#: the second value at a share of BORNE_OUT: two thirds of a spread are worth words then. In somebody known to us it is
#: never below 1; in a stranger anatomy may be all there is to a behaviour that no network sees.
UNSEEN_WEIGHT, BORNE_OUT_WEIGHT, BORNE_OUT = 0.35, 2.2, 0.7
#: The weight in a stranger where no network looks on.
UNASKED_WEIGHT = 0.7
#: Two behaviours of a pattern count together when the weaker one reaches this (spreads).
COMPANION = 0.75


def behaviours_of(good: Sequence[Sample], neutral: NeutralFace) -> Behaviours:
    """The behaviours of the last RECENT_S of good samples (in order of time), each weighed by what the expression
    reading says of it.

    Medians; the eyes' opening over open-eyed samples only, so that a blink is no narrow eye. Blinks are counted over
    all the samples, and against people at a screen in general: ten seconds hold too few to learn a person's own rate.
    """
    recent = [one for one in good if one.signals is not None and one.t_s > good[-1].t_s - RECENT_S]
    if not recent:
        return Behaviours()
    rows = np.stack([one.signals for one in recent if one.signals is not None])
    apart = (np.median(rows, axis=0) - neutral.centre) / neutral.spread
    by_signal = dict(zip(SIGNALS, apart.tolist(), strict=True))
    fall = max(0.0, by_signal["mouth_open"] * float(neutral.spread[SIGNALS.index("mouth_open")]))
    by_signal["lip_corner"] += CORNER_FALL * fall / float(neutral.spread[SIGNALS.index("lip_corner")])
    opened = rows[[not one.closed for one in recent]]
    eye = SIGNALS.index("eye_open")
    by_signal["eye_open"] = 0.0
    if len(opened):
        by_signal["eye_open"] = float((np.median(opened[:, eye]) - neutral.centre[eye]) / neutral.spread[eye])
    values = {name: sum(weight * by_signal[signal] for signal, weight in parts) for name, parts in MADE_OF.items()}
    closed = float(np.mean([one.closed for one in recent]))
    values["eyes_closed"] = max(0.0, (closed - CLOSED_USUAL) / CLOSED_SPREAD)
    values["blink_rate"] = (blinks_per_min(good) - BLINKS_PER_MIN) / BLINKS_SPREAD
    plain = Behaviours(**{name: float(np.clip(value, -MAX_CHANGE, MAX_CHANGE)) for name, value in values.items()})
    return weighed(plain, mean_expressions(recent), neutral.acquainted)


def mean_expressions(samples: Sequence[Sample]) -> dict[str, float]:
    """The mean share of each expression as a network read it; empty where the geometry read alone: it is no second
    opinion on itself."""
    affects = [sample.affect for sample in samples if sample.affect is not None and sample.by_rule]
    names = affects[0].expressions if affects else ()
    return {name: float(np.mean([affect.expressions[name] for affect in affects])) for name in names}


def weighed(plain: Behaviours, shares: Mapping[str, float], acquainted: bool) -> Behaviours:
    """The behaviours with what speaks for and against them beside the geometry.

    A pattern that the network's `shares` bear out counts more, one that they do not see less. Where two behaviours of a
    pattern come together, the stronger one stands for both (Stouffer's sum).
    """
    changed: dict[str, float] = {}
    for pattern in PATTERNS:
        share = sum(shares.get(name, 0.0) for name in pattern.expressions)
        weight = UNSEEN_WEIGHT + (BORNE_OUT_WEIGHT - UNSEEN_WEIGHT) * min(1.0, share / BORNE_OUT) ** 2
        weight = weight if shares else UNASKED_WEIGHT
        weight = max(weight, 1.0) if acquainted else weight
        own = sorted(((getattr(plain, name), name) for name in pattern.behaviours), reverse=True)
        joint = (own[0][0] + own[1][0]) / math.sqrt(2) if len(own) > 1 and own[1][0] >= COMPANION else 0.0
        for rank, (value, name) in enumerate(own):
            if value > 0:
                new = min(MAX_CHANGE, weight * (max(value, joint) if rank == 0 else value))
                changed[name] = max(changed.get(name, -MAX_CHANGE), new)
    if not acquainted and plain.smile < 0:  # a narrow mouth may be all there is to it
        changed["smile"] = UNSEEN_WEIGHT * plain.smile
    return replace(plain, **changed)


def blinks_per_min(good: Sequence[Sample]) -> float:
    """Closings of the eyes a minute over the samples' span."""
    if len(good) < 2 or good[-1].t_s - good[0].t_s < MIN_BLINK_SPAN_S:
        return BLINKS_PER_MIN
    closings = sum(b.closed and not a.closed for a, b in pairwise(good))
    return 60.0 * closings / (good[-1].t_s - good[0].t_s)


def noteworthy(behaviours: Behaviours) -> dict[str, float]:
    """Those that differ enough to be worth words, the strongest first."""
    found = {name: value for name, value in behaviours.as_dict().items() if abs(value) >= NOTEWORTHY}
    return dict(sorted(found.items(), key=lambda item: -abs(item[1])))
