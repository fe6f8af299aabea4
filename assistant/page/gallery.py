"""The exercises as the page's script takes them for its gallery: inside the page, in both languages."""

from __future__ import annotations

from typing import Any

from assistant.guided.exercises import EXERCISES, NEEDS, Exercise
from assistant.page.texts import LOCALES


def gallery() -> dict[str, Any]:
    """`needs` in their order, and `exercises` in theirs: name, needs, minutes, sources, and by language the words."""
    return {"needs": list(NEEDS), "exercises": [_card(exercise) for exercise in EXERCISES.values()]}


def _card(exercise: Exercise) -> dict[str, Any]:
    words = {}
    for locale in LOCALES:
        script = exercise.script(locale)
        words[locale] = {
            "title": script.title,
            "about": script.about,
            "careful": script.careful,
            "asks": script.asks,
            "sources": [
                {"author": source.author, "year": source.year, "note": source.note(locale)}
                for source in exercise.sources
            ],
        }
    return {"name": exercise.name, "needs": list(exercise.needs), "minutes": exercise.minutes, "words": words}
