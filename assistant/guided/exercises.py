"""The table of guided exercises. To add one: a Script in exercises_en.py and exercises_zh.py, and a row here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from assistant.guided import exercises_en, exercises_zh
from assistant.guided.steps import Script, Step, key_of
from llm.types import Locale

_SCRIPTS: dict[Locale, dict[str, Script]] = {"en": exercises_en.SCRIPTS, "zh": exercises_zh.SCRIPTS}


@dataclass(frozen=True, slots=True)
class Exercise:
    """A guided exercise: by which words a person asks for it, and for which topics it is offered."""

    name: str
    called: re.Pattern[str]
    topics: tuple[str, ...]

    def script(self, locale: Locale) -> Script:
        """The exercise in one language."""
        return _SCRIPTS[locale][self.name]


def _row(name: str, called: str, *topics: str) -> Exercise:
    return Exercise(name, re.compile(called, re.I), topics)


EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (
        _row(
            "box", r"\bbox\b|\bbreathe (together|with)|\bbreathing\b|方块呼吸|呼吸练习|(一起|做).{0,4}呼吸",
            "panic", "anger", "sleep", "health",
        ),
        _row(
            "grounding",
            r"\bgrounding\b|\bcalm (me )?down (right )?now\b|5-4-3-2-1|54321|五感|着陆|五四三二一|现在平静下来",
            "panic",
        ),
        _row("thought", r"\bthought record\b|\b(check|examine) (my|the|that) thoughts?\b|想法记录|思维记录", "worth"),
        _row("step", r"\b(small|next|first) step\b|小步", "low", "tired", "money", "lonely", "work", "drink"),
        _row(
            "kind", r"\bself-?compassion\b|\bbe(ing)? kind(er)? to myself\b|善待自己|自我关怀|自我慈悲",
            "breakup", "worth", "family", "child",
        ),
        _row("worry", r"\bworry time\b|担心时间", "worry", "sleep", "money", "health", "study"),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where an exercise stands: at step `index`, or at its closing when `index` is the number of steps."""

    name: str
    index: int

    @property
    def finished(self) -> bool:
        """The closing has been said."""
        return self.index == len(EXERCISES[self.name].script("en").steps)

    def step(self, locale: Locale) -> Step:
        """The step here. Raises IndexError at the closing."""
        return EXERCISES[self.name].script(locale).steps[self.index]


def _keys() -> dict[str, Place]:
    keys: dict[str, Place] = {}
    for name in EXERCISES:
        for scripts in _SCRIPTS.values():
            texts = [step.say for step in scripts[name].steps] + [scripts[name].close]
            keys |= {key_of(text): Place(name, index) for index, text in enumerate(texts)}
    return keys


_PLACES = _keys()


def place_in(reply: str) -> Place | None:
    """The step or closing that this earlier reply said, recognised by its first sentence in either language."""
    return next((place for key, place in _PLACES.items() if key in reply), None)


def offered_in(reply: str) -> str | None:
    """The name of the exercise that this earlier reply offered."""
    for name in EXERCISES:
        if any(key_of(scripts[name].offer) in reply for scripts in _SCRIPTS.values()):
            return name
    return None


def called_in(text: str) -> str | None:
    """The name of the exercise that the person asks for by its name or title."""
    return next((name for name, exercise in EXERCISES.items() if exercise.called.search(text)), None)
