"""A person never sees a model's reasoning."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.client.opening import opening_of
from llm.client.reasoning import TAGS, Opening, ReasoningFilter

SECRET, WORDS = "SECRET they seem lost", "That sounds heavy. 1 < 2 [sic] ◁ 好"


def shown(text: str, opening: Opening, size: int = 10**6, whole: bool = True) -> str:
    gate, out = ReasoningFilter(opening), ""
    for at in range(0, len(text), size):
        out += gate.feed(text[at : at + size])
    return out + gate.finish(whole)


@pytest.mark.parametrize("tags", TAGS)
@pytest.mark.parametrize("opening", ["text", "unknown", "reasoning"])
@pytest.mark.parametrize("size", [1, 2, 5, 10**6])
def test_a_block_is_left_out_however_it_is_cut(tags: tuple[str, str], opening: Opening, size: int) -> None:
    text = f"{tags[0]}\n{SECRET}\n{tags[1].upper()}\n\n{WORDS}"
    assert shown(text, opening, size) == WORDS


@pytest.mark.parametrize("opening", ["unknown", "reasoning"])
@pytest.mark.parametrize("size", [1, 4, 10**6])
def test_a_block_whose_opening_tag_is_missing_is_left_out(opening: Opening, size: int) -> None:
    gate = ReasoningFilter(opening)
    assert shown(f"{SECRET}\n</think>\n\n{WORDS}", opening, size) == WORDS
    gate.feed(f"{SECRET}</think>")
    assert gate.learned == "reasoning", "the next reply of this model begins in the same way"


@pytest.mark.parametrize(
    "text",
    [
        f"<think>{SECRET} <think>{SECRET}</think> {SECRET}</think>{WORDS}",
        f"<think>{SECRET}</think><think>{SECRET}</think>{WORDS}",
        f"  <think></think>{WORDS}",
        f"<THINK>{SECRET}</Think>{WORDS}",
    ],
)
def test_nested_repeated_and_empty_blocks(text: str) -> None:
    assert shown(text, "unknown", 3) == WORDS


def test_a_block_in_the_middle_is_left_out() -> None:
    assert shown(f"Yes. <think>{SECRET}</think>{WORDS}", "text", 2) == f"Yes. {WORDS}"


@pytest.mark.parametrize("text", [
    f"<think>{SECRET}", f"<think>{SECRET}</thin", f"<think>{SECRET}</think><think>{SECRET}",
])  # fmt: skip
def test_a_block_that_never_ends_shows_nothing(text: str) -> None:
    assert shown(text, "text") == shown(text, "unknown") == ""


def test_text_of_an_unknown_opening_waits_for_the_end_and_is_then_known() -> None:
    gate = ReasoningFilter("unknown")
    assert gate.feed(WORDS) == "" and gate.finish(whole=True) == WORDS and gate.learned == "text"
    assert shown(WORDS, "unknown", whole=False) == "", "cut off, it may all be reasoning"
    assert shown(SECRET, "reasoning") == "", "reasoning without an end"


def test_plain_text_streams_at_once_where_the_opening_is_known() -> None:
    gate = ReasoningFilter("text")
    assert [gate.feed(piece) for piece in ("I ", "hear < you", ".")] == ["I ", "hear < you", "."]


@given(st.text(alphabet="<>/thinkTHINK ab◁▷[]İ", max_size=60), st.integers(1, 7))
def test_cuts_change_nothing(text: str, size: int) -> None:
    assert shown(text, "text", size) == shown(text, "text")


@pytest.mark.parametrize(
    ("prompt", "opening"),
    [
        ("<|im_start|>assistant\n", "text"),
        ("<｜Assistant｜><think>\n", "reasoning"),
        ("<|im_start|>assistant\n<think>\n\n</think>\n\n", "text"),
    ],
)
def test_the_end_of_a_prompt_tells_how_the_reply_begins(prompt: str, opening: str) -> None:
    assert opening_of("<|im_start|>user\nhi<|im_end|>\n" + prompt) == opening
