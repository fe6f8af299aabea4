"""A reader of meaning beside the rules: what it may raise, that it lowers nothing, and that its absence is harmless."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest

from assistant.guided import Guided
from assistant.meaning import Reader, Reading
from assistant.respond import respond
from assistant.safety import assess, crisis_reply, follow
from assistant.types import RiskLevel, RiskState
from perception.types import EmotionalState

NONE, LOW, MODERATE, HIGH, IMMINENT = RiskLevel
CALM, HINT, DISCLOSED, METHOD, TAKEN = (
    "the train was late", "I wish I could go to sleep and never wake up", "I want to kill myself",
    "I keep thinking about hanging myself", "I just swallowed a whole bottle of tylenol",
)  # fmt: skip
MESSAGES = (CALM, HINT, DISCLOSED, METHOD, TAKEN)


@dataclass
class Says:
    """A reader that takes every message to mean the same."""

    reading: Reading
    asked: list[str] = field(default_factory=list)

    def read(self, text: str) -> Reading:
        self.asked.append(text)
        return self.reading


def test_a_reader_raises_to_moderate_and_to_high_only_where_a_rule_sees_danger() -> None:
    alarmed = Says(Reading(0.9, 0.9, {"eating": 0.7, "suicide": 0.2}))
    assert isinstance(alarmed, Reader)
    calm, hint = assess(CALM, reader=alarmed), assess(HINT, reader=alarmed)
    assert (calm.level, calm.kind) == (MODERATE, "eating") and "reader" in calm.reasons
    assert (hint.level, hint.kind) == (HIGH, "suicide")
    assert assess(HINT, reader=Says(Reading(0.9, 0.1))).level == MODERATE, "not severe"
    assert alarmed.asked == [CALM, HINT], "the person's own words, once"


@pytest.mark.parametrize("reading", [Reading(0.0), Reading(0.49, 1.0), Reading(0.0, 1.0), Reading(1.0, 0.0)])
def test_a_reader_lowers_nothing(reading: Reading) -> None:
    for text in MESSAGES:
        assert assess(text, reader=Says(reading)).level >= assess(text).level
    _, state = follow(METHOD, RiskState())
    assert follow("thanks", state, Says(reading))[0].level == HIGH


def test_an_emergency_that_only_rules_see_falls_when_the_person_goes_on() -> None:
    nothing, arm = Says(Reading(0.01)), "she fell asleep on me and i cant move my left arm"
    risk, state = follow(arm, RiskState(), nothing)
    assert risk.level == HIGH and risk.kind == "emergency", "it is met in full, once"
    assert follow("back, new nightie, smells of cheese here", state, nothing)[0].level == LOW
    assert follow("yes, she is right here", state, nothing)[0].level == HIGH, "an answer is no going on"
    assert follow("now my mouth hangs down on one side", state, Says(Reading(0.8)))[0].level == HIGH
    _, seen = follow(arm, RiskState(), Says(Reading(0.3)))
    assert follow("back, new nightie, smells of cheese here", seen, nothing)[0].level == HIGH, "both saw it"
    _, own = follow(METHOD, RiskState(), nothing)
    assert follow("back, new nightie, smells of cheese here", own, nothing)[0].level == HIGH, "never for suicide"


def test_what_a_reader_raised_stays_like_any_other_risk() -> None:
    _, state = follow(CALM, RiskState(), Says(Reading(0.9)))
    assert follow("ok", state)[0].level == MODERATE


@pytest.mark.parametrize("danger", [None, 0.0, 0.3, 0.5, 0.99, 1.0])
def test_the_score_grows_with_the_level_and_is_half_from_moderate_on(danger: float | None) -> None:
    reader = None if danger is None else Says(Reading(danger))
    risks = sorted((assess(text, reader=reader) for text in MESSAGES), key=lambda risk: risk.level)
    assert all(0 <= risk.score <= 1 for risk in risks)
    assert all(one.score < other.score for one, other in pairwise(risks) if one.level < other.level)
    assert all((risk.score >= 0.5) == (risk.level >= MODERATE) for risk in risks)


@pytest.mark.parametrize("number", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_reading_outside_its_range_is_refused(number: float) -> None:
    for values in ((number, 0.0, {}), (0.0, number, {}), (0.0, 0.0, {"suicide": number})):
        with pytest.raises(ValueError, match="must lie in"):
            Reading(*values)


def test_a_reply_asks_the_reader() -> None:
    reader = Says(Reading(0.9))
    pieces = respond(CALM, EmotionalState.unknown(), (), Guided(), reader=reader)
    try:
        while True:
            next(pieces)
    except StopIteration as stop:
        turn = stop.value
    assert reader.asked == [CALM] and turn.risk.level == MODERATE and "?" in turn.reply


def after(*turns: tuple[str, float]) -> RiskLevel:
    """The level after messages, each with the danger that a reader sees in it; every reply asked about thoughts."""
    state = RiskState()
    for text, danger in turns:
        state = replace(follow(text, state, Says(Reading(danger)))[1], asked="thoughts")
    return state.level


def test_what_the_reader_sees_once_falls_and_what_it_is_sure_of_or_sees_again_stands() -> None:
    assert after(("the lawn is cut", 0.6), ("we had soup", 0.0)) == LOW
    assert after(("the lawn is cut", 0.6), ("we had soup", 0.0), ("nobody counts them", 0.6), ("ok", 0.0)) == MODERATE
    sure = ("I don't figure on seeing spring", 0.95)
    assert after(sure, ("we had soup", 0.0)) == MODERATE
    assert after(sure, ("we had soup", 0.0), ("and bread", 0.0)) == LOW
    assert after(sure, ("we had soup", 0.0), ("nobody counts them", 0.6), ("and bread", 0.0)) == MODERATE
    assert after(sure, ("I want to kill myself", 0.9), ("we had soup", 0.0), ("and bread", 0.0)) == MODERATE


def test_what_the_reader_saw_often_stands_while_the_person_speaks_of_other_things() -> None:
    often = (("nobody counts them", 0.95), ("the shelf is empty", 0.6), ("they would find me", 0.5))
    calm = (("we had soup", 0.0), ("and bread", 0.0), ("it rained", 0.0))
    assert after(*often, *calm) == MODERATE
    assert after(*often, *calm, *calm) == LOW


def test_a_denial_holds_against_a_reader_that_is_not_sure_and_not_against_one_that_is() -> None:
    denied = replace(follow("the lawn is cut", RiskState(), Says(Reading(0.95)))[1], asked="thoughts")
    denied = follow("no, not at all", denied, Says(Reading(0.0)))[1]
    assert denied.answer("thoughts") == "no"
    assert follow("the lawn is cut again", denied, Says(Reading(0.6)))[0].level <= LOW
    assert follow("I don't figure on seeing spring", denied, Says(Reading(0.9)))[0].level == MODERATE


def test_a_father_who_says_goodbye_is_not_met_as_somebody_who_worries_about_another() -> None:
    text = "just rang my girl, told her dad is sorry"
    unsure = follow(text, RiskState(), Says(Reading(0.9, 0.3, {"third_person": 0.6, "suicide": 0.3})))[0]
    sure = follow(text, RiskState(), Says(Reading(0.9, 0.3, {"third_person": 0.85})))
    assert unsure.kind == "suicide" and sure[0].kind == "third_person"
    later = follow("the bottle is on the seat", sure[1], Says(Reading(0.8, 0.9, {"suicide": 0.7})))[0]
    assert later.kind == "suicide"


@pytest.mark.parametrize(
    ("kind", "word"), [("suicide", "killing yourself"), ("eating", "in danger"), ("violence", "in danger")]
)
def test_what_only_the_reader_saw_once_is_asked_without_a_list_of_numbers_and_without_a_charge(
    kind: str, word: str
) -> None:
    risk, carried = follow("she thinks it is my stomach", RiskState(), Says(Reading(0.6, 0.0, {kind: 0.9})))
    reply, state = crisis_reply("she thinks it is my stomach", risk, carried, "en")
    assert "may be reading this wrong" in reply and word in reply
    assert "988" not in reply and "eat less" not in reply and state.asked
    sure = follow("she thinks it is my stomach", RiskState(), Says(Reading(0.99, 0.0, {kind: 0.9})))
    assert "988" in crisis_reply("she thinks it is my stomach", *sure, "en")[0]


def test_refusing_the_lines_is_no_going_on_with_something_else() -> None:
    assert after(("the lawn is cut", 0.6), ("don't give me a hotline, I tried that", 0.0)) == MODERATE


def test_a_sentence_that_begins_with_a_yes_makes_nothing_certain_and_lowers_nothing() -> None:
    unsure = follow("the lawn is cut", RiskState(), Says(Reading(0.6)))[1]
    asked = replace(unsure, asked="thoughts")
    assert follow("嗯，做了一下，脖子咔咔响", asked)[0].level == MODERATE
    assert follow("嗯", asked)[0].level == HIGH


@pytest.mark.parametrize(
    "text", ["don't panic, i was being dramatic, i'm fine", "不打热线，打过没人接", "I want to kill myself"]
)
def test_what_is_no_line_of_the_safety_plan_is_not_kept_as_one(text: str) -> None:
    state = RiskState(
        MODERATE, "suicide", ("thought",), (("thoughts", "yes"),), asked="plan.signs", said=("plan.begun",)
    )
    risk, carried = follow(text, state)
    reply, left = crisis_reply(text, risk, carried, "en")
    assert left.plan == () and not left.asked.startswith("plan.") and "I have that down" not in reply
    kept = crisis_reply("when i stop answering my phone", *follow("when i stop answering my phone", state), "en")[1]
    assert kept.plan == (("signs", "when i stop answering my phone"),)


@pytest.mark.parametrize(
    ("text", "wishes"),
    [
        ("can you show me the plan", True), ("print it", True), ("打印一下", True), ("let's go on with my plan", True),
        ("don't tell the nurse, they'll write it down", False), ("the plan is friday", False),
    ],
)  # fmt: skip
def test_the_safety_plan_comes_to_those_who_wish_for_it(text: str, wishes: bool) -> None:
    state = RiskState(HIGH, "suicide", ("thought",), (("thoughts", "yes"),), said=("met.suicide", "interrupt.0"))
    risk, carried = follow(text, state)
    assert crisis_reply(text, risk, carried, "en")[1].asked.startswith("plan.") == wishes


def test_a_crisis_names_the_numbers_though_the_reader_saw_the_danger_first() -> None:
    state = RiskState(MODERATE, "suicide", ("reader",), asked="thoughts")
    risk, carried = follow("the lawn", state, Says(Reading(0.0)))
    crisis = replace(risk, level=HIGH, kind="suicide", score=0.8)
    reply = crisis_reply("the lawn", crisis, replace(carried, level=HIGH, facts=("reader",)), "en")[0]
    assert "988" in reply and "reading this wrong" not in reply


def test_a_doubtful_kind_does_not_turn_a_talk_about_eating_into_one_about_suicide() -> None:
    state = RiskState(MODERATE, "eating", ("reader.again",))
    doubtful = Says(Reading(0.9, 0.3, {"eating": 0.36, "suicide": 0.32}))
    assert follow("a year of it now, nobody sees my hands", state, doubtful)[0].kind == "eating"
