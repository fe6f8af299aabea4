"""One reply on its way: produced in a thread of its own, followed by the page, stoppable at any moment.

A reply does not belong to the request that asked for it: a reload leaves it running, Stop answers at once even
while the model hangs, and `respond` records what arrived either way.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Generator
from types import GeneratorType

from assistant.types import Turn
from llm.base import ChatModel, Tell
from llm.types import Prompt, Thinking
from llm.types import Reply as Answer

log = logging.getLogger(__name__)


def report(what: str, error: BaseException) -> str:
    """Log an error for the operator, without anything that the person wrote, and return the number the person is shown.

    The traceback is logged without the exception's message, which may quote what the person wrote.
    """
    number = secrets.token_hex(4)
    frames, last = [], error.__traceback__
    while last is not None:
        frames.append(f"{last.tb_frame.f_code.co_filename}:{last.tb_lineno} in {last.tb_frame.f_code.co_name}")
        last = last.tb_next
    log.error("report %s: %s failed with %s at %s", number, what, type(error).__name__, " < ".join(reversed(frames)))
    return number


class Stoppable:
    """A ChatModel whose running stream can be cancelled from another thread, also while it waits for a first token."""

    def __init__(self, model: ChatModel) -> None:
        self.name = model.name
        self._model = model
        self._stream: Generator[str, None, Answer] | None = None
        self.thinking = False
        self.on_thinking: Callable[[], object] = lambda: None

    def stream(self, prompt: Prompt, tell: Tell | None = None) -> Generator[str, None, Answer]:
        """The model's own stream. `on_thinking` is called when `thinking` becomes true."""

        def heard(thinking: Thinking) -> None:
            if not self.thinking:
                self.thinking = True
                self.on_thinking()
            if tell is not None:
                tell(thinking)

        self._stream = self._model.stream(prompt, heard)
        return self._stream

    def cancel(self) -> None:
        """Close the stream at once where the model allows that from here, else it ends with its next piece."""
        # A plain generator must only be closed by the thread that runs it; it never waits long.
        if self._stream is not None and not isinstance(self._stream, GeneratorType):
            self._stream.close()


class Reply:
    """Runs `pieces` (what `assistant.respond` returns, asked with `model`) to its end in a daemon thread.

    `text` is what has arrived; `error_number` is set when `respond` itself failed, which is a fault of this app.
    """

    def __init__(self, pieces: Generator[str, None, Turn], model: Stoppable) -> None:
        self.text = ""
        self.error_number = ""
        self.begun = False
        self._pieces = pieces
        self._model = model
        self._stopped = threading.Event()
        self._finished = threading.Event()
        self._lock = threading.Lock()
        self._followers: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        model.on_thinking = self._notify
        self._thread = threading.Thread(target=self._run, name="reply", daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        """Nothing more will be shown: the reply ended, failed, or was stopped."""
        return self._finished.is_set() or self._stopped.is_set()

    @property
    def thinking(self) -> bool:
        """The model works on something that is not shown, and nothing has arrived yet."""
        return self._model.thinking and not self.text and not self.done

    @property
    def recorded(self) -> bool:
        """`respond` has recorded the final turn, or has failed."""
        return self._finished.is_set()

    @property
    def stopped(self) -> bool:
        """The person pressed Stop, or left."""
        return self._stopped.is_set()

    def begin(self) -> None:
        """The person's message has been recorded: followers are told, so that it stands there before any word comes."""
        self.begun = True
        self._notify()

    def stop(self) -> None:
        """Show nothing more from now on, and cancel the request at the model."""
        self._stopped.set()
        self._model.cancel()
        self._notify()

    def join(self, timeout_s: float) -> bool:
        """Wait until the turn is recorded; False when that took longer than `timeout_s` seconds."""
        return self._finished.wait(timeout_s)

    async def follow(self) -> AsyncIterator[str]:
        """The text as it grows, and again when thinking begins, until it is done. Any number of followers may come and
        go."""
        changed = asyncio.Event()
        follower = (asyncio.get_running_loop(), changed)
        with self._lock:
            self._followers.append(follower)
        shown = None
        try:
            while True:
                done = self.done
                now = (self.text, self.thinking, self.begun)
                if now != shown:
                    shown = now
                    yield now[0]
                if done:
                    return
                await changed.wait()
                changed.clear()
        finally:
            with self._lock:
                self._followers.remove(follower)

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                piece = next(self._pieces)
                if not self._stopped.is_set():
                    self.text += piece
                    self._notify()
            self._pieces.close()
        except StopIteration:
            pass
        except Exception as error:  # noqa: BLE001  the edge of the page: the person gets a number, the log the place
            self.error_number = report("a reply", error)
        finally:
            self._finished.set()
            self._notify()

    def _notify(self) -> None:
        with self._lock:
            for loop, changed in self._followers:
                if not loop.is_closed():
                    loop.call_soon_threadsafe(changed.set)
