"""The entries of the journal and the lines of the memory. Pure and frozen; times are ISO 8601, UTC, to the second."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from assistant.language import clean_text

#: Longest texts (characters): what is written beside a number or about a week; one line; and how many steps a goal has.
MAX_NOTE, MAX_LINE, MAX_STEPS = 1000, 160, 20
LOWEST, HIGHEST = 0, 10


def instant(text: object) -> str:
    """A time as it is kept. Raises ValueError for what is no ISO 8601 time with a zone."""
    at = datetime.fromisoformat(str(text))
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write it like 2026-11-27T09:30:00+00:00")
    return at.astimezone(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Mood:
    """A check-in: a number from 0 (very bad) to 10 (very good), and words if the person wants."""

    score: int
    note: str = ""

    def __post_init__(self) -> None:
        if type(self.score) is not int or not LOWEST <= self.score <= HIGHEST:
            raise ValueError(f"a mood is a whole number from {LOWEST} to {HIGHEST}, got {self.score!r}")


@dataclass(frozen=True, slots=True)
class Step:
    """One small step of a goal; `done` is when it was done, "" while it is open."""

    words: str
    done: str = ""


@dataclass(frozen=True, slots=True)
class Goal:
    """Something that the person would like, in steps."""

    words: str
    steps: tuple[Step, ...] = ()
    done: str = ""

    def __post_init__(self) -> None:
        if len(self.steps) > MAX_STEPS:
            raise ValueError(f"a goal has at most {MAX_STEPS} steps, got {len(self.steps)}")


@dataclass(frozen=True, slots=True)
class Practice:
    """An exercise that was begun in a conversation, by its name in assistant/exercises."""

    exercise: str
    finished: bool = False


@dataclass(frozen=True, slots=True)
class LookBack:
    """A look back on the time from `start` until `end`, with what the person says about it. What was counted is not
    kept: it is counted anew (week_of), so that an entry that is deleted is gone from here as well."""

    start: str
    end: str
    words: str = ""

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise ValueError(f"a look back begins before it ends, got {self.start} to {self.end}")


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is remembered, in the person's words. Only one that is `on` is ever passed to a model."""

    words: str
    on: bool = True


Body = Mood | Goal | Practice | LookBack | Line


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept, and when. `conversation_id` is where it comes from, "" for what the person wrote by hand."""

    id: str
    at: str
    body: Body
    conversation_id: str = ""

    def as_dict(self) -> dict[str, Any]:
        """A JSON-ready copy, with the kind."""
        return {"id": self.id, "kind": kind_of(self.body), "at": self.at, "conversation_id": self.conversation_id} | (
            asdict(self.body)
        )


KINDS: dict[str, type[Body]] = {"mood": Mood, "goal": Goal, "practice": Practice, "look_back": LookBack, "line": Line}


def kind_of(body: Body) -> str:
    """A key of KINDS."""
    return next(kind for kind, made in KINDS.items() if type(body) is made)


def body_of(kind: str, row: Mapping[str, Any]) -> Body:
    """The body that a row of `asdict` or of the page's script describes; texts are cleaned. Raises ValueError that says
    what is wrong."""
    if kind not in _READ:
        raise ValueError(f"no entry is called {kind!r}; choose from {', '.join(_READ)}")
    try:
        return _READ[kind](row)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"an entry of the kind {kind} lacks something ({type(error).__name__})") from error


def words_in(body: Body) -> Iterator[str]:
    """Everything in it that the person wrote."""
    if isinstance(body, Mood):
        yield body.note
    elif not isinstance(body, Practice):
        yield body.words
    if isinstance(body, Goal):
        yield from (step.words for step in body.steps)


def _note(given: object) -> str:
    words = clean_text(str(given))
    if len(words) > MAX_NOTE:
        raise ValueError(f"at most {MAX_NOTE} characters fit here, got {len(words)}")
    return words


def _line(given: object) -> str:
    words = " ".join(clean_text(str(given)).split())
    if not 0 < len(words) <= MAX_LINE:
        raise ValueError(f"a line has 1 to {MAX_LINE} characters, got {len(words)}")
    return words


def _when(given: object) -> str:
    return instant(given) if given else ""


def _steps(rows: Any) -> tuple[Step, ...]:
    return tuple(Step(_line(row["words"]), _when(row.get("done"))) for row in rows)


_READ: dict[str, Callable[[Mapping[str, Any]], Body]] = {
    "mood": lambda row: Mood(row["score"], _note(row.get("note", ""))),
    "goal": lambda row: Goal(_line(row["words"]), _steps(row.get("steps", ())), _when(row.get("done"))),
    "practice": lambda row: Practice(_line(row["exercise"]), row["finished"] is True),
    "look_back": lambda row: LookBack(instant(row["start"]), instant(row["end"]), _note(row.get("words", ""))),
    "line": lambda row: Line(_line(row["words"]), row.get("on") is not False),
}
