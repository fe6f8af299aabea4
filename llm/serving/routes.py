"""What of the model server can be reached: an ASGI middleware in it (`--middleware llm.serving.routes.OnlyOurRoutes`).

vLLM serves some forty routes, among them ones that load files and change its state. Only those that this project calls
are let through. Until the parity gate has passed, questions are answered by 503 except for the gate's own.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

#: `/tokenize` (vLLM) and `/apply-template` (llama.cpp) tell the client whether the template opens a reasoning block.
ROUTES = {
    ("GET", "/health"), ("GET", "/v1/models"), ("POST", "/v1/chat/completions"), ("POST", "/v1/completions"),
    ("POST", "/tokenize"), ("POST", "/apply-template"),
}  # fmt: skip
#: Names of environment variables: the file whose existence opens the server, and the word that the gate sends before
#: that.
OPEN_FILE, GATE_WORD = "BESIDE_OPEN_FILE", "BESIDE_GATE_WORD"
GATE_HEADER = b"x-beside-gate"


class OnlyOurRoutes:
    """ASGI 3 middleware; refuses with JSON in the OpenAI error shape."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] != "http" or (scope["method"], scope["path"]) not in ROUTES:
            await _refuse(send, scope, 404, "this server offers " + ", ".join(sorted(f"{m} {p}" for m, p in ROUTES)))
        elif scope["method"] == "POST" and not _is_open(scope):
            await _refuse(send, scope, 503, "not ready: the parity gate has not passed yet")
        else:
            await self.app(scope, receive, send)


def _is_open(scope: dict[str, Any]) -> bool:
    file, word = os.environ.get(OPEN_FILE), os.environ.get(GATE_WORD)
    return (
        not file
        or Path(file).exists()
        or (bool(word) and dict(scope["headers"]).get(GATE_HEADER) == str(word).encode())
    )


async def _refuse(send: Any, scope: dict[str, Any], status: int, message: str) -> None:
    if scope["type"] != "http":
        await send({"type": "websocket.close", "code": 1008})
        return
    body = json.dumps({"error": {"message": message, "type": "refused", "code": status}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
