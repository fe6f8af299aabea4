"""The protocol between a learned reader and those who ask it (the crisis layer, the companion, retrieval)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol, runtime_checkable

#: `danger` from here on raises a message to `moderate`. A reader scales its scores so that this is its own threshold,
#: chosen on ordinary long distressed messages (at most 1.5 % of them above it).
DANGER_FROM = 0.5
#: `severity` from here on, with `danger` above its bound and a rule that sees danger too, raises a message to `high`.
SEVERE_FROM = 0.5


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader takes one message to mean.

    `danger` and `severity` are in [0, 1]: danger against everything else, and how severe it would be; DANGER_FROM and
    SEVERE_FROM are where they count. `kinds` gives probabilities by kind of danger ("suicide", "self_harm", "eating",
    "violence", "abuse", "third_person" ...); a kind that is missing has no probability. Raises ValueError for a number
    outside [0, 1].
    """

    danger: float
    severity: float = 0.0
    kinds: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", MappingProxyType(dict(self.kinds)))
        for name, value in (("danger", self.danger), ("severity", self.severity), *self.kinds.items()):
            if not (math.isfinite(value) and 0.0 <= value <= 1.0):
                raise ValueError(f"a reading's {name} is {value}; it must lie in [0, 1]")


@runtime_checkable
class Reader(Protocol):
    """Reads one message by itself, without the conversation around it."""

    def read(self, text: str) -> Reading:
        """The reading of `text`, of any length and content, in a time linear in its length. Raises nothing for a
        message; what cannot be loaded is found out when the reader is made, not here."""
        ...
