"""Questions about a dose, known by rules/doses.toml and answered in fixed words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache

from assistant.safety.compile import HERE, compiled, filled, load, medicines
from llm.types import Locale

_PARTS = ("medicine", "amount", "asks", "not_asked")
LONGEST = 160  # characters: a longer message tells more than it asks


def asks_for_dose(text: str) -> bool:
    """Whether a message asks how much of a medicine to take, or whether to stop, mix or change it."""
    plain = unicodedata.normalize("NFKC", text[:LONGEST]).lower().replace("’", "'")
    medicine, amount, asks, not_asked = _patterns()
    found = len(text) <= LONGEST and all(pattern.search(plain) for pattern in (medicine, amount, asks))
    return found and not not_asked.search(plain)


def dose_reply(locale: Locale) -> str:
    """What is said to it."""
    said: Mapping[Locale, str] = _data()["say"]
    return said[locale]


@cache
def _data() -> Mapping[str, dict[Locale, str]]:
    return load(HERE / "rules" / "doses.toml")


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    classes, data = medicines(), _data()
    return tuple(
        compiled("|".join(filled(word, classes, f"doses.toml: {part}") for word in data[part]), f"doses.toml: {part}")
        for part in _PARTS
    )
