"""One tab's session on the server: what the person allows, the conversation, the reply on its way, the perceiver.

A session is known by its token only (256 random bits, given to the page that opened it), and nothing is shared
between two.
"""

from __future__ import annotations

import dataclasses
import html
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assistant.language import clean_text, language_of
from assistant.page.reply import Reply, Stoppable
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

if TYPE_CHECKING:
    from assistant.page.keeping import Keeping
    from assistant.page.live import Live
    from assistant.page.status import ModelStatus

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


@dataclass(frozen=True, slots=True)
class Consents:
    """What the person allows, each on its own. All off until allowed."""

    chat: bool = False
    store: bool = False
    camera: bool = False
    microphone: bool = False
    affect: bool = False

    def changed(self, name: str, on: bool) -> Consents:
        """With one of them set. Raises ValueError for a name that is none."""
        names = [f.name for f in dataclasses.fields(self)]
        if name not in names:
            raise ValueError(f"there is no consent called {name!r}; choose from {', '.join(names)}")
        return dataclasses.replace(self, **{name: on})

    def as_dict(self) -> dict[str, bool]:
        return dataclasses.asdict(self)


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


@dataclass
class Session:
    """See the module. Not frozen: this is the one place where a conversation's present is held."""

    services: Services
    locale: Locale
    consents: Consents = field(default_factory=Consents)
    region: str | None = None  # chosen in the SOS dialog; a crisis reply names the same lines
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    conversation_id: str = field(default_factory=lambda: secrets.token_hex(16))
    turns: dict[str, Turn] = field(default_factory=dict)
    reply: Reply | None = None
    replaces: str = ""
    live: Live | None = None
    unsaved: bool = False
    left_at: float | None = None
    started_at: float = field(default_factory=time.monotonic)
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

    def live_ended(self, live: Live) -> None:
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
            self.services.keeping.forget_affect()

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
        """Start the reply to `words`; None when one is still on its way."""
        with self._lock:
            if self.busy:
                return None
            replaced = self.turns.pop(self.replaces, None)
            self.replaces = ""
            if replaced is not None and self.consents.store:
                self.services.keeping.replaced(replaced)
            model = Stoppable(self.services.model)
            pieces = respond(
                words,
                self.state(),
                tuple(self.turns.values()),
                model,
                locale=self.locale,
                conversation_id=self.conversation_id,
                record=self._record,
                fallback=self.services.fallback,
                lines=self.services.lines(language_of(clean_text(words), self.locale), self.region),
            )
            self.reply = Reply(pieces, model)
            return self.reply

    def _record(self, turn: Turn) -> None:
        """Called by `respond` with the pending turn, and again with the final one."""
        with self._lock:
            if turn.conversation_id in self._deleted:
                return
            if turn.turn_id in self._scrubbed:
                turn = without_affect(turn)
            if turn.conversation_id == self.conversation_id:
                self.turns[turn.turn_id] = turn
            if self.consents.store:
                self.unsaved = not self.services.keeping.save(turn)

    def last_turn(self) -> Turn | None:
        return next(reversed(self.turns.values()), None)

    def messages(self) -> list[dict[str, str]]:
        """The conversation as the page shows it, the reply on its way included. Everything is plain text: Gradio's
        chat puts unescaped HTML into the page even with Markdown off, images and all, so every character of HTML is
        escaped here."""
        shown = [{"role": "assistant", "content": text(self.locale, "disclosure")}]
        for turn in list(self.turns.values()):
            shown.append({"role": "user", "content": html.escape(turn.user_text, quote=False)})
            running = self.reply if turn is self.last_turn() and self.reply and not self.reply.recorded else None
            answer = running.text if running else turn.reply
            if answer:
                shown.append({"role": "assistant", "content": html.escape(answer, quote=False)})
        return shown

    def start_over(self, turns: Mapping[str, Turn] | None = None, conversation_id: str = "") -> None:
        """Leave this conversation (it stays stored when that is allowed) for a new one, or for an earlier one."""
        with self._lock:
            if self.reply is not None:
                self.reply.stop()
            self.reply = None
            self.replaces = ""
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
        keeping = self.services.keeping
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

    def open(self, resume: str, locale: Locale, page: str) -> Session:
        """The session to go on with after a reload, or a new one with the consents that were kept. `page` names the
        page load, so that its leaving can be told."""
        with self._lock:
            session = self._by_token.get(resume)
            if session is None:
                session = Session(self.services, locale, consents=Consents(**self.services.keeping.kept_consents()))
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
        """Change one consent of this page; taking one back holds for every open page at once. See
        Session.set_consent."""
        session.set_consent(name, on, delete)
        for other in self._all() if not on else []:
            other.consents = other.consents.changed(name, False)

    def discard(self, conversation_id: str | None = None) -> None:
        """Let every page forget this conversation (None: whatever it holds), because it is about to be deleted."""
        for session in self._all():
            if conversation_id in (None, session.conversation_id):
                session.discard()

    def _all(self) -> list[Session]:
        with self._lock:
            return list(self._by_token.values())

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
