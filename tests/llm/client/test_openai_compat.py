"""The client against a real server on loopback, in all the ways that a server can fail."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from llm.base import ChatModel, ModelError, ModelInterrupted, ModelMisconfigured, ModelUnavailable
from llm.client.openai_compat import OpenAICompatible, TimeOuts, base_url, probe
from llm.types import Message, Prompt, Reply, Sampling, Usage
from tests.faulty_server import FaultyServer

QUICK = TimeOuts(connect_s=1, first_token_s=3, stall_s=0.4)
PROMPT = Prompt((Message("system", "Be kind."), Message("user", "今天很累。I am tired 🙂")))


@pytest.fixture()
def connect() -> Iterator[Any]:
    """Builds clients and closes them; their threads must be gone afterwards."""
    before, clients = set(threading.enumerate()), []

    def build(server: FaultyServer, **options: Any) -> OpenAICompatible:
        options = {"model": "tiny", "time_outs": QUICK, "max_retries": 0, "api_key": "", **options}
        clients.append(OpenAICompatible(server.url, **options))
        return clients[-1]

    yield build
    for client in clients:
        client.close()
    assert not [t for t in set(threading.enumerate()) - before if t.name.startswith("chat ")]


def read(model: ChatModel, prompt: Prompt = PROMPT) -> tuple[list[str], Reply]:
    stream, pieces = model.stream(prompt), []
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            return pieces, end.value


def fail(model: ChatModel, prompt: Prompt = PROMPT) -> tuple[list[str], ModelError]:
    pieces: list[str] = []
    with pytest.raises(ModelError) as caught:
        pieces.extend(model.stream(prompt))
    # `extend` drops nothing: CPython appends as it goes.
    return pieces, caught.value


def test_a_reply_streams_with_usage_and_times(connect: Any) -> None:
    with FaultyServer(pieces=["你好", "，", "I", " hear you"], delay_s=0.01) as server:
        pieces, reply = read(connect(server))
    assert pieces == ["你好", "，", "I", " hear you"]
    assert reply.text == "你好，I hear you" and reply.model == "tiny" and reply.finish_reason == "stop"
    assert reply.usage == Usage(7, 4)
    assert 0.01 <= reply.first_token_s <= reply.latency_s


def test_nothing_but_the_prompt_is_sent(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-secret")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    prompt = Prompt(PROMPT.messages, Sampling(0.3, 0.8, 64, seed=5, stop=("<|im_end|>",)), locale="zh", tone="slow")
    with FaultyServer() as server:
        read(connect(server), prompt)
        [request] = server.requests
    assert request.body == {
        "model": "tiny",
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.3,
        "top_p": 0.8,
        "max_tokens": 64,
        "seed": 5,
        "stop": ["<|im_end|>"],
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "今天很累。I am tired 🙂"}],
    }
    assert set(request.headers) <= {
        "host",
        "accept",
        "accept-encoding",
        "connection",
        "content-type",
        "content-length",
        "user-agent",
    }
    assert "secret" not in str(request.headers) and request.headers["user-agent"] == "beside"


def test_the_key_comes_from_the_environment(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BESIDE_LLM_KEY", "k-123")
    with FaultyServer() as server:
        read(connect(server, api_key=None))
        assert server.requests[0].headers["authorization"] == "Bearer k-123"


@pytest.mark.parametrize("behaviour", ["refuse", "hang_early", "hang_late", "empty_reply", "no_sse", 500, 503, 429])
def test_nothing_arrived_is_unavailable(connect: Any, behaviour: Any) -> None:
    with FaultyServer(behaviour) as server:
        pieces, error = fail(connect(server, time_outs=TimeOuts(1, 0.5, 0.4)))
    assert pieces == [] and type(error) is ModelUnavailable
    assert server.url in str(error) and "tiny" in str(error) and ("; " in str(error) or "," in str(error))


@pytest.mark.parametrize("behaviour", ["stall", "reset", "cut", "malformed", "wrong_shape", "bad_bytes", "error_event"])
def test_a_broken_stream_keeps_what_arrived_and_is_interrupted(connect: Any, behaviour: str) -> None:
    with FaultyServer(behaviour, after=2) as server:
        pieces, error = fail(connect(server))
    assert pieces == ["I", " hear"] and type(error) is ModelInterrupted
    assert server.url in str(error)


@pytest.mark.parametrize("behaviour", ["reset", "cut", "malformed", "wrong_shape", "bad_bytes", "error_event"])
def test_the_same_faults_before_the_first_token_are_unavailable(connect: Any, behaviour: str) -> None:
    with FaultyServer(behaviour, after=0) as server:
        pieces, error = fail(connect(server))
    assert pieces == [] and type(error) is ModelUnavailable


@pytest.mark.parametrize("behaviour", ["no_done", "empty_events"])
def test_untidy_but_whole_streams_are_replies(connect: Any, behaviour: str) -> None:
    with FaultyServer(behaviour) as server:
        pieces, reply = read(connect(server))
    assert pieces == ["I", " hear", " you", "."] and reply.finish_reason == "stop"


def test_the_token_limit_is_told(connect: Any) -> None:
    with FaultyServer(finish_reason="length") as server:
        assert read(connect(server))[1].finish_reason == "length"


def test_an_endless_reply_is_cut_off(connect: Any) -> None:
    with FaultyServer("huge", huge_chars=1_000_000) as server:
        _, error = fail(connect(server))
    assert type(error) is ModelInterrupted and "200,000" in str(error)


def test_a_large_reply_below_the_limit_arrives_whole(connect: Any) -> None:
    with FaultyServer("huge", huge_chars=150_000) as server:
        assert len(read(connect(server))[1].text) == 150_000


@pytest.mark.parametrize(
    ("status", "step"),
    [
        (400, "context length"),
        (401, "BESIDE_LLM_KEY"),
        (404, "--model"),
        (307, "--llm"),
    ],
)
def test_a_refused_request_is_misconfigured_and_not_repeated(connect: Any, status: int, step: str) -> None:
    with FaultyServer(status) as server:
        _, error = fail(connect(server, max_retries=2))
        assert len(server.requests) == 1
    assert type(error) is ModelMisconfigured and str(status) in str(error) and step in str(error)


def test_the_servers_words_are_told_but_not_the_persons(connect: Any) -> None:
    body = {"error": {"message": "too long: 今天很累。I am tired 🙂 has 9000 tokens"}}
    with FaultyServer(400, body=body) as server:
        _, error = fail(connect(server))
    assert "has 9000 tokens" in str(error) and "tired" not in str(error)


@pytest.mark.parametrize("first", [500, 503, 429])
def test_it_asks_again_before_the_first_token(connect: Any, first: int) -> None:
    with FaultyServer(behaviours=[first, "ok"], retry_after="0.1") as server:
        assert read(connect(server, max_retries=1))[1].text == "I hear you."
        assert len(server.requests) == 2


def test_it_does_not_ask_again_after_the_first_token(connect: Any) -> None:
    with FaultyServer(behaviours=["reset", "ok"]) as server:
        fail(connect(server, max_retries=2))
        assert len(server.requests) == 1


def test_retries_end(connect: Any) -> None:
    with FaultyServer(503, retry_after="0.01") as server:
        fail(connect(server, max_retries=2))
        assert len(server.requests) == 3


def test_a_long_retry_after_is_reported_and_not_waited_for(connect: Any) -> None:
    with FaultyServer(429, retry_after="120") as server:
        _, error = fail(connect(server, max_retries=2))
        assert len(server.requests) == 1
    assert "120 s" in str(error)


def test_closing_cancels_at_the_server(connect: Any) -> None:
    with FaultyServer(delay_s=0.05, pieces=["x "] * 1000) as server:
        stream = connect(server).stream(PROMPT)
        assert next(stream) == "x "
        stream.close()
        assert server.requests[0].disconnected.wait(5)


def test_leaving_a_generator_that_delegates_cancels_too(connect: Any) -> None:
    with FaultyServer(delay_s=0.05, pieces=["x "] * 1000) as server:
        model = connect(server)

        def outer() -> Iterator[str]:
            yield from model.stream(PROMPT)

        talk = outer()
        next(talk)
        talk.close()
        assert server.requests[0].disconnected.wait(5)


@pytest.mark.parametrize("behaviour", ["hang_early", "hang_late", "stall"])
def test_closing_from_another_thread_wakes_a_waiting_reader(connect: Any, behaviour: str) -> None:
    with FaultyServer(behaviour) as server:
        stream = connect(server, time_outs=TimeOuts(1, 60, 60)).stream(PROMPT)
        got: list[tuple[list[str], Reply]] = []

        def reader() -> None:
            pieces = []
            while True:
                try:
                    pieces.append(next(stream))
                except StopIteration as end:
                    got.append((pieces, end.value))
                    return

        thread = threading.Thread(target=reader)
        thread.start()
        while not server.requests:
            time.sleep(0.01)
        time.sleep(0.1)
        stream.close()
        thread.join(5)
        assert not thread.is_alive() and server.requests[0].disconnected.wait(5)
    pieces, reply = got[0]
    assert reply.finish_reason == "stopped" and reply.text == "".join(pieces)


def test_a_forgotten_stream_and_a_forgotten_client_are_cleaned_up() -> None:
    before = threading.active_count()
    with FaultyServer(delay_s=0.05, pieces=["x "] * 1000) as server:
        model = OpenAICompatible(server.url, "tiny")
        stream = model.stream(PROMPT)
        next(stream)
        thread = next(t for t in threading.enumerate() if t.name.startswith("chat "))
        del stream
        gc.collect()
        assert server.requests[0].disconnected.wait(5)
        del model
        for _ in range(100):  # the cancelled request lets go of the client in its own time
            gc.collect()
            thread.join(0.1)
            if not thread.is_alive():
                break
        assert not thread.is_alive()
    assert threading.active_count() <= before + 2  # the server's own


def test_a_hundred_streams_use_one_thread(connect: Any) -> None:
    with FaultyServer() as server:
        model = connect(server)
        for _ in range(100):
            read(model)
        assert sum(t.name.startswith("chat ") for t in threading.enumerate()) == 1


def test_several_streams_at_once_do_not_mix(connect: Any) -> None:
    with FaultyServer(delay_s=0.01) as server:
        model, texts = connect(server), []
        threads = [threading.Thread(target=lambda: texts.append(read(model)[1].text)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert texts == ["I hear you."] * 8


def test_a_closed_client_says_so(connect: Any) -> None:
    with FaultyServer() as server:
        model = connect(server)
        model.close()
        assert "closed" in str(fail(model)[1])


def test_the_only_model_is_found_and_several_are_named(connect: Any) -> None:
    with FaultyServer(models=["one"]) as server:
        model = connect(server, model=None)
        assert read(model)[1].model == "one" and model.name == "one"
        assert server.requests[0].body["model"] == "one"
    with FaultyServer(models=["one", "two"]) as server:
        _, error = fail(connect(server, model=None))
        assert type(error) is ModelMisconfigured and "one, two" in str(error) and not server.requests


@pytest.mark.parametrize(
    ("given", "root"),
    [
        ("http://localhost:11434", "http://localhost:11434/v1"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1"),
        ("http://[::1]:8080/v1/chat/completions", "http://[::1]:8080/v1"),
        ("https://host/openai/v1", "https://host/openai/v1"),
    ],
)
def test_addresses_as_people_paste_them(given: str, root: str) -> None:
    assert base_url(given) == root


@pytest.mark.parametrize(
    "given", ["localhost:8000", "ftp://host/v1", "http://", "http://me:pw@host/v1", "http://h/v1?key=1"]
)
def test_other_addresses_are_refused_with_an_example(given: str) -> None:
    with pytest.raises(ValueError, match=r"8000/v1|BESIDE_LLM_KEY"):
        base_url(given)


def test_probe_tells_what_a_server_serves() -> None:
    with FaultyServer(models=["base", "psyco"]) as server:
        status = probe(server.url.removesuffix("/v1"))
    assert status.reachable and status.models == ("base", "psyco") and "psyco" in status.message


@pytest.mark.parametrize(
    ("behaviour", "reachable"),
    [
        ("refuse", False),
        ("hang_early", False),
        ("no_sse", False),
        (401, True),
        (503, False),
    ],
)
def test_probe_tells_what_is_wrong(behaviour: Any, reachable: bool) -> None:
    with FaultyServer(behaviour) as server:
        status = probe(server.url, timeout_s=0.3)
    assert status.reachable is reachable and status.models == () and server.url in status.message
