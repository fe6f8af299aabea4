"""The values of an exam: Item, Extraction, Scored."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ItemKind = Literal["single", "multiple", "essay"]
#: What was found in a reply: letters; the statement that no option is right; nothing that is an answer.
Found = Literal["answered", "none", "unparsed"]
_OUTSIDE_WORDS = re.compile(r"[\W_]+")
#: What exams print before a question: "单选：", "86．", "12、".
_NUMBER = re.compile(r"^\s*(?:[单多]选(?:题)?\s*[:.、]?\s*)?(?:\d{1,3}\s*[.、:)]\s*)?")


def normalised(text: str) -> str:
    """NFKC, without punctuation and spaces, case folded: what two copies of one text have in common."""
    return _OUTSIDE_WORDS.sub("", unicodedata.normalize("NFKC", text)).casefold()


def stem(question: str) -> str:
    """A question as two copies of it have it in common: without its number, normalised."""
    return normalised(_NUMBER.sub("", unicodedata.normalize("NFKC", question), count=1))


@dataclass(frozen=True, slots=True)
class Item:
    """One question. `options` maps letters to texts, in order; `key` holds the right letters; an essay has neither and
    keeps its model answer in `reference`. `context` is a case that belongs to it. Invariant: nothing but an essay lacks
    options; the key may be empty or name a missing option (faults of published data, which `audit` finds)."""

    item_id: str
    section: str
    level: str
    kind: ItemKind
    question: str
    options: Mapping[str, str] = field(default_factory=dict)
    key: frozenset[str] = frozenset()
    context: str = ""
    analysis: str = ""
    reference: str = ""
    lang: str = "zh"

    def __post_init__(self) -> None:
        if not self.question.strip():
            raise ValueError(f"{self.item_id}: an item has a question")
        if (self.kind == "essay") == bool(self.options):
            raise ValueError(f"{self.item_id}: an item has options, an essay has none")

    @property
    def is_sound(self) -> bool:
        """Whether the item can be scored: at least two options, and a key among them of a size that fits its kind."""
        if self.kind == "essay":
            return bool(self.reference.strip())
        fits = len(self.key) == 1 if self.kind == "single" else len(self.key) >= 1
        return len(self.options) >= 2 and self.key <= set(self.options) and fits

    @property
    def content(self) -> str:
        """SHA-256 of what is asked, normalised: two copies of one item share it, whatever their keys."""
        parts = [normalised(self.context), stem(self.question), *(normalised(o) for o in self.options.values())]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def answer(self) -> str:
        return "".join(sorted(self.key))


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a reply says. `letters` is empty unless `found` is "answered"."""

    found: Found
    letters: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if bool(self.letters) != (self.found == "answered"):
            raise ValueError(f"letters stand with an answer, and only there: {self}")


@dataclass(frozen=True, slots=True)
class Scored:
    """One item of one run. `outcome` is "answered", "none" or "unparsed" for a whole reply, else what became of the
    request ("empty", "cut", "refused", "connection", ...). `letters` is the answer given; `credits` maps the names of
    rules to credit in [0, 1], zero where nothing was answered. `confidence` is the probability of the answer where the
    server gave log-probabilities, else None."""

    item_id: str
    outcome: str
    letters: str
    credits: Mapping[str, float]
    reply: str
    confidence: float | None = None

    def record(self) -> str:
        """One line of `items.jsonl`."""
        return json.dumps(
            {"id": self.item_id, "outcome": self.outcome, "letters": self.letters, "credits": dict(self.credits),
             "confidence": self.confidence, "reply": self.reply},
            ensure_ascii=False,
        )  # fmt: skip

    @classmethod
    def of_record(cls, line: str) -> Scored:
        row = json.loads(line)
        return cls(row["id"], row["outcome"], row["letters"], row["credits"], row["reply"], row["confidence"])
