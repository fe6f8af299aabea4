"""The values of data preparation: Dialogue, Problem, CleanReport. Pure and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["system", "user", "assistant"]
Split = Literal["train", "valid", "test"]

#: Why a dialogue is left out, in the order in which the rules are asked. The first that applies is the one recorded.
REASONS: Mapping[str, str] = {
    "malformed": "not the expected schema, or an empty message",
    "one_sided": "fewer than two speakers, or fewer than two messages",
    "not_alternating": "two messages of the same role in a row, or the assistant speaks first",
    "personal_data": "an e-mail, link, telephone, identity, account or other long number",
    "crisis_method": "names a way or a means of suicide or self-harm",
    "repeated_opening": "the same first words as a dialogue that was kept already",
}


@dataclass(frozen=True, slots=True)
class Utterance:
    """One message of a dialogue."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A dialogue with its origin. `id` is unique within `source`; `lang` is "zh" or "en"."""

    id: str
    source: str
    lang: str
    messages: tuple[Utterance, ...]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A dialogue that was left out. `reason` is a key of REASONS; `place` is file:line and, where malformed, what is
    wrong there; never a text of the dialogue."""

    id: str
    reason: str
    place: str


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What happened to one source. `dropped` counts by reason; read = kept + sum(dropped)."""

    source: str
    sha256: str
    read: int
    kept: int
    dropped: Mapping[str, int]
    trimmed_tail: int
    splits: Mapping[str, int]
    characters: int


@dataclass(frozen=True, slots=True)
class CleanReport:
    """The whole run: one entry per source, and the hashes of the files that were written."""

    sources: tuple[SourceReport, ...]
    written: Mapping[str, str] = field(default_factory=dict)
