"""A judge of known taste on loopback: it answers requests of eval.dialogue.judging by a function of both dialogues."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from eval.dialogue.judging import dimensions

#: (words of A, words of B) -> "A", "B", "tie", or a text that is no verdict.
Taste = Callable[[str, str], str]
_PARTS = re.compile(
    r"(?:Conversation A:|谈话 A：)\n(.*?)\n\n(?:Conversation B:|谈话 B：)\n(.*?)\n\n(?:Say for|对下面)", re.S
)


class JudgeServer:
    """`with JudgeServer(taste) as judge`: judge.url; judge.asked counts requests."""

    def __init__(self, taste: Taste) -> None:
        self.asked = 0
        lock, own = threading.Lock(), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                found = _PARTS.search(body["messages"][-1]["content"])
                assert found, "the judge's prompt has another shape"
                side = taste(found[1], found[2])
                verdict = {"dimensions": dict.fromkeys(dimensions(), side), "winner": side, "reason": "planted"}
                text = json.dumps(verdict) if side in {"A", "B", "tie"} else side
                payload = json.dumps({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}).encode()
                with lock:
                    own.asked += 1
                self.send_response(200)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def __enter__(self) -> JudgeServer:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
