"""The tables, and how an older database becomes today's. Migrations are only ever appended."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import BigInteger, Connection, ForeignKey, Integer, Text, inspect, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from assistant.store.errors import StoreNewer

_Counter = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER counts by itself in SQLite


class Base(DeclarativeBase):
    """All tables."""


class SchemaRow(Base):
    """One row: how many migrations have been applied."""

    __tablename__ = "schema_version"
    version: Mapped[int] = mapped_column(primary_key=True)


class ConversationRow(Base):
    """Times are ISO 8601 in UTC, so that they sort as text. `person` is the SHA-256 of a browser's identity, "" for
    what was kept before there were identities. `named` says where the title comes from: a constant of `titles`."""

    __tablename__ = "conversation"
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    started: Mapped[str] = mapped_column(Text)
    last: Mapped[str] = mapped_column(Text)
    person: Mapped[str] = mapped_column(Text, default="", index=True)
    pinned: Mapped[bool] = mapped_column(default=False)
    named: Mapped[int] = mapped_column(default=1)


class TurnRow(Base):
    """`body` is the whole Turn as JSON; the columns beside it are what is searched by. `position` is the order."""

    __tablename__ = "turn"
    position: Mapped[int] = mapped_column(_Counter, primary_key=True, autoincrement=True)
    turn_id: Mapped[str] = mapped_column(Text, unique=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"), index=True)
    at: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)


class ConsentRow(Base):
    """Every change of a consent; the latest of a person and a layer holds."""

    __tablename__ = "consent"
    position: Mapped[int] = mapped_column(_Counter, primary_key=True, autoincrement=True)
    at: Mapped[str] = mapped_column(Text)
    layer: Mapped[str] = mapped_column(Text)
    granted: Mapped[bool]
    person: Mapped[str] = mapped_column(Text, default="", index=True)


class JournalRow(Base):
    """An entry of the journal or a line of the memory (assistant/journal): `body` is JSON, read by its `kind`."""

    __tablename__ = "journal"
    position: Mapped[int] = mapped_column(_Counter, primary_key=True, autoincrement=True)
    entry_id: Mapped[str] = mapped_column(Text, unique=True)
    person: Mapped[str] = mapped_column(Text, default="", index=True)
    kind: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(Text)
    conversation_id: Mapped[str] = mapped_column(Text, default="", index=True)
    body: Mapped[str] = mapped_column(Text)


def _first(connection: Connection) -> None:
    """Version 1, written out: it must not change when the classes above do."""
    counter = "INTEGER PRIMARY KEY AUTOINCREMENT" if connection.dialect.name == "sqlite" else "BIGSERIAL PRIMARY KEY"
    for statement in (
        "CREATE TABLE conversation (id TEXT PRIMARY KEY, title TEXT NOT NULL, started TEXT NOT NULL, "
        "last TEXT NOT NULL)",
        f"CREATE TABLE turn (position {counter}, turn_id TEXT NOT NULL UNIQUE, conversation_id TEXT NOT NULL "
        "REFERENCES conversation (id) ON DELETE CASCADE, at TEXT NOT NULL, body TEXT NOT NULL)",
        "CREATE INDEX ix_turn_conversation_id ON turn (conversation_id)",
        f"CREATE TABLE consent (position {counter}, at TEXT NOT NULL, layer TEXT NOT NULL, granted BOOLEAN NOT NULL)",
    ):
        connection.execute(text(statement))


def _second(connection: Connection) -> None:
    """Version 2: whose a conversation is, and pins; titles of version 1 were a person's words or given by hand."""
    for statement in (
        "ALTER TABLE conversation ADD COLUMN person TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE conversation ADD COLUMN pinned BOOLEAN NOT NULL DEFAULT FALSE",
        "ALTER TABLE conversation ADD COLUMN named INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE consent ADD COLUMN person TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX ix_conversation_person ON conversation (person)",
        "CREATE INDEX ix_consent_person ON consent (person)",
    ):
        connection.execute(text(statement))


def _journal(connection: Connection) -> None:
    """Version 3: the journal and the memory."""
    counter = "INTEGER PRIMARY KEY AUTOINCREMENT" if connection.dialect.name == "sqlite" else "BIGSERIAL PRIMARY KEY"
    for statement in (
        f"CREATE TABLE journal (position {counter}, entry_id TEXT NOT NULL UNIQUE, person TEXT NOT NULL DEFAULT '', "
        "kind TEXT NOT NULL, at TEXT NOT NULL, conversation_id TEXT NOT NULL DEFAULT '', body TEXT NOT NULL)",
        "CREATE INDEX ix_journal_person ON journal (person)",
        "CREATE INDEX ix_journal_conversation_id ON journal (conversation_id)",
    ):
        connection.execute(text(statement))


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_first, _second, _journal)


def migrate(connection: Connection, where: str) -> None:
    """Apply what is missing, inside the caller's transaction. Raises StoreNewer."""
    if connection.dialect.name == "postgresql":  # SQLite's write transaction already excludes a second starter
        connection.execute(text("SELECT pg_advisory_xact_lock(20261121)"))
    if not inspect(connection).has_table(SchemaRow.__tablename__):
        connection.execute(text("CREATE TABLE schema_version (version INTEGER PRIMARY KEY)"))
        connection.execute(text("INSERT INTO schema_version VALUES (0)"))
    version = connection.execute(select(SchemaRow.version)).scalar_one()
    if version > len(MIGRATIONS):
        raise StoreNewer(f"{where} has schema {version}, this app knows up to {len(MIGRATIONS)}; update the app")
    for migration in MIGRATIONS[version:]:
        migration(connection)
    connection.execute(text("UPDATE schema_version SET version = :to"), {"to": len(MIGRATIONS)})
