"""Beside which replies the page offers to breathe along, and at which pace."""

from __future__ import annotations

from assistant.guided.exercises import place_in
from assistant.types import Turn

#: In panic: longer out than in, and no holding. The crisis path's words for panic count the same.
PANIC_PACE = "4-6"


def pace_beside(turn: Turn) -> str:
    """The pace (one of `steps.PACES`) to offer beside this turn's reply, or "" for none: that of the exercise step that
    the reply says, or PANIC_PACE where the person wrote in a panic."""
    place = place_in(turn.reply)
    if place is not None and not place.finished and (pace := place.step("en").pace):
        return pace
    return PANIC_PACE if turn.risk.kind == "panic" else ""
