"""The one data folder, which only its owner can read."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from platformdirs import user_data_dir

from assistant.store.errors import StoreError

DATABASE = "beside.db"
#: A part of a path that a shell, or systemd, would have replaced.
_VARIABLE = re.compile(r"\$\{?[A-Za-z_]|%[a-zA-Z]$|%\w+%")


def data_folder(path: str | Path | None = None) -> Path:
    """The folder for everything that is kept, made if missing; mode 0700. None means the platform's usual place.

    Raises StoreError for a folder that cannot be made, or that others can read and that holds other things: its mode is
    not ours to change.
    """
    folder = _expanded(path) if path is not None else Path(user_data_dir("beside", appauthor=False))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if stat.S_IMODE(folder.stat().st_mode) & 0o077:
            if any(folder.iterdir()) and not (folder / DATABASE).exists():
                raise StoreError(
                    f"others can read {folder}, and it holds other files; choose a folder of its own, or: "
                    f"chmod 700 {folder}"
                )
            folder.chmod(0o700)
    except OSError as error:
        raise StoreError(f"the data folder {folder} cannot be used ({error.strerror}); choose another one") from error
    return folder


def _expanded(path: str | Path) -> Path:
    """`path` with its "~" and variables replaced: both reach this place as written from unit files, .env files and
    quoted arguments. Raises StoreError for those that name nothing here."""
    given = Path(os.path.expandvars(path))
    unset = next((part for part in given.parts if _VARIABLE.match(part)), "")
    if unset:
        raise StoreError(f"{path} names {unset}, which is not set here; set it, or write the folder's whole path")
    try:
        return given.expanduser()
    except RuntimeError as error:
        raise StoreError(f"{path} names a home directory that does not exist; write the folder's whole path") from error


def make_private(file: Path) -> None:
    """Make the file if missing, readable for its owner only. SQLite gives its WAL the same mode."""
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        file.chmod(0o600)
    except OSError as error:
        raise StoreError(f"{file} cannot be opened for writing ({error.strerror}); check its owner and mode") from error
