"""Chooses among the variants of a line by what has been said already and by the place in the conversation; no dice."""

from __future__ import annotations

from collections.abc import Sequence

from assistant.guided.memory import Memory, fixed_part
from assistant.guided.tables import LINES


def line(memory: Memory, key: str, **values: object) -> str:
    """The first line called `key` not yet said, or the one said longest ago."""
    lines = LINES[memory.locale][key]
    return (unsaid(memory, lines) or min(lines, key=lambda text: _last_said(memory, text))).format(**values)


def turning(memory: Memory, key: str, **values: object) -> str:
    """The lines called `key` in turn, by the place in the conversation: for short ones that may come back."""
    lines = LINES[memory.locale][key]
    return lines[memory.position % len(lines)].format(**values)


def unsaid(memory: Memory, lines: Sequence[str]) -> str:
    """The first of `lines` that no earlier reply holds, or ""."""
    return next((text for text in lines if _last_said(memory, text) < 0), "")


def joined(memory: Memory, *parts: str) -> str:
    """The parts that are not empty, as one paragraph, each with a capital letter where the language has them."""
    gap = "" if memory.locale == "zh" else " "
    return gap.join(part[0].upper() + part[1:] for part in parts if part)


def fresh(memory: Memory, reply: str) -> str:
    """`reply`, or, where exactly this has been said before, the same with another opening."""
    if reply not in memory.replies:
        return reply
    table = LINES[memory.locale]
    openings = [*table["again"], *(f"{pace} {again}" for pace in table["pace"] for again in table["again"])]
    start = memory.position
    for i in range(len(openings)):
        other = f"{openings[(start + i) % len(openings)] if i >= 4 else openings[i]} {reply}"
        if other not in memory.replies:
            return other.replace("： ", "：")
    return reply


def _last_said(memory: Memory, text: str) -> int:
    part = fixed_part(text)
    return max((index for index, reply in enumerate(memory.replies) if part in reply), default=-1)
