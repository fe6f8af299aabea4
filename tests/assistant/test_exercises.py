"""The exercises as files: both languages alike, sources, cautions, phrases that start them, words an app may say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.guided.exercises import EXERCISES, FOLDER, NEEDS, called_in, read_exercise
from assistant.guided.pacing import pace_beside
from assistant.guided.tables import LOCALES, TextsInvalid
from assistant.safety.engine import assess
from assistant.safety.reply import check_sentence
from assistant.types import GuidedState, Risk, RiskLevel
from llm.types import Locale
from tests.assistant.store_turns import make_turn

EVERY = [(name, locale) for name in EXERCISES for locale in LOCALES]
#: What the app does not call what it does, and does not claim.
NEVER = re.compile(
    r"therap|treatment|diagnos|\bi feel\b|\bi care\b|\bi promise\b|guarantee|cure\b|"
    r"治疗|疗法|诊断|咨询师|我保证|一定会好|您",
    re.IGNORECASE,
)


def texts(name: str, locale: Locale) -> Iterator[str]:
    script = EXERCISES[name].script(locale)
    yield from (script.about, script.careful, script.offer, script.close)
    yield from (step.say for step in script.steps)
    yield from (source.note(locale) for source in EXERCISES[name].sources)


def test_the_issues_exercises_are_there() -> None:
    promised = {
        "box", "grounding", "thought", "step", "kind", "worry", "activity", "muscles", "compass", "winddown", "solve",
        "surf", "distance", "goodthings", "letter", "talk", "scan",
    }  # fmt: skip
    assert promised <= set(EXERCISES) and len(EXERCISES) >= 16
    assert [exercise.place for exercise in EXERCISES.values()] == sorted({e.place for e in EXERCISES.values()})


@pytest.mark.parametrize("need", NEEDS)
def test_every_need_finds_something(need: str) -> None:
    assert [name for name, exercise in EXERCISES.items() if need in exercise.needs]


@pytest.mark.parametrize(("name", "locale"), EVERY)
def test_its_phrase_starts_it_and_no_other_and_is_no_sign_of_danger(name: str, locale: Locale) -> None:
    asks = EXERCISES[name].script(locale).asks
    assert [other for other, exercise in EXERCISES.items() if exercise.called.search(asks)] == [name]
    assert called_in(EXERCISES[name].script(locale).title) == name
    assert assess(asks).level is RiskLevel.NONE


@pytest.mark.parametrize(("name", "locale"), EVERY)
def test_its_texts_are_what_an_app_may_say(name: str, locale: Locale) -> None:
    for text in texts(name, locale):
        assert not NEVER.search(text), text
        assert bool(re.search(r"[\u4e00-\u9fff]", text)) == (locale == "zh"), text
        assert not re.search(r"[,.!?;:]" if locale == "zh" else r"[，。！？；：]", text), text
        for sentence in re.findall(r"[^.!?。！？]+[.!?。！？]*", text):
            checked = check_sentence(sentence, Risk(), locale)
            assert checked.text == sentence, (sentence, checked.reason)


@pytest.mark.parametrize(("name", "locale"), EVERY)
def test_what_the_gallery_shows_is_short(name: str, locale: Locale) -> None:
    exercise, script = EXERCISES[name], EXERCISES[name].script(locale)
    for sentence in (script.about, script.careful):
        assert len(re.findall(r"[.!?。！？]", sentence)) == 1 and sentence[-1] in ".。", sentence
        assert len(sentence) <= (60 if locale == "zh" else 170), sentence
    assert script.offer != script.about and re.search(r"[?？]", script.offer)
    assert exercise.sources and all(1900 < source.year <= 2026 for source in exercise.sources)
    for step in script.steps:
        assert len(step.say) <= (150 if locale == "zh" else 330), step.id


@pytest.mark.parametrize(("name", "locale"), EVERY)
def test_what_is_filled_in_was_asked_for_before(name: str, locale: Locale) -> None:
    script, asked = EXERCISES[name].script(locale), set[str]()
    for step in script.steps:
        assert set(re.findall(r"{(\w+)}", step.say)) <= asked
        assert not step.keep or step.answer
        asked |= {step.keep}
    assert set(re.findall(r"{(\w+)}", script.close)) <= asked
    assert "{" not in script.offer


@pytest.mark.parametrize("text", [
    "I stopped at the problem", "we had a hard conversation yesterday", "I wrote him a letter", "my body hurts",
    "I have no values left",
    "I got the body scan results", "I surf every summer", "I am bad at problem solving", "steps on the stairs at night",
    "我写了一封信给他", "事情快收尾了", "我们谈了很久", "昨天去做了扫描", "我不知道自己看重什么",
    "今天做了好几件事", "肌肉有点酸",
])  # fmt: skip
def test_ordinary_words_start_none_of_the_new_ones(text: str) -> None:
    assert called_in(text) is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('needs = ["self_kindness"', 'needs = ["self_kind"'), "no need 'self_kind'; choose from calm_now"),
        (('topics = ["breakup"', 'topics = ["brekup"'), "no topic 'brekup'"),
        (("minutes = 5", "minutes = 90"), "minutes is 90; it must be from 1 to 30"),
        (('id = "shared"', 'id = "sharing"'), "differ between the languages"),
        (('asks = "Let\'s do the self-compassion break."', 'asks = "Something else."'), "not found by `called`"),
        (("careful = ", "cautious = "), "'careful'"),
        (('id = "name"', 'pace = "9-9"\nid = "name"'), "differ between the languages"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(change: tuple[str, str], says: str, tmp_path: Path) -> None:
    good = (FOLDER / "kind.toml").read_text(encoding="utf-8")
    broken = tmp_path / "kind.toml"
    broken.write_text(good.replace(*change, 1), encoding="utf-8")
    assert broken.read_text(encoding="utf-8") != good
    with pytest.raises(TextsInvalid, match=f"kind.toml.*{says}"):
        read_exercise(broken)


@pytest.mark.parametrize(("line", "says"), [('pace = "9-9"', "no pace '9-9'; choose from 4-4-4-4, 4-6")])
def test_a_pace_that_nobody_knows_is_named(line: str, says: str, tmp_path: Path) -> None:
    good = (FOLDER / "kind.toml").read_text(encoding="utf-8")
    broken = tmp_path / "kind.toml"
    broken.write_text(good.replace('id = "name"', f'id = "name"\n{line}'), encoding="utf-8")
    with pytest.raises(TextsInvalid, match=says):
        read_exercise(broken)


@pytest.mark.parametrize(
    ("state", "pace"),
    [
        (GuidedState(exercise="box", step=1), "4-4-4-4"),
        (GuidedState(exercise="winddown", step=3), "4-6"),
        (GuidedState(exercise="winddown", step=0), ""),
        (GuidedState(exercise="box", step=1, paused=True), ""),
        (GuidedState(exercise="an exercise of an older edition", step=1), ""),
        (GuidedState(asked="panic"), "4-6"),
        (GuidedState(asked="mood"), ""),
        (GuidedState(), ""),
    ],
)
def test_a_pace_is_offered_beside_what_breathes(state: GuidedState, pace: str) -> None:
    assert pace_beside(make_turn(risk=Risk(), guided=state)) == pace


def test_a_slow_pace_is_offered_where_the_crisis_path_answers_a_panic() -> None:
    panic = assess("help, i'm having a panic attack right now")
    assert pace_beside(make_turn(risk=panic)) == "4-6"
