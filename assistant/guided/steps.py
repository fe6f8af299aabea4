"""What an exercise is made of. Pure and frozen."""

from __future__ import annotations

from dataclasses import dataclass

#: Paces to breathe by, in seconds: in, hold, out, rest; or in and out.
PACES = ("4-4-4-4", "4-6")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do or to answer. `id` is its stable name within the exercise, the same in both languages.

    `answer`: what the person writes is taken as the answer, whatever it says; otherwise a short word moves on. `keep`
    names the answer for later steps and the closing. `pace` (one of PACES, or "") is one to breathe by meanwhile.
    """

    id: str
    say: str
    answer: bool = False
    keep: str = ""
    pace: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """An exercise in one language: what it is, in one sentence (`about`); when not to do it, in one sentence
    (`careful`); the words of a person who wants it (`asks`); how it is offered; its steps; what is said at the end."""

    title: str
    about: str
    careful: str
    asks: str
    offer: str
    steps: tuple[Step, ...]
    close: str
