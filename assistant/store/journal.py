"""The journal and the memory in the store: entries of assistant/journal, each a row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, delete, insert, select, true, update

from assistant.journal import Body, Entry, Line, Practice, body_of, kind_of
from assistant.journal.entries import words_in
from assistant.store.erase import Erasure, traces
from assistant.store.errors import StoreDamaged, StoreError
from assistant.store.schema import JournalRow

Transaction = Callable[[], AbstractContextManager[Connection]]
_COLUMNS = (JournalRow.entry_id, JournalRow.at, JournalRow.kind, JournalRow.body, JournalRow.conversation_id)


class Journal:
    """A part of the Store, which gives it its transactions and proves what was deleted. A `person` is as there: "" is
    nobody's in particular, and None in a question means everybody. All methods raise StoreError."""

    def __init__(self, write: Transaction, read: Transaction, prove: Callable[[int, set[bytes]], Erasure]) -> None:
        self._write, self._read, self._prove = write, read, prove

    def entries(self, person: str | None = None) -> tuple[Entry, ...]:
        """All of them, the oldest first."""
        query = select(*_COLUMNS).where(_of(person)).order_by(JournalRow.at, JournalRow.position)
        with self._read() as connection:
            return tuple(_entry(row) for row in connection.execute(query))

    def remembered(self, person: str) -> tuple[str, ...]:
        """The words of the lines that are on, the latest first."""
        found = (entry.body for entry in reversed(self.entries(person)))
        return tuple(body.words for body in found if isinstance(body, Line) and body.on)

    def add(self, body: Body, at: str, person: str = "", conversation_id: str = "") -> Entry:
        """Keep a new entry."""
        entry = Entry(uuid4().hex, at, body, conversation_id)
        with self._write() as connection:
            _insert(connection, entry, person)
        return entry

    def change(self, entry: Entry, person: str | None = None) -> bool:
        """Give the entry of this id and kind another body and time; where it comes from stays. Whether there was such
        an entry."""
        kind = kind_of(entry.body)
        this = (JournalRow.entry_id == entry.id, JournalRow.kind == kind, _of(person))
        with self._write() as connection:
            changed = update(JournalRow).where(*this).values(at=entry.at, body=_json(entry.body))
            return connection.execute(changed).rowcount > 0

    def practise(self, practice: Practice, at: str, conversation_id: str, person: str = "") -> None:
        """Keep what was practised: an entry for each time that an exercise was begun in a conversation, which becomes
        finished when it is."""
        this = (JournalRow.conversation_id == conversation_id, JournalRow.kind == "practice", _of(person))
        query = select(*_COLUMNS).where(*this).order_by(JournalRow.position.desc())
        with self._write() as connection:
            earlier = ((row.entry_id, _entry(row).body) for row in connection.execute(query).all())
            same = ((key, b) for key, b in earlier if isinstance(b, Practice) and b.exercise == practice.exercise)
            last, before = next(same, ("", None))
            if before is None or (before.finished and not practice.finished):
                _insert(connection, Entry(uuid4().hex, at, practice, conversation_id), person)
            elif practice.finished:
                changed = update(JournalRow).where(JournalRow.entry_id == last)
                connection.execute(changed.values(body=_json(practice)))

    def delete(self, ids: Iterable[str], person: str | None = None) -> Erasure:
        """Delete entries for good (none for unknown ones, or another person's)."""
        with self._write() as connection:
            gone = _gone(connection, JournalRow.entry_id.in_(list(ids)), _of(person))
        return self._prove(*gone)


def left_conversation(connection: Connection, conversation_id: str) -> tuple[int, set[bytes]]:
    """A conversation is deleted: what was practised in it goes with it; a line stays, which the person chose to have
    remembered, and forgets where it comes from. Returns deleted rows, and what must be gone."""
    this = JournalRow.conversation_id == conversation_id
    gone = _gone(connection, this, JournalRow.kind == "practice")
    connection.execute(update(JournalRow).where(this).values(conversation_id=""))
    return gone


def erase(connection: Connection, person: str | None) -> tuple[int, set[bytes]]:
    """Delete everything of this person. Returns deleted rows, and what must be gone."""
    return _gone(connection, _of(person))


def _gone(connection: Connection, *where: ColumnElement[bool]) -> tuple[int, set[bytes]]:
    needles: set[bytes] = set()
    for row in connection.execute(select(*_COLUMNS).where(*where)).all():
        needles |= traces([row.entry_id])
        with suppress(StoreError):  # what cannot be read must not stand in the way of deleting it
            needles |= traces(words_in(_entry(row).body))
    return connection.execute(delete(JournalRow).where(*where)).rowcount, needles


def _insert(connection: Connection, entry: Entry, person: str) -> None:
    connection.execute(
        insert(JournalRow).values(
            entry_id=entry.id, person=person, kind=kind_of(entry.body), at=entry.at,
            conversation_id=entry.conversation_id, body=_json(entry.body),
        )
    )  # fmt: skip


def _json(body: Body) -> str:
    text = json.dumps(asdict(body), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode("utf-8")


def _entry(row: Any) -> Entry:
    try:
        return Entry(row.entry_id, row.at, body_of(row.kind, json.loads(row.body)), row.conversation_id)
    except ValueError as error:
        raise StoreDamaged("an entry of the journal cannot be read; delete it, or erase everything") from error


def _of(person: str | None) -> ColumnElement[bool]:
    return true() if person is None else JournalRow.person == person
