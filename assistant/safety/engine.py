"""From words to a Risk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from assistant.safety.compile import context as patterns_beside
from assistant.safety.levels import level_of
from assistant.safety.normalise import normalise
from assistant.safety.rule import Kind
from assistant.safety.signals import Signals, read
from assistant.types import Risk, RiskLevel

NONE, LOW, MODERATE, HIGH, IMMINENT = RiskLevel
REMEMBERED = 6
ANSWER = 40
WATCHFUL = 3
_SELF_IDEATION = {Kind.WISH, Kind.THOUGHT, Kind.METHOD, Kind.INTENT, Kind.PREPARATION, Kind.METHOD_QUESTION}


def assess(text: str, history: Iterable[Any] = ()) -> Risk:
    reading = read(text)
    earlier = [read(words) for words in own_words(history)[-REMEMBERED:]]
    risk = _risk(reading)
    return _with_history(text, reading, risk, earlier) if earlier else risk


def own_words(history: Iterable[Any]) -> list[str]:
    words = []
    for item in history:
        if isinstance(item, str):
            words.append(item)
            continue
        get = item.get if isinstance(item, dict) else lambda name, item=item: getattr(item, name, None)
        own = get("user_text")
        if own is None and get("role") == "user":
            own = get("content")
        if isinstance(own, str):
            words.append(own)
    return words


def _risk(reading: Signals) -> Risk:
    level, category = level_of(reading)
    names = tuple(dict.fromkeys(s.name for s in reading.found if s.kind is not Kind.DENIAL))
    if reading.other:
        names += (f"other.{reading.other}",)
    return Risk(level, names, category if level else "")


def _answered(plain: str, lately: RiskLevel, ever: RiskLevel) -> RiskLevel:
    context = patterns_beside()
    if len(plain) >= ANSWER or lately < MODERATE or context["safe_now"].search(plain):
        return NONE
    if ever >= HIGH and context["begun"].search(plain):
        return IMMINENT
    if context["yes"].match(plain) or context["at_hand"].search(plain):
        return IMMINENT if ever == IMMINENT else HIGH
    soon = context["soon"].search(plain) or context["strong_time"].match(plain)
    return HIGH if soon or (ever >= HIGH and context["detail"].search(plain)) else NONE


def _with_history(text: str, reading: Signals, risk: Risk, earlier: Sequence[Signals]) -> Risk:
    context = patterns_beside()
    together = Signals(tuple(s for past in earlier for s in past.found), any(past.soon for past in earlier))
    levels = [*(level_of(past)[0] for past in earlier[:-1]), max(level_of(earlier[-1])[0], level_of(together)[0])]
    danger = [s for past in earlier for s in past.found if not s.past and (s.kind in _SELF_IDEATION or s.hoarded)]
    level, category, names = risk.level, risk.category, risk.evidence
    plain = normalise(text).strip()
    if danger and max(levels) >= MODERATE:
        soon = bool(context["strong_time"].search(plain)) and len(plain) < 60
        joint = Signals((*reading.found, *danger), reading.soon or soon, reading.other)
        new = {s.kind for s in reading.found} & (_SELF_IDEATION | {Kind.MEANS, Kind.PLACE, Kind.FAREWELL})
        if new or (soon and not reading.found):
            level = max(level, level_of(joint)[0])
    answer = _answered(plain, max(levels[-2:]), max(levels))
    if answer:
        level, names = max(level, answer), (*names, "history.answer")
    safe = bool(context["safe_now"].search(plain)) or reading.denied
    watched = max(levels[-WATCHFUL:])
    if level < MODERATE and watched >= HIGH and (not safe or watched == IMMINENT):
        level, names = max(level, LOW if safe else MODERATE), (*names, "history.watchful")
    if level > risk.level and not category:
        category = next((c for past in reversed(earlier) if (c := level_of(past)[1]) and level_of(past)[0]), "suicide")
    return Risk(level, names if names else ("history",) if level else (), category if level else "")
