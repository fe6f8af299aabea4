"""The guided companion, which needs no language model."""

from assistant.guided.companion import Guided, is_companion

__all__ = ["Guided", "is_companion"]
