"""The prepared words of the crisis path, from texts/*.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from assistant.safety.compile import HERE
from llm.types import Locale


@dataclass(frozen=True, slots=True)
class Step:
    """One question of a path. `name` is "kind.level.number"; `topic` is what the answer is about."""

    name: str
    kind: str
    level: str
    topic: str
    say: str


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One line of the safety plan (Stanley and Brown 2012): what is asked, and its heading in the printed plan."""

    name: str
    title: str
    ask: str


@dataclass(frozen=True, slots=True)
class Texts:
    """All words of one language. `heard` holds sentences by what the person did; `words` everything said around."""

    steps: Mapping[tuple[str, str], tuple[Step, ...]]
    heard: Mapping[str, tuple[str, ...]]
    words: Mapping[str, Any]
    plan: Mapping[str, str]
    plan_steps: tuple[PlanStep, ...]

    def path(self, kind: str, level: str) -> tuple[Step, ...]:
        """The steps for a danger: its own at this level or the nearest below, those of suicide where it has none."""
        order = {
            "imminent": ("imminent", "high", "moderate"),
            "high": ("high", "imminent", "moderate"),
            "moderate": ("moderate", "high", "imminent"),
        }
        ways = [(kind, name) for name in order.get(level, (level, "moderate"))]
        ways += [("suicide", name) for _, name in ways]
        return next((self.steps[way] for way in ways if way in self.steps), ())


@cache
def texts(locale: Locale) -> Texts:
    """The words of a language. Raises OSError or ValueError where the file is missing or broken."""
    data = tomllib.loads((HERE / "texts" / f"{locale}.toml").read_text(encoding="utf-8"))
    steps: dict[tuple[str, str], list[Step]] = {}
    for row in data.pop("step"):
        group = steps.setdefault((row["kind"], row["level"]), [])
        group.append(Step(f"{row['kind']}.{row['level']}.{len(group)}", **row))
    heard = {name: tuple(said) for name, said in data.pop("heard").items()}
    plan = data.pop("plan")
    plan_steps = tuple(PlanStep(**row) for row in plan.pop("step"))
    return Texts({way: tuple(group) for way, group in steps.items()}, heard, data, plan, plan_steps)
