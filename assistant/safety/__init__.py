"""The crisis layer: what the words say about danger, and the fixed replies. Needs no model; see PROTOCOL.md."""

from assistant.safety.engine import assess, follow, state_of
from assistant.safety.path import crisis_reply, is_asked_about, is_fixed, question_beside

__all__ = ["assess", "crisis_reply", "follow", "is_asked_about", "is_fixed", "question_beside", "state_of"]
