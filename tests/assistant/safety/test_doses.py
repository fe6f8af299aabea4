"""Questions about a dose: which they are, and that no model is asked."""

from __future__ import annotations

import pytest

from assistant.safety.compile import HERE, load
from assistant.safety.doses import LONGEST, asks_for_dose, dose_reply
from assistant.safety.reply import check_sentence
from assistant.types import Risk
from llm.types import Locale

EXAMPLES = load(HERE / "rules" / "doses.toml")


@pytest.mark.parametrize("text", EXAMPLES["yes"])
def test_a_question_about_a_dose_is_known(text: str) -> None:
    assert asks_for_dose(text)


@pytest.mark.parametrize("text", EXAMPLES["no"])
def test_what_only_mentions_a_medicine_is_not_one(text: str) -> None:
    assert not asks_for_dose(text)


def test_a_long_story_with_a_question_in_it_goes_to_the_model() -> None:
    asked = "can i take two of my sleeping pills tonight?"
    assert asks_for_dose(asked) and not asks_for_dose(
        "It was a long day and nothing worked. " * (LONGEST // 20) + asked
    )


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_the_answer_names_no_amount_and_passes_the_check(locale: Locale) -> None:
    for sentence in dose_reply(locale).splitlines():
        assert check_sentence(sentence, Risk(), locale).text == sentence
