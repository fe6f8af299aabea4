"""Values and stand-ins that several test modules share."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Crisis lines as the page takes them, with none in them.
HELP: dict[str, Any] = {"regions": {}, "checked": "", "stale": False, "region": "", "fallback": "", "byLanguage": {}}


class Answering:
    """A server on loopback that answers each POST with what `answer(body)` gives: a status and an object."""

    def __init__(self, answer: Callable[[dict[str, Any]], tuple[int, Any]]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                status, made = answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                payload = json.dumps(made).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


def completion(text: Any) -> dict[str, Any]:
    """The body of a finished answer."""
    return {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}


class Planted(Answering):
    """An OpenAI-compatible server that answers items from a table: question -> reply (a text, a body, or a status)."""

    def __init__(self) -> None:
        self.table: dict[str, Any] = {}
        self.asked: list[dict[str, Any]] = []
        super().__init__(self._reply)

    def _reply(self, body: dict[str, Any]) -> tuple[int, Any]:
        self.asked.append(body)
        text = body["messages"][-1]["content"]
        reply = next((said for asked, said in self.table.items() if f"{asked}\n" in text), "不知道")
        status = reply if isinstance(reply, int) else 200
        return status, reply if isinstance(reply, dict) else completion(reply)
