"""The forms in which servers answer: all of them give the same reply, or an error that says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from llm.base import ModelError, ModelInterrupted, ModelUnavailable
from llm.client.openai_compat import OpenAICompatible, TimeOuts, probe
from llm.types import Message, Prompt, Reply, Thinking
from tests.faulty_server import FaultyServer

PROMPT = Prompt((Message("user", "I feel tired."),))
TEXT = "That sounds heavy."
DONE = b"data: [DONE]\n\n"
STOP = "stop"


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def sse(*values: Any, end: str = "\n\n") -> bytes:
    return "".join(f"data: {json.dumps(value, ensure_ascii=False)}{end}" for value in values).encode()


def content(value: Any) -> dict[str, Any]:
    return chunk(content=value)


def text(value: Any) -> dict[str, Any]:
    return {"type": "text", "text": value}


def plain(value: Any, **more: Any) -> bytes:
    """An answer that was not streamed."""
    return json.dumps({"choices": [{"message": {"content": value} | more, "finish_reason": STOP}]}, indent=1).encode()


WORDS = (chunk(role="assistant", content=""), chunk(content="That sounds"), chunk(content=" heavy."))


def ask(raw: Sequence[bytes | float | None], **server: Any) -> Any:
    """(pieces, Reply or ModelError, Thinking events) of one request to a server that sends `raw`."""
    pieces: list[str] = []
    told: list[Thinking] = []
    with FaultyServer("raw", raw=raw, **server) as running:
        client = OpenAICompatible(running.url, "tiny", api_key="", max_retries=0, time_outs=TimeOuts(1, 3, 1))
        stream = client.stream(PROMPT, told.append)
        try:
            while True:
                pieces.append(next(stream))
        except StopIteration as end:
            return pieces, end.value, told
        except ModelError as error:
            return pieces, error, told
        finally:
            client.close()


REPLIES = {
    "a retry field first": [b"retry: 1000\n\n", sse(*WORDS, chunk(STOP)), DONE],
    "ids, comments, empty data": [b": hello\n\nid: 1\n: x\n\ndata:\n\ndata: \n\n", sse(*WORDS, chunk(STOP)), DONE],
    "CRLF": [(sse(*WORDS, chunk(STOP)) + DONE).replace(b"\n", b"\r\n")],
    "an event over several lines": [
        b"data: " + json.dumps(WORDS[1], indent=1).replace("\n", "\ndata: ").encode() + b"\n\n", sse(WORDS[2]), DONE],
    "no blank lines": [sse(*WORDS, chunk(STOP), end="\n"), b"data: [DONE]\n"],
    "pings": [b"event: ping\ndata: now\n\n", sse({"type": "ping"}, *WORDS, {"type": "ping"}, chunk(STOP)), DONE],
    "a byte order mark": ["\ufeff".encode() + sse(*WORDS, chunk(STOP)), DONE],
    "no finish_reason": [sse(*WORDS), DONE],
    "a finish_reason named null": [sse(chunk("null", content="That sounds"), chunk("null", content=" heavy.")), DONE],
    "a null delta at the end": [sse(*WORDS, {"choices": [{"delta": None, "finish_reason": STOP}]}), DONE],
    "the end, left open": [sse(*WORDS, chunk(STOP)), None],
    "[DONE], left open": [sse(*WORDS), DONE, None],
    "the end, then no blank line": [sse(*WORDS, chunk(STOP)), 0.02, b"data: [DONE]"],
    "parts": [sse(content([text("That sounds")]), content([text(" heavy.")]), chunk(STOP))],
    "one part, no list": [sse(content(text({"value": TEXT})), chunk(STOP))],
    "parts in parts": [sse(content([text([{"type": "thinking", "thinking": "SECRET"}, TEXT])]), chunk(STOP))],
    "thinking parts": [
        sse(content([{"type": "thinking", "thinking": [text("SECRET")]}])),
        sse(content([{"type": "reasoning", "text": "SECRET"}, {"type": "output_text", "text": TEXT}]), chunk(STOP))],
    "other parts": [sse(content([{"type": "tool_use", "text": "SECRET"}, text(TEXT)]), chunk(STOP))],
    "plain JSON": [plain(TEXT)],
    "plain JSON of parts": [plain([text(TEXT)], reasoning_content="SECRET")],
    "plain JSON, thinking": [plain("<think>SECRET</think>" + TEXT)],
    "JSON lines": [b"".join(json.dumps(c).encode() + b"\n" for c in (*WORDS, chunk(STOP)))],
    "reasoning_content": [sse(chunk(reasoning_content="SECRET"), *WORDS, chunk(STOP)), DONE],
    "reasoning": [sse(chunk(reasoning="SECRET", content=""), *WORDS, chunk(STOP)), DONE],
    "a think block": [sse(content("<think>\nSECRET"), content("</think>\n\n"), *WORDS, chunk(STOP)), DONE],
    "a cut think block": [sse(*map(content, "<think>SECRET</think>\n" + TEXT), chunk(STOP)), DONE],
    "a think block in parts": [sse(content([text("<thi")]), content([text("nk>SECRET</think>" + TEXT)]), chunk(STOP))],
}  # fmt: skip


@pytest.mark.parametrize("told", [True, False], ids=["template known", "template unknown"])
@pytest.mark.parametrize("name", REPLIES)
def test_every_form_gives_the_reply_and_no_reasoning(name: str, told: bool) -> None:
    pieces, reply, _ = ask(REPLIES[name], **({} if told else {"template_end": None}))
    assert isinstance(reply, Reply), reply
    assert reply.text == "".join(pieces) == TEXT and reply.finish_reason == STOP


@pytest.mark.parametrize("template_end", [None, "<think>\n"])
def test_reasoning_whose_opening_tag_the_template_wrote_is_never_shown(template_end: str | None) -> None:
    raw = [sse(content("SECRET thoughts."), content(" SECRET.\n</th"), content("ink>\n\n"), *WORDS), DONE]
    pieces, reply, told = ask(raw, template_end=template_end)
    assert "".join(pieces) == reply.text == TEXT and told


def test_a_model_that_opens_its_reasoning_in_the_template_is_remembered() -> None:
    raw = [sse(chunk(content="SECRET</think>"), *WORDS, chunk(STOP)), DONE]
    with FaultyServer("raw", raw=raw, template_end=None) as server:
        client = OpenAICompatible(server.url, "tiny", api_key="")
        assert "".join(client.stream(PROMPT)) == TEXT
        server.raw = [sse(chunk(content="SECRET without an end"), chunk("length"))]
        with pytest.raises(ModelUnavailable, match="reasoning"):
            list(client.stream(PROMPT))
        client.close()


def test_a_first_whole_reply_lets_later_ones_stream() -> None:
    with FaultyServer(template_end=None) as server:
        client = OpenAICompatible(server.url, "tiny", api_key="")
        first, second = list(client.stream(PROMPT)), list(client.stream(PROMPT))
        client.close()
    assert first == ["I hear you."] and second == ["I", " hear", " you", "."]


@pytest.mark.parametrize("delta", ["reasoning_content", "content"])
def test_long_reasoning_is_thinking_and_no_stall(delta: str) -> None:
    """Silence alone counts: 1.6 s of reasoning within limits of 1 s."""
    opening, closing = ("<think>", "</think>") if delta == "content" else ("", "")
    raw: list[bytes | float | None] = [sse(chunk(**{delta: opening}))]
    for _ in range(8):
        raw += [sse(chunk(**{delta: "SECRET "})), 0.2]
    with FaultyServer("raw", raw=[*raw, sse(chunk(content=closing + TEXT), chunk(STOP)), DONE]) as server:
        limits = TimeOuts(connect_s=1, first_token_s=1, stall_s=1)
        client = OpenAICompatible(server.url, "tiny", api_key="", max_retries=0, time_outs=limits)
        told: list[Thinking] = []
        assert "".join(client.stream(PROMPT, told.append)) == TEXT
        client.close()
    assert len(told) == 2 and told[0].seconds < 0.5 < 1 <= told[1].seconds


def test_reasoning_that_falls_silent_is_a_stall() -> None:
    pieces, error, _ = ask([sse(chunk(reasoning="SECRET")), None])
    assert not pieces and type(error) is ModelUnavailable and "in the middle of its reasoning" in str(error)


@pytest.mark.parametrize("raw", [
    [sse(chunk(reasoning="SECRET"), chunk("length")), DONE], [sse(content("<think>SECRET"), chunk("length")), DONE],
])  # fmt: skip
def test_a_limit_spent_on_reasoning_is_told(raw: list[bytes]) -> None:
    pieces, error, _ = ask(raw)
    assert not pieces and type(error) is ModelUnavailable and "reasoning" in str(error) and "2560" in str(error)


def test_a_limit_spent_on_reasoning_gets_more_room_once_and_that_is_remembered() -> None:
    with FaultyServer(behaviours=["raw", "ok"], raw=[sse(chunk(reasoning="SECRET"), chunk("length")), DONE]) as server:
        client = OpenAICompatible(server.url, "tiny", api_key="", max_retries=0)
        assert "".join(client.stream(PROMPT)) == "".join(client.stream(PROMPT)) == "I hear you."
        client.close()
        assert [request.body["max_tokens"] for request in server.requests] == [512, 2560, 2560]


ERRORS = {
    "an object": sse({"error": {"message": "out of memory", "code": 500}}),
    "a text": sse({"error": "out of memory"}),
    "a detail": sse({"detail": [{"loc": ["body"], "msg": "out of memory"}]}),
    "an error event": b'event: error\ndata: {"message": "out of memory"}\n\n',
    "an error field": b'error: {"code": 500, "message": "out of memory"}\n\n',
    "bare text": b"data: out of memory\n\n",
    "bare JSON": b'{"error": {"message": "out of memory"}}\n',
    "an error code": sse({"text": "out of memory", "message": "out of memory", "error_code": 50001}),
    "within a choice": sse({"choices": [{"delta": {"content": ""}, "error": {"message": "out of memory"}}]}),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_in_the_stream_is_an_error_and_never_text(name: str) -> None:
    pieces, error, _ = ask([sse(WORDS[1]), ERRORS[name], DONE])
    assert pieces == ["That sounds"] and type(error) is ModelInterrupted and "out of memory" in str(error)
    pieces, error, _ = ask([ERRORS[name], DONE])
    assert pieces == [] and type(error) is ModelUnavailable and "out of memory" in str(error)


@pytest.mark.parametrize("finish", ["error", "abort"])
def test_a_reply_that_the_server_gave_up_is_interrupted(finish: str) -> None:
    assert type(ask([sse(*WORDS, chunk(finish)), DONE])[1]) is ModelInterrupted


def test_refused_stream_options_are_left_out_from_then_on() -> None:
    with FaultyServer(refused=["stream_options"]) as server:
        client = OpenAICompatible(server.url, "tiny", api_key="", max_retries=0)
        assert "".join(client.stream(PROMPT)) == "".join(client.stream(PROMPT)) == "I hear you."
        client.close()
        assert ["stream_options" in request.body for request in server.requests] == [True, False, False]


@pytest.mark.parametrize("said", ["Unrecognized argument: stream_options", "include_usage is not supported"])
def test_a_refusal_of_the_token_counts_in_an_answer_of_any_kind_is_understood(said: str) -> None:
    with FaultyServer(behaviours=["raw", "ok"], raw=[sse({"error": {"message": said, "code": 500}})]) as server:
        client = OpenAICompatible(server.url, "tiny", api_key="", max_retries=0)
        assert "".join(client.stream(PROMPT)) == "I hear you."
        client.close()
        assert ["stream_options" in request.body for request in server.requests] == [True, False]


@pytest.mark.parametrize("raw", [
    b"<!doctype html><html><body>Sign in to continue</body></html>",
    b'{"model": "m", "message": {"content": "That"}, "done": false}\n{"message": {"content": ""}, "done": true}\n',
    b": wait\n\n", b"",
], ids=["a web page", "another protocol", "comments alone", "nothing"])  # fmt: skip
def test_an_answer_without_a_chat_completion_is_named_as_that(raw: bytes) -> None:
    pieces, error, _ = ask([raw])
    assert pieces == [] and type(error) is ModelUnavailable
    assert "without a chat completion" in str(error) and "OpenAI-compatible API" in str(error)


def test_other_refusals_are_told() -> None:
    _, error, _ = ask([], refused=["top_p"])
    assert "body.top_p: Extra inputs are not permitted" in str(error)


@pytest.mark.parametrize("body", [
    [{"id": "m1"}, {"id": "m2"}], ["m1", "m2"], {"models": [{"name": "m1"}, {"model": "m2"}]},
    {"object": "list", "data": [{"id": "m1"}, {"id": "m2"}, {"id": "m2"}]},
])  # fmt: skip
def test_models_are_found_in_every_form(body: Any) -> None:
    with FaultyServer(models_body=body) as server:
        status = probe(server.url)
    assert status.reachable and status.models == ("m1", "m2")


@pytest.mark.parametrize("body", [{"data": [{"object": "model"}]}, {"data": "m1"}, [3]])
def test_other_answers_to_models_are_named(body: Any) -> None:
    with FaultyServer(models_body=body) as server:
        status = probe(server.url)
    assert not status.reachable and "not the chat-completions protocol" in status.message


@pytest.mark.parametrize(("path", "answer", "pieces"), [
    ("/tokenize", {"token_strs": ["hi", "<|im_start|>", "assistant", "\n"]}, 4),
    ("/tokenize", {"token_strs": ["hi", "<", "think", ">", "\n"]}, 0),
    ("/api/show", {"capabilities": ["completion"], "template": "{{ .Prompt }}"}, 4),
    ("/api/show", {"capabilities": ["completion", "thinking"], "template": "<think>"}, 4),
    ("/api/show", {"capabilities": ["completion"], "template": "<think>"}, 1),
])  # fmt: skip
def test_vllm_and_ollama_tell_how_a_reply_begins(path: str, answer: Any, pieces: int) -> None:
    with FaultyServer(template_end=None, told={path: answer}) as server:
        client = OpenAICompatible(server.url, "tiny", api_key="")
        found: list[str] = []
        try:
            found.extend(client.stream(PROMPT))
        except ModelUnavailable as error:
            assert pieces == 0 and "reasoning" in str(error)
        client.close()
    assert len(found) == pieces
