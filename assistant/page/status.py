"""Whether the model server answers, asked again and again in the background, so that the page can say so."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

log = logging.getLogger(__name__)

PROBE_EVERY_S = 15.0


class ModelStatus:
    """`name` is the model's; `ask` returns (the names of the server's models, or None where it does not answer, and a
    message for the operator). None: there is no server to ask. Without a name the page shows the server's only model,
    never the server's address. `test_article`: the model exists to try the machinery, and the page says so."""

    def __init__(
        self,
        name: str,
        ask: Callable[[], tuple[Sequence[str] | None, str]] | None = None,
        every_s: float = PROBE_EVERY_S,
        test_article: bool = False,
    ) -> None:
        self.name = name
        self._given = bool(name)
        self._test_article = test_article
        self._ask = ask
        self._every_s = every_s
        self._up: bool | None = None
        self._stop = threading.Event()
        if ask is not None:
            threading.Thread(target=self._watch, name="model status", daemon=True).start()

    def public(self) -> dict[str, Any]:
        """The text key for the page's status line with its values, a level for its mark, and the model's name."""
        if self._ask is None:
            return {"key": "status_guided", "values": {}, "level": "ok", "model": ""}
        if self._up is False:
            return {"key": "status_down", "values": {}, "level": "down", "model": self.name}
        if not self.name:
            return {"key": "status_unnamed", "values": {}, "level": "ok", "model": ""}
        if self._test_article:
            return {"key": "status_test", "values": {"model": self.name}, "level": "down", "model": self.name}
        return {"key": "status_up", "values": {"model": self.name}, "level": "ok", "model": self.name}

    def close(self) -> None:
        self._stop.set()

    def _watch(self) -> None:
        while self._ask is not None and not self._stop.is_set():
            models, message = self._ask()
            up = models is not None
            if models and not self._given:
                self.name = models[0]
            if up != self._up:
                log.log(logging.INFO if up else logging.WARNING, "model server: %s", message)
                self._up = up
            self._stop.wait(self._every_s)
