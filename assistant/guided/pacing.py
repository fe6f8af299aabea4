"""Beside which replies the page offers to breathe along, and at which pace."""

from __future__ import annotations

from assistant.guided.exercises import EXERCISES
from assistant.guided.leading import step_of
from assistant.types import Turn

#: In panic: longer out than in, and no holding; the companion's words for panic and the crisis path's count alike.
PANIC_PACE = "4-6"


def pace_beside(turn: Turn) -> str:
    """The pace (one of `steps.PACES`) to offer beside this turn's reply, or "" for none: that of the exercise step that
    waits after it, or PANIC_PACE where the reply is to a panic."""
    guided = turn.guided
    if guided.running and guided.exercise in EXERCISES and (pace := step_of(guided, turn.locale).pace):
        return pace
    return PANIC_PACE if turn.risk.kind == "panic" or guided.asked.startswith("panic") else ""
