"""The crisis layer: what the words say about danger, and the fixed replies. Needs no model; see PROTOCOL.md."""

from assistant.safety.crisis import crisis_reply, support_note
from assistant.safety.engine import assess

__all__ = ["assess", "crisis_reply", "support_note"]
