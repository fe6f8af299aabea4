"""What an exercise is made of. Pure and frozen."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FIRST_SENTENCE = re.compile(r"[^.!?。！？]*[.!?。！？]")


def key_of(text: str) -> str:
    """The first sentence: by it a text is found again in an earlier reply, even one that was stopped half-way."""
    match = _FIRST_SENTENCE.match(text)
    return match[0] if match else text


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do or to answer. `answer`: what the person writes is taken as the answer, whatever it says;
    otherwise a short word moves on. `keep` names the answer for later steps and the closing."""

    say: str
    answer: bool = False
    keep: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """An exercise in one language: how it is offered (ends with a question), its steps, and what is said at the end."""

    title: str
    offer: str
    steps: tuple[Step, ...]
    close: str
