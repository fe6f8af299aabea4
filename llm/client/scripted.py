"""A chat model that says what it was told to say: for tests, and for trying the page without a model."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Generator, Sequence

from llm.base import ModelError, ModelInterrupted, ModelUnavailable, Tell
from llm.types import Prompt, Reply, Thinking, Usage

_WIDE = "\u3001-\u9fff\uff00-\uffef"  # Chinese characters and punctuation, one piece each


class Scripted:
    """Streams `replies` in turn, then from the start again, by words, with `delay_s` seconds before each, after
    `thinking_s` seconds of thinking.

    After `fail_after` pieces it raises `error`; by default ModelUnavailable for 0 pieces, else ModelInterrupted.
    `prompts` holds what it was asked, `cancelled` how many streams were closed before their end.
    """

    def __init__(
        self,
        replies: Sequence[str] = ("I hear you. What happened?",),
        delay_s: float = 0.0,
        *,
        fail_after: int | None = None,
        error: ModelError | None = None,
        name: str = "scripted",
        thinking_s: float = 0.0,
    ) -> None:
        if not replies or not all(reply.strip() for reply in replies):
            raise ValueError("a scripted model needs at least one reply, and none of them empty")
        self.replies, self.delay_s, self.name = tuple(replies), delay_s, name
        self.fail_after, self.error, self.thinking_s = fail_after, error, thinking_s
        self.prompts: list[Prompt] = []
        self.cancelled = 0
        self._lock = threading.Lock()

    def stream(self, prompt: Prompt, tell: Tell | None = None) -> Generator[str, None, Reply]:
        """Yields words (with the space before them) or single Chinese characters."""
        with self._lock:
            text = self.replies[len(self.prompts) % len(self.replies)]
            self.prompts.append(prompt)
        started, first_token_s = time.monotonic(), 0.0
        pieces = re.findall(rf"\s*(?:[{_WIDE}]|[^\s{_WIDE}]+)|\s+$", text)
        try:
            while (seconds := time.monotonic() - started) < self.thinking_s:
                if tell:
                    tell(Thinking(seconds))
                time.sleep(min(0.2, self.thinking_s))
            for index, piece in enumerate(pieces):
                if index == self.fail_after:
                    raise self._failure(index)
                if self.delay_s:
                    time.sleep(self.delay_s)
                first_token_s = first_token_s or time.monotonic() - started
                yield piece
        except GeneratorExit:
            with self._lock:
                self.cancelled += 1
            raise
        if self.fail_after is not None and self.fail_after >= len(pieces):
            raise self._failure(len(pieces))
        usage = Usage(sum(len(m.content) for m in prompt.messages), len(pieces))
        return Reply("".join(pieces), self.name, "stop", usage, first_token_s, time.monotonic() - started)

    def _failure(self, index: int) -> ModelError:
        kind = ModelInterrupted if index else ModelUnavailable
        return self.error or kind(f"{self.name} was told to fail after {index} pieces")
