"""The one data folder, which only its owner can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from platformdirs import user_data_dir

from assistant.store.errors import StoreError

DATABASE = "beside.db"


def data_folder(path: str | Path | None = None) -> Path:
    """The folder for everything that is kept, made if missing; mode 0700. None means the platform's usual place.

    Raises StoreError for a folder that cannot be made, or that others can read and that holds other things: its mode is
    not ours to change.
    """
    try:
        # A "~" reaches this place unexpanded from unit files, .env files and quoted variables.
        folder = Path(path).expanduser() if path is not None else Path(user_data_dir("beside", appauthor=False))
    except RuntimeError as error:
        raise StoreError(f"{path} names a home directory that does not exist; write the folder's whole path") from error
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


def make_private(file: Path) -> None:
    """Make the file if missing, readable for its owner only. SQLite gives its WAL the same mode."""
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        file.chmod(0o600)
    except OSError as error:
        raise StoreError(f"{file} cannot be opened for writing ({error.strerror}); check its owner and mode") from error
