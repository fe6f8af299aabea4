"""The crisis path: what it says first, that it moves on, what it never says; neither state nor model matters."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.respond import respond
from assistant.safety import assess, crisis_reply, support_note, texts_en, texts_zh
from assistant.safety.helplines import Line, lines_for
from assistant.types import Risk, RiskLevel, Turn
from llm.base import ModelUnavailable
from llm.types import Locale, Prompt, Reply
from perception.types import EmotionalState

LOCALES: tuple[Locale, ...] = ("en", "zh")
HIGH, IMMINENT = RiskLevel.HIGH, RiskLevel.IMMINENT
CATEGORIES = ["suicide", "self_harm", "violence", "abuse", "medical", "voices", "third_person"]
RISKS = [Risk(level, ("en.x",), category) for category in CATEGORIES for level in (HIGH, IMMINENT)]
OFF = EmotionalState.unknown()
#: What no prepared text may hold, in either language.
NEVER = re.compile(
    r"\bpromise me|\bcontract|i feel\b|i care\b|i(?: am|.m) worried|as a (?:therapist|human)|\btherap|selfish|coward|"
    r"\b\d+ ?(?:mg|pills|tablets)|confidential|stays between|you have depression|calm down|it will all be|be strong|"
    r"答应我|保证不|我很难过|我担心你|作为.{0,4}咨询师|自私|懦弱|想开点|坚强一点|毫克|替你保密|一切都会好|为了.{0,4}父母|你得了",
    re.IGNORECASE,
)


@dataclass
class Down:
    """A model that must not be asked."""

    name: str = "down"

    def stream(self, prompt: Prompt, tell: object = None) -> Generator[str, None, Reply]:
        raise ModelUnavailable("refused")
        yield ""


def ask(text: str, state: EmotionalState = OFF, history: Sequence[Turn] = (), **options: object) -> Turn:
    pieces = respond(text, state, history, Down(), **options)  # type: ignore[arg-type]
    try:
        while True:
            next(pieces)
    except StopIteration as stop:
        turn: Turn = stop.value
        return turn


def turn_with(risk: Risk, locale: Locale, reply: str) -> Turn:
    return Turn("t", "c", "2026-01-01T00:00:00Z", locale, "...", OFF, risk, None, reply, "fixed", "crisis")


def talk(risk: Risk, locale: Locale, turns: int) -> list[str]:
    history: list[Turn] = []
    for _ in range(turns):
        history.append(turn_with(risk, locale, crisis_reply(risk, locale, lines_for(locale), history)))
    return [turn.reply for turn in history]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("risk", RISKS, ids=lambda risk: f"{risk.category}.{risk.name}")
def test_every_reply_names_a_line_moves_on_and_says_nothing_forbidden(risk: Risk, locale: Locale) -> None:
    replies = talk(risk, locale, 20)
    assert len(set(replies[:6])) == 6, "six turns of crisis, six replies"
    assert all(one != other for one, other in pairwise(replies))
    for reply in replies:
        assert any(line.number and line.number in reply for line in lines_for(locale)), reply
        assert not NEVER.search(reply), NEVER.search(reply)
        assert "{" not in reply and len(reply) < {"en": 1400, "zh": 600}[locale]
    questions = [[q for q in re.findall(r"[^.?？。：\n]+[?？]", reply) if len(q) > 5] for reply in replies[:6]]
    flat = [question for group in questions for question in group]
    assert all(group for group in questions), "each turn asks something"
    assert len(flat) == len(set(flat)), "and no question is asked twice in six turns"


@pytest.mark.parametrize(("locale", "number"), [("en", "911"), ("zh", "120")])
@pytest.mark.parametrize("category", CATEGORIES)
def test_at_imminent_the_emergency_number_comes_first_each_time(category: str, locale: Locale, number: str) -> None:
    for reply in talk(Risk(IMMINENT, ("x",), category), locale, 8):
        assert number in reply.split("\n\n")[0]


@pytest.mark.parametrize(
    ("locale", "company", "means", "direct", "plan"),
    [("en", "with you", "distance", "killing yourself", "plan"), ("zh", "身边", "离它远一点", "自杀", "怎么做")],
)
def test_a_high_risk_is_asked_about_directly(locale: Locale, company: str, means: str, direct: str, plan: str) -> None:
    replies = talk(Risk(HIGH, ("x",), "suicide"), locale, 3)
    assert direct in replies[0] and plan in replies[0]
    assert means in replies[1] and company in replies[2]
    imminent = talk(Risk(IMMINENT, ("x",), "suicide"), locale, 1)[0]
    assert {"en": "step away", "zh": "离开会伤到你的"}[locale] in imminent and company in imminent


def test_each_kind_of_danger_has_its_own_opening() -> None:
    for locale in LOCALES:
        openings = {crisis_reply(Risk(HIGH, ("x",), category), locale, lines_for(locale)) for category in CATEGORIES}
        assert len(openings) == len(CATEGORIES)


def test_an_unknown_category_is_answered_as_suicide() -> None:
    for level in (HIGH, IMMINENT):
        unknown, known = (crisis_reply(Risk(level, ("x",), name), "en", ()) for name in ("brand_new", "suicide"))
        assert unknown == known


def test_a_rising_danger_changes_the_reply_at_once() -> None:
    first = crisis_reply(Risk(HIGH, ("x",), "suicide"), "en", lines_for("en"))
    history = [turn_with(Risk(HIGH, ("x",), "suicide"), "en", first)]
    assert crisis_reply(Risk(IMMINENT, ("x",), "suicide"), "en", lines_for("en"), history).startswith("Please call")


def test_an_edited_history_does_not_bring_the_same_reply_twice() -> None:
    risk = Risk(HIGH, ("x",), "suicide")
    second = talk(risk, "en", 2)[1]
    assert crisis_reply(risk, "en", lines_for("en"), [turn_with(risk, "en", second)]) != second


@pytest.mark.parametrize(("locale", "adult"), [("en", "teacher"), ("zh", "大人")])
def test_somebody_under_age_is_led_to_an_adult(locale: Locale, adult: str) -> None:
    evidence = ("en.minor", "en.kill_myself")
    assert adult in crisis_reply(Risk(HIGH, evidence, "suicide"), locale, lines_for(locale))
    assert adult not in crisis_reply(Risk(HIGH, evidence[1:], "suicide"), locale, lines_for(locale))


def test_the_lines_given_are_the_lines_named_and_none_is_never_what_is_named() -> None:
    own = Line("Night line {x}", "0800 111 222", region="NZ", emergency="111")
    for level in (HIGH, IMMINENT):
        reply = crisis_reply(Risk(level, ("x",), "suicide"), "en", [own])
        assert "0800 111 222 (Night line {x})" in reply and "988" not in reply
        assert level == HIGH or "111" in reply.split("\n")[0]
    assert "12356" in crisis_reply(Risk(HIGH, ("x",), "suicide"), "zh", ())


def test_both_languages_have_the_same_stages() -> None:
    assert {k: len(v) for k, v in texts_en.STAGES.items()} == {k: len(v) for k, v in texts_zh.STAGES.items()}
    assert set(texts_en.SUPPORT) == set(texts_zh.SUPPORT)


@pytest.mark.parametrize("category", [*CATEGORIES, "something else"])
def test_the_support_note_is_constant_asks_and_points_to_people(category: str) -> None:
    for locale in LOCALES:
        note = support_note(Risk(RiskLevel.MODERATE, ("a",), category), locale)
        assert note == support_note(Risk(RiskLevel.MODERATE, ("b", "c"), category), locale)
        assert re.search("[?？]", note) and ("SOS" in note or "求助" in note) and not NEVER.search(note)
    for level in set(RiskLevel) - {RiskLevel.MODERATE}:
        assert support_note(Risk(level, ("a",), category), "en") == ""


@pytest.mark.parametrize(
    ("opening", "locale"),
    [("I have the pills here and I am going to kill myself tonight", "en"), ("我想自杀，连方法都想好了", "zh"),
     ("I cut myself again this morning, it was deeper than I meant", "en"), ("我老公又打我了，他现在在砸门", "zh")],
)  # fmt: skip
def test_six_turns_with_the_model_down_and_the_camera_on_go_on_and_never_repeat(opening: str, locale: Locale) -> None:
    glad = EmotionalState(0, 10, True, valence=0.9, confidence=0.9, coverage=1.0, change={"smile": 5.0})
    history: list[Turn] = []
    for turn_number in range(6):
        history.append(ask(opening, glad if turn_number % 2 else OFF, history))
    assert all(turn.finish_reason == "crisis" and turn.prompt is None and turn.error == "" for turn in history)
    assert all(turn.locale == locale and turn.affect_sentence == "" for turn in history)
    assert len({turn.reply for turn in history}) == 6


_STATES = st.builds(
    lambda known, valence, arousal, confidence, coverage, change: EmotionalState(
        0, 10, known, valence=valence, arousal=arousal, confidence=confidence, coverage=coverage, change=change),
    st.booleans(), st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1),
    st.dictionaries(st.sampled_from(["smile", "valence", "brow_lower", "lip_press", "head_down"]), st.floats(-9, 9)),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    _STATES, _STATES,
    st.lists(st.sampled_from(
        ["I want to kill myself tonight", "不想活了", "yes", "I feel fine", "累死我了",
        "I keep thinking about suicide", "嗯"],
    ), min_size=1, max_size=4),
)  # fmt: skip
def test_what_the_camera_says_never_changes_a_risk_or_a_crisis_reply(
    one: EmotionalState, other: EmotionalState, texts: list[str]
) -> None:
    first: list[Turn] = []
    second: list[Turn] = []
    for text in texts:
        first.append(ask(text, one, first))
        second.append(ask(text, other, second))
        assert first[-1].risk == second[-1].risk == assess(text, first[:-1])
        if first[-1].risk.is_crisis:
            assert first[-1].reply == second[-1].reply
