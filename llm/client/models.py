"""The chat models of this package, one row each. The companion that needs no model lives in `assistant.guided`."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from llm.base import ChatModel

if TYPE_CHECKING:
    from llm.client.openai_compat import TimeOuts


@dataclass(frozen=True, slots=True)
class ChatModelCard:
    """A kind of chat model. `spec` shows how it is asked for in `load_chat_model`."""

    name: str
    summary: str
    spec: str


CARDS: MappingProxyType[str, ChatModelCard] = MappingProxyType(
    {
        card.name: card
        for card in (
            ChatModelCard(
                "openai-compatible",
                "any server with the OpenAI chat-completions API: vLLM, Ollama, llama.cpp ...",
                "http://127.0.0.1:8000/v1",
            ),
            ChatModelCard("scripted", "fixed replies, for tests", "scripted"),
        )
    }
)


def load_chat_model(
    spec: str,
    model: str | None = None,
    *,
    time_outs: TimeOuts | None = None,
    max_retries: int = 2,
) -> ChatModel:
    """The chat model for "scripted" or for a server's http(s) address; `model` names one of several at the server.

    Does not connect: a server that is down is reported by the first `stream`, and by `llm.client.openai_compat.probe`.
    Raises ValueError, which names the choices.
    """
    if spec == "scripted":
        from llm.client.scripted import Scripted

        return Scripted()
    if spec.startswith(("http://", "https://")):
        from llm.client.openai_compat import OpenAICompatible

        return OpenAICompatible(spec, model, time_outs=time_outs, max_retries=max_retries)
    raise ValueError(f"no chat model is called {spec!r}; choose from {', '.join(card.spec for card in CARDS.values())}")
