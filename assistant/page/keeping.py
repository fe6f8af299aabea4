"""What the page asks of the store, when there is one and the person allows it. Without a store every answer is
empty."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from assistant.journal import Body, Entry, instant, practised
from assistant.page.consents import Consents
from assistant.store import Conversation, Saver, Store, StoreError
from assistant.store.export import to_html, to_json
from assistant.types import Turn
from llm.types import Locale

log = logging.getLogger(__name__)


class Keeping:
    """What one person keeps; `person` is "" where nobody is told from anybody else. `store` is None with --no-store.
    Methods raise StoreError unless they say otherwise."""

    def __init__(self, store: Store | None, person: str = "", saver: Saver | None = None) -> None:
        self.person = person
        self._store = store
        self._saver = saver or (Saver(store) if store is not None else None)

    def of(self, person: str) -> Keeping:
        """The same store, for this person."""
        return Keeping(self._store, person, self._saver)

    @property
    def available(self) -> bool:
        """Whether anything can be kept at all."""
        return self._store is not None

    def adopt(self) -> None:
        """Take over what was kept before there were persons: it goes to the first who comes. Failures are logged."""
        if self._store is None or not self.person:
            return
        try:
            if count := self._store.adopt(self.person):
                log.warning("%d conversations from before this version went to the first browser that came", count)
        except StoreError as error:
            log.error("earlier conversations could not be given to their person: %s", error)

    def save(self, turn: Turn) -> bool:
        """Save, and what was practised with it, or keep in memory until it can be saved; says whether all is on disk.
        Never raises StoreError."""
        if self._saver is None:
            return True
        saved = self._saver.save(turn, self.person)
        if not saved:
            log.error("a turn could not be saved: %s", self._saver.problem)
        self._practise(turn)
        return saved

    def conversations(self, words: str = "") -> list[Conversation]:
        """Pinned ones first, then the latest; with `words`, those that hold them. None when the store fails, which is
        logged."""
        if self._store is None:
            return []
        try:
            listed = list(self._store.conversations(self.person))
            found = self._store.search(words, self.person) if words.strip() else None
        except StoreError as error:
            log.error("the list of conversations could not be read: %s", error)
            return []
        return [one for one in listed if found is None or one.id in found]

    def turns(self, conversation_id: str) -> dict[str, Turn]:
        """One conversation's turns by id, in order; none of another person's."""
        if self._store is None:
            return {}
        return {turn.turn_id: turn for turn in self._store.turns(conversation_id, self.person)}

    def rename(self, conversation_id: str, title: str) -> None:
        """Give a conversation another title. Raises ValueError for an empty title or an unknown conversation."""
        if not title.strip() or self._store is None or not self._store.rename(conversation_id, title, self.person):
            raise ValueError("no such conversation, or no title")

    def pin(self, conversation_id: str, pinned: bool) -> None:
        """Keep a conversation at the top, or no longer. Raises ValueError for an unknown one."""
        if self._store is None or not self._store.pin(conversation_id, pinned, self.person):
            raise ValueError("no such conversation")

    def export(self, conversation_id: str, kind: str, locale: Locale) -> str:
        """One conversation as "json" or readable "html". Raises ValueError for another kind or an unknown
        conversation."""
        listed = self._store.conversations(self.person) if self._store else ()
        chosen = [c for c in listed if c.id == conversation_id]
        if not chosen or self._store is None or kind not in {"json", "html"}:
            raise ValueError("nothing to export under this name and format")
        turns = self._store.turns(conversation_id, self.person)
        return to_json(chosen, turns, ()) if kind == "json" else to_html(chosen, turns, locale)

    # --- the journal and the memory -----------------------------------------------------------------------------------

    def entries(self) -> tuple[Entry, ...]:
        """Everything of the journal and the memory, the oldest first."""
        return self._store.journal.entries(self.person) if self._store else ()

    def keep(self, body: Body, at: str, conversation_id: str = "") -> None:
        """A new entry."""
        if self._store is not None:
            self._store.journal.add(body, at, self.person, conversation_id)

    def change(self, entry: Entry) -> None:
        """An entry's new body and time. Raises ValueError for an unknown one."""
        if self._store is None or not self._store.journal.change(entry, self.person):
            raise ValueError("no such entry")

    def drop(self, ids: Sequence[str]) -> bool:
        """Delete entries for good; whether it was proved that nothing of them is left."""
        if self._store is None:
            return True
        erasure = self._store.journal.delete(ids, self.person)
        self._report(erasure.note)
        return erasure.verified

    def _practise(self, turn: Turn) -> None:
        """Keep the exercise that this turn led, if it led one. Failures are logged."""
        practice = practised(turn)
        if practice is None or self._store is None:
            return
        try:
            self._store.journal.practise(practice, instant(turn.at), turn.conversation_id, self.person)
        except StoreError as error:
            log.error("what was practised could not be kept: %s", error)

    def remembered(self) -> tuple[str, ...]:
        """The lines that a model may be told, the latest first. Failures are logged; nothing is told then."""
        try:
            return self._store.journal.remembered(self.person) if self._store else ()
        except StoreError as error:
            log.error("what is remembered could not be read: %s", error)
            return ()

    def export_all(self, kind: str, locale: Locale) -> str:
        """Everything of this person as "json" or readable "html". Raises ValueError for another kind."""
        if self._store is None or kind not in {"json", "html"}:
            raise ValueError("nothing to export in this format; choose json or html")
        return self._store.export_json(self.person) if kind == "json" else self._store.export_html(locale, self.person)

    # --- deletion -----------------------------------------------------------------------------------------------------

    def replaced(self, old: Turn) -> None:
        """Delete a turn that the person asked again or edited. Failures are logged: the old turn then stays, and
        nothing else is lost."""
        if self._store is None or self._saver is None:
            return
        self._saver.forget_turn(old.turn_id)
        try:
            self._report(self._store.delete_turn(old.turn_id).note)
        except StoreError as error:
            log.error("a replaced turn could not be deleted: %s", error)

    def delete(self, conversation_id: str) -> bool:
        """Delete one conversation for good; whether it was proved that nothing of it is left."""
        if self._store is None or self._saver is None:
            return True
        self._saver.forget(conversation_id)
        erasure = self._store.delete_conversation(conversation_id, self.person)
        self._report(erasure.note)
        return erasure.verified

    def delete_all(self) -> bool:
        """Delete everything of this person that is stored; whether it was proved that nothing is left."""
        if self._store is None or self._saver is None:
            return True
        self._saver.forget(person=self.person)
        erasure = self._store.erase_all(self.person)
        self._report(erasure.note)
        return erasure.verified

    def forget_affect(self) -> bool:
        """Delete every stored state and sentence; the words stay. Whether that was proved."""
        if self._store is None:
            return True
        erasure = self._store.delete_affect(self.person)
        self._report(erasure.note)
        return erasure.verified

    def kept_consents(self) -> dict[str, bool]:
        """What the person allowed earlier, when storing was part of it and still is; else nothing, which is asked
        again."""
        try:
            held = self._store.consents(self.person) if self._store else {}
        except StoreError as error:
            log.error("the consents could not be read: %s", error)
            held = {}
        return held if held.get("store") else {}

    def save_consents(self, consents: Consents) -> None:
        """Record what changed, with the time."""
        if self._store is not None:
            self._store.save_consents(consents.as_dict(), self.person)

    def close(self) -> None:
        """Try once more to save what could not be saved, and close."""
        if self._saver is not None and not self._saver.flush():
            log.error("%d turns were never saved: %s", self._saver.unsaved, self._saver.problem)
        if self._store is not None:
            self._store.close()

    @staticmethod
    def _report(note: str) -> None:
        if note:
            log.warning("deletion: %s", note)
