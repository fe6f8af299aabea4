"""The calls of the journal's and the memory's dialogs. All need the person's consent to storing (see server.answer)."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from fastapi.responses import JSONResponse, Response

from assistant.guided.exercises import EXERCISES
from assistant.journal import Entry, Line, LookBack, Practice, body_of, instant, suggestions, week_of
from assistant.journal.entries import words_in
from assistant.page.session import Session
from assistant.safety import assess
from assistant.types import RiskLevel

#: Suggestions are taken from this many of the latest conversations.
LOOKED_THROUGH = 5


def journal(session: Session, _: dict[str, Any]) -> Response:
    """Everything that the two dialogs show: the entries, each look back counted, the titles of the conversations that
    they come from and of the exercises."""
    entries = session.keeping.entries()
    rows = []
    for entry in entries:
        row = entry.as_dict()
        if isinstance(entry.body, LookBack):
            row["week"] = asdict(week_of(entries, entry.body.start, entry.body.end))
        rows.append(row)
    titles = {one.id: one.title for one in session.keeping.conversations()}
    exercises = {name: exercise.script(session.locale).title for name, exercise in EXERCISES.items()}
    return JSONResponse({"entries": rows, "conversations": titles, "exercises": exercises})


def suggest(session: Session, _: dict[str, Any]) -> Response:
    """Lines that the person might want remembered, from their latest conversations; none while memory is off."""
    if not session.consents.memory:
        return JSONResponse({"suggestions": []})
    bodies = [entry.body for entry in session.keeping.entries()]
    known = {body.words.casefold() for body in bodies if isinstance(body, Line)}
    found: dict[str, dict[str, str]] = {}
    latest = sorted(session.keeping.conversations(), key=lambda one: one.last, reverse=True)[:LOOKED_THROUGH]
    for one in latest:
        for words in suggestions(tuple(session.keeping.turns(one.id).values())):
            if words.casefold() not in known:
                found.setdefault(words.casefold(), {"words": words, "conversation": one.id, "title": one.title})
    return JSONResponse({"suggestions": list(found.values())})


def save(session: Session, body: dict[str, Any]) -> Response:
    """Keep a new entry, or with an `id` change one. `help`: the words point to danger, so that the page names the
    crisis lines; a line like that is never on. Raises ValueError for what is no entry, or may not be kept."""
    given, key = body.get("entry"), str(body.get("id") or "")
    if not isinstance(given, dict):
        raise ValueError("an entry is an object")
    made = body_of(str(body.get("kind")), given)
    at = instant(body.get("at") or datetime.now(UTC).isoformat())
    danger = assess("\n".join(words_in(made)), (), session.services.reader).level >= RiskLevel.MODERATE
    if isinstance(made, Line) and made.on and danger:
        return JSONResponse({"saved": False, "help": True})
    if key:
        session.keeping.change(Entry(key, at, made))
    elif isinstance(made, Practice) or (isinstance(made, Line) and not session.consents.memory):
        raise ValueError("what was practised comes from the conversations, and lines need the consent to memory")
    else:
        session.keeping.keep(made, at, _conversation(session, body))
    return JSONResponse({"saved": True, "help": danger})


def delete(session: Session, body: dict[str, Any]) -> Response:
    """Delete the entries named in `ids` for good."""
    ids = body.get("ids")
    if not isinstance(ids, list):
        raise ValueError("ids is a list")
    return JSONResponse({"proved": session.keeping.drop([str(one) for one in ids])})


def _conversation(session: Session, body: dict[str, Any]) -> str:
    """The conversation that an entry says it comes from, where it is one of the person's."""
    named = str(body.get("conversation") or "")
    return named if named in {one.id for one in session.keeping.conversations()} else ""


CALLS = {"journal": journal, "suggest": suggest, "journal-save": save, "journal-delete": delete}
