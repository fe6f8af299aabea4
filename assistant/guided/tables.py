"""The companion's texts and cues, read from the TOML files in texts/: what it says by occasion and by topic, and the
words by which it knows a message. The files are part of the program: what is wrong with them raises TextsInvalid."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from assistant.guided.voice import Topic
from llm.types import Locale

HERE = Path(__file__).resolve().parent / "texts"
LOCALES: tuple[Locale, ...] = ("en", "zh")


class TextsInvalid(ValueError):
    """A file of texts cannot be used; the message says which, where and why."""


def load(path: Path) -> dict[str, Any]:
    """The content of a TOML file. Raises TextsInvalid."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise TextsInvalid(f"{path.name}: {error}") from error


def strings(value: object, place: str) -> tuple[str, ...]:
    """A list of strings that is not empty. Raises TextsInvalid."""
    if not (isinstance(value, list) and value and all(isinstance(text, str) and text for text in value)):
        raise TextsInvalid(f"{place} must be a list of texts that is not empty")
    return tuple(value)


@cache
def lines(locale: Locale) -> Mapping[str, tuple[str, ...]]:
    """What the companion says, by occasion."""
    path = HERE / f"lines.{locale}.toml"
    return {name: strings(texts, f"{path.name}: {name!r}") for name, texts in load(path).items()}


@cache
def topics(locale: Locale) -> Mapping[str, Topic]:
    """What it says about a topic."""
    path = HERE / f"topics.{locale}.toml"
    found = {}
    for name, row in load(path).items():
        if set(row) != {"name", "says", "asks"}:
            raise TextsInvalid(f"{path.name}: topic {name!r} has {sorted(row)}; it needs name, says and asks")
        says, asks = (strings(row[key], f"{path.name}: {name}.{key}") for key in ("says", "asks"))
        found[name] = Topic(row["name"], says, asks)
    return found


LINES: dict[Locale, Mapping[str, tuple[str, ...]]] = {locale: lines(locale) for locale in LOCALES}
TOPICS: dict[Locale, Mapping[str, Topic]] = {locale: topics(locale) for locale in LOCALES}
for _table in (LINES, TOPICS):
    if differing := set(_table["en"]) ^ set(_table["zh"]):
        raise TextsInvalid(f"only one language has {sorted(differing)}; both need every occasion and topic")
