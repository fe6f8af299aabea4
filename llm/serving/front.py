"""Our routes over an engine in this process: chat completions, completions, models, health, the rendered prompt.

An engine is a `Backend`: it turns one request into chunks of the OpenAI form. The front maps the served names to base
and adapters, streams, and tells the engine to stop when the client has gone.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

#: What a request may say; anything else is left out, so that no option of an engine can be reached by accident.
FIELDS = frozenset({
    "messages", "prompt", "max_tokens", "temperature", "top_p", "seed", "stop", "stream", "stream_options", "logprobs",
    "top_logprobs", "logit_bias", "response_format", "presence_penalty", "frequency_penalty",
})  # fmt: skip
Chunk = Mapping[str, Any]
#: Called with each chunk; returns True where the engine shall stop.
Emit = Callable[[Chunk], bool]


class Backend(Protocol):
    """An engine. `names` are the served names, the base first; `answer` blocks until the request is answered or `emit`
    returned True; an error is emitted as {"error": {"code", "message"}}."""

    names: tuple[str, ...]

    def answer(self, name: str, body: Mapping[str, Any], emit: Emit) -> None: ...

    def prompt(self, messages: list[dict[str, str]]) -> str: ...

    def prompt_ids(self, messages: list[dict[str, str]]) -> list[int]: ...

    def stop_id(self) -> int: ...


class Front:
    """The routes of one backend."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def app(self) -> Starlette:
        return Starlette(routes=[
            Route("/health", self.health), Route("/v1/models", self.models),
            Route("/v1/chat/completions", self.complete, methods=["POST"]),
            Route("/v1/completions", self.complete, methods=["POST"]),
            Route("/apply-template", self.apply_template, methods=["POST"]),
        ])  # fmt: skip

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def models(self, request: Request) -> Response:
        listed = [{"id": name, "object": "model", "owned_by": "beside"} for name in self.backend.names]
        return JSONResponse({"object": "list", "data": listed})

    async def apply_template(self, request: Request) -> Response:
        """The prompt as the chat template renders it: the client reads from its end whether the template opens a
        reasoning block."""
        try:
            messages = (await request.json())["messages"]
        except (ValueError, KeyError, TypeError):
            return _refused(400, "the request has no messages")
        return JSONResponse({"prompt": await asyncio.to_thread(self.backend.prompt, messages)})

    async def complete(self, request: Request) -> Response:
        try:
            given = await request.json()
            asked = "prompt" if request.url.path.endswith("/v1/completions") else "messages"
            name, wants_ids = given.get("model") or self.backend.names[0], bool(given.get("return_token_ids"))
            if asked not in given:
                return _refused(400, f"the request has no {asked}")
        except (ValueError, AttributeError):
            return _refused(400, "the request is no JSON object")
        if name not in self.backend.names:
            return _refused(404, f"no model is called {name!r}; choose from {', '.join(self.backend.names)}")
        body = {key: value for key, value in given.items() if key in FIELDS}
        chunks = self._chunks(name, body)
        if body.get("stream"):
            first = await anext(chunks, {"error": {"code": 500, "message": "the engine answered nothing"}})
            if "error" in first:
                return _refused(_status(first), str(first["error"].get("message", "")))
            return StreamingResponse(_events(first, chunks), media_type="text/event-stream")
        whole: dict[str, Any] = {}
        async for chunk in chunks:
            whole = dict(chunk)
        if "error" in whole or not whole:
            return _refused(_status(whole), str(whole.get("error", {}).get("message", "the engine answered nothing")))
        whole["model"] = name
        return JSONResponse(self._with_ids(whole, body) if wants_ids and asked == "messages" else whole)

    async def _chunks(self, name: str, body: Mapping[str, Any]) -> AsyncIterator[Chunk]:
        """The engine's chunks as they come. Closing this generator stops the engine."""
        loop, queue, gone = asyncio.get_running_loop(), asyncio.Queue[Chunk | None](), threading.Event()

        def emit(chunk: Chunk) -> bool:
            if not gone.is_set():
                loop.call_soon_threadsafe(queue.put_nowait, chunk)
            return gone.is_set()

        def work() -> None:
            try:
                self.backend.answer(name, body, emit)
            except Exception as error:  # noqa: BLE001  the edge of the engine: its fault is this request's error
                emit({"error": {"code": 500, "message": f"{type(error).__name__}: {error}"}})
            finally:
                if not gone.is_set():
                    loop.call_soon_threadsafe(queue.put_nowait, None)

        threading.Thread(target=work, name="request", daemon=True).start()
        try:
            while (chunk := await queue.get()) is not None:
                yield chunk
        finally:
            gone.set()

    def _with_ids(self, whole: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
        """The token ids of prompt and answer, as the parity gate compares them; an ended answer has its stop token."""
        choice = dict(whole["choices"][0])
        ids = [entry["id"] for entry in (choice.get("logprobs") or {}).get("content") or ()]
        if choice["finish_reason"] == "stop" and (not ids or ids[-1] != self.backend.stop_id()):
            ids.append(self.backend.stop_id())
        choice["token_ids"] = ids
        return {**whole, "choices": [choice], "prompt_token_ids": self.backend.prompt_ids(body["messages"])}


async def _events(first: Chunk, rest: AsyncIterator[Chunk]) -> AsyncIterator[bytes]:
    try:
        yield _event(first)
        async for chunk in rest:
            yield _event(chunk)
        yield b"data: [DONE]\n\n"
    finally:
        await rest.aclose()  # type: ignore[attr-defined]  # an async generator


def _event(chunk: Chunk) -> bytes:
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode("utf-8", "replace") + b"\n\n"


def _status(chunk: Chunk) -> int:
    code = (chunk.get("error") or {}).get("code", 500)
    return code if isinstance(code, int) and 400 <= code < 600 else 500


def _refused(status: int, message: str) -> Response:
    return JSONResponse({"error": {"message": message, "type": "refused", "code": status}}, status)


def serve_backend(backend: Backend, host: str, port: int) -> None:
    """Serve until told to stop; behind the gate's middleware (`llm.serving.routes`)."""
    import uvicorn

    from llm.serving.routes import OnlyOurRoutes

    app = OnlyOurRoutes(Front(backend).app())
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
