"""The store: turns, conversations, consents and the journal, saved safely and deleted for good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, delete, func, insert, select, text, true, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from assistant.store.codec import turn_from_json, turn_to_json
from assistant.store.engine import (
    BUSY_TIMEOUT_S,
    copied_without_log,
    damaged_files,
    database_url,
    mark_in_use,
    open_engine,
    set_aside_if_damaged,
)
from assistant.store.erase import Erasure, compact, remaining, traces, without_affect
from assistant.store.errors import StoreError, store_errors
from assistant.store.export import to_html, to_json
from assistant.store.journal import Journal, erase, left_conversation
from assistant.store.records import Consent, Conversation
from assistant.store.schema import ConsentRow, ConversationRow, JournalRow, TurnRow, migrate
from assistant.store.titles import BY_HAND, FROM_WORDS, PROVISIONAL, plain, title_of
from assistant.types import Turn

#: The layers of consent, each revocable by itself.
CONSENTS = ("chat", "store", "camera", "affect", "microphone", "memory")


class Store:
    """`place` is a folder (None: the platform's usual one) or a database URL. Safe to use from several threads.

    A `person` is a name that the caller gives to whoever owns a conversation or a consent (the page: the SHA-256 of a
    browser's identity); "" is nobody's in particular, and None in a question means everybody. `notices` tells what
    happened on opening, such as a damaged file that was moved aside. All methods raise StoreError.
    """

    def __init__(self, place: str | Path | None = None, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        url = database_url(place)
        self.file = Path(str(url.database)) if url.get_backend_name() == "sqlite" else None
        self.where = str(self.file or url.render_as_string(hide_password=True))
        self.notices: tuple[str, ...] = ()
        self._busy_timeout_s = busy_timeout_s
        if self.file is not None:
            with store_errors(self.where):
                told = copied_without_log(self.file), set_aside_if_damaged(self.file)
            self.notices = tuple(notice for notice in told if notice)
        self._engine = open_engine(url, busy_timeout_s)
        self._writer = self._engine.execution_options(write=True)
        try:
            with self._write() as connection:
                migrate(connection, self.where)
        except BaseException:
            self._engine.dispose()
            raise
        if self.file is not None:
            mark_in_use(self.file, True)
        self.journal = Journal(self._write, self._read, self._prove)

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
        if self.file is not None:
            mark_in_use(self.file, False)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- turns

    def save(self, turn: Turn, person: str = "") -> None:
        """Write a turn durably before returning; one with the same turn_id is replaced. `person` owns the conversation
        that it begins."""
        body = turn_to_json(turn)
        title, named = title_of(turn)
        upsert: Any = sqlite_insert if self.file is not None else pg_insert
        with self._write() as connection:
            conversation = upsert(ConversationRow).values(
                id=turn.conversation_id, title=title, started=turn.at, last=turn.at, person=person, named=named
            )
            later = func.max if self.file is not None else func.greatest
            unnamed = ConversationRow.named == PROVISIONAL
            connection.execute(
                conversation.on_conflict_do_update(
                    index_elements=[ConversationRow.id],
                    set_={
                        "last": later(ConversationRow.last, conversation.excluded.last),
                        "title": case((unnamed, conversation.excluded.title), else_=ConversationRow.title),
                        "named": case((unnamed, conversation.excluded.named), else_=ConversationRow.named),
                    },
                )
            )
            row = upsert(TurnRow).values(
                turn_id=turn.turn_id, conversation_id=turn.conversation_id, at=turn.at, body=body
            )
            connection.execute(
                row.on_conflict_do_update(
                    index_elements=[TurnRow.turn_id],
                    set_={name: row.excluded[name] for name in ("conversation_id", "at", "body")},
                )
            )

    def conversations(self, person: str | None = None) -> tuple[Conversation, ...]:
        """The pinned ones first, then the latest."""
        count = func.count(TurnRow.position)
        row = ConversationRow
        query = (
            select(row.id, row.title, row.started, row.last, count, row.pinned)
            .where(_of(row, person))
            .outerjoin(TurnRow)
            .group_by(row.id)
            .order_by(row.pinned.desc(), row.last.desc(), row.id)
        )
        with self._read() as connection:
            return tuple(Conversation(*found) for found in connection.execute(query))

    def turns(self, conversation_id: str | None = None, person: str | None = None) -> tuple[Turn, ...]:
        """One conversation's turns (none for one that is unknown or another person's), or all, in the order in which
        they began."""
        query = select(TurnRow.body).join(ConversationRow).where(_of(ConversationRow, person))
        query = query.order_by(TurnRow.at, TurnRow.position)
        if conversation_id is not None:
            query = query.where(TurnRow.conversation_id == conversation_id)
        with self._read() as connection:
            return tuple(turn_from_json(body) for body in connection.scalars(query))

    def rename(self, conversation_id: str, title: str, person: str | None = None) -> bool:
        """Give a conversation another title, which no later message changes; whether there was such a conversation."""
        return self._change(conversation_id, person, title=plain(title), named=BY_HAND)

    def pin(self, conversation_id: str, pinned: bool, person: str | None = None) -> bool:
        """Keep a conversation at the top of the list, or no longer; whether there was such a conversation."""
        return self._change(conversation_id, person, pinned=pinned)

    def _change(self, conversation_id: str, person: str | None, **values: object) -> bool:
        this = (ConversationRow.id == conversation_id, _of(ConversationRow, person))
        with self._write() as connection:
            return connection.execute(update(ConversationRow).where(*this).values(**values)).rowcount > 0

    def search(self, words: str, person: str | None = None) -> frozenset[str]:
        """The ids of the conversations whose title, or a message or reply in them, holds `words` (case ignored)."""
        wanted = words.casefold().strip()
        query = (
            select(TurnRow.conversation_id, ConversationRow.title, TurnRow.body)
            .join(ConversationRow)
            .where(_of(ConversationRow, person))
        )
        found = set()
        with self._read() as connection:
            for conversation_id, title, body in connection.execute(query):
                if conversation_id in found:
                    continue
                with suppress(StoreError):  # a turn that cannot be read holds nothing that could be found
                    turn = turn_from_json(body)
                    if wanted in "\n".join((title, turn.user_text, turn.reply)).casefold():
                        found.add(conversation_id)
        return frozenset(found)

    def adopt(self, person: str) -> int:
        """Give what is nobody's (kept before there were identities) to `person`; how many conversations that were."""
        query = select(func.count()).select_from(ConversationRow).where(ConversationRow.person == "")
        consents = select(func.count()).select_from(ConsentRow).where(ConsentRow.person == "")
        with self._read() as connection:
            waiting = connection.execute(query).scalar_one()
            if not person or not (waiting or connection.execute(consents).scalar_one()):
                return 0
        with self._write() as connection:
            for table in (ConversationRow, ConsentRow, JournalRow):
                connection.execute(update(table).where(table.person == "").values(person=person))
        return int(waiting)

    # ---- consents

    def save_consents(self, consents: Mapping[str, bool], person: str = "") -> None:
        """Record what has changed, with the time. Raises ValueError for an unknown layer."""
        unknown = sorted(set(consents) - set(CONSENTS))
        if unknown:
            raise ValueError(f"no consent is called {', '.join(unknown)}; choose from {', '.join(CONSENTS)}")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._write() as connection:
            held = _held(connection, person)
            changed = [
                {"at": now, "layer": layer, "granted": granted, "person": person}
                for layer, granted in consents.items()
                if granted != held.get(layer)
            ]
            if changed:
                connection.execute(insert(ConsentRow), changed)

    def consents(self, person: str = "") -> dict[str, bool]:
        """What holds now; a layer that was never asked for is False."""
        with self._read() as connection:
            return {layer: False for layer in CONSENTS} | _held(connection, person)

    def consent_history(self, person: str | None = None) -> tuple[Consent, ...]:
        """Every change, the oldest first."""
        query = select(ConsentRow.at, ConsentRow.layer, ConsentRow.granted).where(_of(ConsentRow, person))
        query = query.order_by(ConsentRow.position)
        with self._read() as connection:
            return tuple(Consent(*row) for row in connection.execute(query))

    # ---- export

    def export_json(self, person: str | None = None) -> str:
        """Everything that is kept, machine-readable."""
        turns, consents = self.turns(person=person), self.consent_history(person)
        return to_json(self.conversations(person), turns, consents, self.journal.entries(person))

    def export_html(self, locale: str = "en", person: str | None = None) -> str:
        """Everything that was said and written, as one page for people; it loads nothing."""
        return to_html(self.conversations(person), self.turns(person=person), locale, self.journal.entries(person))

    # ---- deletion

    def delete_turn(self, turn_id: str) -> Erasure:
        """Delete one turn for good (none for an unknown one). Its conversation goes with its last turn; one that was
        named by this turn's words takes the name of its next turn."""
        needles: set[bytes] = set()
        with self._write() as connection:
            gone = connection.execute(
                select(TurnRow.conversation_id, TurnRow.body).where(TurnRow.turn_id == turn_id)
            ).one_or_none()
            rows = connection.execute(delete(TurnRow).where(TurnRow.turn_id == turn_id)).rowcount
            if gone is not None:
                turn = turn_from_json(gone.body)
                needles = _traces([turn])
                rows_, traced = _without(connection, gone.conversation_id, turn)
                rows, needles = rows + rows_, needles | traced
        return self._prove(rows, needles)

    def delete_conversation(self, conversation_id: str, person: str | None = None) -> Erasure:
        """Delete one conversation for good (none for an unknown one, or another person's)."""
        gone = self.turns(conversation_id, person)
        with self._write() as connection:
            this = (ConversationRow.id == conversation_id, _of(ConversationRow, person))
            titles = connection.scalars(select(ConversationRow.title).where(*this)).all()
            ours = select(ConversationRow.id).where(*this)
            rows = connection.execute(delete(TurnRow).where(TurnRow.conversation_id.in_(ours))).rowcount
            owned = connection.execute(delete(ConversationRow).where(*this)).rowcount
            practised, traced = left_conversation(connection, conversation_id) if owned else (0, set())
        needles = _traces(gone) | traces([conversation_id, *titles]) | traced
        return self._prove(rows + owned + practised, needles)

    def delete_affect(self, person: str | None = None) -> Erasure:
        """Remove every stored state, and what it led to in the prompts; the words stay."""
        needles: set[bytes] = set()
        rows = 0
        query = select(TurnRow.position, TurnRow.body).join(ConversationRow).where(_of(ConversationRow, person))
        with self._write() as connection:
            for position, body in connection.execute(query).all():
                turn = turn_from_json(body)
                cleaned = without_affect(turn)
                if cleaned != turn:
                    rows += 1
                    needles |= traces([turn.affect_sentence])
                    connection.execute(
                        update(TurnRow).where(TurnRow.position == position).values(body=turn_to_json(cleaned))
                    )
        return self._prove(rows, needles)

    def erase_all(self, person: str | None = None) -> Erasure:
        """Delete conversations, turns, consents and the journal, and damaged files that were moved aside unless these
        may hold other persons' words, too."""
        gone = self._readable_turns(person)
        names = [name for c in self.conversations(person) for name in (c.id, c.title)]
        with self._write() as connection:
            ours = select(ConversationRow.id).where(_of(ConversationRow, person))
            rows = connection.execute(delete(TurnRow).where(TurnRow.conversation_id.in_(ours))).rowcount
            for table in (ConversationRow, ConsentRow):
                rows += connection.execute(delete(table).where(_of(table, person))).rowcount
            written, traced = erase(connection, person)
        aside = damaged_files(self.file) if self.file is not None else []
        others = bool(aside) and bool(self.conversations() or self.journal.entries())
        if not others:
            with store_errors(self.where):
                for path in aside:
                    path.unlink()
        proved = self._prove(rows + written, _traces(gone) | traces(names) | traced)
        if not others:
            return proved
        note = f"damaged files that were moved aside may still hold it, and other persons' words: see {aside[0].parent}"
        return Erasure(proved.rows, False, "; ".join(part for part in (proved.note, note) if part))

    def _readable_turns(self, person: str | None) -> list[Turn]:
        """All turns but those that cannot be read: they must not stand in the way of erasing everything."""
        query = select(TurnRow.body).join(ConversationRow).where(_of(ConversationRow, person))
        with self._read() as connection:
            bodies = connection.scalars(query).all()
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
                for table in (TurnRow, ConversationRow, ConsentRow, JournalRow):
                    connection.execute(text(f"VACUUM FULL {table.__tablename__}"))
            return Erasure(
                rows,
                False,
                "the rows are gone and the tables rewritten; the server's log, replicas and "
                "backups are out of this app's reach: see to them",
            )
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
            columns = (TurnRow.body, ConversationRow.title, JournalRow.body)
            holding = (select(column).where(column.contains(words, autoescape=True)).limit(1) for column in columns)
            kept = any(connection.execute(query).first() is not None for query in holding)
            return kept or any(words in sql for sql in connection.scalars(text("SELECT sql FROM sqlite_master")) if sql)


def _without(connection: Connection, conversation_id: str, turn: Turn) -> tuple[int, set[bytes]]:
    """Bring a conversation in order after its `turn` was deleted: it goes with its last turn, and one that was named by
    this turn's words takes its name from the turns that are left. Returns deleted rows, and what must be gone."""
    this = ConversationRow.id == conversation_id
    title, named = connection.execute(select(ConversationRow.title, ConversationRow.named).where(this)).one()
    bodies = connection.scalars(
        select(TurnRow.body).where(TurnRow.conversation_id == conversation_id).order_by(TurnRow.at, TurnRow.position)
    ).all()
    if not bodies:
        rows = connection.execute(delete(ConversationRow).where(this)).rowcount
        practised, traced = left_conversation(connection, conversation_id)
        return rows + practised, traces([conversation_id, title]) | traced
    if named == BY_HAND or title not in {title_of(turn)[0], plain(turn.user_text)}:
        return 0, set()
    titles = [title_of(turn_from_json(body)) for body in bodies]
    new, how = next((one for one in titles if one[1] == FROM_WORDS), titles[0])
    connection.execute(update(ConversationRow).where(this).values(title=new, named=how))
    return 0, traces([title])


def _of(table: type[ConversationRow] | type[ConsentRow], person: str | None) -> ColumnElement[bool]:
    return true() if person is None else table.person == person


def _held(connection: Connection, person: str) -> dict[str, bool]:
    query = select(ConsentRow.layer, ConsentRow.granted).where(_of(ConsentRow, person)).order_by(ConsentRow.position)
    rows = connection.execute(query)
    return {layer: granted for layer, granted in rows}


def _traces(turns: Sequence[Turn]) -> set[bytes]:
    """What the given turns leave in a file."""
    found: set[bytes] = set()
    for turn in turns:
        prompted = [m.content for m in turn.prompt.messages if m.role != "system"] if turn.prompt else []
        kept = [fact.words for fact in turn.guided.facts] + [words for _, words in turn.guided.answers]
        found |= traces([turn.turn_id, turn.user_text, turn.reply, turn.affect_sentence, *prompted, *kept])
    return found
