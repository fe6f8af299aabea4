"""What a reply may not do, from rules/replies.toml: the words that show it, what excuses them, what is said instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from assistant.safety.compile import HERE, LOCALES, RulesInvalid, compiled, filled, load, medicines
from llm.types import Locale

_FIELDS = {"name", "patterns", "questions", "before", "anywhere", "inside", "yes", "rewrites", "instead"}
_NEVER = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class Fault:
    """One row. `pattern` shows the fault; it is excused in a question to the person (`questions`), after `before` (60
    characters), with `inside` in the match or `anywhere` in the sentence. `rewrites` are small changes that keep the
    sentence; `instead` is said in its place, "" leaves it out. `yes` are sentences that it stops."""

    name: str
    pattern: re.Pattern[str]
    questions: bool
    before: re.Pattern[str]
    anywhere: re.Pattern[str]
    inside: re.Pattern[str]
    rewrites: tuple[tuple[re.Pattern[str], str], ...]
    instead: Mapping[Locale, str]
    yes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReplyRules:
    """All rows in order of weight, what a question to the person is, sentences that must pass, and what is added to a
    refused method while there is a risk."""

    faults: Mapping[str, Fault]
    question: re.Pattern[str]
    passes: tuple[str, ...]
    people: Mapping[Locale, str]


@cache
def reply_rules() -> ReplyRules:
    """The rules of replies. Raises RulesInvalid."""
    path = HERE / "rules" / "replies.toml"
    given = load(path)
    classes = medicines()
    for name, words in given["classes"].items():
        classes[name] = _any(words, classes, f"{path.name}: class {name!r}")
    faults = {}
    for row in given["fault"]:
        place = f"{path.name}: fault {row.get('name', '(without a name)')!r}"
        if row["name"] in faults:
            raise RulesInvalid(f"{place}: the name is given twice; a name stands for one row")
        faults[row["name"]] = _fault(row, classes, place)
    question = compiled(_any(given["question"], classes, f"{path.name}: question"), path.name)
    return ReplyRules(faults, question, tuple(given["passes"]), given["people"])


def _fault(row: Mapping[str, Any], classes: Mapping[str, str], place: str) -> Fault:
    if unknown := set(row) - _FIELDS:
        raise RulesInvalid(f"{place}: unknown fields {sorted(unknown)}; known are {sorted(_FIELDS)}")
    if set(row.get("instead", {})) != set(LOCALES):
        raise RulesInvalid(f"{place}: `instead` needs {' and '.join(LOCALES)}; an empty text leaves the sentence out")
    if bool(row.get("patterns")) != bool(row.get("yes")):
        raise RulesInvalid(f"{place}: patterns need sentences that they stop (`yes`), and the other way round")

    def part(name: str) -> re.Pattern[str]:
        return compiled(_any(row[name], classes, place), place) if row.get(name) else _NEVER

    rewrites = tuple((compiled(one["pattern"], place, re.I), one["to"]) for one in row.get("rewrites", []))
    return Fault(row["name"], part("patterns"), row.get("questions", False), part("before"), part("anywhere"),
                 part("inside"), rewrites, row["instead"], tuple(row.get("yes", ())))  # fmt: skip


def _any(words: list[str], classes: Mapping[str, str], place: str) -> str:
    return "(?:" + "|".join(filled(word, classes, place) for word in words) + ")"
