"""Any server that speaks the OpenAI chat-completions protocol: vLLM, Ollama, llama.cpp and others, by URL.

A stream runs on an event loop in one background thread for each client, so that it can be cancelled at any moment, also
while nobody knows whether another token will ever come. What is sent is the prompt's messages and its sampling, nothing
else: no telemetry headers, no organisation from the environment, no redirects, no tracing.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import queue
import threading
import time
import weakref
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import openai
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from langsmith.run_helpers import tracing_context
from pydantic import SecretStr

from llm.base import ModelError, ModelInterrupted, ModelMisconfigured, ModelUnavailable
from llm.client.failures import MALFORMED, explain, retry_wait_s
from llm.types import FinishReason, Message, Prompt, Reply, Usage

KEY_VARIABLE = "BESIDE_LLM_KEY"
#: A server is not trusted to stop: longer replies are cut off as an error. 512 tokens are about 2,000 characters.
MAX_REPLY_CHARS = 200_000
#: Everything else that the libraries would add (operating system, versions, organisation) stays here.
_HEADERS_SENT = frozenset({
    "host", "accept", "accept-encoding", "connection", "content-type", "content-length", "user-agent", "authorization",
})
_MESSAGES: dict[str, Callable[[str], BaseMessage]] = {
    "system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}


@dataclass(frozen=True, slots=True)
class TimeOuts:
    """Seconds. `first_token_s` counts from the request to the first text, retries included; `stall_s` from one piece
    of text to the next. A model on a CPU reads a long prompt slowly, hence the patience before the first token."""

    connect_s: float = 5.0
    first_token_s: float = 60.0
    stall_s: float = 20.0

    def __post_init__(self) -> None:
        if min(self.connect_s, self.first_token_s, self.stall_s) <= 0:
            raise ValueError(f"time-outs are seconds above 0, got {self}")


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What a server says about itself. `message` is for the operator, with the next step if one is needed."""

    url: str
    reachable: bool
    models: tuple[str, ...]
    message: str


def base_url(url: str) -> str:
    """The API's root for what people paste: `http://host:port`, with `/v1`, or with `/v1/chat/completions`.

    Raises ValueError for anything that is not http(s), or that carries a password.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"a model server's address looks like http://127.0.0.1:8000/v1, got {url!r}")
    if parts.username or parts.password or parts.query:
        raise ValueError(f"give the model server's key in {KEY_VARIABLE}, not in its address")
    path = parts.path.rstrip("/").removesuffix("/chat/completions") or "/v1"
    return f"{parts.scheme}://{parts.netloc}{path}"


def probe(url: str, timeout_s: float = 2.0, api_key: str | None = None) -> ServerStatus:
    """Ask a server which models it has, within about `timeout_s` seconds; never raises for a server's failure."""
    root = base_url(url)
    key = os.environ.get(KEY_VARIABLE, "") if api_key is None else api_key
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        answer = httpx.get(f"{root}/models", headers=headers, timeout=timeout_s, trust_env=not is_loopback(root))
        answer.raise_for_status()
        models = tuple(str(row["id"]) for row in answer.json()["data"])
    except httpx.HTTPStatusError as error:
        return ServerStatus(root, error.response.status_code < 500, (), str(explain(error, root, "", False)))
    except (httpx.HTTPError, *MALFORMED) as error:
        return ServerStatus(root, False, (), str(explain(error, root, "", False)))
    return ServerStatus(root, True, models, f"{root} serves {', '.join(models) or 'no model: load one there'}")


def is_loopback(url: str) -> bool:
    """Whether the address stays on this machine: then no proxy of the environment may come between."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class OpenAICompatible:
    """A ChatModel on a server. `model` None means the only one that the server has.

    `max_retries` counts further attempts after a failure before the first token; afterwards there are none, because the
    person has already read a part. `close()` ends the background thread; so does garbage collection.
    """

    def __init__(
        self, url: str, model: str | None = None, *, api_key: str | None = None, time_outs: TimeOuts | None = None,
        max_retries: int = 2,
    ) -> None:
        self.url = base_url(url)
        self.time_outs = time_outs or TimeOuts()
        self.max_retries = max_retries
        self._model = model
        self.name = model or self.url  # the address stands in until the server has told its only model
        key = os.environ.get(KEY_VARIABLE, "") if api_key is None else api_key
        patience = httpx.Timeout(None, connect=self.time_outs.connect_s)
        self._http = httpx.AsyncClient(
            timeout=patience, follow_redirects=False, trust_env=not is_loopback(self.url),
            verify=self.url.startswith("https"), event_hooks={"request": [_header_filter(bool(key))]},
        )
        # An own, unused sync client: the default one would be built with the environment's proxies and certificates.
        self._unused = httpx.Client(trust_env=False, verify=False)  # noqa: S501 (it never opens a connection)
        self._chat = ChatOpenAI(
            model=model or "-", base_url=self.url, api_key=SecretStr(key or "-"), max_retries=0, timeout=patience,
            stream_usage=True, stream_chunk_timeout=None, http_client=self._unused, http_async_client=self._http,
            use_responses_api=False, cache=False,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: weakref.finalize[..., OpenAICompatible] | None = None
        self._closed = False
        self._starting = threading.Lock()

    def stream(self, prompt: Prompt) -> Stream:
        """Ask at the first `next()`. Raises ModelError from there on; see Stream for cancelling."""
        return Stream(self._ask, prompt, self.name)

    def close(self) -> None:
        """End running streams (they return what arrived, as `stopped`), the connections and the thread."""
        with self._starting:
            self._closed = True
            if self._end is not None:
                self._end()

    def _ask(self, prompt: Prompt, put: Callable[[str], None]) -> Future[Reply]:
        with self._starting:
            if self._closed:
                raise ModelUnavailable(f"the client for {self.url} was closed; make a new one")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                thread = threading.Thread(target=self._loop.run_forever, name=f"chat {self.url}", daemon=True)
                thread.start()
                self._end = weakref.finalize(self, _end, self._loop, thread, self._http)
            return asyncio.run_coroutine_threadsafe(self._run(prompt, put), self._loop)

    async def _run(self, prompt: Prompt, put: Callable[[str], None]) -> Reply:
        """All attempts for one prompt. Raises ModelError."""
        progress = _Progress(put)
        first_token_at = asyncio.get_running_loop().time() + self.time_outs.first_token_s
        for attempt in range(self.max_retries + 1):
            try:
                return await self._attempt(prompt, progress, first_token_at)
            except TimeoutError as error:
                raise self._late(progress) from error
            except (openai.APIError, httpx.HTTPError, *MALFORMED) as error:
                words = [message.content for message in prompt.messages]
                wait_s = None if progress.pieces else retry_wait_s(error, attempt)
                if wait_s is None or attempt == self.max_retries or \
                        asyncio.get_running_loop().time() + wait_s >= first_token_at:
                    raise explain(error, self.url, self.name, bool(progress.pieces), words) from error
                await asyncio.sleep(wait_s)
        raise AssertionError("the last attempt returns or raises")

    async def _attempt(self, prompt: Prompt, progress: _Progress, first_token_at: float) -> Reply:
        async with asyncio.timeout_at(first_token_at) as limit:
            with tracing_context(enabled=False):
                model = self._model or await self._only_model()
                chunks = self._chat.astream(_to_langchain(prompt.messages), **_sampling(prompt, model))
                async with contextlib.aclosing(cast(Any, chunks)) as opened:
                    async for chunk in opened:
                        if progress.take(chunk):
                            limit.reschedule(asyncio.get_running_loop().time() + self.time_outs.stall_s)
                        if progress.chars > MAX_REPLY_CHARS:
                            raise ModelInterrupted(
                                f"{model} at {self.url} sent more than {MAX_REPLY_CHARS:,} characters and was cut off; "
                                "check the server's chat template and stop tokens")
        return self._finish(progress, model)

    def _finish(self, progress: _Progress, model: str) -> Reply:
        text = "".join(progress.pieces)
        if not text.strip():
            kind = ModelInterrupted if text else ModelUnavailable
            raise kind(f"{model} at {self.url} sent an empty reply; check the model's chat template on the server")
        if not progress.finish:
            raise ModelInterrupted(f"{model} at {self.url} ended the stream amid a reply; look at the server's log")
        reason: FinishReason = "length" if progress.finish == "length" else "stop"
        return Reply(text, model, reason, progress.usage, progress.first_token_s, time.monotonic() - progress.started)

    def _late(self, progress: _Progress) -> ModelError:
        if progress.pieces:
            return ModelInterrupted(
                f"{self.name} at {self.url} sent nothing for {self.time_outs.stall_s:g} s in the middle of a reply; "
                "look at the server's log and load, or allow a longer stall")
        return ModelUnavailable(
            f"{self.name} at {self.url} sent no text within {self.time_outs.first_token_s:g} s; it may be loading, "
            "overloaded or too slow for this machine: look at its log, or allow a longer first token")

    async def _only_model(self) -> str:
        """The one model that the server offers, asked once."""
        key = cast(SecretStr, self._chat.openai_api_key).get_secret_value()
        answer = await self._http.get(f"{self.url}/models", headers={"Authorization": f"Bearer {key}"})
        answer.raise_for_status()
        models = [str(row["id"]) for row in answer.json()["data"]]
        if len(models) != 1:
            raise ModelMisconfigured(f"{self.url} offers {', '.join(models) or 'no model'}; name one with --model")
        self._model = self.name = models[0]
        return models[0]


class Stream(Generator[str, None, Reply]):
    """The generator of one answer. Unlike a plain one, `close()` may be called from another thread, also while this
    thread waits in `next()`: the waiting call then ends with a Reply whose finish_reason is "stopped"."""

    def __init__(
        self, ask: Callable[[Prompt, Callable[[str], None]], Future[Reply]], prompt: Prompt, name: str,
    ) -> None:
        self._ask, self._prompt, self._name = ask, prompt, name
        self._items: queue.SimpleQueue[str | Future[Reply]] = queue.SimpleQueue()
        self._future: Future[Reply] | None = None
        self._ended = False
        self._seen: list[str] = []
        self._started = self._first = 0.0
        self._starting = threading.Lock()

    def send(self, value: None, /) -> str:
        with self._starting:
            if self._ended:
                raise StopIteration
            if self._future is None:
                self._started = time.monotonic()
                self._future = self._ask(self._prompt, self._items.put)
                self._future.add_done_callback(self._items.put)
        item = self._items.get()
        if isinstance(item, str):
            self._first = self._first or time.monotonic() - self._started
            self._seen.append(item)
            return item
        self._ended = True
        try:
            reply = item.result()
        except CancelledError:
            latency_s = time.monotonic() - self._started
            reply = Reply("".join(self._seen), self._name, "stopped", Usage(), self._first, latency_s)
        raise StopIteration(reply)

    def throw(
        self, typ: Any, val: BaseException | object = None, tb: TracebackType | None = None, /,
    ) -> str:
        self.close()
        error = typ if isinstance(typ, BaseException) else val if isinstance(val, BaseException) else typ()
        raise error.with_traceback(tb) if tb else error

    def close(self) -> None:
        """Cancel the request at the server at once; a waiting next() is woken by the cancelled future."""
        with self._starting:
            if self._future is None:
                self._ended = True
            else:
                self._future.cancel()

    def __del__(self) -> None:
        self.close()


@dataclass(slots=True)
class _Progress:
    """What has arrived in one stream."""

    put: Callable[[str], None]
    pieces: list[str] = field(default_factory=list)
    chars: int = 0
    finish: str = ""
    usage: Usage = field(default_factory=Usage)
    started: float = field(default_factory=time.monotonic)
    first_token_s: float = 0.0

    def take(self, chunk: Any) -> bool:
        """Pass on the chunk's text, and say whether it had any."""
        self.finish = chunk.response_metadata.get("finish_reason") or self.finish
        if chunk.usage_metadata:
            self.usage = Usage(chunk.usage_metadata["input_tokens"], chunk.usage_metadata["output_tokens"])
        text = chunk.content if isinstance(chunk.content, str) else ""
        if not text:
            return False
        if not self.pieces:
            self.first_token_s = time.monotonic() - self.started
        self.chars += len(text)
        self.pieces.append(text)
        self.put(text)
        return True


def _to_langchain(messages: tuple[Message, ...]) -> list[BaseMessage]:
    # A lone surrogate cannot be sent as UTF-8.
    return [_MESSAGES[m.role](m.content.encode("utf-8", "replace").decode("utf-8")) for m in messages]


def _sampling(prompt: Prompt, model: str) -> dict[str, Any]:
    """The request's other fields. `max_tokens` goes by its older name, the only one that all of these servers know."""
    sampling = prompt.sampling
    fields: dict[str, Any] = {
        "model": model, "temperature": sampling.temperature, "top_p": sampling.top_p,
        "extra_body": {"max_tokens": sampling.max_tokens},
    }
    if sampling.seed is not None:
        fields["seed"] = sampling.seed
    if sampling.stop:
        fields["stop"] = list(sampling.stop)
    return fields


def _header_filter(keep_key: bool) -> Callable[[httpx.Request], Any]:
    async def filter_headers(request: httpx.Request) -> None:
        for name in list(request.headers):
            if name not in _HEADERS_SENT or (name == "authorization" and not keep_key):
                del request.headers[name]
        request.headers["User-Agent"] = "beside"
    return filter_headers


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread, http: httpx.AsyncClient) -> None:
    """Cancel what runs, close the connections, end the thread."""
    async def shut() -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await http.aclose()
        await loop.shutdown_asyncgens()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)
        loop.stop()

    asyncio.run_coroutine_threadsafe(shut(), loop)
    if thread is not threading.current_thread():  # the garbage collector may run in that very thread
        thread.join(timeout=5)
        loop.close()
