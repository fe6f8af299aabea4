"""Saves turns, and keeps those in memory that could not be saved until they can."""

from __future__ import annotations

import threading

from assistant.store.errors import StoreError
from assistant.store.store import Store
from assistant.types import Turn


class Saver:
    """`save` never raises StoreError: a turn that cannot be written waits, and goes first next time.

    `unsaved` counts the waiting turns, `problem` is the last error's text, empty when all is saved. Thread-safe.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[str, tuple[Turn, str]] = {}  # turn and person by turn_id, in order of arrival
        self._lock = threading.Lock()
        self.problem = ""

    @property
    def unsaved(self) -> int:
        """How many turns exist in memory only."""
        return len(self._waiting)

    def save(self, turn: Turn, person: str = "") -> bool:
        """Save this turn after those that wait; says whether all are saved. A later version replaces a waiting one."""
        with self._lock:
            self._waiting[turn.turn_id] = (turn, person)
            return self._flush()

    def flush(self) -> bool:
        """Try the waiting turns again."""
        with self._lock:
            return self._flush()

    def forget(self, conversation_id: str | None = None, person: str | None = None) -> None:
        """Drop what waits of one conversation, of one person, or everything: it was deleted."""
        with self._lock:
            self._waiting = {
                key: (turn, owner)
                for key, (turn, owner) in self._waiting.items()
                if (conversation_id is not None and turn.conversation_id != conversation_id)
                or (person is not None and owner != person)
            }
            self.problem = self.problem if self._waiting else ""

    def forget_turn(self, turn_id: str) -> None:
        """Drop one turn that may wait: it was deleted."""
        with self._lock:
            self._waiting.pop(turn_id, None)
            self.problem = self.problem if self._waiting else ""

    def _flush(self) -> bool:
        try:
            for turn_id, (turn, person) in list(self._waiting.items()):
                self._store.save(turn, person)
                del self._waiting[turn_id]
        except StoreError as error:
            self.problem = str(error)
            return False
        self.problem = ""
        return True
