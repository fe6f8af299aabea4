"""The generator of one answer: produced on the client's event loop, read in the thread that asked."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError, Future
from types import TracebackType
from typing import Any

from llm.base import Tell
from llm.types import Prompt, Reply, Thinking, Usage

#: Starts a request; what arrives is put into the function that it is given.
Ask = Callable[[Prompt, Callable[[str | Thinking], None]], Future[Reply]]


class Stream(Generator[str, None, Reply]):
    """Unlike a plain generator's, `close()` may be called from another thread, also while this thread waits in
    `next()`: the waiting call then ends with a Reply whose finish_reason is "stopped"."""

    def __init__(self, ask: Ask, prompt: Prompt, name: str, tell: Tell | None) -> None:
        self._ask, self._prompt, self._name, self._tell = ask, prompt, name, tell
        self._items: queue.SimpleQueue[str | Thinking | Future[Reply]] = queue.SimpleQueue()
        self._future: Future[Reply] | None = None
        self._ended = False
        self._seen: list[str] = []
        self._started = self._first = 0.0
        self._starting = threading.Lock()

    def send(self, value: None, /) -> str:
        with self._starting:
            if self._ended:
                raise StopIteration
            if self._future is None:
                self._started = time.monotonic()
                self._future = self._ask(self._prompt, self._items.put)
                self._future.add_done_callback(self._items.put)
        while isinstance(item := self._items.get(), Thinking):
            if self._tell:
                self._tell(item)
        if isinstance(item, str):
            self._first = self._first or time.monotonic() - self._started
            self._seen.append(item)
            return item
        self._ended = True
        try:
            reply = item.result()
        except CancelledError:
            latency_s = time.monotonic() - self._started
            reply = Reply("".join(self._seen), self._name, "stopped", Usage(), self._first, latency_s)
        raise StopIteration(reply)

    def throw(
        self,
        typ: Any,
        val: BaseException | object = None,
        tb: TracebackType | None = None,
        /,
    ) -> str:
        self.close()
        error = typ if isinstance(typ, BaseException) else val if isinstance(val, BaseException) else typ()
        raise error.with_traceback(tb) if tb else error

    def close(self) -> None:
        """Cancel the request at the server at once; a waiting next() is woken by the cancelled future."""
        with self._starting:
            if self._future is None:
                self._ended = True
            else:
                self._future.cancel()

    def __del__(self) -> None:
        self.close()
