"""Readers of meaning: a second opinion on what a message says, beside the rules of assistant/safety. Optional."""

from assistant.meaning.base import Reader, Reading

__all__ = ["Reader", "Reading"]
