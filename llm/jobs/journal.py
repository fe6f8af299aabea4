"""What was answered, kept at once: an append-only file of lines, one an answer, found again by the request's content.

A line is written by one system call, so that a killed process leaves at most one torn line, at the end; it is cut off
when the file is next opened. The file is locked while it is open: two processes on one journal are refused.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from llm.jobs.types import JobError

VERSION = 1


class Journal:
    """`with Journal(path) as journal`: `get(key)`, `put(key, record)`. Memory holds only places in the file, about 100
    bytes an answer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.repaired = 0  # bytes of a torn last line that were cut off
        self._places: dict[bytes, int] = {}
        self._end = 0
        self._file = -1

    def __enter__(self) -> Journal:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise JobError(
                f"{self.path} is in use by another process. Next step: wait for it, stop it, or choose another --out"
            ) from error
        try:
            self._read()
        except BaseException:
            os.close(self._file)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.fsync(self._file)
        os.close(self._file)
        self._file = -1

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: str) -> bool:
        return bytes.fromhex(key) in self._places

    def get(self, key: str) -> dict[str, Any] | None:
        """The record kept under `key` (64 hex digits), or None."""
        place = self._places.get(bytes.fromhex(key))
        if place is None:
            return None
        record: dict[str, Any] = json.loads(self._line_at(place))["record"]
        return record

    def put(self, key: str, record: dict[str, Any]) -> None:
        """Keep `record`; it survives a kill from here on. Raises OSError when the disk is full, and keeps nothing."""
        line = json.dumps({"v": VERSION, "key": key, "record": record}, ensure_ascii=True, separators=(",", ":"))
        data = line.encode() + b"\n"
        if os.pwrite(self._file, data, self._end) != len(data):
            os.ftruncate(self._file, self._end)
            raise OSError(f"{self.path}: only a part of a line could be written; is the disk full?")
        self._places[bytes.fromhex(key)] = self._end
        self._end += len(data)

    def _line_at(self, place: int) -> bytes:
        found, size = b"", 1 << 13
        while b"\n" not in found:
            block = os.pread(self._file, size, place + len(found))
            if not block:
                raise JobError(f"{self.path} ended while it was read; was it changed by somebody else?")
            found += block
            size *= 2
        return found[: found.index(b"\n")]

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        place, rest = 0, b""
        while block := os.pread(self._file, 1 << 20, place + len(rest)):
            rest += block
            *lines, rest = rest.split(b"\n")
            for line in lines:
                yield place, line
                place += len(line) + 1
        self._end = place
        if rest:
            self.repaired = len(rest)
            os.ftruncate(self._file, place)

    def _read(self) -> None:
        for place, line in self._lines():
            try:
                entry = json.loads(line)
                version, key = entry["v"], bytes.fromhex(entry["key"])
            except (ValueError, KeyError, TypeError) as error:
                raise JobError(
                    f"{self.path}, byte {place}: not a line of a journal ({error}). Next step: this file was changed "
                    "by something else; choose another --out, or put a copy of it back"
                ) from error
            if version != VERSION:
                raise JobError(f"{self.path} is of version {version}, this program reads {VERSION}")
            self._places[key] = place
