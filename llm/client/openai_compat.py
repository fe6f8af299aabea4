"""Any server that speaks the OpenAI chat-completions protocol: vLLM, Ollama, llama.cpp and others, by URL.

A stream runs on an event loop in one background thread for each client, so that it can be cancelled at any moment, also
while nobody knows whether another token will ever come. What is sent is the prompt's messages and its sampling, nothing
else: no telemetry headers, no cookies, no redirects. The answer is read tolerantly (`events`, `chunks`), and a model's
reasoning is kept from the person (`reasoning`).
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from llm.base import ModelError, ModelInterrupted, ModelMisconfigured, ModelUnavailable, Tell
from llm.client.chunks import StreamedError, model_ids, read_chunk
from llm.client.events import EventReader
from llm.client.failures import MALFORMED, explain, retry_wait_s, said_by
from llm.client.opening import ask_opening
from llm.client.progress import Progress
from llm.client.reasoning import Opening
from llm.client.stream import Stream
from llm.types import Prompt, Reply, Thinking

KEY_VARIABLE = "BESIDE_LLM_KEY"
#: "none" says that the model never writes its reasoning into its text, so that the first reply need not be held back.
REASONING_VARIABLE = "BESIDE_LLM_REASONING"
#: A server is not trusted to stop: longer replies are cut off as an error. 512 tokens are about 2,000 characters.
MAX_REPLY_CHARS = 200_000
#: A model whose reasoning used up the prompt's token limit is asked again, once, with room for so many tokens more.
REASONING_TOKENS = 2048
#: Seconds that the token counts may follow the end of the text; a connection left open is not waited for.
AFTER_END_S = 0.25
_MAX_ERROR_BYTES = 65_536
#: A refusal of the token counts names the field or what stands in it, under any status.
_USAGE_FIELDS = ("stream_options", "include_usage")
#: Everything else that a library might add (versions, cookies) stays here.
_HEADERS_SENT = frozenset(
    {
        "host",
        "accept",
        "accept-encoding",
        "connection",
        "content-type",
        "content-length",
        "user-agent",
        "authorization",
    }
)


@dataclass(frozen=True, slots=True)
class TimeOuts:
    """Seconds of silence. `first_token_s` counts from the request to the first piece of text or of reasoning, retries
    included; `stall_s` from one piece to the next. A model on a CPU reads a long prompt slowly, hence the patience
    before the first token."""

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
        models = model_ids(answer.json())
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
        self,
        url: str,
        model: str | None = None,
        *,
        api_key: str | None = None,
        time_outs: TimeOuts | None = None,
        max_retries: int = 2,
    ) -> None:
        self.url = base_url(url)
        self.time_outs = time_outs or TimeOuts()
        self.max_retries = max_retries
        self._model = model
        self.name = model or self.url  # the address stands in until the server has told its only model
        key = os.environ.get(KEY_VARIABLE, "") if api_key is None else api_key
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._opening: Opening | None = "text" if os.environ.get(REASONING_VARIABLE) == "none" else None
        self._usage_refused = False
        self._extra_tokens = 0  # for a model that was seen to reason
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=self.time_outs.connect_s),
            follow_redirects=False,
            trust_env=not is_loopback(self.url),
            verify=self.url.startswith("https"),
            event_hooks={"request": [_header_filter(bool(key))]},
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: weakref.finalize[..., OpenAICompatible] | None = None
        self._closed = False
        self._starting = threading.Lock()

    def stream(self, prompt: Prompt, tell: Tell | None = None) -> Stream:
        """Ask at the first `next()`. Raises ModelError from there on; see Stream for cancelling."""
        return Stream(self._ask, prompt, self.name, tell)

    def close(self) -> None:
        """End running streams (they return what arrived, as `stopped`), the connections and the thread."""
        with self._starting:
            self._closed = True
            if self._end is not None:
                self._end()

    def _ask(self, prompt: Prompt, put: Callable[[str | Thinking], None]) -> Future[Reply]:
        with self._starting:
            if self._closed:
                raise ModelUnavailable(f"the client for {self.url} was closed; make a new one")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                thread = threading.Thread(target=self._loop.run_forever, name=f"chat {self.url}", daemon=True)
                thread.start()
                self._end = weakref.finalize(self, _end, self._loop, thread, self._http)
            return asyncio.run_coroutine_threadsafe(self._run(prompt, put), self._loop)

    async def _run(self, prompt: Prompt, put: Callable[[str | Thinking], None]) -> Reply:
        """All attempts for one prompt. Raises ModelError."""
        clock = asyncio.get_running_loop().time
        started = time.monotonic()
        first_token_at = clock() + self.time_outs.first_token_s
        attempt = 0
        while True:
            progress = Progress(put, started)
            try:
                await self._attempt(prompt, progress, first_token_at)
                if progress.spent_on_reasoning and not self._extra_tokens:
                    self._extra_tokens = REASONING_TOKENS
                    first_token_at = clock() + self.time_outs.first_token_s
                    continue
                return self._finish(progress, prompt)
            except TimeoutError as error:
                raise self._late(progress) from error
            except (StreamedError, httpx.HTTPError, *MALFORMED) as error:
                if self._may_go_without_usage(error, progress):
                    continue
                words = [message.content for message in prompt.messages]
                wait_s = None if progress.shown else retry_wait_s(error, attempt)
                if wait_s is None or attempt == self.max_retries or clock() + wait_s >= first_token_at:
                    raise explain(error, self.url, self.name, progress.shown, words) from error
                attempt += 1
                await asyncio.sleep(wait_s)

    def _may_go_without_usage(self, error: Exception, progress: Progress) -> bool:
        """Whether the server has just refused `stream_options`, which only asks for token counts. Remembered."""
        said = said_by(error.response) if isinstance(error, httpx.HTTPStatusError) else str(error)
        if isinstance(error, httpx.HTTPStatusError) and not said:
            said = error.response.text
        named = any(name in said for name in _USAGE_FIELDS)
        refused = named and not progress.shown and not self._usage_refused
        self._usage_refused = self._usage_refused or refused
        return refused

    async def _attempt(self, prompt: Prompt, progress: Progress, first_token_at: float) -> None:
        """Ask once and read to the end. Raises TimeoutError for silence before it, and what `explain` knows."""
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout_at(first_token_at) as limit:
                model = self._model or await self._only_model()
                if self._opening is None:
                    self._opening = await ask_opening(self._http, self.url, model, self._headers)
                progress.begin(self._opening or "unknown")
                async with self._answer(_request(prompt, model, self._usage_refused, self._extra_tokens)) as answer:
                    async for part in _chunks(answer):
                        if progress.take(part):
                            limit.reschedule(clock() + self.time_outs.stall_s)
                        if progress.chars > MAX_REPLY_CHARS:
                            raise ModelInterrupted(
                                f"{model} at {self.url} sent more than {MAX_REPLY_CHARS:,} characters and was cut off; "
                                "check the server's chat template and stop tokens"
                            )
                        if progress.ended:
                            limit.reschedule(clock() + AFTER_END_S)
        except (TimeoutError, httpx.TransportError):
            if not progress.ended:
                raise

    @asynccontextmanager
    async def _answer(self, body: dict[str, Any]) -> AsyncIterator[httpx.Response]:
        """The open answer to a request. Raises httpx.HTTPStatusError, with the beginning of its body read."""
        async with self._http.stream(
            "POST",
            f"{self.url}/chat/completions",
            json=body,
            headers=self._headers,
        ) as answer:
            if not answer.is_success:
                said = bytearray()
                async for part in answer.aiter_bytes():
                    said += part
                    if len(said) > _MAX_ERROR_BYTES:
                        break
                read = httpx.Response(answer.status_code, headers=_plain(answer.headers), content=bytes(said))
                raise httpx.HTTPStatusError(f"HTTP {answer.status_code}", request=answer.request, response=read)
            yield answer

    def _finish(self, progress: Progress, prompt: Prompt) -> Reply:
        """The reply, or what is wrong with it."""
        who = f"{self._model} at {self.url}"
        whole = progress.close()
        self._opening = progress.learned or self._opening
        text = progress.text
        if not whole:
            if not (progress.chars or progress.thought):  # a web page, another protocol, a server that fell over
                raise ModelUnavailable(
                    f"{who} ended its answer without a chat completion in it; look at the server's log, and check that "
                    "the address is an OpenAI-compatible API"
                )
            kind = ModelInterrupted if progress.shown else ModelUnavailable
            raise kind(f"{who} ended the stream amid a reply; look at the server's log")
        if not text.strip():
            if progress.thought:
                tokens = prompt.sampling.max_tokens + self._extra_tokens
                raise ModelUnavailable(
                    f"{who} was reasoning until its end, of {tokens} tokens at most, and gave no reply that can be "
                    "told apart from it; switch its reasoning off at the server, or set "
                    f"{REASONING_VARIABLE}=none if this model does not reason"
                )
            raise (ModelInterrupted if text else ModelUnavailable)(
                f"{who} sent an empty reply; check the model's chat template on the server"
            )
        return progress.reply(self._model or self.name)

    def _late(self, progress: Progress) -> ModelError:
        if progress.shown or progress.thought:
            doing = "a reply" if progress.shown else "its reasoning"
            kind = ModelInterrupted if progress.shown else ModelUnavailable
            return kind(
                f"{self.name} at {self.url} sent nothing for {self.time_outs.stall_s:g} s in the middle of {doing}; "
                "look at the server's log and load, or allow a longer stall"
            )
        return ModelUnavailable(
            f"{self.name} at {self.url} sent no text within {self.time_outs.first_token_s:g} s; it may be loading, "
            "overloaded or too slow for this machine: look at its log, or allow a longer first token"
        )

    async def _only_model(self) -> str:
        """The one model that the server offers, asked once."""
        answer = await self._http.get(f"{self.url}/models", headers=self._headers)
        answer.raise_for_status()
        models = model_ids(answer.json())
        if len(models) != 1:
            raise ModelMisconfigured(f"{self.url} offers {', '.join(models) or 'no model'}; name one with --model")
        self._model = self.name = models[0]
        return models[0]


async def _chunks(answer: httpx.Response) -> AsyncIterator[Any]:
    """The chunks of an answer, and None at [DONE]."""
    reader = EventReader()
    async for part in answer.aiter_bytes():
        for payload in reader.feed(part):
            yield None if payload.done else read_chunk(payload)
    for payload in reader.finish():
        yield None if payload.done else read_chunk(payload)


def _plain(headers: httpx.Headers) -> dict[str, str]:
    """Without the body's encoding, which has been undone."""
    return {name: value for name, value in headers.items() if name not in {"content-encoding", "content-length"}}


def _request(prompt: Prompt, model: str, usage_refused: bool, extra_tokens: int) -> dict[str, Any]:
    """The request's body. `max_tokens` goes by its older name, the only one that all of these servers know."""
    sampling = prompt.sampling
    fields: dict[str, Any] = {
        "model": model,
        "stream": True,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens + extra_tokens,
        # A lone surrogate cannot be sent as UTF-8.
        "messages": [
            {"role": m.role, "content": m.content.encode("utf-8", "replace").decode("utf-8")} for m in prompt.messages
        ],
    }
    if not usage_refused:
        fields["stream_options"] = {"include_usage": True}
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
