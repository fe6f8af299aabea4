"""What the page may offer to remember: short facts that the person told, found by the patterns of suggestions.toml.
Nothing is remembered by this: the person confirms each line, or does not."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.journal.entries import MAX_LINE
from assistant.types import RiskLevel, Turn

#: At most this many are offered, the latest told first.
MAX_SUGGESTIONS = 6
#: A fact is looked for in this many characters of a message.
LOOKED_AT = 2000
_SENTENCE = re.compile(r"[^.!?。！？；;\n]+(?:[.!?。！？；;\n]+|$)")
_CLAUSE = re.compile(r"[,，、:：()（）]| - |—|\s+(?:and|but|because|so|while|although)\s+")


@dataclass(frozen=True, slots=True)
class _Patterns:
    facts: re.Pattern[str]
    never: re.Pattern[str]


def _read() -> tuple[_Patterns, ...]:
    tables = tomllib.loads(Path(__file__).with_name("suggestions.toml").read_text(encoding="utf-8"))
    return tuple(
        _Patterns(
            re.compile(
                f"(?i:{table['lead']})(?P<fact>{'|'.join(f'(?i:{one})' for one in table['facts'])}"
                f"{''.join(f'|{one}' for one in table['named'])})"
            ),
            re.compile(table["never"], re.I),
        )
        for table in tables.values()
    )


_LANGUAGES = _read()


def suggestions(turns: Sequence[Turn]) -> tuple[str, ...]:
    """Facts in the person's own words, the latest first, none twice. A message that tells of danger (from a moderate
    risk on) offers nothing, and neither does a question."""
    found: dict[str, str] = {}
    for turn in reversed(turns):
        if turn.risk.level < RiskLevel.MODERATE:
            for fact in _facts(turn.user_text[:LOOKED_AT]):
                found.setdefault(fact.casefold(), fact)
    return tuple(found.values())[:MAX_SUGGESTIONS]


def _facts(message: str) -> Iterator[str]:
    for sentence in _SENTENCE.findall(message):
        if sentence.rstrip()[-1:] in {"?", "？"}:
            continue
        for clause in _CLAUSE.split(sentence):
            words = clause.strip(" .!。！；;\n\t\"'“”")
            for patterns in _LANGUAGES:
                fact = patterns.facts.fullmatch(words)
                if fact and len(words) <= MAX_LINE and not patterns.never.search(words):
                    yield fact["fact"][:1].upper() + fact["fact"][1:]
