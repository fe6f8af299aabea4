"""What a conversation says about what was practised."""

from __future__ import annotations

from assistant.guided.exercises import place_in
from assistant.journal.entries import Practice
from assistant.types import Turn


def practised(turn: Turn) -> Practice | None:
    """The exercise whose step or closing this reply said; None where it said none."""
    place = place_in(turn.reply)
    return Practice(place.name, place.finished) if place else None
