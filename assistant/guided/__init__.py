"""The guided companion, which needs no language model."""

from assistant.guided.companion import Guided

__all__ = ["Guided"]
