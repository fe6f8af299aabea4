"""Every text on the page, from texts.toml: by language and key."""

from __future__ import annotations

import tomllib
from pathlib import Path

from llm.types import Locale

LOCALES: tuple[Locale, ...] = ("en", "zh")

_TABLE: dict[str, list[str]] = tomllib.loads(Path(__file__).with_name("texts.toml").read_text(encoding="utf-8"))

TEXTS: dict[Locale, dict[str, str]] = {
    locale: {key: pair[i] for key, pair in _TABLE.items()} for i, locale in enumerate(LOCALES)
}


def text(locale: Locale, key: str, **values: object) -> str:
    """The text called `key`, filled in. Raises KeyError for an unknown key."""
    return TEXTS[locale][key].format(**values) if values else TEXTS[locale][key]


def locale_of(accept_language: str) -> Locale:
    """The first language of an Accept-Language header (RFC 9110) that the page speaks; English when none is.

    `zh-CN,zh;q=0.9,en;q=0.8` gives zh. Weights are honoured, malformed entries are skipped.
    """
    ranked: list[tuple[float, int, Locale]] = []
    for position, part in enumerate(accept_language.split(",")[:20]):
        tag, _, parameter = part.strip().partition(";")
        primary = tag.split("-")[0].strip().lower()
        try:
            weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        for locale in LOCALES:
            if primary == locale and weight > 0:
                ranked.append((-weight, position, locale))
    return min(ranked)[2] if ranked else "en"
