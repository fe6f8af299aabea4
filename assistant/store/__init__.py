"""Where turns, consents and the journal are kept: one SQLite file in one folder, or a PostgreSQL database by URL."""

from __future__ import annotations

from assistant.store.erase import Erasure
from assistant.store.errors import StoreDamaged, StoreError, StoreFull, StoreLocked, StoreNewer
from assistant.store.folder import data_folder
from assistant.store.records import Consent, Conversation
from assistant.store.saver import Saver
from assistant.store.store import CONSENTS, Store

__all__ = [
    "CONSENTS",
    "Consent",
    "Conversation",
    "Erasure",
    "Saver",
    "Store",
    "StoreDamaged",
    "StoreError",
    "StoreFull",
    "StoreLocked",
    "StoreNewer",
    "data_folder",
]
