"""Personal data in text: found by the rules of privacy.toml and replaced, each kind counted."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

RULES = Path(__file__).with_name("privacy.toml")


@dataclass(frozen=True, slots=True)
class PrivacyRule:
    """`zh` and `en` stand in the text instead of what `pattern` finds; `finds` and `passes` are its examples."""

    kind: str
    pattern: re.Pattern[str]
    zh: str
    en: str
    finds: tuple[str, ...]
    passes: tuple[str, ...]


@cache
def privacy_rules() -> tuple[PrivacyRule, ...]:
    rows = tomllib.loads(RULES.read_text(encoding="utf-8"))["rule"]
    return tuple(
        PrivacyRule(
            row["kind"], re.compile(row["pattern"], 0 if row.get("case") else re.I), row["zh"], row["en"],
            tuple(row["finds"]), tuple(row["passes"]),
        )
        for row in rows
    )  # fmt: skip


def scrubbed(text: str, lang: str) -> tuple[str, Counter[str]]:
    """`text` with personal data replaced, and how often by kind. Names are found only in self-introductions."""
    counts: Counter[str] = Counter()
    for rule in privacy_rules():
        text, found = rule.pattern.subn(rule.zh if lang == "zh" else rule.en, text)
        counts[rule.kind] += found
    return text, +counts
