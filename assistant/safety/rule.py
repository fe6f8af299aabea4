"""What a rule is: a named pattern over one clause, and the kind of signal that it gives."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """What a clause can tell. The engine turns kinds, together, into a level (engine.py)."""

    WISH = auto()  # to be dead, not to wake up (C-SSRS 1)
    THOUGHT = auto()  # active thoughts of dying by one's own hand (C-SSRS 2)
    METHOD = auto()  # a way of doing it, named with the thought (C-SSRS 3)
    METHOD_QUESTION = auto()  # asking for a way that is painless, sure, or enough
    INTENT = auto()  # meaning to (C-SSRS 4)
    TIME = auto()  # a moment named; counts only beside another signal (C-SSRS 5)
    PREPARATION = auto()  # letters, will, giving things away, farewell
    MEANS = auto()  # the means lie ready
    PLACE = auto()  # at a place of danger now; counts only beside another signal
    ALONE = auto()  # doors shut, phone off, the others sent away; counts only beside means or a place
    FAREWELL = auto()  # goodbye, sorry everyone; counts only beside another signal
    ATTEMPT_NOW = auto()  # under way, or just done
    ATTEMPT = auto()  # an attempt that was made
    SELF_HARM_URGE = auto()
    SELF_HARM = auto()
    BURDEN = auto()  # others would be better off
    HOPELESS = auto()
    VIOLENCE = auto()  # a wish to hurt somebody, often only anger
    VIOLENCE_INTENT = auto()  # meant: decided, with a means or a time
    VIOLENCE_PLAN = auto()  # a place, a watch kept, a weapon ready; counts only beside the wish or the intent
    ABUSE = auto()  # being hurt by somebody
    DANGER_NOW = auto()  # somebody dangerous is near, now
    DEADLY = auto()  # strangled, a weapon drawn, a threat to kill
    VOICES = auto()  # voices that command harm
    MEDICAL = auto()  # signs of a bodily emergency, of whomever
    DENIAL = auto()  # "I am not suicidal"
    MINOR = auto()  # says to be under 18


@dataclass(frozen=True, slots=True)
class Rule:
    """`pattern` is searched in one normalised clause, or in the whole sentence where `whole` is set."""

    name: str
    kind: Kind
    pattern: re.Pattern[str]
    whole: bool = False


def rule(name: str, kind: Kind, pattern: str, whole: bool = False) -> Rule:
    """A Rule. ASCII, so that a Chinese character before an English word is a word boundary ("我想kill myself")."""
    return Rule(name, kind, re.compile(pattern, re.ASCII), whole)
