"""What is kept, to take away: JSON for programs, one page of HTML for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from html import escape

from assistant.store.codec import SCHEMA, turn_to_dict
from assistant.store.records import Consent, Conversation
from assistant.types import Turn

_WORDS = {
    "en": {
        "title": "Your conversations",
        "exported": "Exported",
        "you": "You",
        "reply": "Beside",
        "none": "Nothing is stored.",
        "affect": "Passed on from the camera or microphone",
        "crisis": "fixed crisis answer",
    },
    "zh": {
        "title": "你的对话",
        "exported": "导出时间",
        "you": "你",
        "reply": "在旁",
        "none": "没有保存任何内容。",
        "affect": "来自摄像头或麦克风的提示",
        "crisis": "固定的危机回应",
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


def to_json(conversations: Sequence[Conversation], turns: Sequence[Turn], consents: Sequence[Consent]) -> str:
    """An object with `format`, `schema`, `exported`, `conversations` (each with its `turns`) and `consents`."""
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
        },
        ensure_ascii=False,
        indent=1,
    )


def to_html(conversations: Sequence[Conversation], turns: Sequence[Turn], locale: str = "en") -> str:
    """A whole page. Everything that a person or a model wrote is escaped."""
    words = _WORDS.get(locale, _WORDS["en"])
    parts = [
        f'<!doctype html>\n<html lang="{"zh" if words is _WORDS["zh"] else "en"}">\n<head>\n{_HEAD}\n'
        f"<title>{words['title']}</title>\n</head>\n<body>\n<h1>{words['title']}</h1>\n"
        f'<p class="meta">{words["exported"]}: {_now()}</p>'
    ]
    for conversation in conversations:
        parts.append(f"<section>\n<h2>{escape(conversation.title)}</h2>")
        parts.extend(_turn(turn, words) for turn in turns if turn.conversation_id == conversation.id)
        parts.append("</section>")
    if not conversations:
        parts.append(f"<p>{words['none']}</p>")
    return "\n".join([*parts, "</body>\n</html>\n"])


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
