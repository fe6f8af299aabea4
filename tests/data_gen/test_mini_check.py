"""Counting what replies do: the rules find what they name, and leave good replies alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_gen.mini import read_own
from data_gen.mini_check import ask, broken_rules, counts, read_openings, write
from llm.client.scripted import Scripted
from llm.types import Locale


@pytest.mark.parametrize(
    ("reply", "locale", "rule"),
    [
        ("", "en", "empty"),
        ("That sounds hard.", "zh", "other language"),
        ("好。" * 6, "zh", "too long"),
        ("Why? And when?", "en", "more than one question"),
        ("Try this:\n1. Walk.\n2. Sleep.", "en", "list"),
        ("I hear you. I hear you.", "en", "repeats a sentence"),
        ("是不是想说它死了，是不是想说它死了，是不是想说它死了", "zh", "goes round in circles"),
        ("I can see that you are smiling.", "en", "mentions the face"),
        ("看到你的表情，我有点在意。", "zh", "mentions the face"),
        ("You have depression.", "en", "page: diagnosis"),
    ],
)
def test_each_rule_finds_what_it_names(reply: str, locale: Locale, rule: str) -> None:
    assert rule in broken_rules(reply, locale)


def test_saying_the_same_back_is_found() -> None:
    assert broken_rules("你养的乌龟死了。", "zh", "我养的乌龟死了") == ("only repeats the person",)
    assert broken_rules("乌龟死了，陪了你很久吧。", "zh", "我养的乌龟死了") == ()


def test_our_own_replies_keep_all_rules() -> None:
    for kept in read_own():
        for reply in kept.messages[1::2]:
            assert set(broken_rules(reply.content, kept.locale)) <= {"too long", "mentions the face"}, reply.content


def test_openings_are_none_that_were_learned() -> None:
    learned = {m.content for k in read_own() for m in k.messages}
    openings = read_openings()
    assert len(openings) >= 60 and not learned & {o.text for o in openings}
    assert sum(bool(o.faces[1]) for o in openings) >= 40


def test_every_state_is_asked_and_written_out(tmp_path: Path) -> None:
    opening = next(o for o in read_openings() if o.locale == "en" and o.faces[1])
    model = Scripted(["That is a lot for one week."] * 3)
    answers = ask(model, [opening], ("none", "fitting", "contradicting"))
    assert [a.state for a in answers] == ["none", "fitting", "contradicting"]
    assert counts(answers) == {"all kept": 3}
    write(tmp_path / "replies.md", "Replies", answers)
    text = (tmp_path / "replies.md").read_text(encoding="utf-8")
    assert text.count(opening.text) == 3 and opening.faces[2] in text
