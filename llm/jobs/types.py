"""The values of many requests at once: Request, Answer, and what a run counted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from llm.types import Message, Sampling, Usage

#: What an answered request turned out to be. Only "ok" is a value; the others are counted under their own names.
AnswerKind = Literal["ok", "empty", "cut", "unparsable", "refused"]
#: What can go wrong before there is an answer: 429 and 503; other 5xx; refused, reset and half-sent; nothing in time;
#: something that is not the chat-completions protocol.
Fault = Literal["overloaded", "server", "connection", "time_out", "malformed"]
FAULTS: tuple[Fault, ...] = ("overloaded", "server", "connection", "time_out", "malformed")


class JobError(Exception):
    """A run cannot go on: what happened, and the next step."""


class ServerBroken(JobError):
    """Most requests fail, or every one would: wrong key, unknown model, nobody at the address."""


class ChainFailed(Exception):
    """One chain could not be finished; the others go on. `reason` is counted."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model. `schema` is a JSON schema that the answer's text must satisfy; the prompt must ask for
    JSON too, for servers that cannot be held to one. `extra` goes into the body as it is (`logprobs` ...). A repeated
    run asks the same where `sampling.seed` is given. `may_be_cut`: a reply that ends at the token limit is what was
    asked for, and is not asked for again; its kind is still "cut"."""

    messages: tuple[Message, ...]
    model: str
    sampling: Sampling = field(default_factory=Sampling)
    schema: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    may_be_cut: bool = False

    def __post_init__(self) -> None:
        if not self.messages or not self.model:
            raise ValueError("a request has at least one message and names a model")

    def body(self, attempt: int = 0) -> dict[str, Any]:
        """What is sent. A further attempt has another seed, for the same one would be answered the same."""
        sampling = self.sampling
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": message.role, "content": message.content} for message in self.messages],
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
        }
        if sampling.seed is not None:
            body["seed"] = sampling.seed + 1_000_003 * attempt
        if sampling.stop:
            body["stop"] = list(sampling.stop)
        if self.schema is not None:
            described = {"name": "answer", "schema": dict(self.schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": described}
        return {**body, **self.extra}

    def key(self, attempt: int = 0) -> str:
        """SHA-256 over prompt, model, sampling, seed and attempt: the name under which an answer is kept."""
        text = json.dumps([self.body(attempt), attempt], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered. `data` is the parsed text where a schema was asked for and met. `top_logprobs` has, for
    each generated token, the most probable tokens with their natural logarithms, where the server gives them.
    Invariant: `kind` is "ok" only for text that is whole, not blank, and fits the schema."""

    kind: AnswerKind
    text: str
    finish_reason: str = ""
    usage: Usage = field(default_factory=Usage)
    data: Any = None
    top_logprobs: tuple[Mapping[str, float], ...] = ()
    latency_s: float = 0.0
    attempt: int = 0

    def record(self) -> dict[str, Any]:
        """For the journal: everything but what is computed again from the text."""
        return {
            "kind": self.kind, "text": self.text, "finish_reason": self.finish_reason,
            "prompt_tokens": self.usage.prompt_tokens, "completion_tokens": self.usage.completion_tokens,
            "top_logprobs": [dict(row) for row in self.top_logprobs], "latency_s": round(self.latency_s, 4),
        }  # fmt: skip

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Answer:
        usage = Usage(record["prompt_tokens"], record["completion_tokens"])
        rows: Sequence[Mapping[str, float]] = record["top_logprobs"]
        return cls(
            record["kind"], record["text"], record["finish_reason"], usage, None, tuple(rows), record["latency_s"]
        )


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How to ask. `concurrency` is how many requests the server works on at once (an eighth more are on the wire);
    seconds are per request. `retries` counts further tries
    after the first for each fault, `asks` how often an answer that is no value is asked for again with another seed.
    `prices` are those of a million prompt and completion tokens, in any currency, for the progress line."""

    url: str
    key: str = ""
    concurrency: int = 64
    time_out_s: float = 120.0
    retries: Mapping[Fault, int] = field(
        default_factory=lambda: {"overloaded": 30, "server": 6, "connection": 6, "time_out": 2, "malformed": 4}
    )
    asks: int = 2
    #: A Retry-After beyond this is not waited for at once: the limit falls and the request is tried again after it.
    longest_wait_s: float = 60.0
    #: The run stops when more than this share of the last `judged` tries failed (429 and 503 not counted).
    broken_share: float = 0.6
    judged: int = 60
    prices: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if self.concurrency < 1 or self.asks < 0 or self.time_out_s <= 0 or not 0 < self.broken_share <= 1:
            raise ValueError(f"concurrency >= 1, asks >= 0, time_out_s > 0, broken_share in (0, 1], got {self}")
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(f"the server's address begins with http:// or https://, got {self.url!r}")
