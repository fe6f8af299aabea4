"""One feature set of one recording, and its place on disk: times, values and what is missing, never a pickle."""

from __future__ import annotations

import hashlib
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from perception.files import is_clutter, whole

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """`times_s` (n,) seconds, strictly increasing, the middle of what each row describes; `values` (n, width), finite.
    A moment without a row (no face) is simply not there."""

    times_s: npt.NDArray[np.float64]
    values: Floats

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.times_s.shape != (len(self.values),):
            raise ValueError(f"times {self.times_s.shape} and values {self.values.shape} do not go together")
        if not (np.diff(self.times_s) > 0).all():
            raise ValueError("the times of a feature table strictly increase")
        bad = np.flatnonzero(~np.isfinite(self.values).all(axis=1))
        if len(bad):
            raise ValueError(f"row {bad[0]} ({self.times_s[bad[0]]:.3f} s) holds a value that is not a finite number")

    @property
    def width(self) -> int:
        return int(self.values.shape[1])


class Extractor(Protocol):
    """Turns a file into a feature table. `name` says the set and everything that changes its values (model, version,
    options): it is part of the cache's key. `width` is the number of columns."""

    name: str
    width: int

    def extract(self, source: Path) -> FeatureTable: ...


def save_table(table: FeatureTable, path: Path, key: str = "") -> None:
    """Write `path` (.npz) whole or not at all. `key` says what it was made of, see `key_of`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as part:
        np.savez(part, times_s=table.times_s, values=table.values, key=np.array(key))


def load_table(path: Path) -> FeatureTable:
    """Read a table. Raises FileNotFoundError, or ValueError that names the file when it is truncated, is no feature
    file, or holds values that are not finite."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return FeatureTable(file["times_s"].astype(np.float64), file["values"].astype(np.float32))
    except FileNotFoundError:
        raise
    except (OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: not a whole feature file ({error}); delete it and extract again") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}; delete it and extract again") from error


def content_hash(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of a folder's files in order."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file() and (file == path or not is_clutter(str(file.relative_to(path)))):
            digest.update(str(file.relative_to(path)).encode() if path.is_dir() else b"")
            with file.open("rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def key_of(extractor: Extractor, source: Path) -> str:
    """What a table depends on: the extractor with its model and options, and the source's content, not its name."""
    return hashlib.sha256(f"{extractor.name}\n{content_hash(source)}".encode()).hexdigest()


def has_key(path: Path, key: str) -> bool:
    """Is there a whole table at `path` that was made of just this?"""
    try:
        with np.load(path, allow_pickle=False) as file:
            return "key" in file.files and str(file["key"]) == key
    except (OSError, EOFError, ValueError, zipfile.BadZipFile):
        return False


def extract_all(
    extractor: Extractor, sources: Sequence[Path], out: Path, *, each: Callable[[Path], None] = lambda path: None
) -> list[Path]:
    """One table for each source as `out`/<set>/<stem>.npz. A table that was made of the same content by the same
    extractor is left alone: an interrupted run goes on, and a new model or a changed recording is extracted afresh.

    Raises ValueError naming the source when it cannot be read, e.g. a video without any face, or when two sources
    would share a table.
    """
    stems = Counter(source.stem for source in sources)
    if twice := [stem for stem, count in stems.items() if count > 1]:
        raise ValueError(f"several sources are called {twice[0]}: rename them, or extract them into different folders")
    written = []
    for source in sources:
        path = out / extractor.name.split("@")[0].replace("/", "-") / f"{source.stem}.npz"
        try:
            key = key_of(extractor, source)
            if not has_key(path, key):
                table = extractor.extract(source)
                if len(table.values) == 0:
                    raise ValueError(f"the extractor {extractor.name} found nothing in it (no face? no sound?)")
                save_table(table, path, key)
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from error
        written.append(path)
        each(path)
    return written


def align(
    table: FeatureTable, times_s: npt.NDArray[np.float64], reach_s: float
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The table's rows at other times: for each time the nearest row that is at most `reach_s` seconds away.

    Returns values (len(times_s), width), zero where nothing is near enough, and which rows are there. Frame rate and
    sound meet here, in seconds and nowhere else.
    """
    if len(table.times_s) == 0:
        return np.zeros((len(times_s), table.width), np.float32), np.zeros(len(times_s), bool)
    right = np.searchsorted(table.times_s, times_s).clip(0, len(table.times_s) - 1)
    left = (right - 1).clip(0)
    nearer = np.where(np.abs(table.times_s[left] - times_s) <= np.abs(table.times_s[right] - times_s), left, right)
    there = np.abs(table.times_s[nearer] - times_s) <= reach_s + 1e-9
    return np.where(there[:, None], table.values[nearer], 0).astype(np.float32), there
