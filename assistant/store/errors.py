"""What can go wrong with the store, told with the next step and never with the person's words.

StoreError
├── StoreFull      no space left; nothing was written
├── StoreLocked    another program holds the database
├── StoreDamaged   the file is not readable as a database
└── StoreNewer     a newer version of this program wrote it
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError

# Primary result codes of SQLite (https://www.sqlite.org/rescode.html).
_BUSY, _LOCKED, _READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _NOTADB = 5, 6, 8, 10, 11, 13, 14, 26
# SQLSTATE classes of PostgreSQL: disk_full, lock_not_available, deadlock_detected, query_canceled.
_PG_FULL, _PG_LOCKED = {"53100"}, {"55P03", "40P01", "57014"}


class StoreError(Exception):
    """The store could not do what was asked; nothing of it was done."""


class StoreFull(StoreError):
    """No space left."""


class StoreLocked(StoreError):
    """Another program holds the database."""


class StoreDamaged(StoreError):
    """The file is damaged."""


class StoreNewer(StoreError):
    """The data was written by a newer version of this program."""


@contextmanager
def store_errors(where: str) -> Iterator[None]:
    """Turn the database's exceptions into StoreError. `where` is the database's name without a password."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise _explain(error, where) from error


def _explain(error: SQLAlchemyError | sqlite3.Error | OSError, where: str) -> StoreError:
    original = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(original, "sqlite_errorcode", 0) & 0xFF
    state = getattr(original, "sqlstate", None) or ""
    if code == _FULL or state in _PG_FULL:
        return StoreFull(f"no space left for {where}; free some on that disk, then the unsaved turns are saved")
    if code in {_BUSY, _LOCKED} or state in _PG_LOCKED:
        return StoreLocked(f"another program holds {where}; close it (a second copy of this app, a database browser)")
    if code in {_CORRUPT, _NOTADB}:
        return StoreDamaged(f"{where} is damaged; restart the app: it moves the file aside and begins a new one")
    if code == _IOERR:
        return StoreError(f"the disk refuses to read or write {where}; check the disk, its quota and its space")
    if code in {_READONLY, _CANTOPEN} or isinstance(error, OSError):
        return StoreError(f"{where} cannot be opened for writing; check that the folder exists and belongs to you")
    if isinstance(error, InterfaceError) or state.startswith("08") or type(original).__name__ == "OperationalError":
        return StoreError(f"the database {where} does not answer; check that its server runs, and its URL")
    return StoreError(f"the database {where} refuses ({type(original).__name__} {state}); look at its server's log")
