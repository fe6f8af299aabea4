"""What the store tells about what it holds, beside the turns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Conversation:
    """One line of the history. Times are ISO 8601, UTC."""

    id: str
    title: str
    started: str
    last: str
    count: int
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Consent:
    """One change of one layer."""

    at: str
    layer: str
    granted: bool
