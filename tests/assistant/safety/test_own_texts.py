"""Lint of our own texts: nothing that a model may not say stands in them, and the words of a clinic only where they say
what this is not, or name the people who do that work."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.meaning import load_reader
from assistant.safety.reply import check_sentence
from assistant.types import Risk

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).parent
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("assistant/page/texts.toml", "assistant/guided/texts/*.toml", "assistant/exercises/*.toml",
                    "assistant/safety/texts/*.toml", "assistant/safety/rules/doses.toml")
    for path in ROOT.glob(pattern)
    if path.stem not in {"clauses", "cues", "facts"}  # patterns of what people say
)  # fmt: skip
#: What in these files is no text for a person: patterns, examples, names.
SKIP = {
    "called", "sources", "medicine", "amount", "not_asked", "yes", "no", "name", "needs", "topics", "id", "keep",
    "pace", "kind", "level", "topic", "about",
}  # fmt: skip
CLINIC = re.compile(r"therap|treatment|diagnos|治疗|诊断|咨询师", re.I)
#: Sentences of ours that a rule or the reader would stop, or that hold a word of a clinic; each was read, and may stay.
ALLOWED = tomllib.loads((HERE / "own_texts.toml").read_text(encoding="utf-8"))


def strings(value: Any) -> Iterator[str]:
    """Every text in a TOML file's content."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in SKIP:
                yield from strings(item)


def sentences(file: str) -> list[str]:
    """The sentences of a file's texts."""
    texts = strings(tomllib.loads((ROOT / file).read_text(encoding="utf-8")))
    return [
        part.strip()
        for text in texts
        for part in re.findall(r"[^.!?。！？\n]+[.!?。！？]*[”\"]?", text)
        if part.strip()
    ]


@pytest.mark.parametrize("file", FILES)
def test_our_texts_say_nothing_that_a_model_may_not(file: str) -> None:
    reader = load_reader()
    for sentence in sentences(file):
        locale = "zh" if re.search("[\u4e00-\u9fff]", sentence) else "en"
        reason = check_sentence(sentence, Risk(), locale, reader).reason  # type: ignore[arg-type]
        assert not reason or sentence in ALLOWED["stopped"], f"{reason}: {sentence}"


@pytest.mark.parametrize("file", FILES)
def test_the_words_of_a_clinic_stand_only_where_they_were_read(file: str) -> None:
    for sentence in sentences(file):
        assert not CLINIC.search(sentence) or sentence in ALLOWED["clinic"], sentence
