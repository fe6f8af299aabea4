"""Entries: what is refused, what a week holds, what is recognised as practised."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from assistant.journal import (
    Entry,
    Goal,
    Line,
    LookBack,
    Mood,
    Practice,
    Step,
    Week,
    body_of,
    instant,
    practised,
    week_of,
)
from assistant.journal.entries import KINDS
from assistant.types import GuidedState
from tests.assistant.store_turns import make_turn

MONDAY, NEXT = "2026-11-23T00:00:00+00:00", "2026-11-30T00:00:00+00:00"


@pytest.mark.parametrize("body", [
    Mood(0), Mood(10, "两行\n字"), Practice("box", True), Line("my sister", False), LookBack(MONDAY, NEXT, "quiet"),
    Goal("get out", (Step("walk", MONDAY), Step("call Tom")), NEXT),
])  # fmt: skip
def test_an_entry_comes_back_as_it_was(body: Any) -> None:
    row = Entry("e", MONDAY, body).as_dict()
    assert body_of(row["kind"], row) == body and set(KINDS) == {"mood", "goal", "practice", "look_back", "line"}


@pytest.mark.parametrize(("kind", "row"), [
    ("mood", {"score": 11}), ("mood", {"score": -1}), ("mood", {"score": "7"}), ("mood", {"score": True}), ("mood", {}),
    ("mood", {"score": 5, "note": "x" * 1001}), ("goal", {"words": "  "}), ("goal", {"words": "a", "steps": 3}),
    ("goal", {"words": "a", "steps": [{"words": "b"}] * 21}), ("goal", {"words": "a", "done": "yesterday"}),
    ("line", {"words": "x" * 161}), ("line", {"words": "\u200b"}), ("look_back", {"start": NEXT, "end": MONDAY}),
    ("look_back", {"start": "2026-11-23T00:00:00", "end": NEXT}), ("practice", {"exercise": "box"}), ("streak", {}),
])  # fmt: skip
def test_what_is_no_entry_is_refused(kind: str, row: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        body_of(kind, row)


def test_times_are_kept_in_one_form() -> None:
    assert instant("2026-11-27T10:30:00.123+09:00") == "2026-11-27T01:30:00+00:00" == instant("2026-11-27T01:30:00Z")


def test_a_line_is_one_line_without_what_no_keyboard_writes() -> None:
    assert body_of("line", {"words": " my\n\u202esister\u2028 Ann "}) == Line("my sister Ann")


def test_a_week_counts_what_lies_in_it_and_judges_nothing() -> None:
    bodies: list[tuple[str, Any]] = [
        ("2026-11-22T23:59:59+00:00", Mood(1, "before")), (MONDAY, Mood(6)),
        ("2026-11-25T09:00:00+00:00", Mood(3, "tired")),
        (NEXT, Mood(9, "after")), ("2026-11-24T09:00:00+00:00", Practice("box", True)),
        ("2026-11-26T09:00:00+00:00", Practice("box")), ("2026-11-26T09:00:00+00:00", Line("a secret")),
        ("2026-11-01T09:00:00+00:00", Goal("out", (Step("walk", "2026-11-28T09:00:00+00:00"), Step("call")), MONDAY)),
    ]  # fmt: skip
    entries = [Entry(str(i), at, body) for i, (at, body) in enumerate(bodies)]
    assert week_of(entries, MONDAY, NEXT) == Week(2, 3, 6, ("tired",), (("box", 2),), ("out", "walk"))
    assert week_of([], MONDAY, NEXT) == Week()


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_what_was_practised_is_read_from_the_replies(locale: Any) -> None:
    """From what the companion carries on, whatever its words are; and nothing from a reply that was not its own."""
    begun, over = GuidedState(exercise="box", ways=("exercise",)), GuidedState(finished=("box",), ways=("step",))
    turn = make_turn(reply="Any words.", locale=locale, model="guided")
    assert practised(replace(turn, guided=begun)) == Practice("box")
    assert practised(replace(turn, guided=over)) == Practice("box", True)
    assert practised(replace(turn, guided=begun, model="mini+guided")) == Practice("box")
    others = (replace(begun, paused=True), replace(over, ways=("step", "telling")), GuidedState())
    assert [practised(replace(turn, guided=one)) for one in others] == [None] * 3
    assert [practised(replace(turn, guided=one, model="fixed")) for one in (begun, over)] == [None] * 2
