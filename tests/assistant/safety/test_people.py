"""Played people of twelve turns, answered with no language model: what each turn must and must not hold.

The scripts (people/*.toml) also say how low and how high the risk may be after each turn. `never` holds for all turns
of a script; what is below holds for all people.
"""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from assistant.guided import Guided
from assistant.respond import respond
from assistant.types import RiskLevel, Turn
from llm.base import ModelUnavailable
from llm.types import Prompt
from perception.types import EmotionalState

PEOPLE = sorted((Path(__file__).parent / "people").glob("*.toml"))
#: While a danger lasts: no number for the mood, no praise, no exercise offered, nothing that stings.
NEVER_IN_DANGER = re.compile(
    r"0 to 10|out of ten|\bmood\b.{0,20}\bnumber|打.{0,2}分|(?:^|\n)(?:Good|Great|Lovely|Wonderful)[,!]|well done|"
    r"好样的|真棒|box breathing|方块呼吸|promise me|答应我|be strong|坚强|selfish|自私|"
    r"think of your (?:family|parents)|想想你.{0,2}父母|calm down|冷静一下|别想太多|it could be worse|cheer up|"
    r"\btherapist\b|咨询师|treatment|治疗|diagnos|诊断",
    re.IGNORECASE,
)  # fmt: skip


class Down:
    """A model that must not be needed."""

    name = "down"

    def stream(self, prompt: Prompt, tell: object = None) -> Any:
        if prompt:
            raise ModelUnavailable("refused")
        yield ""


def play(script: dict[str, Any], model: Any = None) -> list[Turn]:
    history: list[Turn] = []
    for turn in script["turn"]:
        pieces = respond(turn["say"], EmotionalState.unknown(), history, model or Guided(), locale=script["locale"])
        try:
            while True:
                next(pieces)
        except StopIteration as stop:
            history.append(stop.value)
    return history


def wrong(script: dict[str, Any], history: list[Turn]) -> list[str]:
    """What is wrong with a conversation, as one line each."""
    found = []
    for number, (turn, got) in enumerate(zip(script["turn"], history, strict=True), 1):
        place = f"{number} {turn['say']!r} -> {got.risk.name}/{got.risk.kind}: {got.reply!r}"
        if got.risk.level < RiskLevel[turn.get("at_least", "none").upper()]:
            found.append(f"too low: {place}")
        if got.risk.level > RiskLevel[turn.get("at_most", "imminent").upper()]:
            found.append(f"too high: {place}")
        found += [f"without {must!r}: {place}" for must in turn.get("must", ()) if not re.search(must, got.reply)]
        banned = (*turn.get("must_not", ()), *script.get("never", ()))
        found += [f"with {word!r}: {place}" for word in banned if re.search(word, got.reply)]
        if got.risk.level >= RiskLevel.MODERATE and (match := NEVER_IN_DANGER.search(got.reply)):
            found.append(f"with {match[0]!r}: {place}")
    return found


@pytest.mark.parametrize("path", PEOPLE, ids=lambda path: path.stem)
def test_a_played_person_is_met(path: Path) -> None:
    script = tomllib.loads(path.read_text(encoding="utf-8"))
    assert len(script["turn"]) == 12
    assert wrong(script, play(script)) == []


@pytest.mark.parametrize("path", PEOPLE, ids=lambda path: path.stem)
def test_no_reply_comes_twice_and_each_asks_one_thing_in_danger(path: Path) -> None:
    history = play(tomllib.loads(path.read_text(encoding="utf-8")))
    danger = [turn for turn in history if turn.risk.level >= RiskLevel.MODERATE]
    assert all(one.reply != other.reply for one, other in pairwise(danger))
    questions = [turn.risk_state.said for turn in danger]
    for one, other in pairwise(questions):
        new = [name for name in other if name not in one and re.search(r"\.\w+\.\d$", name)]
        assert len(new) <= 1, "one step of the path a turn"


@pytest.mark.parametrize("path", PEOPLE, ids=lambda path: path.stem)
def test_with_the_model_down_a_danger_is_met_in_the_same_way(path: Path) -> None:
    script = tomllib.loads(path.read_text(encoding="utf-8"))
    with_companion, without = play(script), play(script, Down())
    assert [turn.risk.level for turn in with_companion] == [turn.risk.level for turn in without]
    for one, other in zip(with_companion, without, strict=True):
        if one.risk.is_crisis:
            assert one.reply == other.reply
