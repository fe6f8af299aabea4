"""The values of data preparation: Dialogue, CleanReport, Material, Evidence, StepRecord. Pure and frozen."""

from __future__ import annotations

import hashlib
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


#: What a record is made from: a case background, a question with its answers, a passage of a document.
MaterialKind = Literal["case", "qa", "passage"]

#: Why material is not used, in the order in which the rules are asked; the first that applies is counted.
LEFT_OUT: Mapping[str, str] = {
    "malformed": "a required field is missing or not text",
    "low_level": "no answer has a high enough level",
    "few_likes": "no answer has enough likes",
    "crisis": "names a danger to life or a method: written to a file of its own for people to read",
    "too_short": "fewer characters than the shortest that is used",
    "too_long": "more characters than the longest that is used",
    "language": "neither Chinese nor English, or not the language that was asked for",
    "near_copy": "nearly the same words as material that was kept already",
}


@dataclass(frozen=True, slots=True)
class Material:
    """One source of records. `asked` is what a person brings (a case, a question; empty for a passage), `text` the
    answer or the passage. `group` names what must not be cut between splits (a question, a document); `place` is
    file:line or file#part. Invariant: `whole` is what evidence spans count their characters in."""

    id: str
    kind: MaterialKind
    lang: str
    group: str
    asked: str
    text: str
    place: str
    licence: str
    topic: str = ""

    @property
    def whole(self) -> str:
        """`asked` and `text`, a blank line between them where both are given."""
        return "\n\n".join(part for part in (self.asked, self.text) if part)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.whole.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class MaterialReport:
    """What happened to the sources: read = kept + sum(left_out). `scrubbed` counts replaced personal data by kind."""

    read: int
    kept: int
    left_out: Mapping[str, int]
    scrubbed: Mapping[str, int]
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The judgement of one counsellor sentence. `asserts`: it states something about this person or this matter that
    a source could support (a greeting or an open question does not). `start`, `end` are characters of
    `Material.whole`, 0 and 0 for none; `claimed` is the quotation that the judge gave, kept where it was not found.
    Invariant: a span is only given where the source holds those words."""

    turn: int
    sentence: str
    asserts: bool
    start: int = 0
    end: int = 0
    claimed: str = ""

    @property
    def supported(self) -> bool:
        return self.end > self.start


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One request of a chain as it was asked and answered. `prompt` is name.version.language@hash of the prompt file,
    `request` the SHA-256 under which the journal keeps the answer, `seed` the seed that was sent."""

    step: str
    attempt: int
    prompt: str
    request: str
    seed: int
    kind: str
    answer: str
    prompt_tokens: int
    completion_tokens: int
