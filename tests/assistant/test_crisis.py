"""The fixed path: what it says first, that it moves on, what it never says; neither state nor model matters."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.respond import respond
from assistant.safety import assess, crisis_reply, follow, question_beside
from assistant.safety.helplines import Line, lines_for
from assistant.safety.levels import DANGERS
from assistant.safety.path import printed
from assistant.safety.texts import texts
from assistant.types import Risk, RiskLevel, RiskState, Turn
from llm.base import ModelUnavailable
from llm.types import Locale, Prompt, Reply
from perception.types import Behaviours, EmotionalState

LOCALES: tuple[Locale, ...] = ("en", "zh")
HIGH, IMMINENT = RiskLevel.HIGH, RiskLevel.IMMINENT
KINDS = ["suicide", "self_harm", "violence", "abuse", "medical", "voices", "third_person", "child"]
RISKS = [Risk(level, kind) for kind in KINDS for level in (HIGH, IMMINENT)]
OFF = EmotionalState.unknown()
#: What no prepared text may hold, in either language.
NEVER = re.compile(
    r"\bpromise me|\bcontract|i feel\b|i care\b|i(?: am|.m) worried|as a (?:therapist|human)|\btherap|\btreatment|"
    r"selfish|coward|\b\d+ ?(?:mg|pills|tablets)|confidential|stays between|you have depression|diagnos|calm down|"
    r"it will all be|be strong|disorder|"
    r"答应我|保证不|我很难过|我担心你|作为.{0,4}咨询师|咨询师|治疗|诊断|自私|懦弱|想开点|坚强一点|毫克|替你保密|一切都会好|"
    r"为了.{0,4}父母|你得了|抑郁症|妄想|幻觉",
    re.IGNORECASE,
)


@dataclass
class Down:
    """A model that must not be asked."""

    name: str = "down"

    def stream(self, prompt: Prompt, tell: object = None) -> Generator[str, None, Reply]:
        if prompt:
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


def talk(risk: Risk, locale: Locale, turns: int, lines: Sequence[Line] = ()) -> list[str]:
    state, replies = RiskState(risk.level, risk.kind), []
    for _ in range(turns):
        reply, state = crisis_reply("...", risk, state, locale, lines)
        replies.append(reply)
    return replies


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("risk", RISKS, ids=lambda risk: f"{risk.kind}.{risk.name}")
def test_replies_name_lines_move_on_and_say_nothing_forbidden(risk: Risk, locale: Locale) -> None:
    replies = talk(risk, locale, 20)
    assert len(set(replies[:6])) == 6, "six turns of crisis, six replies"
    assert all(one != other for one, other in pairwise(replies))
    named = [any(line.number and line.number in reply for line in lines_for(locale)) for reply in replies]
    assert named[0] and all(one or other for one, other in pairwise(named)), "at least every second reply"
    for reply in replies:
        assert not NEVER.search(reply), NEVER.search(reply)
        assert "{" not in reply and len(reply) < {"en": 1600, "zh": 700}[locale]


@pytest.mark.parametrize(("locale", "number"), [("en", "911"), ("zh", "120")])
@pytest.mark.parametrize("kind", KINDS)
def test_at_imminent_the_emergency_number_comes_first_each_time(kind: str, locale: Locale, number: str) -> None:
    for reply in talk(Risk(IMMINENT, kind), locale, 8):
        assert number in reply.split("\n\n")[0]


@pytest.mark.parametrize("locale", LOCALES)
def test_the_interruption_is_said_once_and_how_to_go_on(locale: Locale) -> None:
    said = texts(locale).words["interrupt"][0]
    replies = talk(Risk(HIGH, "suicide"), locale, 6)
    assert said in replies[0] and not any(said in reply for reply in replies[1:])
    assert {"en": "keep writing", "zh": "接着写"}[locale] in said


@pytest.mark.parametrize(
    ("locale", "company", "means", "direct", "plan"),
    [("en", "with you", "distance", "killing yourself", "plan"), ("zh", "身边", "离它远一点", "自杀", "怎么做")],
)
def test_a_high_risk_is_asked_about_directly(locale: Locale, company: str, means: str, direct: str, plan: str) -> None:
    replies = talk(Risk(HIGH, "suicide"), locale, 3)
    assert direct in replies[0] and plan in replies[0]
    assert means in replies[1] and company in replies[2]


def test_each_kind_of_danger_has_its_own_opening() -> None:
    for locale in LOCALES:
        assert len({talk(Risk(HIGH, kind), locale, 1)[0] for kind in KINDS}) == len(KINDS)
        assert all(texts(locale).path(kind, level) for kind in DANGERS for level in ("low", "moderate", "high"))


def test_a_question_that_was_answered_is_not_asked() -> None:
    state = RiskState(HIGH, "suicide", answers=(("means", "no"), ("plan", "no")))
    replies = []
    for _ in range(4):
        reply, state = crisis_reply("...", Risk(HIGH, "suicide"), state, "en")
        replies.append(reply)
    assert not any("within your reach" in reply for reply in replies)


def test_the_lines_given_are_the_lines_named() -> None:
    own = Line("Night line {x}", "0800 111 222", region="NZ", emergency="111")
    for level in (HIGH, IMMINENT):
        reply = talk(Risk(level, "suicide"), "en", 1, [own])[0]
        assert "0800 111 222 (Night line {x})" in reply and "988" not in reply
        assert level == HIGH or "111" in reply.split("\n")[0]


def test_refused_lines_are_neither_argued_for_nor_forgotten() -> None:
    state = RiskState(HIGH, "suicide")
    replies = []
    for text in ("...", "no hotlines please, they are useless", "...", "..."):
        risk, state = follow(text, state)
        reply, state = crisis_reply(text, risk, state, "en")
        replies.append(reply)
    assert "988" in replies[0] and not any("988" in reply for reply in replies[1:])
    assert "SOS" in replies[1] and all("?" in reply for reply in replies)


def test_both_languages_have_the_same_steps_and_sentences() -> None:
    en, zh = texts("en"), texts("zh")
    assert {way: [step.topic for step in steps] for way, steps in en.steps.items()} == {
        way: [step.topic for step in steps] for way, steps in zh.steps.items()
    }
    assert set(en.heard) == set(zh.heard) and set(en.words) == set(zh.words)
    assert [step.name for step in en.plan_steps] == [step.name for step in zh.plan_steps]


@pytest.mark.parametrize("locale", LOCALES)
def test_no_prepared_text_says_what_a_model_may_not(locale: Locale) -> None:
    words = texts(locale)
    said = [step.say for steps in words.steps.values() for step in steps]
    said += [text for group in words.heard.values() for text in group]
    said += [str(value) for value in (*words.words.values(), *words.plan.values())]
    for text in said:
        assert not NEVER.search(text), (NEVER.search(text), text)


def test_a_question_stands_below_a_models_reply_every_second_turn_and_never_twice() -> None:
    state, risk = RiskState(RiskLevel.MODERATE, "suicide"), Risk(RiskLevel.MODERATE, "suicide")
    asked = []
    for _ in range(10):
        question, state = question_beside(risk, state, "en")
        asked.append(question)
    said = [question for question in asked if question]
    assert said[0] and not asked[1] and asked[2] and len(said) == len(set(said)) >= 4
    for level in set(RiskLevel) - {RiskLevel.MODERATE}:
        assert question_beside(Risk(level, "suicide"), RiskState(level, "suicide"), "en")[0] == ""


def test_the_safety_plan_is_filled_in_together_kept_and_printed() -> None:
    state = RiskState(RiskLevel.MODERATE, "suicide")
    given = ["can we write a safety plan", "late nights, scrolling", "a walk", "the library", "my cousin", "no",
             "the pills"]  # fmt: skip
    for text in given:
        risk, state = follow(text, state)
        reply, state = crisis_reply(text, risk, state, "en")
    assert [words for _, words in state.plan] == [*given[1:5], "", given[6]]
    assert printed(state, "en") in reply and reply.count("(left open)") == 1
    risk, state = follow("show me my plan", state)
    assert printed(state, "en") in crisis_reply("show me my plan", risk, state, "en")[0]


def test_a_plan_is_no_answer_to_danger_and_a_new_danger_breaks_it_off() -> None:
    state = RiskState(RiskLevel.MODERATE, "suicide", asked="plan.coping", facts=("thought",))
    risk, _ = follow("a walk tonight", state)
    assert risk.level == RiskLevel.MODERATE
    risk, after = follow("i have the pills in my hand and i want to die", state)
    reply, after = crisis_reply("i have the pills in my hand and i want to die", risk, after, "en")
    assert risk.level == IMMINENT and "911" in reply and not after.asked.startswith("plan.")


@pytest.mark.parametrize(
    "after",
    [
        "thanks",
        "im fine",
        "see you tomorrow!",
        "what's for dinner",
        "haha jk",
        "ok",
        "谢谢",
        "没事了",
        "明天见！",
        "今天吃什么",
    ],
)
@pytest.mark.parametrize("told", ["I want to kill myself and I know how I would do it", "我想自杀，连方法都想好了"])
def test_after_a_disclosure_nothing_of_this_lowers_or_raises(told: str, after: str) -> None:
    first, state = follow(told, RiskState())
    then, later = follow(after, state)
    assert first.level == then.level == later.level == HIGH and then.kind == "suicide"


@pytest.mark.parametrize(
    ("text", "reason"),
    [("i gave the pills to my sister", "answer.means_away"), ("my mum is here with me", "answer.company"),
     ("im in the hospital now", "answer.professional"), ("i have no plan", "answer.no_plan"),
     ("药我都交给我妈了", "answer.means_away"), ("我姐过来陪我了", "answer.company"),
     ("已经在医院了", "answer.professional")],
)  # fmt: skip
def test_an_explicit_step_lowers_by_one_and_says_why(text: str, reason: str) -> None:
    state = RiskState(HIGH, "suicide", facts=("thought",))
    risk, later = follow(text, state)
    assert risk.level == RiskLevel.MODERATE and reason in risk.reasons
    again, _ = follow(text, replace(later, level=HIGH))
    assert again.level == HIGH, "each step counts once"


def test_an_attempt_under_way_is_lowered_by_nothing_but_professionals() -> None:
    _, state = follow("i just took 30 paracetamol", RiskState())
    for text in ("i feel fine", "my mum is here with me", "i threw the rest away"):
        risk, state = follow(text, state)
        assert risk.level == IMMINENT, text
    assert follow("the ambulance is here", state)[0].level == HIGH


@pytest.mark.parametrize(
    ("opening", "locale"),
    [("I have the pills here and I am going to kill myself tonight", "en"), ("我想自杀，连方法都想好了", "zh"),
     ("I cut myself again this morning, it was deeper than I meant", "en"), ("我老公又打我了，他现在在砸门", "zh")],
)  # fmt: skip
def test_six_turns_with_the_model_down_and_the_camera_on_go_on_and_never_repeat(opening: str, locale: Locale) -> None:
    glad = EmotionalState(0, 10, True, valence=0.9, confidence=0.9, coverage=1.0, change=Behaviours(smile=5.0))
    history: list[Turn] = []
    for turn_number in range(6):
        history.append(ask(opening, glad if turn_number % 2 else OFF, history))
    assert all(turn.finish_reason == "crisis" and turn.prompt is None and turn.error == "" for turn in history)
    assert all(turn.locale == locale and turn.affect_sentence == "" for turn in history)
    assert len({turn.reply for turn in history}) == 6


_STATES = st.builds(
    lambda known, valence, arousal, confidence, coverage, change: EmotionalState(
        0, 10, known, valence=valence, arousal=arousal, confidence=confidence, coverage=coverage,
        change=Behaviours(**change)),
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
    one: EmotionalState, other: EmotionalState, words: list[str]
) -> None:
    first: list[Turn] = []
    second: list[Turn] = []
    for text in words:
        first.append(ask(text, one, first))
        second.append(ask(text, other, second))
        assert first[-1].risk == second[-1].risk == assess(text, first[:-1])
        assert first[-1].risk_state == second[-1].risk_state
        if first[-1].risk.is_crisis:
            assert first[-1].reply == second[-1].reply


@pytest.mark.parametrize(
    ("text", "young"),
    [("im 15 and i want to die", True), ("我今年14岁，不想活了", True), ("im 23, in 8th grade i wanted to die", False),
     ("我今年23岁，初三的时候就想死", False)],
)  # fmt: skip
def test_somebody_under_age_is_led_to_an_adult_once(text: str, young: bool) -> None:
    risk, state = follow(text, RiskState())
    locale: Locale = "en" if text.isascii() else "zh"
    first, state = crisis_reply(text, risk, state, locale)
    again, state = crisis_reply("...", risk, state, locale)
    minor = texts(locale).words["minor"]
    assert (minor in first) == young and minor not in again
