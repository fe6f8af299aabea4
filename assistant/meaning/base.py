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
#: An act is certain enough to decide a reply from here on, a topic or feeling to be named, a fault to be stopped. A
#: reader scales `Fault.wrong` so that FAULT_FROM is its own threshold, as it does with `danger`.
ACT_FROM, TOPIC_FROM, FAULT_FROM = 0.5, 0.65, 0.5
#: A topic that a word names is no misreading of the word where the reader gives it at least this.
MAYBE_FROM = 0.15
#: From here on a reader is sure: what it saw stands, also where the person, asked, goes on with something else.
SURE_FROM = 0.9
#: `severity` from here on, with `danger` above its bound and a rule that sees danger too, raises a message to `high`.
SEVERE_FROM = 0.5


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader takes one message to mean.

    `danger` and `severity` are in [0, 1]: danger against everything else, and how severe it would be; DANGER_FROM and
    SEVERE_FROM are where they count. `grade`, in [0, 1], orders messages by how far they go, from a wish over a thought
    to a plan; no threshold stands on it. `kinds` gives probabilities by kind of danger ("suicide", "self_harm",
    "eating", "violence", "abuse", "third_person" ...); a kind that is missing has none. Raises ValueError for a number
    outside [0, 1].
    """

    danger: float
    severity: float = 0.0
    kinds: Mapping[str, float] = field(default_factory=dict)
    grade: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", MappingProxyType(dict(self.kinds)))
        for name, value in (("danger", self.danger), ("severity", self.severity), ("grade", self.grade),
                            *self.kinds.items()):  # fmt: skip
            if not (math.isfinite(value) and 0.0 <= value <= 1.0):
                raise ValueError(f"a reading's {name} is {value}; it must lie in [0, 1]")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a person does with a message, by `outputs.ACTS`, TOPICS and FEELINGS, and what a listener would take up of
    it, by OCCASIONS.

    `act` is the likeliest and `sure` its probability; ACT_FROM is where it may be acted on. `topics` and `feelings`
    hold those from TOPIC_FROM on, the likeliest first; `maybe` the topics from MAYBE_FROM on, for whom a word must
    speak, too. `occasions` are the likeliest five of them with their probabilities, none where the reader knows none;
    `asking`, in [0, 1], is the probability that the message asks the companion for something, whatever that is: what
    is asked for is often open where it is clear that something is.
    """

    act: str
    sure: float
    topics: tuple[str, ...] = ()
    feelings: tuple[str, ...] = ()
    maybe: tuple[str, ...] = ()
    occasions: tuple[tuple[str, float], ...] = ()
    asking: float = 0.0


@dataclass(frozen=True, slots=True)
class Fault:
    """What a sentence of a reply is likeliest to do wrong (`outputs.FAULTS`), and whether it does: `wrong` in [0, 1],
    from FAULT_FROM on it is not to be shown."""

    kind: str
    wrong: float


@runtime_checkable
class Reader(Protocol):
    """Reads one message by itself, without the conversation around it."""

    def read(self, text: str) -> Reading:
        """The reading of `text`, of any length and content, in a time linear in its length. Raises nothing for a
        message; what cannot be loaded is found out when the reader is made, not here."""
        ...


@runtime_checkable
class Understands(Protocol):
    """Reads what a person does with a message: for the companion."""

    def understand(self, text: str) -> Meaning:
        """The meaning of `text`, of any length and content. Raises nothing for a message."""
        ...


def understanding(reader: object) -> Understands | None:
    """The reader, where it also understands messages."""
    return reader if isinstance(reader, Understands) else None


@runtime_checkable
class Judges(Protocol):
    """Reads what is wrong with a sentence of a reply: for the reply check."""

    def judge(self, sentence: str) -> Fault:
        """The likeliest fault of `sentence`. Raises nothing for a sentence."""
        ...
