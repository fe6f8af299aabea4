"""What is kept, to take away: JSON for programs, one page of HTML for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from html import escape

from assistant.guided.exercises import EXERCISES
from assistant.journal import Entry, Goal, Line, LookBack, Mood, Practice, kind_of
from assistant.journal.entries import KINDS
from assistant.store.codec import SCHEMA, turn_to_dict
from assistant.store.records import Consent, Conversation
from assistant.types import Turn
from llm.types import Locale

_WORDS: dict[Locale, dict[str, str]] = {
    "en": {
        "title": "Your conversations",
        "exported": "Exported",
        "you": "You",
        "reply": "Beside",
        "none": "Nothing is stored.",
        "affect": "Passed on from the camera or microphone",
        "crisis": "fixed crisis answer",
        "mood": "Check-ins",
        "goal": "Goals",
        "practice": "Practised",
        "look_back": "Looking back",
        "line": "Remembered",
        "finished": "finished",
        "begun": "begun",
        "done": "done",
        "open": "open",
        "off": "off",
    },
    "zh": {
        "title": "你的对话",
        "exported": "导出时间",
        "you": "你",
        "reply": "在旁",
        "none": "没有保存任何内容。",
        "affect": "来自摄像头或麦克风的提示",
        "crisis": "固定的危机回应",
        "mood": "心情记录",
        "goal": "目标",
        "practice": "做过的练习",
        "look_back": "回顾",
        "line": "记住的内容",
        "finished": "做完",
        "begun": "做了一部分",
        "done": "完成",
        "open": "进行中",
        "off": "已关闭",
    },
}
# No script, no address: the page loads nothing and may be opened anywhere.
_HEAD = """<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>
:root { --ink: #1d2422; --paper: #fbfaf7; --line: #d8d6cf; --quiet: #59615e; --you: #e9f1ee; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eae8; --paper: #181c1b; --line: #3a413f; --quiet: #a9b1ae; --you: #24302c; }
}
body { margin: 2rem auto; max-width: 46rem; padding: 0 1rem; font: 1rem/1.6 system-ui, sans-serif;
  color: var(--ink); background: var(--paper); }
section { border-top: 1px solid var(--line); margin-top: 2rem; }
p.words { white-space: pre-wrap; overflow-wrap: anywhere; margin: .2rem 0 1rem; }
.you { background: var(--you); border-radius: .5rem; padding: .5rem .8rem; }
.meta { color: var(--quiet); font-size: .85rem; margin: .8rem 0 0; }
</style>"""


def to_json(
    conversations: Sequence[Conversation],
    turns: Sequence[Turn],
    consents: Sequence[Consent],
    journal: Sequence[Entry] = (),
) -> str:
    """An object with `format`, `schema`, `exported`, `conversations` (each with its `turns`), `consents` and `journal`
    (entries of all kinds, those of the memory too)."""
    by_conversation: dict[str, list[object]] = {}
    for turn in turns:
        by_conversation.setdefault(turn.conversation_id, []).append(turn_to_dict(turn))
    return json.dumps(
        {
            "format": "beside-export",
            "schema": SCHEMA,
            "exported": _now(),
            "conversations": [{**asdict(c), "turns": by_conversation.get(c.id, [])} for c in conversations],
            "consents": [asdict(c) for c in consents],
            "journal": [entry.as_dict() for entry in journal],
        },
        ensure_ascii=False,
        indent=1,
    )


def to_html(
    conversations: Sequence[Conversation], turns: Sequence[Turn], locale: str = "en", journal: Sequence[Entry] = ()
) -> str:
    """A whole page. Everything that a person or a model wrote is escaped."""
    spoken: Locale = "zh" if locale == "zh" else "en"
    words = _WORDS[spoken]
    parts = [
        f'<!doctype html>\n<html lang="{spoken}">\n<head>\n{_HEAD}\n'
        f"<title>{words['title']}</title>\n</head>\n<body>\n<h1>{words['title']}</h1>\n"
        f'<p class="meta">{words["exported"]}: {_now()}</p>'
    ]
    for conversation in conversations:
        parts.append(f"<section>\n<h2>{escape(conversation.title)}</h2>")
        parts.extend(_turn(turn, words) for turn in turns if turn.conversation_id == conversation.id)
        parts.append("</section>")
    for kind, entries in _by_kind(journal).items():
        items = "\n".join(f"<li>{_entry(entry, spoken)}</li>" for entry in entries)
        parts.append(f"<section>\n<h2>{words[kind]}</h2>\n<ul>\n{items}\n</ul>\n</section>")
    if not conversations and not journal:
        parts.append(f"<p>{words['none']}</p>")
    return "\n".join([*parts, "</body>\n</html>\n"])


def _by_kind(journal: Sequence[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in sorted(journal, key=lambda entry: list(KINDS).index(kind_of(entry.body))):
        found.setdefault(kind_of(entry.body), []).append(entry)
    return found


def _entry(entry: Entry, locale: Locale) -> str:
    words, body = _WORDS[locale], entry.body
    match body:
        case Mood():
            said, about = body.note, f"{body.score}/10"
        case Goal():
            said, about = body.words, words["done" if body.done else "open"]
        case Practice():
            known = EXERCISES.get(body.exercise)
            said = known.script(locale).title if known else body.exercise
            about = words["finished" if body.finished else "begun"]
        case LookBack():
            said, about = body.words, f"{body.start} – {body.end}"
        case Line():
            said, about = body.words, "" if body.on else words["off"]
    steps = body.steps if isinstance(body, Goal) else ()
    lines = [escape(said), *(f"{escape(step.words)} ({words['done' if step.done else 'open']})" for step in steps)]
    shown = "\n– ".join(lines)
    meta = " · ".join(part for part in (f"<time>{escape(entry.at)}</time>", escape(about)) if part)
    return f'<span class="meta">{meta}</span><p class="words">{shown}</p>'


def _turn(turn: Turn, words: dict[str, str]) -> str:
    model = words["crisis"] if turn.finish_reason == "crisis" else turn.model
    affect = f'<p class="meta">{words["affect"]}: {escape(turn.affect_sentence)}</p>\n' if turn.affect_sentence else ""
    return (
        f'<article>\n<h3 class="meta">{words["you"]} · <time>{escape(turn.at)}</time></h3>\n'
        f'<p class="words you">{escape(turn.user_text)}</p>\n{affect}'
        f'<h3 class="meta">{words["reply"]} · {escape(model)}</h3>\n'
        f'<p class="words">{escape(turn.reply)}</p>\n</article>'
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
