"""What the chat path adds to the time to first token, over a raw HTTP call to the same local server in the same run.

The ways take turns request by request, so that a busy moment of the machine hits all of them alike.
"""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Callable
from statistics import median, quantiles

import httpx

from llm.client.openai_compat import OpenAICompatible
from llm.types import Message, Prompt
from perception.types import EmotionalState
from tests.faulty_server import FaultyServer

ROUNDS = 50
WARM_UP = 5
WORDS = "I slept badly and everything feels heavy today."


def run() -> list[dict[str, str | float]]:
    """One row for each way: median and 90th percentile in ms, and what it adds to the raw call's median."""
    # A token each 5 ms, as from a fast model. Without a pause the server, a thread of this process, would compete
    # with the client for the interpreter.
    pieces = ["That sounds hard. ", *["word "] * 20]
    with FaultyServer(pieces=pieces, delay_s=0.005) as server, httpx.Client(trust_env=False) as http:
        model = OpenAICompatible(server.url, "tiny", api_key="")
        ways: dict[str, Callable[[], float]] = {
            "raw httpx": lambda: _raw(http, server.url),
            "OpenAICompatible.stream": lambda: _client(model),
        }
        if importlib.util.find_spec("assistant.respond"):
            # It lets out whole, checked sentences: its first output is the first sentence.
            ways["assistant.respond"] = lambda: _respond(model)
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for round_ in range(WARM_UP + ROUNDS):
            for name, way in ways.items():
                seconds = way()
                if round_ >= WARM_UP:
                    taken[name].append(seconds * 1000)
        model.close()
    raw = median(taken["raw httpx"])
    return [
        {
            "way": name,
            "first token, median ms": median(values),
            "p90 ms": quantiles(values, n=10)[-1],
            "adds ms": median(values) - raw,
            "ratio": median(values) / raw,
        }
        for name, values in taken.items()
    ]


def _raw(http: httpx.Client, url: str) -> float:
    body = {"model": "tiny", "stream": True, "messages": [{"role": "user", "content": WORDS}]}
    start, first = time.perf_counter(), 0.0
    with http.stream("POST", f"{url}/chat/completions", json=body) as answer:
        for line in answer.iter_lines():
            if not first and line.startswith("data: {"):
                choices = json.loads(line[6:])["choices"]
                if choices and choices[0]["delta"].get("content"):
                    first = time.perf_counter() - start
    return first


def _client(model: OpenAICompatible) -> float:
    start, first = time.perf_counter(), 0.0
    for _ in model.stream(Prompt((Message("user", WORDS),))):
        first = first or time.perf_counter() - start
    return first


def _respond(model: OpenAICompatible) -> float:
    from assistant.respond import respond

    start, first = time.perf_counter(), 0.0
    for _ in respond(WORDS, EmotionalState.unknown(), (), model):
        first = first or time.perf_counter() - start
    return first
