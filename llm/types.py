"""The values that a chat model takes and gives: Message, Sampling, Prompt, Usage, Reply. Pure and frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Role = Literal["system", "user", "assistant"]
Locale = Literal["en", "zh"]
#: Why a reply ended: by itself, at the token limit, by the person's Stop, by an error after some text had arrived, or
#: because the fixed crisis path answered.
FinishReason = Literal["stop", "length", "stopped", "error", "crisis"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn. The defaults are the published PsycoLLM's inference settings."""

    temperature: float = 0.7
    top_p: float = 0.9
    max_tokens: int = 512
    seed: int | None = None
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (0 <= self.temperature <= 2 and 0 < self.top_p <= 1 and self.max_tokens > 0):
            raise ValueError(f"temperature in [0, 2], top_p in (0, 1], max_tokens > 0, got {self}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """All that is sent to a model, nothing hidden: `messages` is what the server gets.

    `locale` and `tone` repeat in machine-readable form what the system message says in words, and `carried` is what a
    model gave back with its last reply; the companion that needs no language model reads them, a server never sees
    them.
    """

    messages: tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)
    locale: Locale = "en"
    tone: str = "plain"
    carried: str = ""

    def __post_init__(self) -> None:
        if not self.messages or self.messages[-1].role != "user":
            raise ValueError("a prompt ends with the person's message")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them; None where it did not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A finished answer. `text` is the concatenation of all that was yielded. An error is an exception, never a Reply.

    `first_token_s` and `latency_s` are seconds since the request was made. `carried` is for this model's next prompt;
    nobody else reads it, "" for nothing.
    """

    text: str
    model: str
    finish_reason: FinishReason
    usage: Usage = field(default_factory=Usage)
    first_token_s: float = 0.0
    latency_s: float = 0.0
    carried: str = ""


@dataclass(frozen=True, slots=True)
class Thinking:
    """The model works on something that is not shown: its reasoning. `seconds` since the first piece of it arrived."""

    seconds: float

    def __post_init__(self) -> None:
        if self.seconds < 0:
            raise ValueError(f"seconds are not negative, got {self.seconds}")
