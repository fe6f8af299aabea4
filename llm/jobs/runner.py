"""Many chains of requests against one server: each chain on its own, the server kept full, every answer kept at once.

    async def chain(source, ask):            # ask(request) -> Answer; raise ChainFailed to give this source up
        first = await ask(Request(...))
        ...
        return record

    counts = run(sources, chain, keep, JobOptions(url), Path("out/journal.jsonl"))

A killed run repeats no answered request: the journal is keyed by what was asked. Retries are counted by fault, and an
answer that is empty, cut or does not fit its schema is asked for again with another seed, up to `options.asks` times.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from llm.jobs.journal import Journal
from llm.jobs.limiter import Limiter
from llm.jobs.progress import Counts, Progress
from llm.jobs.server import Faulty, Server
from llm.jobs.structured import parse
from llm.jobs.types import Answer, ChainFailed, JobOptions, Request, ServerBroken

Source = TypeVar("Source")
Record = TypeVar("Record")
Ask = Callable[[Request], Awaitable[Answer]]
Chain = Callable[[Source, Ask], Awaitable[Record]]
#: Called with the place of a source, the source, and its record or the ChainFailed that ended it; in order of ending.
Keep = Callable[[int, Source, "Record | ChainFailed"], None]

#: Chains started per request slot: more than one, so that a slot never waits for a chain between two requests.
CHAINS_PER_SLOT = 1.5
#: Requests under way per slot of the server: while one is answered the next is on the wire, so that no slot idles.
IN_TRANSIT = 1.125
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.1, 10.0


def run(
    sources: Iterable[Source],
    chain: Chain[Source, Record],
    keep: Keep[Source, Record],
    options: JobOptions,
    journal: Path,
    *,
    total: int | None = None,
    shown: bool | None = None,
) -> Counts:
    """Take every source through `chain`. `sources` is read as it is needed, so that memory does not grow with it.

    Raises ServerBroken when the server fails most requests, JobError for a journal in use; what was answered until then
    is kept. An exception of `chain` or `keep` other than ChainFailed ends the run as it is.
    """
    return asyncio.run(run_async(sources, chain, keep, options, journal, total=total, shown=shown))


async def run_async(
    sources: Iterable[Source],
    chain: Chain[Source, Record],
    keep: Keep[Source, Record],
    options: JobOptions,
    journal: Path,
    *,
    total: int | None = None,
    shown: bool | None = None,
) -> Counts:
    """`run` inside an event loop."""
    progress = Progress(total, options.prices, shown)
    try:
        with Journal(journal) as kept:
            async with Server(options) as server:
                asker = Asker(server, kept, options, progress)
                most = max(1, round(options.concurrency * CHAINS_PER_SLOT))
                await _drive(enumerate(sources), chain, keep, asker, most)
    finally:
        counts = progress.close()
    return counts


async def _drive(sources: Any, chain: Any, keep: Any, asker: Asker, most: int) -> None:
    running: set[asyncio.Task[None]] = set()

    async def one(place: int, source: Any) -> None:
        try:
            record = await chain(source, asker.for_chain(place))
        except ChainFailed as failed:
            keep(place, source, failed)
            asker.progress.finished(failed.reason)
        else:
            keep(place, source, record)
            asker.progress.finished()

    try:
        for place, source in sources:
            running.add(asyncio.create_task(one(place, source)))
            if len(running) >= most:
                running = await _first_ended(running)
        while running:
            running = await _first_ended(running)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _first_ended(running: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    done, left = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()  # raises what ended the run
    return left


class Asker:
    """Asks for all chains: journal first, then the server, within the limits."""

    def __init__(self, server: Server, journal: Journal, options: JobOptions, progress: Progress) -> None:
        self.server, self.journal, self.options, self.progress = server, journal, options, progress
        self.limiter = Limiter(int(options.concurrency * IN_TRANSIT), asyncio.get_running_loop().time)
        self._tries: deque[bool] = deque(maxlen=options.judged)
        self._schemas = True  # until the server refuses one
        self._under_way: dict[str, asyncio.Future[Answer]] = {}

    def for_chain(self, rank: int) -> Ask:
        """The `ask` of one chain; a lower rank is served first."""

        async def ask(request: Request) -> Answer:
            return await self.ask(request, rank)

        return ask

    async def ask(self, request: Request, rank: int = 0) -> Answer:
        """The first answer that is a value, or the last one asked for. Raises ChainFailed when no answer arrived."""
        for attempt in range(self.options.asks + 1):
            answer = replace(await self._answer(request, attempt, rank), attempt=attempt)
            if answer.kind == "ok" and request.schema is not None:
                fits, data = parse(answer.text, request.schema)
                answer = replace(answer, data=data) if fits else replace(answer, kind="unparsable")
            self.progress.counts.kinds[answer.kind] += 1
            if answer.kind in {"ok", "refused"} or (answer.kind == "cut" and request.may_be_cut):
                break
        return answer

    async def _answer(self, request: Request, attempt: int, rank: int) -> Answer:
        key = request.key(attempt)
        if (record := self.journal.get(key)) is not None:
            self.progress.counts.kept += 1
            return Answer.of_record(record)
        if key in self._under_way:  # two chains ask the same: one request
            return await asyncio.shield(self._under_way[key])
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._under_way[key] = future
        try:
            answer = await self._send(self._body(request, attempt), rank)
            if answer.kind == "refused" and request.schema is not None and self._refuses_schemas(answer):
                answer = await self._send(self._body(request, attempt), rank)
            if answer.kind != "refused":  # another setting of the server may accept it next time
                self.journal.put(key, answer.record())
        except BaseException as error:
            future.set_exception(error)
            future.exception()  # read here: nobody else may be waiting
            raise
        finally:
            del self._under_way[key]
        future.set_result(answer)
        self.progress.counts.answered(answer)
        return answer

    def _body(self, request: Request, attempt: int) -> dict[str, Any]:
        body = request.body(attempt)
        if not self._schemas:
            body.pop("response_format", None)
        return body

    def _refuses_schemas(self, answer: Answer) -> bool:
        """Whether the server cannot be held to a schema: then the prompt must ask for JSON, and the text is checked."""
        refused = any(word in answer.text for word in ("response_format", "json_schema", "structured", "guided"))
        if refused:
            self._schemas = False
        return refused

    async def _send(self, body: dict[str, Any], rank: int) -> Answer:
        failed: dict[str, int] = {}
        while True:
            await self.limiter.enter(rank)
            try:
                answer = await self.server.ask(body)
            except Faulty as error:
                wait_s = self._failed(error, failed)
            else:
                self._tries.append(True)
                self.limiter.succeeded()
                return answer
            finally:
                self.limiter.leave()
            await asyncio.sleep(wait_s)

    def _failed(self, error: Faulty, failed: dict[str, int]) -> float:
        """Count a failed try; the seconds until the next. Raises ChainFailed when the budget of this fault is spent."""
        self.progress.fault(error.fault)
        count = failed[error.fault] = failed.get(error.fault, 0) + 1
        backoff_s = min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** (count - 1)) * random.uniform(0.8, 1.2)
        asked_s = min(error.wait_s or 0.0, self.options.longest_wait_s)
        wait_s = max(backoff_s, asked_s)
        if error.fault == "overloaded":
            self.limiter.overloaded(asked_s)
        else:
            self._tries.append(False)
            self._judge(error)
            if error.fault == "time_out":
                self.limiter.overloaded()
        if count > self.options.retries[error.fault]:
            raise ChainFailed(error.fault, error.detail)
        return wait_s

    def _judge(self, error: Faulty) -> None:
        share = self._tries.count(False) / self._tries.maxlen if self._tries.maxlen else 0.0
        if len(self._tries) == self._tries.maxlen and share > self.options.broken_share:
            raise ServerBroken(
                f"{share:.0%} of the last {len(self._tries)} tries at {self.options.url} failed, the last with "
                f"{error}. Next step: look at the server's log, then run the same command again: answers are kept"
            )
