"""What may be offered to remember: facts about the person, in their words, and nothing else."""

from __future__ import annotations

import pytest

from assistant.journal import suggestions
from assistant.journal.entries import MAX_LINE
from assistant.types import Risk, RiskLevel
from tests.assistant.store_turns import make_turn

CALM = Risk()


@pytest.mark.parametrize(("words", "found"), [
    ("hi, my name is Anna and I can't sleep.", ("My name is Anna",)),
    ("My sister lives in Leeds, and we don't talk.", ("My sister lives in Leeds",)),
    ("I work as a nurse at night", ("I work as a nurse at night",)),
    ("I'm Tom. I'm 34", ("I'm Tom", "I'm 34")), ("my dog died last week", ("My dog died last week",)),
    ("Well, my mum Jane is 71 so I worry", ("My mum Jane is 71",)),
    ("You can call me Ishmael", ("You can call me Ishmael",)), ("I have two kids!", ("I have two kids",)),
    ("我叫小雨，最近睡不好", ("我叫小雨",)), ("我妹妹在上海读大学，她很忙", ("我妹妹在上海读大学",)),
    ("我在一家医院上班", ("我在一家医院上班",)), ("我爸去年去世了。", ("我爸去年去世了",)),
    ("我今年三十五岁了", ("我今年三十五岁了",)), ("我是護士", ("我是護士",)),
])  # fmt: skip
def test_a_short_fact_is_offered_in_the_persons_words(words: str, found: tuple[str, ...]) -> None:
    assert suggestions([make_turn(user_text=words, risk=CALM)]) == found


@pytest.mark.parametrize("words", [
    "my sister hates me", "Is my name important?", "My name's not important", "call me later", "I live in fear",
    "I'm sad", "I work too much", "I never work in peace", "maybe my brother is a liar",
    "I hate him so much that I want to scream", "我妹妹是不是讨厌我", "我不是护士", "我觉得我妈妈是坏人",
    "我叫了救护车", "我叫她别走", "我在哭", "我叫什么名字？",
    "我老公就说她也是好意", "我爸住院的事", "我当时真的有点迷失", "我结婚前挺开朗健谈的", "", "?", "。" * 50,
])  # fmt: skip
def test_what_is_no_fact_is_not_offered(words: str) -> None:
    assert suggestions([make_turn(user_text=words, risk=CALM)]) == ()


def test_the_latest_come_first_none_twice_and_none_from_a_dangerous_message() -> None:
    turns = [
        make_turn(user_text="My name is Anna", risk=CALM), make_turn(user_text="I live in Hull", risk=CALM),
        make_turn(user_text="my name is anna", risk=CALM),
        make_turn(user_text="I work as a driver", risk=Risk(RiskLevel.MODERATE)),
        make_turn(user_text="ok", reply="My name is Beside", risk=CALM),
    ]  # fmt: skip
    assert suggestions(turns) == ("My name is anna", "I live in Hull")


def test_there_are_few_and_none_is_longer_than_a_line() -> None:
    """The test's time limit ends what a pattern would need for a wall of text."""
    turns = [make_turn(user_text=f"I live in Town{n}", risk=CALM) for n in range(20)]
    assert len(suggestions(turns)) == 6
    walls = [
        "I work as a " + "very " * 5000,
        "my sister lives" * 5000,
        "我在" * 9000,
        "我是一名" + "很" * 9000 + "老师",
    ]
    assert all(len(line) <= MAX_LINE for line in suggestions([make_turn(user_text=w, risk=CALM) for w in walls]))
