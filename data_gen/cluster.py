"""The same chains on Ray Data: blocks of plans, each with a journal of its own, on as many machines as Ray has.

A block that a lost worker had begun is given to another, which finds the answers in the block's journal and asks only
for the rest; so `out` must be a folder that every machine sees. Records are the same as those of one machine, because
a chain's seed depends on its source alone.
"""

from __future__ import annotations

import os
import pickle
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from data_gen.steps import Rejected
from llm.jobs.progress import Counts, Progress
from llm.jobs.runner import Chain, Keep, run
from llm.jobs.types import ChainFailed, JobOptions

#: Plans of one block: what a lost worker's successor has to look up again.
BLOCK = 32


def run_on_ray(
    plans: Iterable[Any],
    chain: Chain[Any, dict[str, Any]],
    keep: Keep[Any, dict[str, Any]],
    options: JobOptions,
    out: Path,
    *,
    workers: int = 2,
    total: int | None = None,
    shown: bool | None = None,
) -> Counts:
    """`llm.jobs.runner.run` on Ray Data. `options.concurrency` is shared among `workers`. Journals are
    `out`/journals/BLOCK.jsonl. Plans are held in memory here. Raises what the chains and the server raise, as Ray
    passes it on."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # before the import: nothing is sent to anybody
    import ray

    plans = list(plans)
    if not plans:
        return Counts()
    folder = out.resolve() / "journals"
    folder.mkdir(parents=True, exist_ok=True)
    each = replace(options, concurrency=max(1, options.concurrency // workers))
    blocks = [
        {"number": number, "plans": pickle.dumps(plans[start : start + BLOCK])}
        for number, start in enumerate(range(0, len(plans), BLOCK))
    ]
    if not ray.is_initialized():
        ray.init(include_dashboard=False, log_to_driver=False)
    dataset = ray.data.from_items(blocks, override_num_blocks=len(blocks))

    def work(row: dict[str, Any]) -> dict[str, Any]:
        return _block(row, chain, each, folder)

    pool = ray.data.TaskPoolStrategy(size=workers)
    progress = Progress(total or len(plans), options.prices, shown)
    try:
        for row in dataset.map(work, num_cpus=1, compute=pool).iter_rows():
            _take(row, plans, keep, progress)
    finally:
        counts = progress.close()
    return counts


def _block(row: dict[str, Any], chain: Chain[Any, dict[str, Any]], options: JobOptions, folder: Path) -> dict[str, Any]:
    """In a worker: take one block through the chain."""
    plans: Sequence[Any] = pickle.loads(row["plans"])  # noqa: S301  written above
    first = int(row["number"]) * BLOCK
    ended: list[tuple[int, dict[str, Any] | tuple[str, Any]]] = []

    def keep(place: int, plan: Any, found: dict[str, Any] | ChainFailed) -> None:
        if isinstance(found, ChainFailed):
            ended.append((first + place, (found.reason, getattr(found, "record", None))))
        else:
            ended.append((first + place, found))

    counts = run(plans, chain, keep, options, folder / f"{int(row['number']):06d}.jsonl", shown=False)
    return {"number": row["number"], "ended": pickle.dumps(ended), "counts": pickle.dumps(counts)}


def _take(row: dict[str, Any], plans: Sequence[Any], keep: Keep[Any, dict[str, Any]], progress: Progress) -> None:
    for place, found in _unpacked(row["ended"]):
        if isinstance(found, tuple):
            reason, record = found
            failed = Rejected(reason, record) if record is not None else ChainFailed(reason)
            keep(place, plans[place], failed)
            progress.finished(reason)
        else:
            keep(place, plans[place], found)
            progress.finished()
    done: Counts = pickle.loads(row["counts"])  # noqa: S301  written by our worker
    for name in (field.name for field in fields(Counts)):
        mine, more = getattr(progress.counts, name), getattr(done, name)
        if name in {"done", "failed", "seconds"}:  # counted above, and by the clock here
            continue
        if isinstance(mine, Counter):
            mine.update(more)
        else:
            setattr(progress.counts, name, mine + more)


def _unpacked(data: bytes) -> Iterator[tuple[int, dict[str, Any] | tuple[str, Any]]]:
    yield from pickle.loads(data)  # noqa: S301  written by our worker
