"""The table of chat models and the scripted one."""

from __future__ import annotations

import pytest

from llm.base import ChatModel, ModelInterrupted, ModelUnavailable
from llm.client.models import CARDS, load_chat_model
from llm.client.scripted import Scripted
from llm.types import Message, Prompt, Thinking

PROMPT = Prompt((Message("user", "hello"),))


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS.keys())
def test_every_card_loads_a_chat_model(card: object) -> None:
    model = load_chat_model(card.spec)  # type: ignore[attr-defined]
    assert isinstance(model, ChatModel) and model.name


def test_an_unknown_spec_names_the_choices() -> None:
    with pytest.raises(ValueError, match=r"http://.*scripted"):
        load_chat_model("gpt")


def test_scripted_takes_turns_and_its_pieces_add_up() -> None:
    model = Scripted(["你好, my friend.  \n", "Second 你 好"])
    for expected in ("你好, my friend.  \n", "Second 你 好", "你好, my friend.  \n"):
        stream, pieces = model.stream(PROMPT), []
        while True:
            try:
                pieces.append(next(stream))
            except StopIteration as end:
                assert end.value.text == "".join(pieces) == expected and len(pieces) > 2
                break
    assert model.prompts == [PROMPT] * 3


@pytest.mark.parametrize(("after", "kind"), [(0, ModelUnavailable), (2, ModelInterrupted), (99, ModelInterrupted)])
def test_scripted_fails_on_demand(after: int, kind: type[Exception]) -> None:
    pieces: list[str] = []
    with pytest.raises(kind):
        for piece in Scripted(["one two three"], fail_after=after).stream(PROMPT):
            pieces.append(piece)
    assert len(pieces) == min(after, 3)


def test_scripted_counts_who_left() -> None:
    model = Scripted(["one two three"])
    stream = model.stream(PROMPT)
    next(stream)
    stream.close()
    assert model.cancelled == 1


def test_a_scripted_model_can_think_first() -> None:
    told: list[Thinking] = []
    pieces = list(Scripted(["Yes."], thinking_s=0.3).stream(Prompt((Message("user", "hi"),)), told.append))
    assert pieces == ["Yes."] and told and told[-1].seconds < 0.3
