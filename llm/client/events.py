"""The bytes of a streamed answer, cut into payloads: server-sent events (WHATWG HTML, "Server-sent events"), and what
servers send in their place.

Read beyond the standard: an event ends with its data line when that line is whole JSON, so that servers without blank
lines stream too; a bare JSON object on a line of its own is a payload; an answer whose body is one JSON object is one
payload. Control fields (`retry`, `id`), comments and empty data are no payloads.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

DONE = "[DONE]"
#: A line or an unstreamed answer beyond this many bytes is no answer to a chat request.
MAX_BYTES = 8_000_000
#: Events whose text counts; that of others (ping, heartbeat) does not.
_NAMES = frozenset({"", "message", "error"})


@dataclass(frozen=True, slots=True)
class Payload:
    """One event: the JSON value of its data, or DONE, or text that is no JSON. `failed` marks an error event."""

    value: Any
    failed: bool = False

    @property
    def done(self) -> bool:
        return isinstance(self.value, str) and self.value == DONE


class EventReader:
    """Bytes in, payloads out: `feed` for each part as it arrives, then `finish` once.

    Raises ValueError for bytes that are not UTF-8 and for lines beyond MAX_BYTES.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._searched = 0
        self._begun = self._whole = self._after_cr = False
        self._data: list[str] = []
        self._event = ""

    def feed(self, part: bytes) -> Iterator[Payload]:
        """The payloads that end within `part`."""
        self._bytes += part
        if len(self._bytes) > MAX_BYTES:
            raise ValueError(f"a line of more than {MAX_BYTES:,} bytes")
        if not self._begun and not self._begin():
            return
        if not self._whole:
            while (line := self._next_line()) is not None:
                yield from self._take(line)

    def finish(self) -> Iterator[Payload]:
        """The payloads of an answer that ended without a last line break or blank line."""
        rest = bytes(self._bytes).removeprefix(b"\xef\xbb\xbf").decode("utf-8")
        self._bytes.clear()
        if self._whole:
            try:
                yield Payload(json.loads(rest))
                return
            except json.JSONDecodeError:
                lines = rest.split("\n")  # one JSON object a line
        else:
            lines = [rest] if rest else []
        for line in lines:
            yield from self._take(line)
        yield from self._end_event()

    def _begin(self) -> bool:
        """Tell by its first character whether the answer is one JSON object; False while that has not arrived."""
        head = bytes(self._bytes[:64]).removeprefix(b"\xef\xbb\xbf").lstrip()
        if not head or b"\xef\xbb\xbf".startswith(head):
            return False
        self._begun, self._whole = True, head[:1] in (b"{", b"[")
        if self._bytes.startswith(b"\xef\xbb\xbf"):
            del self._bytes[:3]
        return True

    def _next_line(self) -> str | None:
        """The next whole line without its end (LF, CR or CRLF), or None where it has not arrived yet."""
        if self._after_cr and self._bytes[:1] == b"\n":
            del self._bytes[:1]
        if self._bytes:
            self._after_cr = False
        ends = [
            at for at in (self._bytes.find(b"\n", self._searched), self._bytes.find(b"\r", self._searched)) if at >= 0
        ]
        if not ends:
            self._searched = len(self._bytes)
            return None
        end, self._searched = min(ends), 0
        line = bytes(self._bytes[:end]).decode("utf-8")
        self._after_cr = self._bytes[end] == 0x0D
        del self._bytes[: end + 1]
        return line

    def _take(self, line: str) -> Iterator[Payload]:
        if not line:
            yield from self._end_event()
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            if value.startswith(("{", DONE)) and len(self._data) == 1 and _is_whole(value):
                yield from self._end_event()
        elif name == "event":
            self._event = value
        elif name == "error":  # llama.cpp's older form
            yield Payload(_value(value), failed=True)
        elif line.startswith("{") and _is_whole(line):
            yield Payload(_value(line))

    def _end_event(self) -> Iterator[Payload]:
        text, name = "\n".join(self._data).strip(), self._event
        self._data.clear()
        self._event = ""
        value = _value(text) if text else None
        if value is not None and (name in _NAMES or not isinstance(value, str)):
            yield Payload(value, name == "error")


def _is_whole(text: str) -> bool:
    if text.strip() == DONE:
        return True
    try:
        json.loads(text)
    except json.JSONDecodeError:
        return False
    return True


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
