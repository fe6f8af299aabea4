"""What a conversation says about what was practised."""

from __future__ import annotations

from assistant.guided.companion import Guided
from assistant.journal.entries import Practice
from assistant.types import Turn


def practised(turn: Turn) -> Practice | None:
    """The exercise that the companion led with this reply: one that waits for the next message, or that has just come
    to its end; None where it led none."""
    guided = turn.guided
    if turn.model.split("+")[-1] != Guided.name:
        return None
    if guided.running:
        return Practice(guided.exercise)
    ended = guided.ways[-1:] == ("step",) and not guided.exercise and guided.finished
    return Practice(guided.finished[-1], True) if ended else None
