"""Formats, masks and packing: what the loss may see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.tuning.stack import load_tokenizer
from llm.tuning.training_data import (
    IGNORED,
    Encoded,
    MalformedData,
    check_template,
    encode,
    encode_within,
    epoch_order,
    pack,
    parse_row,
    read_conversations,
)
from tests.llm.conftest import rows, write_rows

EXPECTED = [{"role": "user", "content": "你好"}, {"role": "assistant", "content": "Hello"}]


@pytest.mark.parametrize(
    "row",
    [
        {"messages": EXPECTED},
        {"conversations": [{"from": "human", "value": "你好"}, {"from": "gpt", "value": "Hello"}]},
        {"instruction": "你好", "input": "", "output": "Hello"},
    ],
)
def test_three_formats_give_one_conversation(row: dict[str, Any]) -> None:
    assert parse_row(row) == EXPECTED


def test_alpaca_with_history_system_and_input() -> None:
    row = {"instruction": "b", "input": "c", "output": "d", "history": [["x", "y"]], "system": "s"}
    assert [(m["role"], m["content"]) for m in parse_row(row)] == [
        ("system", "s"),
        ("user", "x"),
        ("assistant", "y"),
        ("user", "b\nc"),
        ("assistant", "d"),
    ]


def test_every_bad_line_is_listed_with_its_number_and_nothing_is_returned(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    write_rows(
        bad,
        [
            {"messages": EXPECTED},
            {"messages": [EXPECTED[0]]},
            {"text": "x"},
            {"messages": [{"role": "bot", "content": "x"}]},
        ],
    )
    with bad.open("a", encoding="utf-8") as file:
        file.write("{oops\n" + '{"messages": [{"role": "user"}]}\n')
    with pytest.raises(MalformedData) as caught:
        read_conversations([bad])
    message = str(caught.value)
    assert "5 rows are malformed" in message and "bad.jsonl:1:" not in message
    for line, why in ((2, "must end"), (3, "none of the keys"), (4, "'bot'"), (5, "not JSON"), (6, "content")):
        assert why in next(part for part in message.splitlines() if f"bad.jsonl:{line}:" in part)


def test_the_mask_token_by_token(toy: Path) -> None:
    """Exactly the assistant's words and the token that ends its turn, in a dialogue with a system message."""
    tokenizer = load_tokenizer(toy)
    messages = [
        {"role": "system", "content": "Listen."},
        {"role": "user", "content": "睡不好。"},
        {"role": "assistant", "content": "多久了？"},
        {"role": "user", "content": "Long."},
        {"role": "assistant", "content": "I see."},
    ]
    encoded = encode(messages, tokenizer)
    assert list(encoded.ids) == tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False)
    # The same, put together by hand from the pieces of the ChatML text.
    expected: list[tuple[int, bool]] = []
    for message in messages:
        ours = message["role"] == "assistant"
        for text, target in (
            (f"<|im_start|>{message['role']}\n", False),
            (message["content"] + "<|im_end|>", ours),
            ("\n", False),
        ):
            expected += [(i, target) for i in tokenizer(text, add_special_tokens=False)["input_ids"]]
    assert [(i, label != IGNORED) for i, label in zip(encoded.ids, encoded.labels, strict=True)] == expected
    assert all(label in (IGNORED, i) for i, label in zip(encoded.ids, encoded.labels, strict=True))


def test_a_template_that_rewrites_earlier_turns_is_refused(toy: Path) -> None:
    tokenizer = load_tokenizer(toy)
    tokenizer.chat_template = "{{ messages | length }}" + tokenizer.chat_template
    with pytest.raises(ValueError, match="rewrites earlier turns"):
        encode(rows(3)[2]["messages"], tokenizer)


REFUSES = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
KNOWS_TWO = (
    "{% for m in messages %}{% if m['role'] in ('user', 'assistant') %}{{ m['content'] }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)
LEAVES_OUT = "{% for m in messages if m['role'] != 'system' %}{{ m['content'] + '<|im_end|>' }}{% endfor %}"
ALTERNATES = (
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}{{ m['content'] }}{% endfor %}"
)


@pytest.mark.parametrize(("template", "why"), [
    (REFUSES, "System role not supported"), (KNOWS_TWO, "Only user and assistant"), (LEAVES_OUT, "leaves it out"),
    (ALTERNATES, "must alternate"),
])  # fmt: skip
def test_a_template_without_the_system_role_is_told_in_a_line(toy: Path, template: str, why: str) -> None:
    tokenizer = load_tokenizer(toy)
    talks = [[dict(m) for m in row["messages"]] for row in rows(6, system=True)]
    check_template(talks, tokenizer)
    tokenizer.chat_template = template
    check_template([talk[1:] for talk in talks], tokenizer)
    with pytest.raises(ValueError, match=why) as caught:
        check_template([talks[0][1:], *talks], tokenizer)
    assert "takes no system message" in str(caught.value) and "6 conversations" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_template_that_refuses_a_conversation_is_told(toy: Path) -> None:
    tokenizer = load_tokenizer(toy)
    tokenizer.chat_template = "{{ raise_exception('no emoji') }}"
    with pytest.raises(ValueError, match="refuses a conversation: no emoji"):
        encode(EXPECTED, tokenizer)


def test_a_template_without_an_end_token_is_refused(toy: Path) -> None:
    tokenizer = load_tokenizer(toy)
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
    )
    with pytest.raises(ValueError, match="never stop"):
        encode(EXPECTED, tokenizer)


def test_a_long_conversation_loses_whole_exchanges_at_its_end(toy: Path) -> None:
    tokenizer = load_tokenizer(toy)
    messages = rows(3)[2]["messages"]
    whole = encode(messages, tokenizer)
    shorter = encode_within(messages, tokenizer, len(whole.ids) - 1)
    assert shorter == encode(messages[:-2], tokenizer)
    assert encode_within(messages, tokenizer, 5) is None


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(40, 90))
def test_packing_keeps_every_conversation_whole_and_once(lengths: list[int], block: int) -> None:
    parts = [Encoded(tuple([n] * size), tuple([n] * size)) for n, size in enumerate(lengths)]
    packed = pack(parts, block)
    seen = []
    for row in packed:
        assert len(row.ids) <= block and row.starts[0] == 0
        for start, end in zip(row.starts, (*row.starts[1:], len(row.ids)), strict=True):
            assert len(set(row.ids[start:end])) == 1
            seen.append((row.ids[start], end - start))
            assert row.labels[start] == IGNORED, "the first token of a conversation was predicted from its neighbour"
    assert sorted(seen) == [(n, size) for n, size in enumerate(lengths)]


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    assert epoch_order(50, 1, 0) == epoch_order(50, 1, 0) != epoch_order(50, 1, 1)
    assert sorted(epoch_order(50, 1, 0)) == list(range(50))


def test_a_data_set_that_is_not_here_is_named() -> None:
    with pytest.raises(MalformedData, match="neither a file here nor a data set"):
        read_conversations(["nobody/nothing-of-this-name"])
