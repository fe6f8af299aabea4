"""What a rule is: named patterns over one clause, and the kind of signal that they give."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a clause can tell. levels.toml says what kinds make together."""

    WISH = "wish"  # to be dead, not to wake up (C-SSRS 1)
    THOUGHT = "thought"  # active thoughts of dying by one's own hand (C-SSRS 2)
    METHOD = "method"  # a way of doing it, named with the thought (C-SSRS 3)
    METHOD_QUESTION = "method_question"  # asking for a way that is painless, sure, or enough
    INTENT = "intent"  # meaning to (C-SSRS 4)
    PREPARATION = "preparation"  # letters, will, giving things away, farewell
    MEANS = "means"  # the means lie ready
    PLACE = "place"  # at a place of danger now; counts only beside another signal
    ALONE = "alone"  # doors shut, phone off, the others sent away; counts only beside means or a place
    FAREWELL = "farewell"  # goodbye, sorry everyone; counts only beside another signal
    ATTEMPT_NOW = "attempt_now"  # under way, or just done
    ATTEMPT = "attempt"  # an attempt that was made
    SELF_HARM_URGE = "self_harm_urge"
    SELF_HARM = "self_harm"
    EATING = "eating"  # starving, purging, asking how to lose more; never praised
    BURDEN = "burden"  # others would be better off
    HOPELESS = "hopeless"
    VIOLENCE = "violence"  # a wish to hurt somebody, often only anger
    VIOLENCE_INTENT = "violence_intent"  # meant: decided, with a means or a time
    VIOLENCE_PLAN = "violence_plan"  # a place, a watch kept, a weapon ready; counts only beside the wish or the intent
    VIOLENCE_QUESTION = "violence_question"  # asking how to hurt, find or poison somebody
    ABUSE = "abuse"  # being hurt by somebody
    DANGER_NOW = "danger_now"  # somebody dangerous is near, now
    CHILD = "child"  # a child is hurt, or in danger from somebody
    DEADLY = "deadly"  # strangled, a weapon drawn, a threat to kill
    VOICES = "voices"  # voices that command harm
    DELUSION = "delusion"  # watched, chosen, poisoned, messages meant for one: neither confirmed nor argued with
    MANIA = "mania"  # no need of sleep, boundless plans, money given away
    PANIC = "panic"  # a panic attack, tingling, fear of dying of it
    BIRTH = "birth"  # after childbirth: thoughts about the baby, or no bond and despair
    MEDICAL = "medical"  # signs of a bodily emergency, of whomever
    DENIAL = "denial"  # "I am not suicidal"
    MINOR = "minor"  # says to be under 18


@dataclass(frozen=True, slots=True)
class Rule:
    """`pattern` is searched in one normalised clause, or in the whole sentence where `whole` is set.

    `negatable`: a negation before its heart turns the signal into a denial. `tags` are what levels.toml and the engine
    ask for beside the kind ("taken", "strong" ...); a rule's name decides nothing. `yes` are messages in which this
    rule decides (without it they are read as less or as something else), `no` look-alikes in which it does not match.
    """

    name: str
    kind: Kind
    pattern: re.Pattern[str]
    yes: tuple[str, ...]
    no: tuple[str, ...]
    tags: frozenset[str] = frozenset()
    whole: bool = False
    negatable: bool = False
