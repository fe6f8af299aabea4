"""A judge of known taste on loopback: it answers requests of eval.dialogue.judging by a function of both dialogues."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from eval.dialogue.judging import dimensions
from tests.fakes import Answering, completion

#: (words of A, words of B) -> "A", "B", "tie", or a text that is no verdict.
Taste = Callable[[str, str], str]
_PARTS = re.compile(
    r"(?:Conversation A:|谈话 A：)\n(.*?)\n\n(?:Conversation B:|谈话 B：)\n(.*?)\n\n(?:Say for|对下面)", re.S
)


class JudgeServer(Answering):
    """`with JudgeServer(taste) as judge`: judge.url; judge.asked counts requests."""

    def __init__(self, taste: Taste) -> None:
        self.asked, self._taste, self._lock = 0, taste, threading.Lock()
        super().__init__(self._verdict)

    def _verdict(self, body: dict[str, Any]) -> tuple[int, Any]:
        found = _PARTS.search(body["messages"][-1]["content"])
        assert found, "the judge's prompt has another shape"
        side = self._taste(found[1], found[2])
        verdict = {"dimensions": dict.fromkeys(dimensions(), side), "winner": side, "reason": "planted"}
        with self._lock:
            self.asked += 1
        return 200, completion(json.dumps(verdict) if side in {"A", "B", "tie"} else side)

    def __enter__(self) -> JudgeServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
