"""The fixed crisis path: which of the prepared words answer, from the risk and what was already said. No model."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from assistant.safety import texts_en, texts_zh
from assistant.safety.helplines import Line, lines_for
from assistant.types import Risk, RiskLevel, Turn
from llm.types import Locale

_TEXTS: dict[Locale, ModuleType] = {"en": texts_en, "zh": texts_zh}
#: So many lines are listed; more would be a wall of numbers.
MAX_LINES = 4


def crisis_reply(risk: Risk, locale: Locale, lines: Sequence[Line], history: Sequence[Turn] = ()) -> str:
    """The reply to a message of `high` or `imminent` risk; never the same as the one before.

    `lines` are named in it (those of the locale where it is empty). `history` is oldest first: each crisis turn of the
    same kind moves the questions on by one. Past the last, they come round again, announced as such.
    """
    lines = lines or lines_for(locale)
    before = sum(_kind(turn.risk) == _kind(risk) for turn in history if turn.risk.is_crisis)
    reply = _compose(risk, locale, lines, before)
    if history and history[-1].reply == reply:  # an edited or shortened history
        reply = _compose(risk, locale, lines, before + 1)
    return reply


def support_note(risk: Risk, locale: Locale) -> str:
    """A direct, gentle question and the way to people, for a moderate risk; "" for any other level. The same words each
    time, so that the caller can tell whether they were said lately."""
    if risk.level != RiskLevel.MODERATE:
        return ""
    notes: dict[str, str] = _TEXTS[locale].SUPPORT
    return notes.get(risk.category, notes["suicide"])


def _kind(risk: Risk) -> str:
    """The key of the stages that fit: every category has its own at one level, `suicide` at both."""
    imminent = risk.level >= RiskLevel.IMMINENT
    for kind in (f"{risk.category}.{risk.name}", f"{risk.category}.imminent", f"{risk.category}.high"):
        if kind in texts_en.STAGES:
            return kind
    return "suicide.imminent" if imminent else "suicide.high"


def _compose(risk: Risk, locale: Locale, lines: Sequence[Line], before: int) -> str:
    texts = _TEXTS[locale]
    kind = _kind(risk)
    stages: tuple[str, ...] = texts.STAGES[kind]
    stage, rounds = before, 0
    if before >= len(stages):  # the opening is said once
        rounds, stage = divmod(before - 1, len(stages) - 1)
        stage += 1
    parts = []
    if risk.level >= RiskLevel.IMMINENT or kind == "emergency.high":
        urgent: tuple[str, ...] = texts.URGENT if kind == "suicide.imminent" else texts.URGENT_OTHER
        parts.append(urgent[before % len(urgent)])
    if rounds:
        parts.append(texts.AGAIN[(rounds - 1) % len(texts.AGAIN)])
    parts.append(stages[stage])
    if any(name.endswith(".minor") for name in risk.evidence):
        parts.append(texts.MINOR)
    parts.append(_listed(texts, locale, lines) if before == 0 else _reminder(texts, locale, lines, before))
    emergency = lines[0].emergency or lines_for(locale)[0].emergency
    return "\n\n".join(parts).replace("{emergency}", emergency).replace("） ", "）")


def _spoken(locale: Locale, lines: Sequence[Line]) -> Sequence[Line]:
    """The lines that answer in this language, or all where none is known to."""
    return [line for line in lines if not line.languages or locale in line.languages][:MAX_LINES] or lines[:MAX_LINES]


def _listed(texts: ModuleType, locale: Locale, lines: Sequence[Line]) -> str:
    rows = [texts.LINES_FIRST]
    for line in _spoken(locale, lines):
        sms = {"en": "call or text", "zh": "可打电话或发短信"}[locale] if line.text else ""
        known = (part.rstrip(".。") for part in (sms, line.hours, line.note) if part)
        details = {"en": "; ", "zh": "；"}[locale].join(known)
        colon = {"en": ": ", "zh": "："}[locale] if details else ""
        rows.append(f"• {_way(line, locale)}{colon}{details}")
    return "\n".join(rows)


def _reminder(texts: ModuleType, locale: Locale, lines: Sequence[Line], before: int) -> str:
    ways = {"en": "; ", "zh": "；"}[locale].join(_way(line, locale) for line in _spoken(locale, lines))
    again: tuple[str, ...] = texts.LINES_AGAIN
    return again[before % len(again)].replace("{ways}", ways)


def _way(line: Line, locale: Locale) -> str:
    return f"{line.way} ({line.name})" if locale == "en" else f"{line.way}（{line.name}）"
