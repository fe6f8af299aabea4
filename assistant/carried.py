"""GuidedState <-> the opaque text that travels with a Prompt and a Reply, and <-> what is stored."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from typing import Any

from assistant.types import Fact, GuidedState

_NAMES = frozenset(field.name for field in fields(GuidedState))


def to_text(state: GuidedState) -> str:
    """One line of JSON, "" for an empty state."""
    if state == GuidedState():
        return ""
    return json.dumps(asdict(state), ensure_ascii=False, separators=(",", ":"))


def from_text(text: str) -> GuidedState:
    """The inverse of to_text. Raises ValueError for what is none."""
    try:
        return state_from(json.loads(text)) if text else GuidedState()
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is no state of the companion: {error!r}") from error


def state_from(row: dict[str, Any]) -> GuidedState:
    """The state in a row of `asdict`; what this version does not know is left out. Raises KeyError, TypeError."""
    known = {name: value for name, value in row.items() if name in _NAMES}
    for name, value in known.items():
        if isinstance(value, list):
            known[name] = tuple(tuple(item) if isinstance(item, list) else item for item in value)
    known["facts"] = tuple(Fact(**fact) for fact in row.get("facts", ()))
    return GuidedState(**known)


def interrupted(state: GuidedState, asked: str = "", topic: str = "") -> GuidedState:
    """The state after a reply that was not the companion's: what ran waits, what was offered and asked is past; `asked`
    is what that reply asked, and `topic` what it was about."""
    topics = (*(one for one in state.topics if one != topic), topic) if topic else state.topics
    return replace(
        state, topics=topics, paused=bool(state.exercise), offered="resume" if state.running else "", asked=asked
    )
