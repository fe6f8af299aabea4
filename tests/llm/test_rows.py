"""Rows as people have them: read right, or named with file and line; alike for tuning and for cleaning."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_gen.clean import clean
from llm.rows import LISTED_FAULTS, MalformedData, read_rows
from llm.tuning.training_data import read_conversations

Row = dict[str, Any]


def row(asked: str, said: str = "听起来很累。") -> Row:
    return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]}


ASKED = ["睡不着", "吵架了", "I feel tired."]
ROWS = [row(asked) for asked in ASKED]


def lines(rows: list[Any]) -> str:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows)


def write(folder: Path, data: bytes, name: str = "talk.jsonl") -> Path:
    file = folder / name
    file.write_bytes(data)
    return file


def tuned_on(file: Path) -> list[str]:
    return [conversation[0]["content"] for conversation in read_conversations([file])]


def cleaned_from(file: Path) -> list[str]:
    out = file.parent / "out"
    clean({"smilechat": file}, out)
    kept = [one for part in ("train", "valid", "test") for _, one in read_rows(out / f"smilechat.{part}.jsonl")]
    return [one["messages"][0]["content"] for one in kept]


READERS = pytest.mark.parametrize("reader", [tuned_on, cleaned_from])
Reader = Callable[[Path], list[str]]

READABLE = {
    "a byte order mark": b"\xef\xbb\xbf" + lines(ROWS).encode(),
    "a byte order mark before an array": b"\xef\xbb\xbf" + json.dumps(ROWS).encode(),
    "CRLF": lines(ROWS).replace("\n", "\r\n").encode(),
    "blank lines": ("\n \n" + lines(ROWS).replace("\n", "\n\n\t\n")).encode(),
    "a pretty array": json.dumps(ROWS, indent=2, ensure_ascii=False).encode(),
    "an array on one line": json.dumps(ROWS).encode(),
    "an array in lines": ("[\n" + ",\n".join(json.dumps(one) for one in ROWS) + "\n]\n\n").encode(),
    "line separators within text": lines([row("睡不着", "a\u2028b\x85c"), *ROWS[1:]]).encode(),
    "null columns": lines(
        [one | {"conversations": None, "instruction": None, "output": None, "id": None} for one in ROWS]).encode(),
    "null messages beside ShareGPT": lines(
        [{"messages": None, "system": None, "conversations": [
            {"from": "human", "value": asked}, {"from": "gpt", "value": "嗯。"}]} for asked in ASKED]).encode(),
    "null columns of alpaca": lines(
        [{"messages": None, "history": None, "input": None, "instruction": asked, "output": "嗯"}
         for asked in ASKED]).encode(),
}  # fmt: skip


@READERS
@pytest.mark.parametrize("name", READABLE)
def test_what_can_be_read_is_read(name: str, reader: Reader, tmp_path: Path) -> None:
    assert sorted(reader(write(tmp_path, READABLE[name]))) == sorted(ASKED)


@READERS
@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, bz2.compress])
@pytest.mark.parametrize("text", [json.dumps(ROWS), lines(ROWS)], ids=["array", "lines"])
def test_a_compressed_file_is_read_whatever_its_name(
    reader: Reader, compress: Callable[[bytes], bytes], text: str, tmp_path: Path
) -> None:
    assert len(reader(write(tmp_path, compress(text.encode())))) == 3


@READERS
@pytest.mark.parametrize("empty", [b"", b"\n \n", b"[]", gzip.compress(b"")])
def test_a_file_without_a_row_is_named(reader: Reader, empty: bytes, tmp_path: Path) -> None:
    with pytest.raises(MalformedData, match=r"no (conversation|dialogue) in .*talk\.jsonl"):
        reader(write(tmp_path, empty))


UNREADABLE = {
    "GBK": (lines(ROWS).encode("gbk"), {1: "iconv -f GBK", 2: "iconv -f GBK"}),
    "GBK in one line": (lines(ROWS[:1]).encode() + lines(ROWS[1:]).encode("gbk"), {2: "iconv -f GBK"}),
    "UTF-16": (lines(ROWS).encode("utf-16"), {1: "iconv -f UTF-16"}),
    "UTF-16 without its mark": (lines(ROWS).encode("utf-16-le"), {1: "iconv -f UTF-16LE"}),
    "UTF-16 of the other order": (lines(ROWS).encode("utf-16-be"), {1: "iconv -f UTF-16BE"}),
    "a zip archive": (b"PK\x03\x04\x14\0\0\0", {1: "unzip"}),
    "a Parquet table": (b"PAR1\x15\x04\n\0PAR1", {1: "Parquet"}),
    "zstd": (b"(\xb5/\xfd\x04\n", {1: "zstd -d"}),
    "a cut gzip": (gzip.compress(lines(ROWS).encode())[:-4], {4: "damaged or cut off"}),
    "a cut xz": (lzma.compress(lines(ROWS).encode())[:-30], {4: "damaged or cut off"}),
    "broken bytes": (lines(ROWS).encode() + b'"\xff\xff\xff\xff"\n', {4: "not UTF-8 (byte 0xff at 2)"}),
    "a cut line": (lines(ROWS).encode() + b'\n{"messages": [\n', {5: "not JSON"}),
    "a pretty object": (json.dumps(ROWS[0], indent=1).encode(), {1: "one object a line", 2: "not JSON"}),
    "a cut array": (json.dumps(ROWS, indent=0).encode()[:-30], {26: "not JSON in an array"}),
    "an array without its end": (b"[" + json.dumps(ROWS[0]).encode() + b",\n", {2: "not JSON in an array"}),
}


@READERS
@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_named_with_its_line_and_nothing_is_done(
    name: str, reader: Reader, tmp_path: Path
) -> None:
    data, expected = UNREADABLE[name]
    with pytest.raises(MalformedData) as caught:
        reader(write(tmp_path, data))
    told = str(caught.value).splitlines()
    for line, why in expected.items():
        assert any(f"talk.jsonl:{line}: " in one and why in one for one in told), told
    assert not list(tmp_path.glob("out/*"))


MALFORMED = {
    "half an emoji": (row("so tired \ud83d"), "half of a character (\\ud83d"),
    "the other half": (row("ok", "\ude00 yes"), "half of a character (\\ude00"),
    "half an emoji in the system message": (
        {"system": "\ud83d", "conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
        "half of a character"),
    "half an emoji in alpaca": ({"instruction": "a", "output": "b\ud83d"}, "half of a character"),
    "a role that is a list": ({"messages": [{"role": ["user"], "content": "a"}]}, "a role is one word, found list"),
    "a role that is null": ({"messages": [{"role": None, "content": "a"}]}, "a role is one word, found NoneType"),
    "a role that is an object": ({"conversations": [{"from": {"a": 1}, "value": "a"}]}, "a role is one word"),
    "an unknown role": ({"messages": [{"role": "narrator", "content": "a"}]}, "unknown role 'narrator'"),
    "content that is null": ({"messages": [{"role": "user", "content": None}]}, "a message of user is empty"),
    "a message that is text": ({"messages": ["hello"]}, "messages are objects in a list"),
    "messages that are a number": ({"messages": 3}, "messages are objects in a list"),
    "a list on the line": ([{"role": "user", "content": "a"}], "expected an object, found list"),
    "all columns null": ({"messages": None, "conversations": None}, "none of the keys"),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_a_row_of_no_format_is_named_in_both(name: str, tmp_path: Path) -> None:
    bad, why = MALFORMED[name]
    file = write(tmp_path, (lines(ROWS[:1]) + "\n" + json.dumps(bad) + "\n" + lines(ROWS[1:])).encode())
    with pytest.raises(MalformedData) as caught:
        read_conversations([file])
    assert f"talk.jsonl:3: {why}" in str(caught.value)
    assert len(cleaned_from(file)) == 3
    [(_, lost)] = read_rows(tmp_path / "out" / "dropped.jsonl")
    assert lost["reason"] == "malformed" and lost["place"].startswith(f"talk.jsonl:3: {why}")


def test_many_faults_are_counted_and_the_first_are_listed(tmp_path: Path) -> None:
    with pytest.raises(MalformedData) as caught:
        read_conversations([write(tmp_path, b"{oops\n" * 30)])
    told = str(caught.value).splitlines()
    assert told[0].startswith("30 rows are malformed") and told[-1] == "... and 10 more"
    assert len(told) == LISTED_FAULTS + 3
