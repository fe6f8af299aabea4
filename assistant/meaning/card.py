"""The card of a reader: which file, its checksum, where it comes from and what was measured. A TOML file beside it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

CARD = Path(__file__).resolve().parent.parent / "weights" / "reader.toml"


@dataclass(frozen=True, slots=True)
class Card:
    """What a reader is. `file` lies beside the card; `sha256` is its checksum in hex."""

    file: Path
    sha256: str
    summary: str
    licence: str


def read_card(path: Path | None = None) -> Card:
    """The card in `path` (default: the shipped one). Raises OSError when it is missing, ValueError when it is wrong."""
    path = path or CARD
    with path.open("rb") as file:
        given = tomllib.load(file)
    try:
        return Card(path.parent / given["file"], given["sha256"], given["summary"], given["licence"])
    except KeyError as error:
        raise ValueError(f"{path.name}: {error} is missing; a card has file, sha256, summary and licence") from error
