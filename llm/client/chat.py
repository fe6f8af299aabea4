"""`python -m llm chat`: a conversation in the terminal, through the same client as the app."""

from __future__ import annotations

from collections.abc import Callable

from llm.base import ChatModel, ModelError
from llm.types import Message, Prompt, Reply, Sampling

#: Messages that are sent along; older ones are left out.
MEMORY = 20


def converse(
    model: ChatModel, read: Callable[[], str], write: Callable[[str], None], sampling: Sampling, system: str = ""
) -> None:
    """Read lines until an empty one or the end; write each reply as it comes. A failed request is told and can be
    repeated.
    """
    said: list[Message] = []
    while True:
        try:
            line = read().strip()
        except EOFError:
            return
        if not line:
            return
        asked = [*said, Message("user", line)]
        lead = [Message("system", system)] if system else []
        try:
            reply = _stream(model, Prompt((*lead, *asked[-MEMORY - 1 :]), sampling), write)
        except ModelError as error:
            write(f"\n[{type(error).__name__}: {error}]\n")
            continue
        said = [*asked, Message("assistant", reply.text)]


def _stream(model: ChatModel, prompt: Prompt, write: Callable[[str], None]) -> Reply:
    pieces = model.stream(prompt)
    while True:
        try:
            write(next(pieces))
        except StopIteration as end:
            write("\n")
            reply: Reply = end.value
            return reply
