"""What a model may not say, sentence by sentence, whatever it was told: by rules, and by a learned reader where there
is one. See PROTOCOL.md for what is known to slip through."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from assistant.meaning.base import FAULT_FROM, Judges
from assistant.safety.faults import Fault, reply_rules
from assistant.safety.markup import clean_markup
from assistant.types import Risk
from llm.types import Locale

__all__ = ["Checked", "check_sentence", "clean_markup"]

_IN_QUOTES = re.compile("[\"“‘'「『]\\s*$")
#: What the reader calls a fault, and the row whose words are said instead.
_ROWS = {"dose": "medication", "professional": "human"}


@dataclass(frozen=True, slots=True)
class Checked:
    """`text` may be shown; "" means that the sentence is left out. `reason` names the fault, "" when nothing changed;
    "read." stands before it where only the reader saw it."""

    text: str
    reason: str = ""


def check_sentence(sentence: str, risk: Risk, locale: Locale, judge: Judges | None = None) -> Checked:
    """The sentence, or what is said instead. Both languages' rules apply, whatever `locale`; it decides the words.
    `judge` reads what no rule stops.

    With the person's risk at `low` or above, a sentence about a method is followed by the way to people. Never raises.
    """
    plain = unicodedata.normalize("NFKC", sentence).lower().replace("’", "'")
    if not plain.strip():
        return Checked(sentence)
    rules = reply_rules()
    asks = bool(rules.question.search(plain))
    for fault in rules.faults.values():
        if not any(_is_meant(plain, match, fault, asks) for match in fault.pattern.finditer(plain)):
            continue
        for old, new in fault.rewrites:
            rewritten = old.sub(new, sentence, count=1)
            if rewritten != sentence:
                return Checked(rewritten, fault.name)
        return Checked(_instead(fault, risk, locale), fault.name)
    if judge is not None and (read := judge.judge(sentence)).wrong >= FAULT_FROM:
        return Checked(_instead(rules.faults[_ROWS.get(read.kind, read.kind)], risk, locale), f"read.{read.kind}")
    return Checked(sentence)


def _instead(fault: Fault, risk: Risk, locale: Locale) -> str:
    text = fault.instead[locale]
    if fault.name == "method" and risk.level:
        text += (" " if locale == "en" else "") + reply_rules().people[locale]
    return text


def _is_meant(plain: str, match: re.Match[str], fault: Fault, asks: bool) -> bool:
    """False where the words are a quotation, a question to the person, or denied just before."""
    before = plain[max(0, match.start() - 60) : match.start()]
    if fault.name in {"emotion", "human"} and _IN_QUOTES.search(before):
        return False
    if asks and fault.questions:
        return False
    if fault.before.search(before) or fault.inside.search(match[0]):
        return False
    return not fault.anywhere.search(plain)
