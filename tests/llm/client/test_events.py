"""Bytes to payloads: server-sent events as the standard has them, and as servers send them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.client.events import DONE, EventReader, Payload

A, B = {"n": 1}, {"text": "很累\u2028🙂"}
ONE, TWO = json.dumps(A).encode(), json.dumps(B, ensure_ascii=False).encode()


def payloads(data: bytes, size: int = 10**6) -> list[Payload]:
    reader, found = EventReader(), []
    for at in range(0, len(data), size):
        found += reader.feed(data[at : at + size])
    return [*found, *reader.finish()]


STREAMS = [
    b"data: " + ONE + b"\n\ndata: " + TWO + b"\n\ndata: [DONE]\n\n",
    b"\xef\xbb\xbfdata:" + ONE + b"\r\n\r\ndata:" + TWO + b"\r\n\r\ndata:[DONE]\r\n\r\n",
    b"retry: 1000\n\nid: 7\n: a comment\ndata: " + ONE + b"\n\ndata:\n\nid:\n\ndata: " + TWO + b"\n\ndata: [DONE]",
    b"data: " + ONE + b"\rdata: " + TWO + b"\r\rdata: [DONE]\r",
    b'data: {\ndata: "n": 1\ndata: }\n\nevent: message\ndata: ' + TWO + b"\n\ndata:  [DONE] \n\n",
    b"data: " + ONE + b"\ndata: " + TWO + b"\ndata: [DONE]\n",
]


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("size", [1, 3, 7, 10**6])
def test_the_same_payloads_in_every_form_and_however_cut(stream: bytes, size: int) -> None:
    assert payloads(stream, size) == [Payload(A), Payload(B), Payload(DONE)]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30))
def test_no_cut_changes_what_is_read(sizes: list[int]) -> None:
    reader, found, at = EventReader(), [], 0
    stream = STREAMS[2]
    for size in [*sizes, len(stream)]:
        found += reader.feed(stream[at : at + size])
        at += size
    assert [*found, *reader.finish()] == [Payload(A), Payload(B), Payload(DONE)]


def test_one_json_body_and_json_lines_are_payloads() -> None:
    assert payloads(json.dumps({"a": [A, B]}, indent=2).encode(), 5) == [Payload({"a": [A, B]})]
    assert payloads(ONE + b"\n" + TWO + b"\n", 5) == [Payload(A), Payload(B)]


def test_errors_are_marked_or_kept_as_text() -> None:
    assert payloads(b"event: error\ndata: " + ONE + b"\n\n") == [Payload(A, failed=True)]
    assert payloads(b"data: x\n\nerror: " + ONE + b"\n\n") == [Payload("x"), Payload(A, failed=True)]
    assert payloads(b"data: " + TWO + b"\n" + ONE + b"\n") == [Payload(B), Payload(A)]
    assert payloads(b"data: Internal Server Error\n\n") == [Payload("Internal Server Error")]


def test_pings_are_no_payloads() -> None:
    assert payloads(b"event: ping\ndata: 12:30\n\ndata: null\n\nevent: message\ndata: " + ONE + b"\n\n") == [Payload(A)]


def test_a_web_page_has_no_payloads() -> None:
    assert payloads(b"<html>\n<body>hello</body></html>") == []


def test_what_is_not_utf8_or_never_ends_is_refused() -> None:
    with pytest.raises(ValueError, match="utf-8"):
        payloads(b"data: \xff\xfe\n\n")
    with pytest.raises(ValueError, match="8,000,000"):
        payloads(b"data: " + b"x" * 8_000_001)
