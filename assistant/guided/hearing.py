"""What a message does and is about: by the learned reader where there is one and it is sure, by the tables of words for
bare commands, and for everything where there is no reader."""

from __future__ import annotations

import re
from dataclasses import dataclass

from assistant.guided.correcting import is_correction
from assistant.guided.cues import (
    ACT_OF,
    COMMAND_OF,
    acts_in,
    command_in,
    feelings_in,
    good_in,
    manners_in,
    score_in,
    shows,
    sign_in,
    topics_in,
)
from assistant.meaning.base import ACT_FROM, Meaning, Understands

#: Wordings that are said to the companion and to nobody else: they count also where a reader takes them for telling.
_OUTRIGHT = {
    "useless", "no_questions", "repeating", "ask_mood", "inject", "real", "relax", "remember", "calm", "secrecy",
    "mock", "abilities",
}  # fmt: skip
#: Wordings that ask only where the message is a question.
_QUESTIONS = {"medication", "diagnosis", "opinion", "normal", "reassure", "info", "offtopic"}
_MANNERS = {"bye", "thanks", "greeting"}
#: A reader this sure of what is asked is not contradicted by words; a greeting, a goodbye or a bare wish for advice is
#: not longer than this (characters).
SURE, POLITE = 0.9, 24
#: A reader this sure needs no word of the message for what is asked of the companion, but for what is asked about it.
CERTAIN = 0.85
_ABOUT_IT = {"ask_privacy", "ask_about_bot", "ask_abilities"}
_TELLS = {"telling", "answer", "unsure"}
#: What a reader takes "stop asking" for.
_REFUSES = {"stop", "decline"}
#: Manners and play that may stand before what is really asked.
_BEFORE = {"thank", "greet", "agree", "joke", "small_talk"}
_LETTERS = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class Heard:
    """One message. `act` is one of `outputs.ACTS`, "" where nobody is sure. `command` is what the whole message is by
    itself ("stop", "yes", "better" ...), `kind` the variety of an act by its words ("repeating", "camera" ...)."""

    text: str
    act: str = ""
    command: str = ""
    kind: str = ""
    topics: tuple[str, ...] = ()
    feelings: tuple[str, ...] = ()
    score: int | None = None
    dark: bool = False  # words about dying or self-harm

    @property
    def topic(self) -> str:
        """The likeliest topic, or ""."""
        return self.topics[0] if self.topics else ""

    @property
    def feeling(self) -> str:
        """The likeliest feeling, or ""."""
        return self.feelings[0] if self.feelings else ""

    @property
    def wordless(self) -> bool:
        """Only signs."""
        return not _LETTERS.search(self.text)


def hear(text: str, reader: Understands | None) -> Heard:
    """The message as it is understood."""
    command, kinds = command_in(text), acts_in(text)
    dark = "dark" in kinds
    asking = sign_in("asking", text)
    kinds = tuple(kind for kind in (*kinds, manners_in(text)) if kind in ACT_OF and (asking or kind not in _QUESTIONS))
    topics, feelings, score = topics_in(text), feelings_in(text), score_in(text)
    if command:
        return Heard(text, COMMAND_OF[command], command, "", topics, feelings, score, dark)
    if is_correction(text):
        return Heard(text, "correct", "", "misread", topics, feelings, score, dark)
    told = ACT_OF[kinds[0]] if kinds else "good_news" if good_in(text) else ""
    if reader and _LETTERS.search(text):
        meaning = reader.understand(text)
        act = _act(meaning, text, told, kinds, asking)
        # A word alone names no topic that the reader does not see at all: "tablet", "lost", "nights".
        topics = meaning.topics or tuple(topic for topic in topics if topic in meaning.maybe)
        feelings = meaning.feelings or feelings
    else:
        act = told or ("telling" if _LETTERS.search(text) else "")
    kind = next((kind for kind in kinds if ACT_OF[kind] == act), "")
    return Heard(text, act, "", kind, topics, feelings, score, dark)


def _is_unfounded(meaning: Meaning, text: str) -> bool:
    """Whether no word of the message speaks for the act, and the reader is not sure enough to do without."""
    return not shows(meaning.act, text) and (meaning.sure < CERTAIN or meaning.act in _ABOUT_IT)


def _act(meaning: Meaning, text: str, told: str, kinds: tuple[str, ...], asking: bool) -> str:
    """The reader's act where it is sure and the words allow it; what the words say (`told`) where it is not sure, where
    it takes a question or a word to the companion for telling, and where the two differ in what is asked; "" where
    nothing says."""
    if "tries" in kinds:
        return "test"
    if "useless" in kinds and meaning.act in _TELLS | {"ask_about_bot", "insult"}:
        return "complain"
    if meaning.sure < ACT_FROM or _is_unfounded(meaning, text):
        return told
    if not told:
        return meaning.act
    polite = kinds[:1] != () and kinds[0] in _MANNERS | {"advice"} and len(text) <= POLITE
    outright = kinds[:1] != () and (kinds[0] in _OUTRIGHT or asking or polite)
    asks = meaning.act.startswith("ask_") and asking and (meaning.sure < SURE or meaning.act == "ask_about_bot")
    doubted = meaning.act in _TELLS | _REFUSES | _BEFORE or meaning.sure < SURE
    return told if asks or (outright and doubted) else meaning.act
