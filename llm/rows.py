"""Rows of JSON from files, each with the line where it begins: one reader for tuning and for cleaning.

Read: one object a line, or one JSON array; UTF-8 with or without a byte order mark; blank lines; compressed by gzip, xz
or bzip2, whatever its name. Whatever cannot be read is named with its line and never guessed at.
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Literal

Role = Literal["system", "user", "assistant"]
ROLES: Mapping[str, Role] = {
    "system": "system", "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant",
}  # fmt: skip
FORMATS = (
    "OpenAI {messages: [{role, content}]}, ShareGPT {conversations: [{from, value}]}, "
    "alpaca {instruction, input, output}"
)
LISTED_FAULTS = 20
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
#: The first bytes of a file -> what opens it.
_COMPRESSED: Mapping[bytes, Any] = {b"\x1f\x8b": gzip.open, b"\xfd7zXZ\x00": lzma.open, b"BZh": bz2.open}
#: The first bytes of a file -> what it is, and what makes lines of JSON of it.
_OTHER_KINDS: Mapping[bytes, str] = {
    b"PK\x03\x04": "a zip archive. Next step: unzip it",
    b"(\xb5/\xfd": "compressed by zstd. Next step: zstd -d",
    b"PAR1": "a Parquet table. Next step: write it as lines of JSON, as pandas' to_json(lines=True) does",
}


class MalformedData(ValueError):
    """Rows that cannot be read or fit no format; the message lists them as file:line."""


def malformed(faults: list[str], what: str) -> MalformedData:
    """The error that lists the first LISTED_FAULTS of `faults`; `what` says what was not done because of them."""
    more = [f"... and {len(faults) - LISTED_FAULTS} more"] if len(faults) > LISTED_FAULTS else []
    count = "1 row is" if len(faults) == 1 else f"{len(faults)} rows are"
    first = f"{count} malformed, {what}. Known formats: {FORMATS}."
    return MalformedData("\n".join([first, "Next step: repair or remove these:", *faults[:LISTED_FAULTS], *more]))


def read_rows(path: Path) -> Iterator[tuple[int, Any]]:
    """(line, JSON value) of each row, in order; (line, ValueError) where one cannot be read."""
    with path.open("rb") as plain:
        head = plain.read(8)
    opener = next((opener for mark, opener in _COMPRESSED.items() if head.startswith(mark)), open)
    line = 0
    with opener(path, "rb") as file:
        try:
            for line, value in _rows(file):
                yield line, value
        except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
            yield line + 1, ValueError(f"the file is damaged or cut off ({error}). Next step: copy it again")


def _rows(file: BinaryIO) -> Iterator[tuple[int, Any]]:
    first = next((line for line in file if line.removeprefix(_BOM).strip()), b"")
    file.seek(0)
    if other := next((said for mark, said in _OTHER_KINDS.items() if first.startswith(mark)), ""):
        yield 1, ValueError(f"not JSON but {other}")
    elif first.startswith(_UTF16) or b"\0" in first[:4]:  # JSON holds no zero byte; the file may lack its mark
        order = "" if first.startswith(_UTF16) else "BE" if first.startswith(b"\0") else "LE"
        yield 1, ValueError(f"encoded as UTF-16. Next step: iconv -f UTF-16{order} -t UTF-8")
    elif first.removeprefix(_BOM).lstrip().startswith(b"[") and (items := _array(file.read())) is not None:
        yield from items
    else:
        file.seek(0)
        yield from _lines(file)


def _lines(lines: Iterable[bytes]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, start=1):
        if number == 1:
            line = line.removeprefix(_BOM)
        if line.strip():
            yield number, _value(line)


def _value(line: bytes) -> Any:
    """The line's JSON value, or a ValueError that says why it has none."""
    try:
        return json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        try:
            line.decode("gbk")
        except UnicodeDecodeError:
            return ValueError(f"not UTF-8 (byte 0x{line[error.start]:02x} at {error.start + 1})")
        return ValueError("not UTF-8; the bytes would do as GBK. Next step: iconv -f GBK -t UTF-8")
    except json.JSONDecodeError as error:
        return ValueError(f"not JSON ({error.msg}); one object a line is needed")
    except RecursionError:
        return ValueError("nested too deeply")


def _array(data: bytes) -> list[tuple[int, Any]] | None:
    """The items of a file that is one JSON array, with the lines where they begin; an item that cannot be read is the
    last. None for files that hold several values, as those of one array a line do."""
    try:
        text = data.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError:
        return None
    decoder, items = json.JSONDecoder(), list[tuple[int, Any]]()
    place, line, counted = text.index("[") + 1, 1, 0
    while True:
        place = _past(text, place, ",")
        line, counted = line + text.count("\n", counted, place), place
        if place < len(text) and text[place] == "]":
            return items if not text[place + 1 :].strip() else None
        try:
            value, place = decoder.raw_decode(text, place)
        except (json.JSONDecodeError, RecursionError) as error:
            return [*items, (line, ValueError(f"not JSON in an array ({getattr(error, 'msg', 'nested too deeply')})"))]
        items.append((line, value))


def _past(text: str, place: int, separator: str) -> int:
    while place < len(text) and (text[place].isspace() or text[place] == separator):
        place += 1
    return place


def present(row: Any) -> dict[str, Any]:
    """The row without keys whose value is null, as joined tables have them. Raises ValueError for anything but an
    object."""
    if not isinstance(row, Mapping):
        raise ValueError(f"expected an object, found {type(row).__name__}")
    return {name: value for name, value in row.items() if value is not None}


def turns_of(row: Any) -> list[tuple[Role, str]]:
    """(role, text) of each message of a row in any of FORMATS, as written. Raises ValueError that names what is
    wrong."""
    try:
        turns = _turns(present(row))
    except KeyError as error:
        raise ValueError(f"a message lacks {error}") from error
    except (TypeError, AttributeError) as error:
        raise ValueError(f"messages are objects in a list ({error})") from error
    found: list[tuple[Role, str]] = []
    for role, content in turns:
        if not isinstance(role, str):
            raise ValueError(f"a role is one word, found {type(role).__name__} {str(role)[:40]!r}")
        if role not in ROLES:
            raise ValueError(f"unknown role {role[:40]!r}; known: {', '.join(ROLES)}")
        if not isinstance(content, str) or not content.strip():
            raise ValueError(f"a message of {role} is empty or not text")
        found.append((ROLES[role], whole_text(content)))
    return found


def whole_text(text: str) -> str:
    """`text`, which must not hold half of a character: JSON can write one half of a surrogate pair alone. Raises
    ValueError."""
    half = next((c for c in text if "\ud800" <= c <= "\udfff"), "")
    if half:
        raise ValueError(f"half of a character (\\u{ord(half):04x} without its other half), often a cut emoji")
    return text


def _turns(row: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    system = [("system", row["system"])] if row.get("system") else []
    if "messages" in row:
        return [(m["role"], m["content"]) for m in row["messages"]]
    if "conversations" in row:
        return system + [(m["from"], m["value"]) for m in row["conversations"]]
    if "instruction" in row and "output" in row:
        asked = f"{row['instruction']}\n{row['input']}" if row.get("input") else row["instruction"]
        earlier = [
            (role, text)
            for pair in row.get("history") or []
            for role, text in zip(("user", "assistant"), pair, strict=True)
        ]
        return [*system, *earlier, ("user", asked), ("assistant", row["output"])]
    raise ValueError("none of the keys messages, conversations, instruction + output")
