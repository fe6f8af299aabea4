"""The one protocol that every chat model follows, and the errors they raise.

ModelError
├── ModelUnavailable   nothing arrived: refused, no route, time-out before the first token, 429 or 5xx after the retries
├── ModelInterrupted   some text arrived, then the stream broke, stalled or became malformed
└── ModelMisconfigured the request itself is wrong: unknown model, prompt too long, bad key (no retry helps)
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Protocol, runtime_checkable

from llm.types import Prompt, Reply, Thinking

#: Hears that the model is thinking: at the first piece of reasoning, then at most once a second until the first text.
Tell = Callable[[Thinking], object]


class ModelError(Exception):
    """A chat model could not answer. `str(error)` is for the operator: what happened, and the next step."""


class ModelUnavailable(ModelError):
    """No token arrived."""


class ModelInterrupted(ModelError):
    """Tokens arrived and then stopped before the reply was whole."""


class ModelMisconfigured(ModelError):
    """The server answers, and refuses this request."""


@runtime_checkable
class ChatModel(Protocol):
    """Streams an answer: `stream(prompt)` yields pieces of text and returns (StopIteration.value) the Reply.

    Closing the generator cancels the request at the server. Raises ModelError; yields no text that is not the model's,
    and nothing of its reasoning. `tell` is called in the thread that waits for the next piece; it must not raise.
    """

    name: str

    def stream(self, prompt: Prompt, tell: Tell | None = None) -> Generator[str, None, Reply]: ...
