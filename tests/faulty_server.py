"""A real HTTP server on loopback that speaks the OpenAI chat-completions stream, and fails in all the ways servers do.

    with FaultyServer(behaviour="stall", after=3) as server:
        OpenAICompatible(server.url, "tiny").stream(prompt)

Behaviours
    ok             streams `pieces`, `delay_s` seconds before each, then usage and [DONE]
    refuse         nobody listens
    hang_early     the request is read, nothing comes back
    hang_late      headers, then nothing
    stall          `after` pieces, then nothing
    reset          `after` pieces, then a TCP reset
    cut            `after` pieces, then a clean close: no finish_reason, no [DONE]
    no_done        the whole reply and its finish_reason, then a clean close
    malformed      `after` pieces, then an event that is not JSON
    wrong_shape    `after` pieces, then JSON that is not a chunk
    bad_bytes      `after` pieces, then an event that is not UTF-8
    error_event    `after` pieces, then {"error": ...} inside the stream
    empty_events   as ok, with empty deltas, empty choices and comments between the pieces
    empty_reply    a well-formed stream without text
    huge           one delta of `huge_chars` characters
    no_sse         200 with an HTML page
    raw            `raw` as it is: bytes are sent, numbers are pauses in seconds, None waits for the client to leave
    an int         that HTTP status, with `body` or an error object, and Retry-After when `retry_after` is set

`behaviours` is a list used up one request at a time (the last one stays); `behaviour` is a list of one. Requests with a
field named in `refused` are answered by 422 naming it. Like llama.cpp, it renders prompts (/apply-template);
`template_end` is how they end, None stands for a server that does not tell. `told` holds answers to
POSTs of other paths.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Behaviour = str | int
_BUSY_WAIT_S = 0.02


@dataclass
class Request:
    """What one client sent, and how it left. `disconnected` is set once the client closed before the end."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    disconnected: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)


class FaultyServer:
    """`url` ends in /v1. `requests` are the chat requests in order; GET /v1/models is answered with `models`."""

    def __init__(
        self,
        behaviour: Behaviour = "ok",
        *,
        behaviours: Sequence[Behaviour] = (),
        pieces: Sequence[str] = ("I", " hear", " you", "."),
        delay_s: float = 0.0,
        after: int = 2,
        retry_after: str = "",
        body: Any = None,
        models: Sequence[str] = ("tiny",),
        huge_chars: int = 1_000_000,
        finish_reason: str = "stop",
        port: int = 0,
        raw: Sequence[bytes | float | None] = (),
        kind: str = "text/event-stream",
        refused: Sequence[str] = (),
        template_end: str | None = "<|im_start|>assistant\n",
        models_body: Any = None,
        told: Mapping[str, Any] | None = None,
    ) -> None:
        self.behaviours = list(behaviours) or [behaviour]
        self.pieces, self.delay_s, self.after, self.retry_after = list(pieces), delay_s, after, retry_after
        self.body, self.models, self.huge_chars, self.finish_reason = body, list(models), huge_chars, finish_reason
        self.raw, self.kind, self.refused, self.template_end = list(raw), kind, list(refused), template_end
        self.models_body, self.told = models_body, dict(told or {})
        self.requests: list[Request] = []
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._http = _Http(("127.0.0.1", port), _Handler)
        self._http.faulty = self
        self.port: int = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> FaultyServer:
        if self.behaviours == ["refuse"]:
            self._http.server_close()
        else:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def kill(self) -> None:
        """Stop at once, in the middle of whatever is being answered; as a killed process would. May be repeated."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        with self._lock:
            for connection in self._open:
                _reset(connection)
        if self._thread.is_alive():
            self._http.shutdown()
        self._http.server_close()

    def next_behaviour(self, request: Request) -> Behaviour:
        with self._lock:
            self.requests.append(request)
            return self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128  # at the default of 5, eight clients at once overflow it, and Linux tries again after 1 s
    faulty: FaultyServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what these tests are about; it is recorded in its Request."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Http

    def log_message(self, *args: Any) -> None:
        pass

    def setup(self) -> None:
        super().setup()
        self.faulty = self.server.faulty
        self.faulty._open.add(self.connection)

    def finish(self) -> None:
        self.faulty._open.discard(self.connection)
        try:
            super().finish()
        except OSError:
            self.close_connection = True

    def do_GET(self) -> None:
        first = self.faulty.behaviours[0]
        if isinstance(first, int):
            self._answer(first, _error_body(first))
        elif first == "hang_early":
            self._wait_for_client(Request(self.path, {}, {}))
        elif first == "no_sse":
            self._answer(200, "<html>hello</html>", "text/html")
        else:
            models = [{"id": name, "object": "model"} for name in self.faulty.models]
            self._answer(200, self.faulty.models_body or {"object": "list", "data": models})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.path, headers, json.loads(self.rfile.read(length)))
        if self.path == "/apply-template" and self.faulty.template_end is not None:
            return self._answer(200, {"prompt": "<|im_start|>user\nhi<|im_end|>\n" + self.faulty.template_end})
        if self.path in self.faulty.told:
            return self._answer(200, self.faulty.told[self.path])
        if not self.path.endswith("/v1/chat/completions"):
            return self._answer(404, _error_body(404))
        behaviour = self.faulty.next_behaviour(request)
        try:
            if refused := [name for name in self.faulty.refused if name in request.body]:
                self._answer(422, {"detail": [{"loc": ["body", refused[0]], "msg": "Extra inputs are not permitted"}]})
            elif isinstance(behaviour, int):
                self._answer(behaviour, self.faulty.body or _error_body(behaviour))
            elif behaviour == "no_sse":
                self._answer(200, "<html>hello</html>", "text/html")
            elif behaviour == "hang_early":
                self._wait_for_client(request)
            else:
                self._stream(behaviour, request)
        except OSError:
            request.disconnected.set()
            self.close_connection = True
        finally:
            request.finished.set()

    # ---- answers

    def _answer(self, status: int, body: Any, kind: str = "application/json") -> None:
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if self.faulty.retry_after:
            self.send_header("Retry-After", self.faulty.retry_after)
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, behaviour: str, request: Request) -> None:
        self.send_response(200)
        self.send_header("Content-Type", self.faulty.kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        if behaviour == "hang_late":
            return self._wait_for_client(request)
        if behaviour == "raw":
            return self._raw(request)
        self._event(_chunk({"role": "assistant", "content": ""}))
        pieces = {"empty_reply": [], "huge": ["x" * self.faulty.huge_chars]}.get(behaviour, self.faulty.pieces)
        for index, piece in enumerate(pieces):
            if index == self.faulty.after and self._fault(behaviour, request):
                return None
            if self._client_gone(self.faulty.delay_s):
                return request.disconnected.set()
            if behaviour == "empty_events":
                self._write(b": keep-alive\n\n")
                self._event(_chunk({}))
                self._event({**_chunk({}), "choices": []})
            self._event(_chunk({"content": piece}))
        self._event(_chunk({}, self.faulty.finish_reason))
        if behaviour != "no_done":
            usage = {"prompt_tokens": 7, "completion_tokens": len(pieces), "total_tokens": 7 + len(pieces)}
            self._event({**_chunk({}), "choices": [], "usage": usage})
            self._write(b"data: [DONE]\n\n")
        self._write_end()

    def _raw(self, request: Request) -> None:
        for part in self.faulty.raw:
            if part is None:
                return self._wait_for_client(request)
            if isinstance(part, bytes):
                self._write(part)
            elif self._client_gone(part):
                return request.disconnected.set()
        self._write_end()

    def _fault(self, behaviour: str, request: Request) -> bool:
        """Do what the behaviour does after the first pieces; say whether the stream ends with it."""
        events = {
            "malformed": b'data: {"choices": [{"delta\n\n',
            "wrong_shape": b'data: {"choices": [{"text": 3}]}\n\n',
            "bad_bytes": b'data: {"choices": [{"delta": {"content": "\xff\xfe"}}]}\n\n',
            "error_event": b'data: {"error": {"message": "out of memory", "code": 500}}\n\n',
        }
        if behaviour in events:
            self._write(events[behaviour])
        elif behaviour == "stall":
            self._wait_for_client(request)
        elif behaviour == "reset":
            self.close_connection = True
            _reset(self.connection)
            return True
        elif behaviour != "cut":
            return False
        self._write_end()
        return True

    # ---- wire

    def _event(self, value: Any) -> None:
        self._write(b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n")

    def _write(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _write_end(self) -> None:
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _wait_for_client(self, request: Request) -> None:
        while not self._client_gone(_BUSY_WAIT_S):
            pass
        request.disconnected.set()
        self.close_connection = True

    def _client_gone(self, wait_s: float) -> bool:
        """Wait, and say whether the client closed its side meanwhile (or this server is being killed)."""
        end = time.monotonic() + wait_s
        while True:
            left = max(0.0, end - time.monotonic())
            ready, _, _ = select.select([self.connection], [], [], min(left, _BUSY_WAIT_S))
            if self.faulty.stopping.is_set() or (ready and not self.connection.recv(1, socket.MSG_PEEK)):
                self.close_connection = True
                return True
            if left <= 0 or ready:
                return False


def _chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "tiny", "choices": [choice]}


def _error_body(status: int) -> dict[str, Any]:
    return {"error": {"message": f"told to answer {status}", "type": "server_error", "code": status}}


def _reset(connection: socket.socket) -> None:
    """Close with RST instead of FIN."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    except OSError:
        return
