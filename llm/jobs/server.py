"""One request over HTTP (aiohttp): a whole answer, or a fault under its own name. Never an answer made of an error."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import aiohttp

from llm.jobs.types import Answer, Fault, JobOptions, ServerBroken
from llm.types import Usage

#: The server refuses this very request (too long, bad parameter): an outcome of the item, the run goes on.
ITEM_STATUS = frozenset({400, 413, 422})
#: No request can succeed: the run stops.
FATAL_STATUS = {
    401: "it asks for a key: set BESIDE_LLM_KEY",
    403: "this key may not use the model: set another BESIDE_LLM_KEY",
    404: "no such model or address: check --model, and that the address ends in /v1",
}


class Faulty(Exception):
    """A try that brought no answer. `wait_s` is what the server asked to wait."""

    def __init__(self, fault: Fault, detail: str, wait_s: float | None = None) -> None:
        super().__init__(f"{fault}: {detail}")
        self.fault, self.detail, self.wait_s = fault, detail, wait_s


class Server:
    """`async with Server(options) as server: answer = await server.ask(body)`."""

    def __init__(self, options: JobOptions) -> None:
        self.options = options
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Server:
        headers = {"Authorization": f"Bearer {self.options.key}"} if self.options.key else {}
        limit = aiohttp.TCPConnector(limit=0)  # the limiter of the runner decides how many
        time_out = aiohttp.ClientTimeout(total=self.options.time_out_s)
        self._session = aiohttp.ClientSession(connector=limit, timeout=time_out, headers=headers, trust_env=False)
        return self

    async def __aexit__(self, *details: object) -> None:
        if self._session:
            await self._session.close()

    async def ask(self, body: Mapping[str, Any]) -> Answer:
        """Raises Faulty for a try that failed, ServerBroken where none can succeed."""
        assert self._session is not None, "a Server is used inside `async with`"  # noqa: S101
        began = time.monotonic()
        url = f"{self.options.url.rstrip('/')}/chat/completions"
        try:
            async with self._session.post(url, json=body, allow_redirects=False) as response:
                data = await response.read()
                status, headers = response.status, response.headers
        except TimeoutError as error:
            raise Faulty("time_out", f"no answer within {self.options.time_out_s:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Faulty("connection", f"{type(error).__name__}: {error}") from error
        if status == 200:
            return _answer(data, time.monotonic() - began)
        said = _said(data)
        if status in FATAL_STATUS:
            step = FATAL_STATUS[status]
            raise ServerBroken(f"the server at {self.options.url} answers HTTP {status} ({said}); {step}")
        if status in ITEM_STATUS:
            return Answer("refused", said, f"HTTP {status}", latency_s=time.monotonic() - began)
        fault: Fault = "overloaded" if status in {429, 503} else "server"
        raise Faulty(fault, f"HTTP {status} ({said})", _retry_after(headers))


def _answer(data: bytes, latency_s: float) -> Answer:
    """Raises Faulty("malformed") for anything that is not one choice with a text, or an error told with status 200."""
    try:
        reply = json.loads(data)
        choice = reply["choices"][0]
        text = _text(choice["message"])
        reason = str(choice.get("finish_reason") or "")
        counted = reply.get("usage") or {}
        usage = Usage(counted.get("prompt_tokens"), counted.get("completion_tokens"))
        rows = tuple(_logprobs(row) for row in ((choice.get("logprobs") or {}).get("content") or ()))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise Faulty("malformed", f"{type(error).__name__}: {_said(data)}") from error
    kind = "cut" if reason == "length" else "empty" if not text.strip() else "ok"
    return Answer(kind, text, reason, usage, None, rows, latency_s)  # type: ignore[arg-type]


def _text(message: Mapping[str, Any]) -> str:
    """The words of a message: a string, the text parts of a list, or nothing (null). Reasoning is never among them."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content if part.get("type") == "text")
    if content is not None and not isinstance(content, str):
        raise TypeError(f"content is {type(content).__name__}")
    return content or ""


def _logprobs(row: Mapping[str, Any]) -> dict[str, float]:
    return {str(each["token"]): float(each["logprob"]) for each in row.get("top_logprobs") or (row,)}


def _said(data: bytes) -> str:
    return " ".join(data[:300].decode("utf-8", "replace").split())[:200]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        wait_s = float(headers.get("Retry-After", ""))
    except ValueError:
        return None
    return wait_s if wait_s >= 0 else None
