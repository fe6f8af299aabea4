"""Conversations of twelve turns as people write them, with what each reply must and must not hold
(conversations/*.toml).

`way` names the ways (assistant/guided/deciding.py, "fixed" for the paths outside) one of which must have been taken,
`must` and `must_not` patterns, `never` those of the whole conversation. They are played through `respond`, with the
shipped reader where there is one, and again without.
"""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from assistant.guided import Guided
from assistant.guided.exercises import EXERCISES
from assistant.meaning import load_reader
from assistant.respond import respond
from assistant.types import Turn
from perception.types import EmotionalState

CONVERSATIONS = sorted((Path(__file__).parent / "conversations").glob("*.toml"))
#: A reply takes at most this, once everything is loaded (seconds of processor time, the mean of a conversation).
FAST_S = 0.06


@cache
def play(path: Path, read: bool = True) -> tuple[Turn, ...]:
    """The turns of a conversation, with the shipped reader or by words alone."""
    script, reader = script_of(path), load_reader() if read else None
    history: list[Turn] = []
    for turn in script["turn"]:
        model = Guided(reader=reader)
        pieces = respond(turn["say"], EmotionalState.unknown(), history, model, locale=script["locale"])
        try:
            while True:
                next(pieces)
        except StopIteration as stop:
            history.append(stop.value)
    return tuple(history)


def way_of(turn: Turn) -> str:
    return "fixed" if turn.model == "fixed" else turn.guided.ways[-1]


def wrong(script: dict[str, Any], history: Sequence[Turn]) -> list[str]:
    """What is wrong with a conversation, as one line each."""
    found = []
    for number, (turn, got) in enumerate(zip(script["turn"], history, strict=True), 1):
        place = f"{number} {turn['say']!r} -> {way_of(got)}: {got.reply!r}"
        if "way" in turn and way_of(got) not in turn["way"]:
            found.append(f"not {turn['way']}: {place}")
        found += [f"without {must!r}: {place}" for must in turn.get("must", ()) if not re.search(must, got.reply)]
        banned = (*turn.get("must_not", ()), *script["never"])
        found += [f"with {word!r}: {place}" for word in banned if re.search(word, got.reply)]
    return found


def script_of(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def test_there_are_forty_and_more_half_of_them_chinese() -> None:
    scripts = [script_of(path) for path in CONVERSATIONS]
    assert len(scripts) >= 44 and all(9 <= len(script["turn"]) <= 12 for script in scripts)
    assert sum(script["locale"] == "zh" for script in scripts) * 2 == len(scripts)


@pytest.mark.parametrize("path", CONVERSATIONS, ids=lambda path: path.stem)
def test_a_conversation_is_met(path: Path) -> None:
    script = script_of(path)
    assert wrong(script, play(path)) == []


@pytest.mark.parametrize("path", CONVERSATIONS, ids=lambda path: path.stem)
@pytest.mark.parametrize("read", [True, False], ids=["reader", "words alone"])
def test_no_reply_comes_twice_none_asks_twice_and_no_shape_comes_three_times(path: Path, read: bool) -> None:
    history = play(path, read)
    ours = [turn for turn in history if turn.model == "guided"]
    assert len({turn.reply for turn in ours}) == len(ours)
    for turn in ours:
        own_words = turn.guided.exercise or turn.guided.offered in EXERCISES or turn.guided.ways[-1] == "danger"
        if not own_words:
            assert len(re.findall("[?？]", re.sub("“[^”]*”", "", turn.reply))) <= 1, turn.reply
        shapes = turn.guided.shapes
        assert len(shapes) < 3 or len(set(shapes[-3:])) > 1, shapes


@pytest.mark.parametrize("path", CONVERSATIONS, ids=lambda path: path.stem)
def test_a_question_is_seldom_followed_by_another(path: Path) -> None:
    asked = [way_of(turn) == "telling" and turn.reply.rstrip()[-1] in "?？" for turn in play(path)]
    assert sum(asked) <= 6


def test_replies_are_fast() -> None:
    play(CONVERSATIONS[0])
    play.cache_clear()
    started = time.process_time()
    turns = play(CONVERSATIONS[0])
    assert (time.process_time() - started) / len(turns) < FAST_S
