"""Readers of meaning: a second opinion on what a message says, beside the rules of assistant/safety; what a person does
with a message; what is wrong with a sentence of a reply. Optional: everything works, less finely, without."""

from assistant.meaning.base import Fault, Judges, Meaning, Reader, Reading, Understands
from assistant.meaning.reader import load_reader

__all__ = ["Fault", "Judges", "Meaning", "Reader", "Reading", "Understands", "load_reader"]
