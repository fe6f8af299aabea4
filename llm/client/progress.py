"""What has arrived in one attempt at an answer."""

from __future__ import annotations

import time
from collections.abc import Callable

from llm.client.chunks import Chunk, StreamedError
from llm.client.reasoning import Opening, ReasoningFilter
from llm.types import FinishReason, Reply, Thinking, Usage

#: Seconds between two Thinking events.
TELL_EVERY_S = 1.0
#: Words of servers for a reply that was cut at the token limit, and for one that they gave up.
_CUT = frozenset({"length", "max_tokens", "max_length"})
_GIVEN_UP = frozenset({"abort", "aborted", "cancelled", "error"})


class Progress:
    """Passes text on through `put` and tells of thinking meanwhile. `started` is the time.monotonic of the request.

    `ended` says that the server has told the end of the reply; `thought` that something arrived that is not shown;
    `chars` counts what was read as text.
    """

    def __init__(self, put: Callable[[str | Thinking], None], started: float) -> None:
        self.ended = self.thought = False
        self.chars = 0
        self.learned: Opening | None = None
        self._put, self._started = put, started
        self._filter = ReasoningFilter("unknown")
        self._pieces: list[str] = []
        self._finish = ""
        self._usage = Usage()
        self._first_token_s = 0.0
        self._thinking_since = self._told = 0.0

    @property
    def shown(self) -> bool:
        """Whether the person has seen a part."""
        return bool(self._pieces)

    @property
    def spent_on_reasoning(self) -> bool:
        """Whether the token limit cut the reply before any text that may be shown."""
        return self._finish in _CUT and self.thought and not self._pieces

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def begin(self, opening: Opening) -> None:
        """`opening` is what is known of how this model's replies begin."""
        self._filter = ReasoningFilter(opening)

    def take(self, chunk: Chunk | None) -> bool:
        """Pass on a chunk's text (None: the stream said [DONE]), and say whether it had text or reasoning. Raises
        StreamedError where the server says that it gave up."""
        if chunk is None:
            self.ended = True
            return False
        if chunk.finish in _GIVEN_UP:
            raise StreamedError(f"finish_reason {chunk.finish}")
        self._usage = chunk.usage or self._usage
        if chunk.reasoning and self._filter.opening != "text":
            self._filter.opening = self.learned = "text"  # this server separates the reasoning itself
        self.chars += len(chunk.text)
        shown = self._filter.feed(chunk.text) if chunk.text else ""
        if shown:
            self._show(shown)
        elif chunk.text or chunk.reasoning:
            self._think()
        if chunk.finish:
            self._finish, self.ended = chunk.finish, True
        return bool(chunk.text or chunk.reasoning)

    def close(self) -> bool:
        """Show what was held back and may be shown; say whether the reply is whole."""
        by_itself = self.ended and self._finish not in _CUT
        if shown := self._filter.finish(by_itself):
            self._show(shown)
        self.learned = self._filter.learned or self.learned
        return self.ended

    def reply(self, model: str) -> Reply:
        """The finished reply."""
        reason: FinishReason = "length" if self._finish in _CUT else "stop"
        latency_s = time.monotonic() - self._started
        return Reply(self.text, model, reason, self._usage, self._first_token_s, latency_s)

    def _show(self, text: str) -> None:
        if not self._pieces:
            self._first_token_s = time.monotonic() - self._started
        self._pieces.append(text)
        self._put(text)

    def _think(self) -> None:
        """Something arrived and nothing may be shown: tell so, unless that was told less than a second ago."""
        self.thought = True
        if self._pieces:
            return
        now = time.monotonic()
        self._thinking_since = self._thinking_since or now
        if now - self._told >= TELL_EVERY_S:
            self._told = now
            self._put(Thinking(now - self._thinking_since))
