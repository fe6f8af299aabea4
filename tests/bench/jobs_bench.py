"""Chains of requests against a server of fixed latency: the runner of llm/jobs, a bare loop, and a peer, in one run.

The peer is NVIDIA's Data Designer; it is no dependency, so its interpreter is named by BESIDE_DATA_DESIGNER (an
environment with `pip install data-designer==0.9.7`), and the row is left out where none is named.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp

from tests.latency_server import ROOT, LatencyServer

CHAINS, STEPS, LATENCY_S, SLOTS = 500, 3, 0.2, 64

OURS = """
import sys
from pathlib import Path
from llm.jobs.runner import run
from llm.jobs.types import JobOptions, Request
from llm.types import Message, Sampling

async def chain(source, ask):
    said = f"case {source}"
    for seed in range(int(sys.argv[3])):
        said = (await ask(Request((Message("user", said),), "m", Sampling(seed=seed)))).text
    return said

kept = []
run(range(int(sys.argv[2])), chain, lambda place, source, record: kept.append(record),
    JobOptions(sys.argv[1], concurrency=int(sys.argv[4])), Path(sys.argv[5]) / "journal.jsonl", shown=False)
assert len(kept) == int(sys.argv[2])
"""

PEER = """
import sys
from pathlib import Path
import pandas
from data_designer.config import (DataDesignerConfigBuilder, LLMTextColumnConfig, ModelConfig, ModelProvider,
                                  ChatCompletionInferenceParams, LocalFileSeedSource)
from data_designer.interface import DataDesigner

url, count, steps, slots, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5])
seeds = folder / "seeds.parquet"
pandas.DataFrame({"case": [f"case {i}" for i in range(count)]}).to_parquet(seeds)
provider = ModelProvider(name="local", endpoint=url, provider_type="openai", api_key="none")
model = ModelConfig(alias="m", model="m", provider="local", skip_health_check=True,
                    inference_parameters=ChatCompletionInferenceParams(max_parallel_requests=slots, max_tokens=64))
builder = DataDesignerConfigBuilder(model_configs=[model])
builder.with_seed_dataset(LocalFileSeedSource(path=str(seeds)))
before = "case"
for step in range(steps):
    builder.add_column(LLMTextColumnConfig(name=f"step{step}", prompt="{{ " + before + " }}", model_alias="m"))
    before = f"step{step}"
designer = DataDesigner(artifact_path=folder, model_providers=[provider])
result = designer.create(builder, num_records=count, dataset_name="bench")
assert len(result.load_dataset()) == count
"""


async def _bare(url: str) -> None:
    """What somebody writes in ten lines: one task a chain, a semaphore, no journal, no retries."""
    slots = asyncio.Semaphore(SLOTS)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=SLOTS)) as client:

        async def chain(number: int) -> None:
            said = f"case {number}"
            for seed in range(STEPS):
                body = {"model": "m", "messages": [{"role": "user", "content": said}], "seed": seed}
                async with slots, client.post(f"{url}/chat/completions", json=body) as reply:
                    said = (await reply.json())["choices"][0]["message"]["content"]

        await asyncio.gather(*(chain(number) for number in range(CHAINS)))


def _process(python: str, code: str) -> Callable[[str, Path], None]:
    def go(url: str, folder: Path) -> None:
        command = [python, "-c", code, url, str(CHAINS), str(STEPS), str(SLOTS), str(folder)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr[-2000:])

    return go


def row(name: str, work: Callable[[str, Path], object]) -> dict[str, object]:
    """`work(url, folder)` against a fresh server: its requests, against every slot busy from the first to the last."""
    with LatencyServer(LATENCY_S, SLOTS) as server, tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        work(server.url, Path(folder))
        ended = time.monotonic()
        stats = server.stats()
    ideal = stats["requests"] * LATENCY_S / SLOTS
    return {
        "what": name, "requests": stats["requests"], "ideal, s": ideal, "requests, s": stats["span_s"],
        "of the ideal": stats["span_s"] / ideal, "before the first, s": stats["began"] - began,
        "after the last, s": ended - stats["began"] - stats["span_s"], "most at once": stats["most"],
    }  # fmt: skip


def run() -> list[dict[str, object]]:
    """Rows of `python -m tests.bench jobs`."""
    rows = [
        row("bare loop (aiohttp, no journal)", lambda url, _: asyncio.run(_bare(url))),
        row("llm/jobs, a process", _process(sys.executable, OURS)),
    ]
    if python := os.environ.get("BESIDE_DATA_DESIGNER"):
        rows.append(row("Data Designer, a process", _process(python, PEER)))
    return rows
