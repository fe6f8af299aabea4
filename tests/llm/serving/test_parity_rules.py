"""What the gate calls equal; and the terminal chat."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from llm.base import ModelUnavailable
from llm.client.chat import converse
from llm.serving.parity import compare
from llm.serving.reference import Answer, conversations, reference, stop_ids_of
from llm.tuning.stack import load_base, load_tokenizer
from llm.types import Prompt, Reply, Sampling

WANTED = Answer((1, 2), (5, 6, 7), (-1.0, -2.0, -3.0), (0.5, 0.5, 0.5), "length")


def answer(
    ids: tuple[int, ...] = (5, 6, 7),
    logprobs: tuple[float, ...] = (-1.0, -2.0, -3.0),
    prompt: tuple[int, ...] = (1, 2),
    finish: str = "length",
) -> Answer:
    return Answer(prompt, ids, logprobs, (), finish)


@pytest.mark.parametrize(
    ("got", "problem"),
    [
        (answer(), ""),
        (answer(logprobs=(-1.0001, -2.0, -3.0)), ""),
        (answer(logprobs=(-1.0, -2.01, -3.0)), "log-probability of token 1"),
        (answer(ids=(5, 9, 7)), "token 1 is 9, expected 6"),
        (answer(prompt=(1, 2, 3)), "chat template"),
        (answer(ids=(5, 6), logprobs=(-1.0, -2.0), finish="stop"), "ended after 2 tokens"),
    ],
)
def test_each_kind_of_difference_is_named(got: Answer, problem: str) -> None:
    found, _ = compare(WANTED, got, 5e-4)
    assert (problem in found) if problem else found == ""


def test_another_token_is_accepted_only_where_the_reference_was_undecided() -> None:
    undecided = Answer((1, 2), (5, 6, 7), (-1.0, -2.0, -3.0), (0.5, 0.0001, 0.5), "length")
    assert compare(undecided, answer(ids=(5, 9, 9)), 5e-4)[0] == ""
    assert compare(undecided, answer(ids=(9, 6, 7)), 5e-4)[0] != ""


def test_the_reference_is_what_generate_gives(toy: Path) -> None:
    import torch

    tokenizer, model = load_tokenizer(toy), load_base(toy)
    for messages in conversations(tokenizer, 300):
        ours = reference(model, tokenizer, messages, 8, stop_ids_of(model, tokenizer))
        ids = torch.tensor([ours.prompt_ids])
        theirs = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=8)[
            0, ids.shape[1] :
        ]
        assert list(ours.ids) == theirs.tolist()


class Echo:
    """Answers with the last words in two pieces; fails once."""

    name = "echo"

    def __init__(self) -> None:
        self.asked: list[Prompt] = []

    def stream(self, prompt: Prompt, tell: object = None) -> Generator[str, None, Reply]:
        self.asked.append(prompt)
        if len(self.asked) == 1:
            raise ModelUnavailable("nobody is there")
        yield "you said "
        yield prompt.messages[-1].content
        return Reply("you said " + prompt.messages[-1].content, self.name, "stop")


def test_a_terminal_chat_survives_a_failure_and_remembers() -> None:
    lines: Iterator[str] = iter(["one", "two", "three", ""])
    shown: list[str] = []
    model = Echo()
    converse(model, lambda: next(lines), shown.append, Sampling(), system="be kind")
    text = "".join(shown)
    assert "nobody is there" in text and "you said two\nyou said three\n" in text
    assert [m.content for m in model.asked[-1].messages] == ["be kind", "two", "you said two", "three"]
