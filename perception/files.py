"""Files written whole or not at all, their checksums, the commit that wrote them, and what is no file of the user's."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, with its suffix, that takes its place when the block ends well.

    When the block raises (an interruption too), the temporary file is removed and `path` stays as it was. Raises
    FileNotFoundError, before any work, when the folder does not exist.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent}: there is no such folder; make it first")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    try:
        yield Path(name)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)  # mkstemp's own mode would keep the user's other accounts out
        with open(name, "rb") as file:
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def commit_of() -> str:
    """The commit that this code runs from, 12 digits, with `+` where tracked files had changed; "unknown" outside a
    clone."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True)  # noqa: S603
        changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")


def is_clutter(name: str) -> bool:
    """Whether a path inside a folder or zip is what macOS and Windows leave beside the real files: `__MACOSX/`, `._x`,
    `.DS_Store`, `Thumbs.db`, or anything hidden."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return any(part == "__MACOSX" or part.startswith(".") for part in parts) or parts[-1:] == ["Thumbs.db"]


def without_clutter(paths: Iterable[Path]) -> list[Path]:
    """The paths in order, without those whose last part is clutter (see `is_clutter`)."""
    return sorted(path for path in paths if not is_clutter(path.name))
