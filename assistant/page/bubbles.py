"""What stands in a bubble of the chat, as safe HTML.

Gradio's chat puts unescaped HTML into the page even with Markdown off, images and all: of a person's words every
character of HTML is escaped, and of a reply only the safe subset of `markup` is left. Gradio lets no attribute but the
class through, so a button's classes say what a click does (static/talk.js).
"""

from __future__ import annotations

import html

from assistant.page.markup import to_html
from assistant.page.texts import text
from llm.types import Locale


def words(said: str) -> str:
    """What the person wrote."""
    return html.escape(said, quote=False)


def reply(said: str, turn_id: str, locale: Locale, finished: bool, pace: str = "") -> str:
    """A reply, and under a finished one the buttons to breathe along at `pace` (see guided/pacing.py), to copy it and
    to ask again."""
    if not finished:
        return to_html(said)
    acts = [("copy", "copy"), ("again", "retry")]
    if pace:
        acts.insert(0, (f"pace pace-{pace}", "pacer_open"))
    buttons = (
        f'<button type="button" class="on-reply act-{act} turn-{html.escape(turn_id)}">{text(locale, label)}</button>'
        for act, label in acts
    )
    return f'{to_html(said)}<span class="reply-tools">{"".join(buttons)}</span>'


def waiting(thinking: bool, locale: Locale) -> str:
    """Before the first word; the page's script adds the seconds."""
    kind = "thinking" if thinking else "waiting"
    return (
        f'<span class="typing {kind}"><i></i><i></i><i></i> <span class="typing-words">{text(locale, kind)}</span> '
        '<span class="typing-seconds"></span></span>'
    )
