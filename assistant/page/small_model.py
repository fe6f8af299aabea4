"""The small model that a person can have fetched and started from the page, and given back, without a restart.

While the guided companion answers, the page says that a small model can be had: how large, under which licence, and
that it stays on this machine. One click fetches it with progress and changes over; another goes back and frees its
memory at once. A conversation goes on either way: only who answers the next message changes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from llm.base import ChatModel, Tell
from llm.bases import Show
from llm.types import Prompt, Reply

log = logging.getLogger(__name__)

#: Where it stands. "offered": not running (fetched or not); "failed": the last start did not come to an end.
Standing = Literal["offered", "fetching", "starting", "running", "failed"]


class Engine(Protocol):
    """A started engine: where it answers, under which name, and how it is ended."""

    @property
    def url(self) -> str: ...

    @property
    def model(self) -> str: ...

    def stop(self) -> None: ...

    def alive(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Source:
    """How to get the model called `name`: `described` for the person who decides (size, licence), `open` fetches what
    is missing and starts it (raises RuntimeError), `connect` makes the chat client for an engine."""

    name: str
    described: str
    open: Callable[[Show], Engine]
    connect: Callable[[Engine], ChatModel]


class Switch:
    """The ChatModel of the page: the companion, or the small model while that runs."""

    def __init__(self, companion: ChatModel) -> None:
        self._companion = companion
        self._other: ChatModel | None = None
        self.name = companion.name

    def use(self, other: ChatModel | None) -> None:
        """From the next message on."""
        self._other = other
        self.name = (other or self._companion).name

    def stream(self, prompt: Prompt, tell: Tell | None = None) -> Generator[str, None, Reply]:
        return (self._other or self._companion).stream(prompt, tell)


class SmallModel:
    """Fetches, starts and ends the small model. Every method returns at once; the work is done in a thread."""

    def __init__(self, source: Source, switch: Switch) -> None:
        self._source, self._switch = source, switch
        self._lock = threading.Lock()
        self._standing: Standing = "offered"
        self._done = self._total = 0
        self._problem = ""
        self._engine: Engine | None = None
        self._stop = threading.Event()

    def public(self) -> Mapping[str, Any]:
        """For the page's status line. `share` is the part fetched, in [0, 1]."""
        with self._lock:
            if self._standing == "running" and self._engine is not None and not self._engine.alive():
                self._ended("the engine has stopped by itself")
            share = round(self._done / self._total, 3) if self._total else 0.0
            return {
                "name": self._source.name, "described": self._source.described, "standing": self._standing,
                "share": share, "problem": self._problem,
            }  # fmt: skip

    def start(self) -> None:
        """Fetch what is missing, start, and change over. Nothing happens while that is under way or done."""
        with self._lock:
            if self._standing in {"fetching", "starting", "running"}:
                return
            self._standing, self._problem, self._done, self._total = "fetching", "", 0, 0
            self._stop = threading.Event()
        threading.Thread(target=self._work, args=(self._stop,), name="small model", daemon=True).start()

    def back(self) -> None:
        """Answer with the companion again, from now on; a fetch that is under way ends, its parts are kept."""
        with self._lock:
            self._stop.set()
            self._ended("")

    def close(self) -> None:
        self.back()

    def _work(self, stop: threading.Event) -> None:
        try:
            engine = self._source.open(Show(self._told, self._fetched, stop.is_set))
        except (RuntimeError, ValueError, OSError) as error:
            log.warning("small model: %s", error)
            with self._lock:
                if not stop.is_set():
                    self._standing, self._problem = "failed", str(error)
            return
        with self._lock:
            if stop.is_set():  # the person went back while it started
                engine.stop()
                return
            self._engine, self._standing = engine, "running"
            self._switch.use(self._source.connect(engine))
        log.info("small model: %s answers", engine.model)

    def _told(self, said: str) -> None:
        log.info("small model: %s", said)
        if said.startswith("starting"):
            self._standing = "starting" if self._standing == "fetching" else self._standing

    def _fetched(self, done: int, total: int) -> None:
        self._done, self._total = done, total

    def _ended(self, problem: str) -> None:
        """The lock is held."""
        self._switch.use(None)
        engine, self._engine = self._engine, None
        self._standing, self._problem = ("failed", problem) if problem else ("offered", "")
        if engine is not None:
            threading.Thread(target=engine.stop, name="small model ends", daemon=True).start()


def mini(name: str) -> Source:
    """The tuned model that ships as an adapter, through llama.cpp on this processor."""
    from llm.client.models import load_chat_model
    from llm.serving.mini import described, open_mini

    return Source(
        name, described(name), lambda show: open_mini(name, show),
        lambda engine: load_chat_model(engine.url, engine.model),
    )  # fmt: skip
