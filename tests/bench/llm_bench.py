"""The tuning step against a bare PyTorch + peft loop, and requests through the app's client against a raw client.

Measured in turns within one run, medians of rounds; the second half needs the model server's environment and says so
without.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from llm.nano.server import nano_options
from llm.serving.serve import ServeProblem, start
from llm.tuning.recipes import RECIPES, FinetuneOptions
from llm.tuning.training_data import Packed, encode, pack
from llm.tuning.tuned import CARDS

ROUNDS, STEPS = 5, 2
REQUESTS, CONCURRENT, TOKENS = 24, 8, 16
TALK = [
    {"role": "user", "content": "最近总是睡不好，白天没有精神。"},
    {"role": "assistant", "content": "听起来你很累，这样有多久了？"},
]


def _rows(base: str, block: int, count: int) -> list[Packed]:
    from llm.tuning.stack import load_tokenizer

    one = encode(TALK * 4, load_tokenizer(base))
    return pack([one] * (count * (block // len(one.ids))), block)[:count]


def _seconds(call: Callable[[], object]) -> float:
    start_s = time.perf_counter()
    call()
    return time.perf_counter() - start_s


def _in_turns(ours: Callable[[], object], baseline: Callable[[], object]) -> tuple[float, float]:
    """Median seconds of each, measured alternately after one warm-up each."""
    ours(), baseline()
    pairs = [(_seconds(ours), _seconds(baseline)) for _ in range(ROUNDS)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def tuning_step() -> dict[str, Any]:
    """Tokens per second: our step, and a loop written down without accelerate and without our loss."""
    from llm.tuning.finetune import build
    from llm.tuning.training_loop import make_optimizer, model_inputs, train_step

    base = str(CARDS["nano-base"].folder)
    options = FinetuneOptions(
        **{**RECIPES["nano"], "base": base, "data": (), "out": Path(), "rows_per_step": 2, "precision": "no"}
    )  # type: ignore[arg-type]
    rows = _rows(base, options.block, options.rows_per_step)
    import torch
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    model, bare = build(options), build(options)
    optimizer, plain = make_optimizer(model, options), make_optimizer(bare, options)
    model, optimizer = accelerator.prepare(model, optimizer)

    def bare_step() -> None:
        for row in rows:
            out = bare(**model_inputs(row, "cpu"), labels=torch.tensor([row.labels]), use_cache=False)
            (out.loss / len(rows)).backward()
        torch.nn.utils.clip_grad_norm_([p for p in bare.parameters() if p.requires_grad], 1.0)
        plain.step()
        plain.zero_grad(set_to_none=True)

    def times(step: Callable[[], object]) -> Callable[[], object]:
        return lambda: [step() for _ in range(STEPS)]

    ours_s, bare_s = _in_turns(times(lambda: train_step(accelerator, model, optimizer, rows)), times(bare_step))
    tokens = STEPS * sum(len(row.ids) for row in rows)
    return {
        "what": "LoRA step, nano base, tokens/s",
        "ours": tokens / ours_s,
        "baseline": tokens / bare_s,
        "ratio": bare_s / ours_s,
        "baseline is": "bare PyTorch + peft loop, same packed rows",
    }


def requests() -> dict[str, Any]:
    """Requests per second, streaming, through the app's client and through httpx, on the same server."""
    import httpx

    from llm.client.openai_compat import OpenAICompatible
    from llm.types import Message, Prompt, Sampling

    options = replace(nano_options(8199), gate=False)
    server = start(options)
    try:
        client = OpenAICompatible(server.url + "/v1", server.models[1])
        prompt = Prompt((Message("user", TALK[0]["content"]),), Sampling(temperature=0.0, max_tokens=TOKENS))
        body = {
            "model": server.models[1],
            "messages": TALK[:1],
            "max_tokens": TOKENS,
            "temperature": 0.0,
            "stream": True,
        }
        raw = httpx.Client(timeout=120, trust_env=False)

        def raw_one(_: int) -> int:
            with raw.stream("POST", f"{server.url}/v1/chat/completions", json=body) as answer:
                return sum(
                    len(json.loads(line[6:])["choices"]) for line in answer.iter_lines() if line.startswith("data: {")
                )

        def batch(one: Callable[[int], object]) -> Callable[[], object]:
            def run() -> object:
                with ThreadPoolExecutor(CONCURRENT) as pool:
                    return list(pool.map(one, range(REQUESTS)))

            return run

        ours_s, raw_s = _in_turns(batch(lambda _: list(client.stream(prompt))), batch(raw_one))
        client.close()
        raw.close()
    finally:
        server.stop()
    return {
        "what": f"requests/s, {TOKENS} tokens, {CONCURRENT} at once",
        "ours": REQUESTS / ours_s,
        "baseline": REQUESTS / raw_s,
        "ratio": raw_s / ours_s,
        "baseline is": "httpx, same server",
    }


def run() -> list[dict[str, Any]]:
    rows = [tuning_step()]
    try:
        rows.append(requests())
    except ServeProblem as error:
        rows.append(
            {"what": "requests/s", "ours": "-", "baseline": "-", "ratio": "-", "baseline is": f"not measured: {error}"}
        )
    return rows
