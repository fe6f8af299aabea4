"""A look back: what was kept in a time, counted and in the person's words. No average, no comparison, no advice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from assistant.journal.entries import Entry, Goal, Mood, Practice


@dataclass(frozen=True, slots=True)
class Week:
    """`checks` check-ins, numbers between `lowest` and `highest` (0 to 10; None where there were none); their notes,
    the oldest first; how often which exercise was practised; the words of the steps and goals that were done."""

    checks: int = 0
    lowest: int | None = None
    highest: int | None = None
    notes: tuple[str, ...] = ()
    practised: tuple[tuple[str, int], ...] = ()
    done: tuple[str, ...] = ()


def week_of(entries: Iterable[Entry], start: str, end: str) -> Week:
    """What `entries` hold from `start` until before `end` (as `instant` gives them)."""
    scores: list[int] = []
    notes: list[str] = []
    done: list[tuple[str, str]] = []
    practised: Counter[str] = Counter()
    for entry in sorted(entries, key=lambda entry: entry.at):
        body, within = entry.body, start <= entry.at < end
        if isinstance(body, Goal):
            done += [(step.done, step.words) for step in body.steps]
            done.append((body.done, body.words))
        elif within and isinstance(body, Practice):
            practised[body.exercise] += 1
        elif within and isinstance(body, Mood):
            scores.append(body.score)
            notes += [body.note] if body.note else []
    return Week(
        len(scores), min(scores, default=None), max(scores, default=None), tuple(notes), tuple(practised.items()),
        tuple(words for at, words in sorted(done) if start <= at < end),
    )  # fmt: skip
