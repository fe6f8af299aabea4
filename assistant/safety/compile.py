"""From the data files to compiled rules: lexicon/*.toml (classes of words), rules/*.toml (patterns over them).

A pattern is a regular expression in which `<name>` stands for a class of the lexicon, in any order of the words. The
files are part of the program: whatever is wrong with them raises RulesInvalid, with the file and the place.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from assistant.safety.rule import Kind, Rule
from llm.types import Locale

HERE = Path(__file__).resolve().parent
LOCALES: tuple[Locale, ...] = ("en", "zh")
#: What a rule may be tagged with.
TAGS = {"taken", "at_once", "letters", "hoarding", "plain", "wound", "certain", "giving_up"}
#: Kinds that a negation can turn into a denial, where the rule does not say otherwise.
NEGATABLE = {
    Kind.THOUGHT, Kind.INTENT, Kind.METHOD, Kind.ATTEMPT, Kind.SELF_HARM, Kind.SELF_HARM_URGE, Kind.VIOLENCE,
    Kind.VIOLENCE_INTENT, Kind.ABUSE, Kind.ATTEMPT_NOW, Kind.VOICES, Kind.DEADLY,
}  # fmt: skip
_FIELDS = {"name", "kind", "tags", "whole", "negatable", "patterns", "yes", "no"}
_CLASS = re.compile(r"<([a-z_]+)>")


class RulesInvalid(ValueError):
    """A data file of the rules cannot be used; the message says which, where and why."""


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The rules of one language and the patterns that change a signal's weight (past, fiction, negation ...)."""

    locale: Locale
    rules: tuple[Rule, ...]
    modifiers: Mapping[str, re.Pattern[str]]


@cache
def rulebook(locale: Locale) -> Rulebook:
    """The compiled rules of a language. Raises RulesInvalid."""
    classes = read_lexicon(locale)
    rules = read_rules(sorted((HERE / "rules").glob(f"{locale}_*.toml")), classes)
    return Rulebook(locale, rules, read_patterns(HERE / "rules" / f"modifiers.{locale}.toml", classes))


@cache
def moves() -> Mapping[str, re.Pattern[str]]:
    """What a message does in a conversation about danger: answers, refusals, partings, steps towards safety."""
    return read_patterns(HERE / "rules" / "moves.toml", {})


@cache
def context() -> Mapping[str, re.Pattern[str]]:
    """What is looked for beside the rules, in both languages: times, means, laughter, a yes, being safe now."""
    return read_patterns(HERE / "rules" / "context.toml", {})


def medicines() -> dict[str, str]:
    """The names of medicines, as the classes `medicine_en` and `medicine_zh`: one list for the rules of messages and of
    replies. Raises RulesInvalid."""
    given = load(HERE / "lexicon" / "medicines.toml")
    return {f"medicine_{locale}": "(?:" + "|".join(given[locale]) + ")" for locale in LOCALES}


def read_lexicon(locale: Locale) -> dict[str, str]:
    """The classes of words of a language, each as one alternation. A class may use another; raises RulesInvalid."""
    path = HERE / "lexicon" / f"{locale}.toml"
    found = medicines()
    for name, words in load(path).items():
        if not (isinstance(words, list) and words and all(isinstance(word, str) and word for word in words)):
            raise RulesInvalid(f"{path.name}: class {name!r} must be a list of words that is not empty")
        found[name] = "(?:" + "|".join(filled(word, found, f"{path.name}: class {name!r}") for word in words) + ")"
    return found


def read_rules(paths: list[Path], classes: Mapping[str, str]) -> tuple[Rule, ...]:
    """The rules of some files, in their order. Raises RulesInvalid for unknown fields, kinds, tags or classes, for a
    name given twice, and for a rule without patterns or examples."""
    rules: dict[str, Rule] = {}
    for path in paths:
        for row in load(path).get("rule", []):
            rule = _rule(row, classes, path.name)
            if rule.name in rules:
                raise RulesInvalid(f"{path.name}: two rules are called {rule.name!r}; a name stands for one rule")
            rules[rule.name] = rule
    return tuple(rules.values())


def read_patterns(path: Path, classes: Mapping[str, str]) -> Mapping[str, re.Pattern[str]]:
    """Named lists of patterns, each compiled as one; a list may use those above it as `<name>`."""
    known = dict(classes)
    found = {}
    for name, patterns in load(path).items():
        text = "|".join(filled(pattern, known, f"{path.name}: {name!r}") for pattern in patterns)
        known[name] = f"(?:{text})"
        found[name] = compiled(text, f"{path.name}: {name!r}")
    return found


def load(path: Path) -> dict[str, Any]:
    """The content of a data file. Raises RulesInvalid."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise RulesInvalid(f"{path.name}: {error}") from error


def _rule(row: Mapping[str, Any], classes: Mapping[str, str], file: str) -> Rule:
    place = f"{file}: rule {row.get('name', '(without a name)')!r}"
    if unknown := set(row) - _FIELDS:
        raise RulesInvalid(f"{place}: unknown fields {sorted(unknown)}; known are {sorted(_FIELDS)}")
    if missing := [name for name in ("name", "kind", "patterns", "yes", "no") if not row.get(name)]:
        raise RulesInvalid(f"{place}: {missing} missing; every rule has patterns and examples of yes and no")
    if row["kind"] not in set(Kind):
        raise RulesInvalid(f"{place}: unknown kind {row['kind']!r}; known are {sorted(Kind)}")
    if unknown := set(row.get("tags", [])) - TAGS:
        raise RulesInvalid(f"{place}: unknown tags {sorted(unknown)}; known are {sorted(TAGS)}")
    kind = Kind(row["kind"])
    pattern = "|".join(filled(text, classes, place) for text in row["patterns"])
    # ASCII, so that a Chinese character before an English word is a word boundary ("我想kill myself").
    found = compiled(pattern, place, re.ASCII)
    return Rule(
        row["name"], kind, found, tuple(row["yes"]), tuple(row["no"]), frozenset(row.get("tags", [])),
        row.get("whole", False), row.get("negatable", kind in NEGATABLE),
    )  # fmt: skip


def filled(text: str, classes: Mapping[str, str], place: str) -> str:
    """`text` with each `<name>` replaced by the class of that name. Raises RulesInvalid for an unknown one."""

    def alternation(match: re.Match[str]) -> str:
        if match[1] not in classes:
            raise RulesInvalid(f"{place}: unknown class {match[0]}; known are {sorted(classes)}")
        return classes[match[1]]

    return _CLASS.sub(alternation, text)


def compiled(pattern: str, place: str, flags: int = 0) -> re.Pattern[str]:
    """The pattern; raises RulesInvalid that names the place."""
    try:
        return re.compile(pattern, flags)
    except re.error as error:
        raise RulesInvalid(f"{place}: {error} in {pattern[:80]!r}") from error
