"""The store: turns, conversations and consents, saved safely and deleted for good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from assistant.store.codec import turn_from_json, turn_to_json
from assistant.store.engine import BUSY_TIMEOUT_S, damaged_files, database_url, open_engine, set_aside_if_damaged
from assistant.store.erase import Erasure, compact, remaining, traces, without_affect
from assistant.store.errors import StoreError, store_errors
from assistant.store.export import to_html, to_json
from assistant.store.schema import ConsentRow, ConversationRow, TurnRow, migrate
from assistant.types import Turn

#: The layers of consent, each revocable by itself.
CONSENTS = ("chat", "store", "camera", "affect", "microphone")
TITLE_CHARS = 48


@dataclass(frozen=True, slots=True)
class Conversation:
    """One line of the history. Times are ISO 8601, UTC."""

    id: str
    title: str
    started: str
    last: str
    count: int


@dataclass(frozen=True, slots=True)
class Consent:
    """One change of one layer."""

    at: str
    layer: str
    granted: bool


class Store:
    """`place` is a folder (None: the platform's usual one) or a database URL. Safe to use from several threads.

    `notices` tells what happened on opening, such as a damaged file that was moved aside. All methods raise StoreError.
    """

    def __init__(self, place: str | Path | None = None, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        url = database_url(place)
        self.file = Path(str(url.database)) if url.get_backend_name() == "sqlite" else None
        self.where = str(self.file or url.render_as_string(hide_password=True))
        self.notices: tuple[str, ...] = ()
        self._busy_timeout_s = busy_timeout_s
        if self.file is not None:
            with store_errors(self.where):
                notice = set_aside_if_damaged(self.file)
            self.notices = (notice,) if notice else ()
        self._engine = open_engine(url, busy_timeout_s)
        self._writer = self._engine.execution_options(write=True)
        try:
            with self._write() as connection:
                migrate(connection, self.where)
        except BaseException:
            self._engine.dispose()
            raise

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with store_errors(self.where), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with store_errors(self.where), self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections; the last one empties the write-ahead log."""
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- turns

    def save(self, turn: Turn) -> None:
        """Write a turn durably before returning; one with the same turn_id is replaced."""
        body = turn_to_json(turn)
        upsert: Any = sqlite_insert if self.file is not None else pg_insert
        with self._write() as connection:
            conversation = upsert(ConversationRow).values(
                id=turn.conversation_id, title=title_of(turn.user_text), started=turn.at, last=turn.at)
            later = func.max if self.file is not None else func.greatest
            connection.execute(conversation.on_conflict_do_update(
                index_elements=[ConversationRow.id],
                set_={"last": later(ConversationRow.last, conversation.excluded.last)}))
            row = upsert(TurnRow).values(
                turn_id=turn.turn_id, conversation_id=turn.conversation_id, at=turn.at, body=body)
            connection.execute(row.on_conflict_do_update(
                index_elements=[TurnRow.turn_id],
                set_={name: row.excluded[name] for name in ("conversation_id", "at", "body")}))

    def conversations(self) -> tuple[Conversation, ...]:
        """The latest first."""
        count = func.count(TurnRow.position)
        query = (
            select(ConversationRow.id, ConversationRow.title, ConversationRow.started, ConversationRow.last, count)
            .outerjoin(TurnRow).group_by(ConversationRow.id).order_by(ConversationRow.last.desc(), ConversationRow.id))
        with self._read() as connection:
            return tuple(Conversation(*row) for row in connection.execute(query))

    def turns(self, conversation_id: str | None = None) -> tuple[Turn, ...]:
        """One conversation's turns (none for an unknown one), or all, in the order in which they began."""
        query = select(TurnRow.body).order_by(TurnRow.at, TurnRow.position)
        if conversation_id is not None:
            query = query.where(TurnRow.conversation_id == conversation_id)
        with self._read() as connection:
            return tuple(turn_from_json(body) for body in connection.scalars(query))

    def rename(self, conversation_id: str, title: str) -> None:
        """Give a conversation another title."""
        with self._write() as connection:
            connection.execute(
                update(ConversationRow).where(ConversationRow.id == conversation_id).values(title=title_of(title)))

    # ---- consents

    def save_consents(self, consents: Mapping[str, bool]) -> None:
        """Record what has changed, with the time. Raises ValueError for an unknown layer."""
        unknown = sorted(set(consents) - set(CONSENTS))
        if unknown:
            raise ValueError(f"no consent is called {', '.join(unknown)}; choose from {', '.join(CONSENTS)}")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._write() as connection:
            held = _held(connection)
            changed = [{"at": now, "layer": layer, "granted": granted} for layer, granted in consents.items()
                       if granted != held.get(layer)]
            if changed:
                connection.execute(insert(ConsentRow), changed)

    def consents(self) -> dict[str, bool]:
        """What holds now; a layer that was never asked for is False."""
        with self._read() as connection:
            return {layer: False for layer in CONSENTS} | _held(connection)

    def consent_history(self) -> tuple[Consent, ...]:
        """Every change, the oldest first."""
        query = select(ConsentRow.at, ConsentRow.layer, ConsentRow.granted).order_by(ConsentRow.position)
        with self._read() as connection:
            return tuple(Consent(*row) for row in connection.execute(query))

    # ---- export

    def export_json(self) -> str:
        """Everything that is kept, machine-readable."""
        return to_json(self.conversations(), self.turns(), self.consent_history())

    def export_html(self, locale: str = "en") -> str:
        """Everything that was said, as one page for people; it loads nothing."""
        return to_html(self.conversations(), self.turns(), locale)

    # ---- deletion

    def delete_turn(self, turn_id: str) -> Erasure:
        """Delete one turn for good (none for an unknown one). Its conversation goes with its last turn; one that was
        named by this turn's words takes the name of its next turn."""
        needles: set[bytes] = set()
        with self._write() as connection:
            gone = connection.execute(
                select(TurnRow.conversation_id, TurnRow.body).where(TurnRow.turn_id == turn_id)).one_or_none()
            rows = connection.execute(delete(TurnRow).where(TurnRow.turn_id == turn_id)).rowcount
            if gone is not None:
                turn = turn_from_json(gone.body)
                needles = _traces([turn])
                conversation = ConversationRow.id == gone.conversation_id
                title = connection.scalars(select(ConversationRow.title).where(conversation)).one()
                left = connection.execute(
                    select(TurnRow.at, TurnRow.body).where(TurnRow.conversation_id == gone.conversation_id)
                    .order_by(TurnRow.at, TurnRow.position)).all()
                if not left:
                    rows += connection.execute(delete(ConversationRow).where(conversation)).rowcount
                    needles |= traces([gone.conversation_id, title])
                elif title == title_of(turn.user_text):
                    named = title_of(turn_from_json(left[0].body).user_text)
                    connection.execute(update(ConversationRow).where(conversation).values(title=named))
                    needles |= traces([title])
        return self._prove(rows, needles)

    def delete_conversation(self, conversation_id: str) -> Erasure:
        """Delete one conversation for good."""
        gone = self.turns(conversation_id)
        with self._write() as connection:
            this = ConversationRow.id == conversation_id
            titles = connection.scalars(select(ConversationRow.title).where(this)).all()
            rows = connection.execute(delete(TurnRow).where(TurnRow.conversation_id == conversation_id)).rowcount
            rows += connection.execute(delete(ConversationRow).where(this)).rowcount
        return self._prove(rows, _traces(gone) | traces([conversation_id, *titles]))

    def delete_affect(self) -> Erasure:
        """Remove every stored state, and what it led to in the prompts; the words stay."""
        needles: set[bytes] = set()
        rows = 0
        with self._write() as connection:
            for position, body in connection.execute(select(TurnRow.position, TurnRow.body)).all():
                turn = turn_from_json(body)
                cleaned = without_affect(turn)
                if cleaned != turn:
                    rows += 1
                    needles |= traces([turn.affect_sentence])
                    connection.execute(
                        update(TurnRow).where(TurnRow.position == position).values(body=turn_to_json(cleaned)))
        return self._prove(rows, needles)

    def erase_all(self) -> Erasure:
        """Delete conversations, turns, consents, and damaged files that were moved aside."""
        gone = self._readable_turns()
        names = [name for c in self.conversations() for name in (c.id, c.title)]
        with self._write() as connection:
            rows = sum(connection.execute(delete(table)).rowcount for table in (TurnRow, ConversationRow, ConsentRow))
        if self.file is not None:
            with store_errors(self.where):
                for path in damaged_files(self.file):
                    path.unlink()
        return self._prove(rows, _traces(gone) | traces(names))

    def _readable_turns(self) -> list[Turn]:
        """All turns but those that cannot be read: they must not stand in the way of erasing everything."""
        with self._read() as connection:
            bodies = connection.scalars(select(TurnRow.body)).all()
        turns = []
        for body in bodies:
            with suppress(StoreError):
                turns.append(turn_from_json(body))
        return turns

    def _prove(self, rows: int, needles: set[bytes]) -> Erasure:
        """Rewrite the file, then look for what was deleted in every byte of it."""
        if self.file is None:
            outside = self._engine.execution_options(isolation_level="AUTOCOMMIT")  # VACUUM allows no transaction
            with store_errors(self.where), outside.connect() as connection:
                for table in (TurnRow, ConversationRow, ConsentRow):
                    connection.execute(text(f"VACUUM FULL {table.__tablename__}"))
            return Erasure(rows, False, "the rows are gone and the tables rewritten; the server's log, replicas and "
                                        "backups are out of this app's reach: see to them")
        self._engine.dispose()  # idle connections would hold the old pages
        with store_errors(self.where):
            note = compact(self.file, self._busy_timeout_s)
        if not note:
            files = [self.file.with_name(self.file.name + suffix) for suffix in ("", "-wal", "-shm", "-journal")]
            with store_errors(self.where):
                found = remaining(files, needles)
            if any(not self._still_kept(needle.decode("utf-8", "ignore")) for needle in found):
                note = "a part of the deleted text is still in the file; delete again, or erase everything"
        return Erasure(rows, not note, note)

    def _still_kept(self, words: str) -> bool:
        """Whether the same words also stand in something that was not deleted, or name a table or column."""
        with self._read() as connection:
            turn = select(TurnRow.position).where(TurnRow.body.contains(words, autoescape=True)).limit(1)
            title = select(ConversationRow.id).where(ConversationRow.title.contains(words, autoescape=True)).limit(1)
            kept = connection.execute(turn).first() is not None or connection.execute(title).first() is not None
            return kept or any(words in sql for sql in connection.scalars(text("SELECT sql FROM sqlite_master")) if sql)


def title_of(words: str) -> str:
    """The first words on one line, at most TITLE_CHARS characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return line if len(line) <= TITLE_CHARS else line[:TITLE_CHARS - 1].rstrip() + "…"


def _held(connection: Connection) -> dict[str, bool]:
    rows = connection.execute(select(ConsentRow.layer, ConsentRow.granted).order_by(ConsentRow.position))
    return {layer: granted for layer, granted in rows}


def _traces(turns: Sequence[Turn]) -> set[bytes]:
    """What the given turns leave in a file."""
    found: set[bytes] = set()
    for turn in turns:
        prompted = [m.content for m in turn.prompt.messages if m.role != "system"] if turn.prompt else []
        found |= traces([turn.turn_id, turn.user_text, turn.reply, turn.affect_sentence, *prompted])
    return found
