"""The tokenizer against the one of the `tokenizers` package, and windows and runs on awkward text."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest

from assistant.meaning.blocks import unpacked
from assistant.meaning.card import read_card
from assistant.meaning.grams import BUCKETS, Grams, buckets
from assistant.meaning.lines import joined, sentences
from assistant.meaning.tokens import SPACE, Tokens, normalised
from assistant.meaning.windows import windows

MESSAGES = [
    "I can't sleep again, it's 3am and the cat's staring",
    "今天又加班到十二点，人都麻了…真的好累",
    "我好攰呀,返工返到冇晒靈魂😮‍💨",
    "覺得自己好失敗 nothing works   out",
    "ｆｕｌｌ　ｗｉｄｔｈ １２３",
    "𠝹 rare 㗎 ꧁ signs",
    "a",
]


def vocabulary() -> tuple[list[str], list[float]]:
    with np.load(read_card().file) as file:
        pieces = file["pieces"].tobytes().decode("utf-8").split("\n")
        return pieces, file["scores"].astype(np.float32).tolist()


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    pieces, scores = vocabulary()
    return Tokens(pieces, scores, 3)


@pytest.fixture(scope="module")
def reference() -> Iterator[object]:
    library = pytest.importorskip("tokenizers", reason="the reference tokenizer comes with the extra `train`")
    pieces, scores = vocabulary()
    made = library.Tokenizer(library.models.Unigram(list(zip(pieces, scores, strict=True)), unk_id=3))
    made.pre_tokenizer = library.pre_tokenizers.Metaspace()
    yield made


@pytest.mark.parametrize("text", MESSAGES)
def test_pieces_are_those_of_the_reference(tokens: Tokens, reference: object, text: str) -> None:
    wanted = reference.encode(normalised(text), add_special_tokens=False).ids  # type: ignore[attr-defined]
    found = tokens.numbers(text)
    # The library joins unknown characters that stand together to one <unk>.
    assert [n for at, n in enumerate(found) if n != 3 or at == 0 or found[at - 1] != 3] == wanted


def test_pieces_joined_give_the_text_again(tokens: Tokens) -> None:
    pieces, _ = vocabulary()
    text = "我想休息几天, nothing else"
    assert "".join(pieces[n] for n in tokens.numbers(text)) == SPACE + normalised(text).replace(" ", SPACE)


def test_control_characters_and_lone_surrogates_are_harmless(tokens: Tokens) -> None:
    assert tokens.numbers("tired\u200b\u202e\x00") == tokens.numbers("tired")
    assert tokens.numbers("\ud800") == tokens.numbers("")
    assert len(buckets("\ud800 x")) > 0


def test_a_long_word_is_cut(tokens: Tokens) -> None:
    found = tokens.numbers("哈" * 8000)
    assert 0 < len(found) <= 8000


def test_sentences_and_windows_lose_nothing() -> None:
    text = "First one. Then two! 然后第三句。最后一句没有句号"
    assert "".join(sentences(text)) == text
    assert all(any(part.strip() in window for window in windows(text * 4)) for part in sentences(text))
    assert windows("short") == ["short"]


def test_joined_sentences_are_spaced_by_language() -> None:
    assert joined(["One.", "Two."]) == "One. Two. "
    assert joined(["一。", "二。"]) == "一。二。"


def test_runs_depend_on_the_text_alone() -> None:
    assert np.array_equal(buckets("ABC def"), buckets("abc DEF"))
    assert not np.array_equal(buckets("abc"), buckets("acb"))
    weights = np.zeros(BUCKETS, dtype=np.float32)
    weights[buckets("hi")] = 1.0
    assert Grams(weights, 0.5).logit("hi") > Grams(weights, 0.5).logit("zzz")
    with pytest.raises(ValueError, match="shape"):
        Grams(np.zeros(3, dtype=np.float32), 0.0)


def test_blocks_unpack_to_scale_times_whole_numbers() -> None:
    rng = random.Random(1)
    nibbles = [rng.randrange(16) for _ in range(32)]
    packed = bytes(nibbles[at] | nibbles[at + 16] << 4 for at in range(16))
    block = np.frombuffer(np.float16(0.5).tobytes() + packed, dtype=np.uint8)
    assert unpacked(block, 32).tolist() == [[(value - 8) * 0.5 for value in nibbles]]
