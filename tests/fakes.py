"""Values and stand-ins that several test modules share."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Crisis lines as the page takes them, with none in them.
HELP: dict[str, Any] = {"regions": {}, "checked": "", "stale": False, "region": "", "fallback": "", "byLanguage": {}}


class Planted:
    """An OpenAI-compatible server that answers items from a table: question -> reply (a text, a body, or a status)."""

    def __init__(self) -> None:
        self.table: dict[str, Any] = {}
        self.asked: list[dict[str, Any]] = []
        planted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                planted.asked.append(body)
                text = body["messages"][-1]["content"]
                reply = next((said for asked, said in planted.table.items() if f"{asked}\n" in text), "不知道")
                status = reply if isinstance(reply, int) else 200
                choice = {"message": {"content": reply}, "finish_reason": "stop"}
                payload = json.dumps(reply if isinstance(reply, dict) else {"choices": [choice]}).encode()
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
