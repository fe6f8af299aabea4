"""Deletion that can be proved: rows, write-ahead log and free pages."""

from __future__ import annotations

import dataclasses
import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from assistant.types import Turn
from llm.types import Message
from perception.types import EmotionalState

REMOVED = "[removed]"
_SHORTEST_TRACE = 8  # bytes; shorter ones are found anywhere by chance
_TRACE = 120
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Erasure:
    """What a deletion did. `verified` is True when neither the tables nor any byte of the files holds it any more;
    `note` says what could not be proved, and what to do."""

    rows: int
    verified: bool
    note: str = ""


def without_affect(turn: Turn) -> Turn:
    """The turn with sensors off. System messages go whole where a state was used: their tone shows it."""
    used = turn.state.known or bool(turn.affect_sentence)
    prompt = turn.prompt
    if prompt is not None and used:
        prompt = replace(prompt, tone="plain", messages=tuple(_clean(m, turn.affect_sentence) for m in prompt.messages))
    state = EmotionalState.unknown("deleted") if used else turn.state
    return dataclasses.replace(turn, state=state, affect_sentence="", prompt=prompt)


def _clean(message: Message, sentence: str) -> Message:
    if message.role == "system":
        return Message("system", REMOVED)
    return Message(message.role, message.content.replace(sentence, REMOVED) if sentence else message.content)


def traces(texts: Iterable[str]) -> set[bytes]:
    """Stretches of the texts as they would lie in the file: from the middle of what JSON does not escape."""
    found = set()
    for text in texts:
        for part in re.split(r'[\x00-\x1f"\\]', text):
            data = part[max(0, len(part) - _TRACE) // 2 :][:_TRACE].encode("utf-8", "replace")
            if len(data) >= _SHORTEST_TRACE:
                found.add(data)
    return found


def compact(file: Path, timeout_s: float) -> str:
    """Rewrite a SQLite file without its free pages and empty its WAL. Returns what stood in the way, or ""."""
    connection = sqlite3.connect(file, timeout=timeout_s, isolation_level=None)
    try:
        for pragma in ("secure_delete=ON", "temp_store=MEMORY", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}").close()
        connection.execute("VACUUM").close()
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        free = connection.execute("PRAGMA freelist_count").fetchone()[0]
    except sqlite3.OperationalError as error:
        return f"the file could not be rewritten ({error}); the rows are gone: close other programs and delete again"
    finally:
        connection.close()
    return "another program still reads the old pages; close it and delete again" if busy or free else ""


def remaining(files: Iterable[Path], needles: set[bytes]) -> set[bytes]:
    """Which of the byte strings still occur in the files; read in blocks that overlap."""
    overlap = max(map(len, needles), default=1) - 1
    found: set[bytes] = set()
    for file in files:
        if not file.is_file():
            continue
        with file.open("rb") as stream:
            tail = b""
            while block := stream.read(_BLOCK):
                window = tail + block
                found |= {needle for needle in needles - found if needle in window}
                tail = window[-overlap:] if overlap else b""
    return found
