"""The guided exercises, read from assistant/exercises/*.toml, one file each. To add one, add a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.guided.steps import Script, Step, key_of
from assistant.guided.tables import LOCALES, TextsInvalid, load
from llm.types import Locale

FOLDER = Path(__file__).resolve().parent.parent / "exercises"


@dataclass(frozen=True, slots=True)
class Exercise:
    """A guided exercise: by which words a person asks for it, and for which topics it is offered."""

    name: str
    place: int  # in lists, and of two that fit a topic the lower one is offered first
    called: re.Pattern[str]
    topics: tuple[str, ...]
    scripts: tuple[Script, Script]  # in the order of LOCALES

    def script(self, locale: Locale) -> Script:
        """The exercise in one language."""
        return self.scripts[LOCALES.index(locale)]


def read_exercise(path: Path) -> Exercise:
    """The exercise in a file. Raises TextsInvalid."""
    given = load(path)
    try:
        scripts = [_script(given[locale]) for locale in LOCALES]
        called = re.compile(given["called"], re.I)
        return Exercise(given["name"], given["place"], called, tuple(given["topics"]), (scripts[0], scripts[1]))
    except (KeyError, TypeError, re.error) as error:
        raise TextsInvalid(f"{path.name}: {error!r}; see the other files for what an exercise needs") from error


def _script(given: dict[str, Any]) -> Script:
    return Script(given["title"], given["offer"], tuple(Step(**step) for step in given["steps"]), given["close"])


EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in sorted(map(read_exercise, FOLDER.glob("*.toml")), key=lambda exercise: exercise.place)
}


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
    for name, exercise in EXERCISES.items():
        for script in exercise.scripts:
            texts = [step.say for step in script.steps] + [script.close]
            keys |= {key_of(text): Place(name, index) for index, text in enumerate(texts)}
    return keys


_PLACES = _keys()


def place_in(reply: str) -> Place | None:
    """The step or closing that this earlier reply said, recognised by its first sentence in either language."""
    return next((place for key, place in _PLACES.items() if key in reply), None)


def offered_in(reply: str) -> str | None:
    """The name of the exercise that this earlier reply offered."""
    for name, exercise in EXERCISES.items():
        if any(key_of(script.offer) in reply for script in exercise.scripts):
            return name
    return None


def called_in(text: str) -> str | None:
    """The name of the exercise that the person asks for by its name or title."""
    return next((name for name, exercise in EXERCISES.items() if exercise.called.search(text)), None)
