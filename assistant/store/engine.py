"""Opening the database: SQLite's safety settings, PostgreSQL's time-outs, and a damaged file moved aside."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from assistant.store.errors import StoreError
from assistant.store.folder import DATABASE, data_folder, make_private

#: How long a save waits for another connection's, before it is kept in memory and reported.
BUSY_TIMEOUT_S = 5.0
# WAL with FULL: what was acknowledged survives a power cut. secure_delete: freed bytes are overwritten. temp_store:
# what VACUUM copies never touches the temporary folder.
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",
    "temp_store=MEMORY",
)


def database_url(place: str | Path | None) -> URL:
    """None or a folder means SQLite inside it; anything with `://` is a URL."""
    if place is None or "://" not in str(place):
        return URL.create("sqlite", database=str(data_folder(place) / DATABASE))
    try:
        url = make_url(str(place))
    except ArgumentError as error:
        raise StoreError("the database's URL looks like postgresql://user:password@host/name") from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        raise StoreError(f"a {url.drivername} database is not supported; give a folder, or postgresql://user@host/name")
    file = Path(url.database)
    return url.set(database=str(data_folder(file.parent) / file.name))


def open_engine(url: URL, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Engine:
    """The engine. `hide_parameters` keeps the person's words out of every exception's text."""
    if url.get_backend_name() == "sqlite":
        options: dict[str, Any] = {"check_same_thread": False, "timeout": busy_timeout_s}
        engine = create_engine(url, hide_parameters=True, connect_args=options)
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    milliseconds = int(busy_timeout_s * 1000)
    options = {"connect_timeout": 5, "options": f"-c lock_timeout={milliseconds} -c client_min_messages=warning"}
    try:
        return create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=options)
    except ImportError as error:
        raise StoreError('PostgreSQL needs one more package: pip install "psycopg[binary]"') from error


def _configure_sqlite(connection: sqlite3.Connection, record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, and not by the driver's guess
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: one that reads first and then writes could not wait for another writer.
    writes = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def set_aside_if_damaged(file: Path) -> str:
    """Check the file; move a damaged one (and its WAL) to another name. Returns what to tell the person, or ""."""
    make_private(file)
    try:
        connection = sqlite3.connect(file, timeout=BUSY_TIMEOUT_S)
        try:
            [(verdict,), *_] = connection.execute("PRAGMA integrity_check(1)").fetchall()
        finally:
            connection.close()
        if verdict == "ok":
            return ""
    except sqlite3.OperationalError:
        return ""  # locked, no space ...: the file may be sound, and opening it reports the cause
    except sqlite3.DatabaseError:
        pass
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    aside = file.with_name(f"{file.name}.damaged-{stamp}")
    for suffix in ("", "-wal", "-shm"):
        part = file.with_name(file.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    make_private(file)
    return (
        f"the stored conversations were damaged and have been moved to {aside}; a new, empty store was begun. "
        "`sqlite3 FILE .recover` may save a part of the old one"
    )


#: Where SQLite's file header holds user_version, a number of four bytes that is ours to use (file format, 1.3).
_USER_VERSION = slice(60, 64)


def copied_without_log(file: Path) -> str:
    """What to tell the person about a file that says of itself that a program works on it (see `mark_in_use`), with no
    write-ahead log beside it: a copy that was made without the log, where its latest rows stood. Else "". To be asked
    before anything opens the file."""
    try:
        with file.open("rb") as stream:
            header = stream.read(_USER_VERSION.stop)
    except OSError:
        return ""
    if int.from_bytes(header[_USER_VERSION], "big") != 1 or file.with_name(file.name + "-wal").exists():
        return ""
    return (
        f"{file} looks like a copy made while a program was using it, without its file {file.name}-wal: the latest "
        f"messages may be missing. Next step: stop that program and copy {file.name} and {file.name}-wal together"
    )


def mark_in_use(file: Path, in_use: bool) -> None:
    """Write into the file itself whether a program works on it. A file that is locked or not writable stays as it is:
    whoever opens it is told the cause."""
    with suppress(sqlite3.Error):
        connection = sqlite3.connect(file, timeout=0.1, isolation_level=None)
        try:
            if connection.execute("PRAGMA user_version").fetchone()[0] != int(in_use):
                connection.execute(f"PRAGMA user_version = {int(in_use)}").close()
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").close()
        finally:
            connection.close()


def damaged_files(file: Path) -> list[Path]:
    """What set_aside_if_damaged left; these hold the person's words too."""
    return sorted(file.parent.glob(f"{file.name}.damaged-*"))
