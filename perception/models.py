"""The perception models: their cards, and `load(name)`.

To add a model: put its file and its NAME.card.toml (see `perception.cards`) into perception/weights/, and name in
`target` the function that takes (card, path) and returns the loaded predictor. The tests walk the cards.
"""

from __future__ import annotations

import difflib
import importlib
from functools import cache
from pathlib import Path
from typing import Any

from perception.cards import ModelCard, read_cards
from perception.files import sha256_of

WEIGHTS = Path(__file__).resolve().parent / "weights"
#: The card that reads expressions where nobody says otherwise: in `see`, in a Perceiver, on the page.
DEFAULT_EXPRESSION = "expression/small"


#: Name -> card, read once.
CARDS: dict[str, ModelCard] = read_cards(WEIGHTS)


def card_of(name: str) -> ModelCard:
    """The card called `name`. Raises KeyError that lists the names."""
    if name not in CARDS:
        near = difflib.get_close_matches(name, CARDS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ";"
        raise KeyError(f"no perception model is called {name!r}{hint} choose from {', '.join(sorted(CARDS))}")
    return CARDS[name]


def checked_file(card: ModelCard) -> Path:
    """The card's weight file after its checksum was compared. Raises FileNotFoundError or ValueError."""
    path = WEIGHTS / card.file
    if not path.is_file():
        raise FileNotFoundError(f"{card.name}: {path} is missing; restore it with `git checkout -- perception/weights`")
    if (found := sha256_of(path)) != card.sha256:
        raise ValueError(
            f"{card.name}: {path.name} has the checksum {found[:12]}..., its card says {card.sha256[:12]}...; the "
            "file is damaged or another model's: restore it with `git checkout -- perception/weights`"
        )
    return path


@cache
def load(name: str) -> Any:
    """The model called `name`, checked and ready. One instance a process.

    Raises KeyError for an unknown name, FileNotFoundError or ValueError for a missing or altered weight file.
    """
    card = card_of(name)
    module, _, function = card.target.partition(":")
    return getattr(importlib.import_module(module), function)(card, checked_file(card) if card.file else None)
