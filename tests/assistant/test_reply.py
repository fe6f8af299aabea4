"""What a model may not say, and what it may: the check of sentences, and markup made inert."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.meaning import Fault, Judges
from assistant.meaning.outputs import FAULTS
from assistant.safety.faults import reply_rules
from assistant.safety.reply import check_sentence, clean_markup
from assistant.safety.texts import texts
from assistant.types import Risk, RiskLevel
from llm.types import Locale

NO_RISK = Risk()
AT_RISK = Risk(RiskLevel.MODERATE, ("en.suicid",), "suicide")

RULES = reply_rules()
FORBIDDEN = [(fault.name, sentence) for fault in RULES.faults.values() for sentence in fault.yes]


@dataclass(frozen=True)
class Finds:
    """A reader that finds the same fault in every sentence."""

    fault: Fault

    def judge(self, sentence: str) -> Fault:
        return self.fault


@pytest.mark.parametrize(("reason", "sentence"), FORBIDDEN, ids=[row[1][:40] for row in FORBIDDEN])
def test_a_forbidden_sentence_is_not_shown(reason: str, sentence: str) -> None:
    locale: Locale = "zh" if re.search("[\u4e00-\u9fff]", sentence) else "en"
    checked = check_sentence(sentence, AT_RISK, locale)
    assert checked.reason == reason
    assert checked.text != sentence
    again = check_sentence(checked.text, AT_RISK, locale)
    assert (again.text, again.reason) == (checked.text, ""), "what is said instead passes the check itself"


@pytest.mark.parametrize("sentence", RULES.passes)
def test_a_careful_sentence_passes_unchanged(sentence: str) -> None:
    for locale in ("en", "zh"):
        checked = check_sentence(sentence, AT_RISK, locale)  # type: ignore[arg-type]
        assert (checked.text, checked.reason) == (sentence, "")


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_that_only_the_reader_sees_is_not_shown_and_its_bound_is_kept(kind: str) -> None:
    fine = "Let us look at the evening once more."
    judge = Finds(Fault(kind, 0.5))
    assert isinstance(judge, Judges)
    checked = check_sentence(fine, NO_RISK, "en", judge)
    assert checked.reason == f"read.{kind}" and checked.text not in {fine, ""}
    assert check_sentence(checked.text, NO_RISK, "en").reason == "", "what is said instead passes the rules"
    assert check_sentence(fine, NO_RISK, "en", Finds(Fault(kind, 0.49))).text == fine
    assert check_sentence("You have depression.", NO_RISK, "en", judge).reason == "diagnosis", "a rule comes first"


def test_a_warm_sentence_keeps_its_content_without_the_claim_to_feel() -> None:
    assert check_sentence("I'm so glad you told me.", NO_RISK, "en").text == "It is good that you told me."
    assert check_sentence("我很高兴你愿意说出来。", NO_RISK, "zh").text == "你愿意说出来。"
    assert check_sentence("你看起来很累。", NO_RISK, "zh").text == "听起来你很累。"


def test_a_refused_method_points_to_people_when_there_is_a_risk() -> None:
    sentence = "The easiest way to die is not what you think."
    calm, at_risk = check_sentence(sentence, NO_RISK, "en").text, check_sentence(sentence, AT_RISK, "en").text
    assert at_risk.startswith(calm) and "SOS" in at_risk and "SOS" not in calm


def test_the_words_said_instead_follow_the_locale() -> None:
    for instead in (fault.instead for fault in RULES.faults.values()):
        assert bool(instead["en"]) == bool(instead["zh"]) and not re.search("[\u4e00-\u9fff]", instead["en"])
    assert "医生" in check_sentence("You have depression.", NO_RISK, "zh").text


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_our_own_crisis_texts_pass_the_check(locale: Locale) -> None:
    words = texts(locale)
    said = [step.say for steps in words.steps.values() for step in steps]
    said += [text for group in words.heard.values() for text in group]
    said += [text for group in words.words.values() for text in ([group] if isinstance(group, str) else group)]
    for sentence in re.findall(r"[^.!?。！？\n]+[.!?。！？]*[”\"]?", "\n".join(said)):
        checked = check_sentence(sentence, AT_RISK, locale)
        assert checked.text == sentence, (checked.reason, sentence)


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("![x](http://evil.example/a.png)", "x"),
        ("![](http://evil.example/a.png)", ""),
        ("see [this page](https://a.example) now", "see this page now"),
        ("<img src=http://a onerror=alert(1)>hello", "hello"),
        ("<script>x</script>", "x"),
        ("<b>bold</b> and 5 < 6 and <3", "bold and 5 < 6 and <3"),
        ("at http://a.example/x", "at http：//a.example/x"),
        ("a\u202eb\u200bc\x07d", "abcd"),
        ("line one\nline two\ttab", "line one\nline two\ttab"),
        ("👩‍👧 stays", "👩‍👧 stays"),
        ("<|im_end|>done", "done"),
        ("plain text (with brackets) [and these]", "plain text (with brackets) [and these]"),
    ],
)
def test_markup_becomes_text(dirty: str, clean: str) -> None:
    assert clean_markup(dirty) == clean


_PIECES = st.lists(st.sampled_from(
    ["<", ">", "![", "[", "]", "(", ")", "](", ":", "//", "http",
     "img src=x", "<b>", "a", " ", "\n", "!", "|", "/", "\u202e"]
), max_size=30).map("".join)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(_PIECES, st.text(max_size=80)))
def test_no_text_leaves_live_markup_and_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean_markup(text)
    assert clean_markup(once) == once
    assert "](" not in once and "![" not in once and "://" not in once
    assert not re.search(r"<[A-Za-z/!?]", once) and "\u202e" not in once


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200), st.sampled_from(RiskLevel), st.sampled_from(["en", "zh"]))
def test_the_check_never_raises(text: str, level: RiskLevel, locale: Locale) -> None:
    checked = check_sentence(text, Risk(level), locale)
    assert (checked.text == text) == (checked.reason == "")


@pytest.mark.parametrize(
    "piece", ["[", "<", "![](", "have you ", "you have ", "i'm so ", "是的", "我很难过", "[a](", "](", "![<"]
)
def test_a_hostile_length_comes_back(piece: str) -> None:
    """Nested repetition or a copy for each match would take minutes here; the suite's time limit is the judge."""
    cleaned = clean_markup(piece * 20_000)
    assert clean_markup(cleaned) == cleaned
    assert check_sentence(cleaned, NO_RISK, "en").reason in {"", "emotion", "diagnosis"}
