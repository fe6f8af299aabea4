"""One tab's session on the server: what the person allows, the conversation, the reply on its way, the perceiver.

A session is known by its token only (256 random bits, given to the page that opened it). Two sessions of one person
(see `identity`) share what is kept; nothing is shared between two persons.
"""

from __future__ import annotations

import dataclasses
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from assistant.guided import Guided, is_companion
from assistant.guided.pacing import pace_beside
from assistant.language import clean_text, language_of
from assistant.meaning.base import Reader, understanding
from assistant.page import bubbles
from assistant.page.consents import Consents
from assistant.page.keeping import Keeping
from assistant.page.reply import Reply, Stoppable
from assistant.page.small_model import SmallModel
from assistant.page.status import ModelStatus
from assistant.page.texts import text
from assistant.prompt import describe
from assistant.respond import respond
from assistant.safety.helplines import Line, lines_for
from assistant.store.erase import without_affect
from assistant.types import Turn
from llm.base import ChatModel
from llm.types import Locale
from perception.perceiver import Perceiver
from perception.types import EmotionalState

log = logging.getLogger(__name__)

#: The longest message that is taken at once (characters); about ten dense pages.
MAX_MESSAGE = 8_000
#: After how long a page is reminded to take a break, and told again that this is software (seconds).
BREAK_AFTER_S = 2 * 3600
#: How long a reply runs on after its page has left, so that a reload finds it (seconds).
GRACE_S = 30.0
#: How long a left page's conversation stays in memory (seconds).
FORGET_AFTER_S = 15 * 60
MAX_SESSIONS = 500


class Sensing(Protocol):
    """The running camera or microphone of a page."""

    def state(self) -> EmotionalState: ...


@dataclass(frozen=True)
class Services:
    """What app.py wires together, shared by all sessions. `help` is the crisis lines as the page's script takes
    them."""

    model: ChatModel
    fallback: ChatModel
    keeping: Keeping
    status: ModelStatus
    help: Mapping[str, Any]
    default_locale: Locale | None = None
    make_perceiver: Callable[[], Perceiver] = Perceiver
    lines: Callable[[Locale, str | None], Sequence[Line]] = lines_for  # of a locale and a region, if one was chosen
    small: SmallModel | None = None  # offered on the page beside the companion
    reader: Reader | None = None  # the learned second opinion on danger; the rules alone without it


@dataclass
class Session:
    """See the module. Not frozen: this is the one place where a conversation's present is held."""

    services: Services
    locale: Locale
    consents: Consents = field(default_factory=Consents)
    keeping: Keeping = field(kw_only=True)
    region: str | None = None  # chosen in the SOS dialog; a crisis reply names the same lines
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    conversation_id: str = field(default_factory=lambda: secrets.token_hex(16))
    turns: dict[str, Turn] = field(default_factory=dict)
    reply: Reply | None = None
    reply_to: str = ""  # the turn that `reply` belongs to, once `respond` has begun it
    replaces: str = ""
    # What was said to a message before it was asked again, by the message's words: none of it is to come back.
    said_before: dict[str, list[str]] = field(default_factory=dict)
    live: Sensing | None = None
    unsaved: bool = False
    left_at: float | None = None
    reminded_at: float = field(default_factory=time.monotonic)
    # A reply that is on its way while the person deletes must not bring back what was deleted when it is recorded.
    _deleted: set[str] = field(default_factory=set)
    _scrubbed: set[str] = field(default_factory=set)
    _perceiver: Perceiver | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    # --- perception ---------------------------------------------------------------------------------------------------

    def perceiver(self) -> Perceiver:
        """This session's own, made at the first use. May raise what loading the models raises."""
        with self._lock:
            if self._perceiver is None:
                self._perceiver = self.services.make_perceiver()
            return self._perceiver

    def live_ended(self, live: Sensing) -> None:
        """The camera and microphone went off: what they left in memory goes, too."""
        with self._lock:
            if self.live is live:
                self.live = None
                self._drop_perceiver()

    def _drop_perceiver(self) -> None:
        perceiver, self._perceiver = self._perceiver, None
        if perceiver is not None:
            perceiver.close()

    def state(self) -> EmotionalState:
        """What may enter the prompt and the record: unknown unless camera or microphone run and affect is allowed."""
        live = self.live
        return live.state() if live is not None and self.consents.affect else EmotionalState.unknown("off")

    def sentence(self, state: EmotionalState) -> str:
        """What would be passed to the model with this state now, or ''; in the language of the last message, for the
        next is likely written in it, too, and before the first in the page's."""
        last = self.last_turn()
        language = language_of(clean_text(last.user_text), self.locale) if last else self.locale
        return describe(state, language) if self.consents.affect else ""

    def forget_affect(self) -> None:
        """Delete what camera and microphone left: in memory, in this conversation, and in the store. Words stay."""
        with self._lock:
            if self._perceiver is not None:
                self._perceiver.forget()
            self._scrubbed |= set(self.turns)
            self.turns = {turn_id: without_affect(turn) for turn_id, turn in self.turns.items()}
            self.keeping.forget_affect()

    # --- the conversation ---------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        return self.reply is not None and not self.reply.done

    def choose_region(self, region: str) -> None:
        """Name the lines of this region from now on. Raises ValueError for one that the list does not have."""
        if region not in self.services.help["regions"]:
            raise ValueError(f"there is no region {region!r}; choose from {', '.join(self.services.help['regions'])}")
        self.region = region

    def say(self, words: str) -> Reply | None:
        """Start the reply to `words`; None when one is still on its way. Where `replaces` names a turn, the new one
        takes its place, and is answered from what came before it. Rewrites the store: not for the event loop."""
        with self._lock:
            if self.busy:
                return None
            old = self.turns.get(self.replaces)
            self.replaces = ""
            history = tuple(self.turns.values())
            if old is not None:
                history = history[: history.index(old)]
                if self.consents.store:
                    self.keeping.replaced(old)
            model = Stoppable(self._model(words, old))
            pieces = respond(
                words,
                self.state(),
                history,
                model,
                locale=self.locale,
                conversation_id=self.conversation_id,
                record=lambda turn: self._record(turn, old),
                fallback=self.services.fallback,
                lines=self.services.lines(language_of(clean_text(words), self.locale), self.region),
                reader=self.services.reader,
                remembered=self.remembered(),
            )
            self.reply_to = ""
            self.reply = Reply(pieces, model)
            return self.reply

    def _model(self, words: str, old: Turn | None) -> ChatModel:
        """What answers. The guided companion has no chance in it: asked again, it is told what it said before."""
        if old is None or not is_companion(self.services.model):
            return self.services.model
        said = self.said_before.setdefault(words, [])
        said.append(old.reply)
        return Guided(avoid=said, reader=understanding(self.services.reader))

    def _record(self, turn: Turn, old: Turn | None = None) -> None:
        """Called by `respond` with the pending turn, and again with the final one. It takes the place of `old`, in
        time, too."""
        with self._lock:
            if turn.conversation_id in self._deleted:
                return
            if old is not None:
                turn = dataclasses.replace(turn, at=old.at)
            if turn.turn_id in self._scrubbed:
                turn = without_affect(turn)
            if turn.conversation_id == self.conversation_id:
                begins = turn.turn_id not in self.turns  # a stopped reply may still end after the next one began
                ordered = [turn if old and key == old.turn_id else one for key, one in self.turns.items()]
                self.turns = {one.turn_id: one for one in ordered}
                self.turns[turn.turn_id] = turn
                if begins and self.reply is not None:
                    self.reply_to = turn.turn_id
                    self.reply.begin()
            if self.consents.store:
                self.unsaved = not self.keeping.save(turn)

    def remembered(self) -> tuple[str, ...]:
        """The lines that go along with the next message: none from or into a conversation that is not kept."""
        return self.keeping.remembered() if self.consents.store and self.consents.memory else ()

    def last_turn(self) -> Turn | None:
        return next(reversed(self.turns.values()), None)

    def running(self, turn: Turn) -> Reply | None:
        """The reply on its way to this turn."""
        at = self.reply_to
        return self.reply if self.reply and not self.reply.recorded and turn.turn_id == at else None

    def messages(self) -> list[dict[str, str]]:
        """The conversation as the page shows it, the reply on its way included."""
        shown = [{"role": "assistant", "content": text(self.locale, "disclosure")}]
        for turn in list(self.turns.values()):
            shown.append({"role": "user", "content": bubbles.words(turn.user_text)})
            running = self.running(turn)
            answer = running.text if running else turn.reply
            if answer:
                finished = running is None
                pace = pace_beside(turn) if finished else ""
                content = bubbles.reply(answer, turn.turn_id, self.locale, finished, pace)
                shown.append({"role": "assistant", "content": content})
            elif running and not running.done:
                shown.append({"role": "assistant", "content": bubbles.waiting(running.thinking, self.locale)})
        return shown

    def start_over(self, turns: Mapping[str, Turn] | None = None, conversation_id: str = "") -> None:
        """Leave this conversation (it stays stored when that is allowed) for a new one, or for an earlier one."""
        with self._lock:
            if self.reply is not None:
                self.reply.stop()
            self.reply = None
            self.replaces = ""
            self.said_before = {}
            self.conversation_id = conversation_id or secrets.token_hex(16)
            self.turns = dict(turns or {})

    def discard(self) -> None:
        """This conversation was deleted: forget it here too, and let nothing late bring it back."""
        with self._lock:
            self._deleted.add(self.conversation_id)
            self.start_over()

    def set_consent(self, name: str, on: bool, delete: bool = False) -> None:
        """Change one consent; with its time in the store's record where storing is allowed before or after. `delete`
        erases what is stored when storing is taken back. Raises ValueError for a name that is none, StoreError."""
        keeping = self.keeping
        with self._lock:
            before, after = self.consents, self.consents.changed(name, on)
            if after.store and not keeping.available:
                after = after.changed("store", False)
            if before.store and not after.store and delete:
                keeping.delete_all()
            elif before.store or after.store:
                keeping.save_consents(after)
            self.consents = after
            if after.store and not before.store:
                for turn in self.turns.values():
                    self.unsaved = not keeping.save(turn)

    def close(self) -> None:
        """The page is gone for good."""
        with self._lock:
            if self.reply is not None:
                self.reply.stop()
            self._drop_perceiver()


class Sessions:
    """All sessions by token. Thread-safe."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._by_token: dict[str, Session] = {}
        self._by_page: dict[str, str] = {}
        self._lock = threading.Lock()

    def find(self, token: str) -> Session | None:
        """The session with this token, or None. The lookup's time does not depend on how much of a token is right:
        it is a hash table's."""
        with self._lock:
            return self._by_token.get(token)

    def open(self, resume: str, locale: Locale, page: str, person: str = "") -> Session:
        """The session to go on with after a reload, or a new one with the consents that this person keeps. `page` names
        the page load, so that its leaving can be told; `person` is the hash of the browser's identity."""
        keeping = self.services.keeping.of(person)
        keeping.adopt()
        kept = keeping.kept_consents()
        with self._lock:
            session = self._by_token.get(resume)
            if session is None or session.keeping.person != person:
                session = Session(self.services, locale, consents=Consents(**kept), keeping=keeping)
                self._by_token[session.token] = session
            session.left_at = None
            self._by_page[page] = session.token
            crowded = sorted(
                (s for s in self._by_token.values() if s.left_at is not None), key=lambda s: s.left_at or 0.0
            )[: max(0, len(self._by_token) - MAX_SESSIONS)]
            for old in crowded:
                del self._by_token[old.token]
        for old in crowded:
            old.close()
        return session

    def consent(self, session: Session, name: str, on: bool, delete: bool = False) -> None:
        """Change one consent of this page; taking one back holds for every open page of the person at once. See
        Session.set_consent."""
        session.set_consent(name, on, delete)
        for other in self._all(session.keeping.person) if not on else []:
            other.consents = other.consents.changed(name, False)

    def discard(self, person: str, conversation_id: str | None = None) -> None:
        """Let every page of this person forget this conversation (None: whatever it holds), because it is about to be
        deleted."""
        for session in self._all(person):
            if conversation_id in (None, session.conversation_id):
                session.discard()

    def _all(self, person: str | None = None) -> list[Session]:
        with self._lock:
            return [s for s in self._by_token.values() if person is None or s.keeping.person == person]

    def left(self, page: str) -> None:
        """A page was closed or reloaded."""
        with self._lock:
            session = self._by_token.get(self._by_page.pop(page, ""))
            if session is not None and session.token not in self._by_page.values():
                session.left_at = time.monotonic()

    def tidy(self) -> None:
        """Stop the replies of pages that left GRACE_S ago, forget those that left FORGET_AFTER_S ago."""
        now = time.monotonic()
        with self._lock:
            left = [(s, now - s.left_at) for s in self._by_token.values() if s.left_at is not None]
            for session, away_s in left:
                if away_s > FORGET_AFTER_S:
                    del self._by_token[session.token]
        for session, away_s in left:
            if away_s > FORGET_AFTER_S:
                session.close()
            elif away_s > GRACE_S and session.busy and session.reply is not None:
                session.reply.stop()

    def close(self) -> None:
        """Stop every reply and wait shortly for their records; used when the app shuts down."""
        sessions = self._all()
        for session in sessions:
            session.close()
        for session in sessions:
            if session.reply is not None:
                session.reply.join(2.0)
