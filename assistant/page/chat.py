"""What Gradio's events do: each takes the session's token and yields updates for the chat's components."""

from __future__ import annotations

import asyncio
import html
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from assistant.page.reply import report
from assistant.page.session import BREAK_AFTER_S, MAX_MESSAGE, Session, Sessions
from assistant.page.texts import LOCALES, locale_of, text
from llm.types import Locale

#: What every chat event returns, in the order of the outputs: messages, box, note, sentence passed, mark.
Updates = tuple[Any, ...]
KEEP: Any = gr.skip()
#: What a streaming event yields last. Gradio sends an event's last output again when the event completes, and by then
#: the person may have opened another conversation.
NOTHING: Updates = (KEEP,) * 5
#: Seconds between two signs of life to an open page; a closed one's event ends at the next.
STAY_S = 20.0
#: page.css shows Stop instead of Send while the mark is there. Gradio's own `visible` takes a button out of the page
#: and builds it anew, and a click or a quick second change in that moment is lost.
BUSY = '<i class="busy"></i>'


def note(session: Session | None, key: str, **values: object) -> str:
    """A plain line under the chat, as safe HTML; '' for no key."""
    locale: Locale = session.locale if session else "en"
    return f'<p class="note">{html.escape(text(locale, key, **values))}</p>' if key else ""


def passed(session: Session) -> str:
    """The exact sentence that went along with the last message, from the record, as safe HTML."""
    turn = session.last_turn()
    if turn is None:
        return ""
    title, sentence = text(session.locale, "passed_title"), turn.affect_sentence or text(session.locale, "passed_none")
    return (
        f'<p class="passed"><b>{html.escape(title)}:</b> <span id="passed-sentence">{html.escape(sentence)}</span></p>'
    )


def view(session: Session, box: Any = KEEP, key: str = "", **values: object) -> Updates:
    """Everything as it is now."""
    mark = BUSY if session.busy else ""
    return session.messages(), box, note(session, key, **values), passed(session), mark


def lost(box: Any = KEEP) -> Updates:
    """The token is unknown: the app was restarted, or the page was left alone too long."""
    both = " / ".join(text(locale, "note_session") for locale in LOCALES)
    return KEEP, box, f'<p class="note">{html.escape(both)}</p>', KEEP, KEEP


@dataclass(frozen=True)
class Chat:
    """The events of the chat. Methods are what Gradio calls."""

    sessions: Sessions

    async def send(self, token: str, words: str) -> AsyncIterator[Updates]:
        """Start a reply to `words` and stream it. What cannot be sent stays in the box."""
        session = self.sessions.find(token)
        if session is None:
            yield lost()
            return
        refusal = self._refusal(session, words)
        if not refusal and session.say(words) is None:
            refusal = {"key": "note_busy"}
        if refusal:
            # Only the note: messages and mark belong to the event that streams, which may end before this arrives.
            yield KEEP, KEEP, note(session, **refusal), KEEP, KEEP
            return
        async for update in self._stream(session):
            yield update

    @staticmethod
    def _refusal(session: Session, words: str) -> dict[str, Any]:
        if not session.consents.chat:
            return {"key": "note_chat_off"}
        if session.busy:
            return {"key": "note_busy"}
        if not words.strip():
            return {"key": "note_empty"}
        if len(words) > MAX_MESSAGE:
            return {"key": "note_long", "length": len(words), "limit": MAX_MESSAGE}
        return {}

    async def _stream(self, session: Session) -> AsyncIterator[Updates]:
        reply = session.reply
        if reply is None:
            return
        yield view(session, "")
        async for _ in reply.follow():
            if session.reply is reply and not reply.done:
                now = view(session)
                yield now[0], KEEP, KEEP, *now[3:]
        if session.reply is reply:  # otherwise another conversation was opened meanwhile
            yield view(session, KEEP, **self._afterwards(session))
        yield NOTHING

    @staticmethod
    def _afterwards(session: Session) -> dict[str, Any]:
        reply = session.reply
        if reply is not None and reply.error_number:
            return {"key": "note_error", "id": reply.error_number}
        if session.unsaved and session.consents.store:
            return {"key": "note_unsaved"}
        if reply is not None and reply.stopped:
            return {"key": "note_stopped"}
        now = time.monotonic()
        if now - session.reminded_at > BREAK_AFTER_S:
            session.reminded_at = now
            return {"key": "note_break"}
        return {}

    async def stop(self, token: str) -> Updates:
        """Show nothing more of the reply; what arrived stays and is recorded."""
        session = self.sessions.find(token)
        if session is None:
            return lost()
        if session.reply is not None:
            session.reply.stop()
        return view(session, KEEP, "note_stopped")

    async def retry(self, token: str) -> AsyncIterator[Updates]:
        """Answer the last message again; the new answer replaces the old one."""
        session = self.sessions.find(token)
        last = session.last_turn() if session else None
        if session is None or last is None or session.busy:
            yield (
                lost()
                if session is None
                else view(session, KEEP, "note_busy" if session.busy else "note_none_to_retry")
            )
            return
        session.replaces = last.turn_id
        async for update in self.send(token, last.user_text):
            # The box may hold a half-written message, which asking again must not take away.
            yield (update[0], KEEP, *update[2:])

    def edit(self, token: str) -> Updates:
        """Put the last message back into the box; sending it replaces the old one and its answer."""
        session = self.sessions.find(token)
        last = session.last_turn() if session else None
        if session is None or last is None or session.busy:
            return (
                lost()
                if session is None
                else view(session, KEEP, "note_busy" if session.busy else "note_none_to_retry")
            )
        session.replaces = last.turn_id
        return view(session, last.user_text, "note_editing")

    def new(self, token: str) -> Updates:
        """Leave this conversation for a new one."""
        session = self.sessions.find(token)
        if session is None:
            return lost()
        session.start_over()
        return view(session, "")

    async def follow(self, token: str) -> AsyncIterator[Updates]:
        """After a page load: go on streaming the reply that a reload found on its way."""
        session = self.sessions.find(token)
        if session is None or not session.busy:
            yield NOTHING  # the conversation itself came with the texts, before the page could be used
            return
        async for update in self._stream(session):
            yield (update[0], KEEP, *update[2:])

    def open_page(self, resume: str, language: str, request: gr.Request) -> tuple[str, dict[str, Any]]:
        """The token for this page, and what its script needs to start."""
        headers = request.headers or {}
        locale = self.sessions.services.default_locale or locale_of(headers.get("accept-language", ""))
        if language in LOCALES:
            locale = "zh" if language == "zh" else "en"
        session = self.sessions.open(resume, locale, str(request.session_hash))
        session.locale = locale
        return session.token, {"token": session.token, "locale": locale, "consents": session.consents.as_dict()}

    @staticmethod
    async def stay() -> AsyncIterator[Any]:
        """Run for as long as the page is open, so that Gradio never closes the stream of events: it does so as soon as
        none is pending, and a click that crosses the closing on its way gets no answer."""
        while True:
            yield KEEP
            await asyncio.sleep(STAY_S)

    def left_page(self, request: gr.Request) -> None:
        """The tab was closed or reloaded."""
        self.sessions.left(str(request.session_hash))

    # --- earlier conversations --------------------------------------------------------------------------------------

    def listed(self, token: str, chosen: str | None) -> Any:
        """The earlier conversations, newest first, for the list; nothing while storing is not allowed. What the person
        has chosen in it stays chosen while it is there."""
        session = self.sessions.find(token)
        if session is None or not session.consents.store:
            return gr.update(choices=[], value=None)
        titles = session.services.keeping.titles()
        there = chosen in [conversation for _, conversation in titles]
        return gr.update(choices=titles) if there else gr.update(choices=titles, value=None)

    def reopen(self, token: str, chosen: str | None) -> tuple[Any, ...]:
        """Show an earlier conversation and go on in it."""
        session = self.sessions.find(token)
        if session is None:
            return lost()
        if not chosen or not session.consents.store:
            return view(session, KEEP, "history_choose_first")
        try:
            turns = session.services.keeping.turns(chosen)
        except Exception as error:  # noqa: BLE001  the edge of the page
            return view(session, KEEP, "history_failed", id=report("opening a conversation", error))
        session.start_over(turns, chosen)
        return view(session, "")

    def delete(self, token: str, chosen: str | None, confirmed: bool | None) -> Updates:
        """Delete one conversation for good, when the person confirmed it."""
        session = self.sessions.find(token)
        if session is None:
            return lost()
        if not chosen:
            return view(session, KEEP, "history_choose_first")
        if not confirmed:
            return view(session)
        try:
            self.sessions.discard(chosen)
            proved = session.services.keeping.delete(chosen)
        except Exception as error:  # noqa: BLE001  the edge of the page
            return view(session, KEEP, "history_failed", id=report("deleting a conversation", error))
        return view(session, KEEP, "history_deleted" if proved else "history_unproved")

    def delete_all(self, token: str, confirmed: bool | None) -> Updates:
        """Delete every stored conversation for good, when the person confirmed it."""
        session = self.sessions.find(token)
        if session is None:
            return lost()
        if not confirmed:
            return view(session)
        try:
            self.sessions.discard()
            proved = session.services.keeping.delete_all()
            if session.consents.store:
                session.services.keeping.save_consents(session.consents)
        except Exception as error:  # noqa: BLE001  the edge of the page
            return view(session, KEEP, "history_failed", id=report("deleting all conversations", error))
        return view(session, KEEP, "history_deleted" if proved else "history_unproved")
