"""What a model may not say, sentence by sentence, whatever it was told. Rules, not a judge: see PROTOCOL.md for "
"limits."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from assistant.safety.forbidden import EXCUSED, FORBIDDEN, INSTEAD, QUESTION, REWRITES
from assistant.safety.markup import clean_markup
from assistant.types import Risk
from llm.types import Locale

__all__ = ["Checked", "check_sentence", "clean_markup"]

_IN_QUOTES = re.compile("[\"“‘'「『]\\s*$")


@dataclass(frozen=True, slots=True)
class Checked:
    """`text` may be shown; "" means that the sentence is left out. `reason` names the rule, "" when nothing changed."""

    text: str
    reason: str = ""


def check_sentence(sentence: str, risk: Risk, locale: Locale) -> Checked:
    """The sentence, or what is said instead. Both languages' rules apply, whatever `locale`; it decides the words.

    With the person's risk at `low` or above, a sentence about a method is followed by the way to people. Never raises.
    """
    plain = unicodedata.normalize("NFKC", sentence).lower().replace("’", "'")
    if not plain.strip():
        return Checked(sentence)
    asks = bool(QUESTION.search(plain))
    for reason, pattern in FORBIDDEN:
        if not any(_is_meant(plain, match, reason, asks) for match in pattern.finditer(plain)):
            continue
        for old, new in REWRITES.get(reason, ()):
            rewritten = old.sub(new, sentence, count=1)
            if rewritten != sentence:
                return Checked(rewritten, reason)
        instead = INSTEAD[reason][locale]
        if reason == "method" and risk.level:
            instead += INSTEAD["people"][locale]
        return Checked(instead, reason)
    return Checked(sentence)


def _is_meant(plain: str, match: re.Match[str], reason: str, asks: bool) -> bool:
    """False where the words are a quotation, a question to the person, or denied just before."""
    before = plain[max(0, match.start() - 60) : match.start()]
    if reason in {"emotion", "human"} and _IN_QUOTES.search(before):
        return False
    excuse = EXCUSED.get(reason)
    if excuse is None:
        return True
    if asks and excuse.questions:
        return False
    if excuse.before.search(before) or (excuse.inside and excuse.inside.search(match[0])):
        return False
    return not (excuse.anywhere and excuse.anywhere.search(plain))
