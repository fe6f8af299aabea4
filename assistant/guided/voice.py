"""A topic's words, and how they are chosen: by what has been said already, so that nothing comes back mechanically."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """`name` to refer back to it ("Earlier you spoke about ..."), things to say, questions to ask."""

    name: str
    says: tuple[str, ...]
    asks: tuple[str, ...]
