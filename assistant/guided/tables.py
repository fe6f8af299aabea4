"""The companion's texts, read from the TOML files in texts/: what it says, about topics and about feelings,
and what it can explain. The files are part of the program: what is wrong with them raises TextsInvalid."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.meaning import outputs
from llm.types import Locale

HERE = Path(__file__).resolve().parent / "texts"
LOCALES: tuple[Locale, ...] = ("en", "zh")
#: The topic that stands for one of the reader's where it is told of somebody else: what is said to a drinker hurts
#: the drinker's child.
NEAR = {"alcohol_drugs": "drinker_near"}
_FIELDS = {"name", "says", "asks", "tips", "help"}


class TextsInvalid(ValueError):
    """A file of texts cannot be used; the message says which, where and why."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What there is to say about a topic: `name` to refer to it ("your sleep"), plain sentences, simple questions,
    things to try, and who helps where a program does not ("" where that is not special)."""

    name: str
    says: tuple[str, ...]
    asks: tuple[str, ...]
    tips: tuple[str, ...]
    help: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Something that people ask about in general: by which words, and what is said."""

    called: re.Pattern[str]
    says: str


@dataclass(frozen=True, slots=True)
class Wording:
    """A sentence to say to somebody about a matter, or an answer: by which words the matter is known, a message that it
    is for, what can be said, and messages that only look like one for it."""

    about: re.Pattern[str]
    yes: str
    says: str
    no: tuple[str, ...] = ()


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


def _groups(name: str, locale: Locale) -> dict[str, tuple[str, ...]]:
    path = HERE / f"{name}.{locale}.toml"
    return {key: strings(texts, f"{path.name}: {key!r}") for key, texts in load(path).items()}


def _topics(locale: Locale) -> dict[str, Topic]:
    path = HERE / f"topics.{locale}.toml"
    found = {}
    for name, row in load(path).items():
        if set(row) - {"help"} != _FIELDS - {"help"}:
            raise TextsInvalid(f"{path.name}: topic {name!r} has {sorted(row)}; it needs {sorted(_FIELDS)}")
        says, asks, tips = (strings(row[key], f"{path.name}: {name}.{key}") for key in ("says", "asks", "tips"))
        found[name] = Topic(row["name"], says, asks, tips, row.get("help", ""))
    return found


def _explanations(locale: Locale) -> dict[str, Explanation]:
    path = HERE / f"explained.{locale}.toml"
    try:
        return {name: Explanation(re.compile(row["called"], re.I), row["says"]) for name, row in load(path).items()}
    except (KeyError, TypeError, re.error) as error:
        raise TextsInvalid(f"{path.name}: {error!r}; each needs `called` and `says`") from error


def _answers(locale: Locale) -> dict[str, Wording]:
    path = HERE / f"answers.{locale}.toml"
    try:
        rows = load(path).items()
        return {
            name: Wording(re.compile(row["about"], re.I), row["yes"], row["says"], tuple(row.get("no", ())))
            for name, row in rows
        }
    except (KeyError, TypeError, re.error) as error:
        raise TextsInvalid(f"{path.name}: {error!r}; each needs `about`, `yes` and `says`") from error


def _wordings(locale: Locale) -> dict[str, tuple[Wording, ...]]:
    path = HERE / f"wordings.{locale}.toml"
    try:
        return {
            name: tuple(Wording(re.compile(row["about"], re.I), row["yes"], row["says"]) for row in rows)
            for name, rows in load(path).items()
        }
    except (KeyError, TypeError, re.error) as error:
        raise TextsInvalid(f"{path.name}: {error!r}; each row needs `about`, `yes` and `says`") from error


LINES: dict[Locale, Mapping[str, tuple[str, ...]]] = {locale: _groups("lines", locale) for locale in LOCALES}
FEELINGS: dict[Locale, Mapping[str, tuple[str, ...]]] = {locale: _groups("feelings", locale) for locale in LOCALES}
TOPICS: dict[Locale, Mapping[str, Topic]] = {locale: _topics(locale) for locale in LOCALES}
OCCASIONS: dict[Locale, Mapping[str, tuple[str, ...]]] = {locale: _groups("occasions", locale) for locale in LOCALES}
EXPLAINED: dict[Locale, Mapping[str, Explanation]] = {locale: _explanations(locale) for locale in LOCALES}
WORDINGS: dict[Locale, Mapping[str, tuple[Wording, ...]]] = {locale: _wordings(locale) for locale in LOCALES}
ANSWERS: dict[Locale, Mapping[str, Wording]] = {locale: _answers(locale) for locale in LOCALES}
for _table in (LINES, FEELINGS, TOPICS, OCCASIONS, EXPLAINED, WORDINGS, ANSWERS):
    if differing := set(_table["en"]) ^ set(_table["zh"]):
        raise TextsInvalid(f"only one language has {sorted(differing)}; both need every one")
for _table, _names in ((FEELINGS, outputs.FEELINGS), (TOPICS, (*outputs.TOPICS, *NEAR.values()))):
    if differing := set(_table["en"]) ^ set(_names):
        raise TextsInvalid(f"texts and reader differ in {sorted(differing)}; every one of the reader's needs texts")
for _name, _table in (("occasions", OCCASIONS), ("wordings", WORDINGS)):
    if unknown := set(_table["en"]) - set(outputs.OCCASIONS):
        raise TextsInvalid(f"{_name}.en.toml: the reader knows no {sorted(unknown)}")
