"""What Gradio's events do: each takes the session's token and yields updates for the chat's components."""

from __future__ import annotations

import asyncio
import html
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from assistant.page.identity import person_of
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
#: page.css shows Stop instead of Send while the mark BUSY is there, and the invitation while FRESH is. Gradio's own
#: `visible` takes a button out of the page and builds it anew, and a click or a quick second change in that moment is
#: lost.
BUSY = '<i class="busy"></i>'
FRESH = '<i class="fresh"></i>'


def mark(session: Session) -> str:
    """Whether a reply is on its way, and whether nothing has been said yet."""
    return (BUSY if session.busy else "") + ("" if session.turns or session.busy else FRESH)


def note(session: Session | None, key: str, **values: object) -> str:
    """A plain line under the chat, as safe HTML; '' for no key."""
    locale: Locale = session.locale if session else "en"
    return f'<p class="note">{html.escape(text(locale, key, **values))}</p>' if key else ""


def passed(session: Session) -> str:
    """The exact sentence that went along with the last message, from the record, as safe HTML. That nothing was passed
    is only told while camera or microphone run: otherwise nobody would expect it."""
    turn = session.last_turn()
    if turn is None or not (turn.affect_sentence or session.live is not None):
        return ""
    title, sentence = text(session.locale, "passed_title"), turn.affect_sentence or text(session.locale, "passed_none")
    return (
        f'<p class="passed"><b>{html.escape(title)}:</b> <span id="passed-sentence">{html.escape(sentence)}</span></p>'
    )


def view(session: Session, box: Any = KEEP, key: str = "", **values: object) -> Updates:
    """Everything as it is now."""
    return session.messages(), box, note(session, key, **values), passed(session), mark(session)


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
        # A replaced turn is rewritten on disk: not on the event loop, where every other page waits.
        if not refusal and await asyncio.to_thread(session.say, words) is None:
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
            await asyncio.to_thread(session.reply.stop)
        return view(session, KEEP, "note_stopped")

    async def retry(self, token: str, turn_id: str = "") -> AsyncIterator[Updates]:
        """Answer a message again ("": the last one); the new answer replaces the old one, what follows it stays."""
        session = self.sessions.find(token)
        turn = (session.turns.get(turn_id) if turn_id else session.last_turn()) if session else None
        if session is None or turn is None or session.busy:
            yield (
                lost()
                if session is None
                else view(session, KEEP, "note_busy" if session.busy else "note_none_to_retry")
            )
            return
        session.replaces = turn.turn_id
        async for update in self.send(token, turn.user_text):
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
        box = "" if session.replaces else KEEP  # what was begun and not sent is still the person's
        session.start_over()
        return view(session, box)

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
        person = person_of(getattr(request.request, "cookies", {}))
        session = self.sessions.open(resume, locale, str(request.session_hash), person)
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

    def reopen(self, token: str, chosen: str | None) -> tuple[Any, ...]:
        """Show an earlier conversation and go on in it."""
        session = self.sessions.find(token)
        if session is None:
            return lost()
        if not chosen or not session.consents.store:
            return view(session, KEEP, "history_choose_first")
        try:
            turns = session.keeping.turns(chosen)
            if not turns:
                return view(session, KEEP, "history_choose_first")
        except Exception as error:  # noqa: BLE001  the edge of the page
            return view(session, KEEP, "history_failed", id=report("opening a conversation", error))
        box = "" if session.replaces else KEEP
        session.start_over(turns, chosen)
        return view(session, box)

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
            self.sessions.discard(session.keeping.person, chosen)
            proved = session.keeping.delete(chosen)
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
            self.sessions.discard(session.keeping.person)
            proved = session.keeping.delete_all()
            if session.consents.store:
                session.keeping.save_consents(session.consents)
        except Exception as error:  # noqa: BLE001  the edge of the page
            return view(session, KEEP, "history_failed", id=report("deleting all conversations", error))
        return view(session, KEEP, "history_deleted" if proved else "history_unproved")
