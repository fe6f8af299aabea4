"""A real vLLM with the shipped nano weights: what it answers, and that the gate is green with our settings and red
without.

One start per setting: the module's server (adapters + 1 slots), then one with as many slots as adapters.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import psutil
import pytest

from llm.nano.server import nano_options, open_nano
from llm.serving.serve import ServeOptions, ServeProblem, Server, serve_python, start, why_it_died
from llm.tuning.perplexity import by_server, by_transformers, encode_all
from llm.tuning.stack import load_tokenizer
from tests.llm.conftest import rows

pytestmark = pytest.mark.vllm


@pytest.fixture(scope="module", autouse=True)
def environment() -> None:
    try:
        serve_python()
    except ServeProblem as error:
        pytest.skip(str(error))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def options() -> ServeOptions:
    return replace(nano_options(free_port()), vllm_arguments=("--enable-log-requests",))


@pytest.fixture(scope="module")
def server(options: ServeOptions) -> Iterator[Server]:
    """Started, and proven by the gate: `start` raises where parity fails."""
    running = start(options)
    yield running
    running.stop()


def chat(server: Server, model: str, timeout: float = 120, **more: Any) -> httpx.Response:
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "最近总是睡不好。"}],
        "temperature": 0.0,
        "max_tokens": 24,
    } | more
    return httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=timeout, trust_env=False)


def stream(server: Server, model: str, **more: Any) -> Iterator[dict[str, Any]]:
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "最近总是睡不好。"}],
        "temperature": 0.0,
        "max_tokens": 24,
        "stream": True,
    } | more
    with httpx.stream("POST", f"{server.url}/v1/chat/completions", json=body, timeout=120, trust_env=False) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                yield json.loads(line[6:])


def test_base_and_both_adapters_stream_what_they_answer(server: Server) -> None:
    assert len(server.models) == 3 and all("@" in name for name in server.models[1:])
    answers = {}
    for model in server.models:
        pieces = [
            choice["delta"].get("content") or "" for chunk in stream(server, model) for choice in chunk["choices"]
        ]
        assert len([piece for piece in pieces if piece]) > 3
        answers[model] = "".join(pieces)
        assert answers[model] == chat(server, model).json()["choices"][0]["message"]["content"]
    assert len(set(answers.values())) == 3, "an adapter that answers like another proves nothing"


def test_structured_output_follows_its_schema(server: Server) -> None:
    schema = {
        "type": "object",
        "properties": {
            "mood": {"enum": ["low", "even", "good"]},
            "score": {"type": "integer", "minimum": 0, "maximum": 9},
        },
        "required": ["mood", "score"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "state", "schema": schema}}
    for model in server.models[:2]:
        answer = chat(server, model, response_format=wanted, max_tokens=80).json()["choices"][0]
        found = json.loads(answer["message"]["content"])
        assert answer["finish_reason"] == "stop"
        assert (
            found.keys() == {"mood", "score"} and found["mood"] in {"low", "even", "good"} and 0 <= found["score"] <= 9
        )


def test_closing_a_stream_cancels_the_request(server: Server) -> None:
    pieces = stream(server, server.models[1], max_tokens=1900, ignore_eos=True)
    first = next(pieces)
    pieces.close()
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if re.search(rf"{re.escape(first['id'])}\S* aborted", server.log.read_text(encoding="utf-8", errors="replace")):
            break
        time.sleep(0.1)
    else:
        pytest.fail("the server went on answering nobody")


def test_an_unknown_model_and_closed_routes_are_404(server: Server) -> None:
    assert chat(server, "nobody").status_code == 404
    for method, path in (
        ("GET", "/metrics"),
        ("POST", "/v1/load_lora_adapter"),
        ("POST", "/detokenize"),
        ("GET", "/openapi.json"),
    ):
        assert httpx.request(method, server.url + path, trust_env=False).status_code == 404


def test_too_long_a_prompt_is_refused_not_cut(server: Server) -> None:
    answer = chat(server, server.models[0], messages=[{"role": "user", "content": "睡不好。" * 3000}])
    assert answer.status_code == 400


def test_perplexity_is_the_same_number_on_both_sides(server: Server, options: ServeOptions) -> None:
    encoded = encode_all([row["messages"] for row in rows(6)], load_tokenizer(options.base), 512)
    for model, folder in zip(server.models, (None, *options.adapters.values()), strict=True):
        ours, theirs = by_transformers(options.base, folder, encoded), by_server(server.url, model, encoded)
        assert ours.tokens == theirs.tokens > 50
        assert theirs.value == pytest.approx(ours.value, rel=1e-3)


def test_a_proven_server_is_used_instead_of_a_second_one(server: Server, options: ServeOptions) -> None:
    nano = open_nano(options.port)
    assert nano.server is None and nano.model == server.models[1]
    nano.stop()
    assert server.alive()


def test_a_server_on_a_taken_port_says_so_and_the_first_lives_on(server: Server, options: ServeOptions) -> None:
    with pytest.raises(ServeProblem, match=f"port {options.port}"):
        start(options)
    assert chat(server, server.models[0]).status_code == 200


def _family(server: Server) -> list[psutil.Process]:
    parent = psutil.Process(server.process.pid)
    return [parent, *parent.children(recursive=True)]


def test_the_gate_is_red_with_as_many_slots_as_adapters(options: ServeOptions) -> None:
    """The defect this gate exists for: rows without an adapter are computed with the last slot's."""
    leaking = replace(options, max_loras=len(options.adapters), port=free_port(), vllm_arguments=())
    with pytest.raises(ServeProblem, match="parity gate failed") as caught:
        start(leaking)
    report = str(caught.value)
    assert "ok   one at a time" in report, "it must be the mixed batches that fail"
    assert any("FAIL mixed" in line and "nano-base" in line for line in report.splitlines()), report
    assert httpx_refuses(leaking.port), "a server that failed its gate is still there"


def httpx_refuses(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/health", timeout=5, trust_env=False)
    except httpx.ConnectError:
        return True
    return False


def test_a_killed_server_is_noticed_and_can_be_started_again(server: Server, options: ServeOptions) -> None:
    """Last in this file: it ends the module's server. A stream breaks, nobody hangs, the port is free again."""
    family = _family(server)
    broken = threading.Event()

    def listen() -> None:
        try:
            for _ in stream(server, server.models[0], max_tokens=1900, ignore_eos=True):
                pass
        except httpx.HTTPError:
            broken.set()

    listener = threading.Thread(target=listen)
    listener.start()
    time.sleep(0.5)
    os.kill(server.process.pid, signal.SIGKILL)
    listener.join(60)
    assert broken.is_set() and server.process.wait(60) == -signal.SIGKILL
    assert "killed" in why_it_died(server)
    server.stop()
    psutil.wait_procs(family, timeout=30)
    assert not [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    # And proven in the type that GPUs serve: the gate's reference computes in it too.
    again = start(replace(options, dtype="bfloat16"))
    try:
        assert chat(again, again.models[0]).status_code == 200
    finally:
        again.stop()
