"""Keeps a model's reasoning from the person: blocks between tags, cut anywhere, also with the opening tag missing.

Some chat templates open the reasoning in the prompt, so that the answer holds its closing tag alone. Until it is known
that a model's template does not (see Opening), its text is held back: shown when the reply has ended, dropped when a
closing tag turns up.
"""

from __future__ import annotations

import string
from typing import Literal

#: How a reply begins: in text, within reasoning that the template has opened, or not known.
Opening = Literal["text", "reasoning", "unknown"]

#: Pairs of tags in use, in lower case: DeepSeek, Qwen and most others; Kimi; Magistral; Seed; Command; gpt-oss.
TAGS = (
    ("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("◁think▷", "◁/think▷"), ("[think]", "[/think]"), ("<seed:think>", "</seed:think>"),
    ("<|start_thinking|>", "<|end_thinking|>"), ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
)  # fmt: skip
_OPENING = frozenset(opening for opening, _ in TAGS)
_CLOSING = frozenset(closing for _, closing in TAGS)
_ALL = sorted(_OPENING | _CLOSING, key=len, reverse=True)
_LONGEST = len(_ALL[0])
_FIRST = frozenset(tag[0] for tag in _ALL)
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)  # unlike lower(), it keeps every place


class ReasoningFilter:
    """Text in as it streams, text for the person out. `opening` may be set to "text" at any time before the end.

    `inside` counts the reasoning blocks that are open; `found` says that some was left out; `learned` is what this
    reply showed of how the template begins a reply, or None.
    """

    def __init__(self, opening: Opening) -> None:
        self.opening: Opening = opening
        self.learned: Opening | None = None
        self.inside = 0
        self.found = False
        self._rest = ""  # a tail that may be the beginning of a tag
        self._held: list[str] = []
        self._shown = False

    def feed(self, text: str) -> str:
        """What of `text`, and of what was held before, may be shown now."""
        text = self._rest + text
        if not (self.inside or self._rest) and not any(mark in text for mark in _FIRST):
            return self._release(text)  # the usual case: nothing that could be a tag
        shown, self._rest = self._cut(text)
        return self._release(shown)

    def finish(self, whole: bool) -> str:
        """What may be shown now that nothing more comes. `whole` says that the model ended by itself: only then is text
        of an unknown opening known to be no reasoning."""
        text = "" if self.inside else self._rest
        self._rest = ""
        if whole and self.opening == "unknown" and not self.inside:
            self.opening = self.learned = "text"
        return self._release(text)

    def _cut(self, text: str) -> tuple[str, str]:
        """(what stands outside of reasoning, a tail that may begin a tag)."""
        shown, low, place, start = [], text.translate(_LOWER), 0, 0
        while place < len(text):
            tag = next((t for t in _ALL if low.startswith(t, place)), "") if low[place] in _FIRST else ""
            if tag:
                if not self.inside:
                    shown.append(text[start:place])
                shown = self._pass(tag, shown)
                place = start = place + len(tag)
            elif low[place] in _FIRST and len(text) - place < _LONGEST and any(t.startswith(low[place:]) for t in _ALL):
                if not self.inside:
                    shown.append(text[start:place])
                return "".join(shown), text[place:]
            else:
                place += 1
        if not self.inside:
            shown.append(text[start:])
        return "".join(shown), ""

    def _pass(self, tag: str, shown: list[str]) -> list[str]:
        """Go over a tag. Returns what of the text before it remains."""
        self.found = True
        if tag in _OPENING:
            self.inside += 1
            if self.inside == 1 and self.opening != "text" and not "".join((*self._held, *shown)).strip():
                self.opening = self.learned = "text"  # the model writes its own opening tag, so the template does not
            return shown
        if self.inside:
            self.inside -= 1
            return shown
        # A closing tag alone: all before it was reasoning. Where that was held, none of it was seen.
        self._held.clear()
        self.opening, self.learned = "text", "reasoning"
        return []

    def _release(self, text: str) -> str:
        if self.opening != "text":
            if text:
                self._held.append(text)
            return ""
        if self._held:
            text = "".join((*self._held, text))
            self._held.clear()
        if not self._shown and self.found:
            text = text.lstrip()
        self._shown = self._shown or bool(text.strip())
        return text
