"""Which words of a source support a sentence: sentences, spans that are looked up and not believed, agreement."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from data_gen.steps import ANY_TEXT, Unfit, listed, strict
from data_gen.types import Evidence

#: A quotation of fewer letters and digits is found anywhere and supports nothing.
SHORTEST = {"zh": 4, "en": 8}
_SENTENCE = re.compile(r".+?(?:[。！？…]+[”’」』）)\"']*|[.!?]+[\"'”’)]*(?=\s|$)|\n|$)", re.S)
SCHEMA = strict(
    sentences=listed(strict(number={"type": "integer"}, asserts={"type": "boolean"}, quote=ANY_TEXT), least=1)
)


def sentences(text: str) -> list[str]:
    """The sentences of a reply, each with its end mark; pieces without a letter or digit belong to none."""
    parts = (match[0].strip() for match in _SENTENCE.finditer(text))
    return [part for part in parts if any(character.isalnum() for character in part)]


def locate(quote: str, source: str) -> tuple[int, int] | None:
    """(start, end) of `quote` in `source`, in characters of `source`; width, case, spaces and punctuation do not
    count. None where it is not there, or too short to mean anything."""
    wanted, _ = _plain(quote)
    han = any("\u3400" <= c <= "\u9fff" for c in wanted)
    if len(wanted) < SHORTEST["zh" if han else "en"]:
        return None
    plain, places = _plain(source)
    at = plain.find(wanted)
    return None if at < 0 else (places[at], places[at + len(wanted) - 1] + 1)


@lru_cache(maxsize=256)
def _plain(text: str) -> tuple[str, tuple[int, ...]]:
    letters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        for letter in unicodedata.normalize("NFKC", character).lower():
            if letter.isalnum():
                letters.append(letter)
                places.append(place)
    return "".join(letters), tuple(places)


def judged(turn: int, said: Sequence[str], answer: Mapping[str, Any], source: str) -> list[Evidence]:
    """The judge's answer about the sentences of one reply, with its quotations looked up in `source`. Raises Unfit
    where a sentence was not judged exactly once."""
    rows = {row["number"]: row for row in answer["sentences"]}
    if sorted(row["number"] for row in answer["sentences"]) != list(range(1, len(said) + 1)):
        raise Unfit("evidence_incomplete")
    found = []
    for number, sentence in enumerate(said, 1):
        row = rows[number]
        start, end = locate(row["quote"], source) or (0, 0)
        found.append(Evidence(turn, sentence, row["asserts"], start, end, "" if end else row["quote"]))
    return found


def supported_share(evidence: Sequence[Evidence]) -> float:
    """The share of asserting sentences that the source supports; 1 where none asserts anything."""
    asserting = [one for one in evidence if one.asserts]
    return sum(one.supported for one in asserting) / len(asserting) if asserting else 1.0


def kappa(first: Sequence[object], second: Sequence[object]) -> float:
    """Cohen's kappa of two labellings of the same things (Cohen 1960); 1 where both use one label throughout. Raises
    ValueError for different lengths or nothing to compare."""
    if len(first) != len(second) or not first:
        raise ValueError(f"kappa compares two labellings of the same things, got {len(first)} and {len(second)}")
    total = len(first)
    agreed = sum(a == b for a, b in zip(first, second, strict=True)) / total
    counts, others = Counter(first), Counter(second)
    chance = sum(counts[label] * others[label] for label in counts) / total**2
    return 1.0 if chance == 1 else (agreed - chance) / (1 - chance)
