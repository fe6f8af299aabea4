"""The guided exercises, read from assistant/exercises/*.toml, one file each. To add one, add a file.

What a file needs: see EXERCISES and the types below; `read_exercise` says what is missing or unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.guided.steps import PACES, Script, Step
from assistant.guided.tables import LOCALES, TextsInvalid, load
from assistant.meaning.outputs import TOPICS
from llm.types import Locale

FOLDER = Path(__file__).resolve().parent.parent / "exercises"

#: What a person may need an exercise for, in the order of the page's gallery.
NEEDS = (
    "calm_now", "sleep", "mood", "thoughts", "anger", "relations", "urges", "habits", "self_kindness", "direction",
)  # fmt: skip
#: An exercise takes at most this long (minutes).
MAX_MINUTES = 30


@dataclass(frozen=True, slots=True)
class Source:
    """A published method that an exercise follows. `notes`: what it takes from there, in the order of LOCALES."""

    author: str
    year: int
    notes: tuple[str, str]

    def note(self, locale: Locale) -> str:
        """What the exercise takes from it, in one language."""
        return self.notes[LOCALES.index(locale)]


@dataclass(frozen=True, slots=True)
class Exercise:
    """A guided exercise: by which words a person asks for it, for which topics (of `meaning.outputs`) it is offered,
    for which NEEDS it is found, how many minutes it takes, and which published methods it follows."""

    name: str
    place: int  # in lists, and of two that fit a topic the lower one is offered first
    called: re.Pattern[str]
    topics: tuple[str, ...]  # may be empty: an exercise that is never offered unasked
    needs: tuple[str, ...]
    minutes: int
    sources: tuple[Source, ...]
    scripts: tuple[Script, Script]  # in the order of LOCALES

    def script(self, locale: Locale) -> Script:
        """The exercise in one language."""
        return self.scripts[LOCALES.index(locale)]


def read_exercise(path: Path) -> Exercise:
    """The exercise in a file. Raises TextsInvalid."""
    given = load(path)
    try:
        exercise = Exercise(
            given["name"],
            given["place"],
            re.compile(given["called"], re.I),
            _known(given["topics"], TOPICS, "topic"),
            _known(given["needs"], NEEDS, "need"),
            given["minutes"],
            tuple(Source(row["author"], row["year"], (row["en"], row["zh"])) for row in given["sources"]),
            (_script(given["en"]), _script(given["zh"])),
        )
    except (KeyError, TypeError, ValueError, re.error) as error:
        raise TextsInvalid(f"{path.name}: {error!r}; see the other files for what an exercise needs") from error
    if problem := _problem(exercise):
        raise TextsInvalid(f"{path.name}: {problem}")
    return exercise


def _script(given: dict[str, Any]) -> Script:
    steps = tuple(Step(**step) for step in given["steps"])
    return Script(
        given["title"], given["about"], given["careful"], given["asks"], given["offer"], steps, given["close"]
    )


def _known(names: list[str], known: tuple[str, ...], what: str) -> tuple[str, ...]:
    for name in names:
        if name not in known:
            raise ValueError(f"there is no {what} {name!r}; choose from {', '.join(known)}")
    return tuple(names)


def _problem(exercise: Exercise) -> str:
    """What contradicts itself in an exercise, or ""."""
    if not (exercise.needs and exercise.sources):
        return "an exercise needs at least one of needs and of sources"
    if not 1 <= exercise.minutes <= MAX_MINUTES:
        return f"minutes is {exercise.minutes}; it must be from 1 to {MAX_MINUTES}"
    en, zh = ([(step.id, step.pace, step.answer, step.keep) for step in one.steps] for one in exercise.scripts)
    if en != zh:
        return f"the steps differ between the languages in id, pace, answer or keep: {en} and {zh}"
    ids = [step.id for step in exercise.script("en").steps]
    if len(set(ids)) < len(ids):
        return f"the ids of its steps must differ: {ids}"
    for script, locale in zip(exercise.scripts, LOCALES, strict=True):
        if not exercise.called.search(script.asks):
            return f"{locale}.asks ({script.asks!r}) is not found by `called`"
        for pace in {step.pace for step in script.steps} - {"", *PACES}:
            return f"there is no pace {pace!r}; choose from {', '.join(PACES)}"
    return ""


EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in sorted(map(read_exercise, FOLDER.glob("*.toml")), key=lambda exercise: exercise.place)
}


#: Exercises that breathe to a pace, and those that count.
BREATHING = tuple(name for name, one in EXERCISES.items() if any(step.pace for step in one.script("en").steps))
COUNTING = (*BREATHING, "grounding")


def called_in(text: str) -> str | None:
    """The name of the exercise that the person asks for by its name or title."""
    return next((name for name, exercise in EXERCISES.items() if exercise.called.search(text)), None)
