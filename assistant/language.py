"""The person's text as it arrives: cleaned of what no keyboard writes, its language, and its sentences. Pure
functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from llm.types import Locale

# Invisible characters that can hide or reorder words: controls, zero-width, bidi overrides, tags. The joiner U+200D
# stays, because emoji are built with it.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_KANA_OR_HANGUL = re.compile(r"[\u3040-\u30ff\uac00-\ud7af]")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]+(?:['’][A-Za-z]+)?")
# A sentence ends at 。！？…, a line's end, or at .!? before a space (so not inside 3.5 or a URL).
_END = re.compile(r"[。！？…]+[”’」』）)\"']*|\n+|[.!?]+[\"'”’)]*\s")
_CLAUSE_END = re.compile(r"[，；：、]|[,;:]\s")
# Openings of markup whose closing decides what it is: a sentence is not cut between them.
_OPEN_MARKUP = re.compile(r"!?\[[^\]]*$|\]\([^)]*$|<[A-Za-z/!][^>]*$")


def clean_text(text: str) -> str:
    """`text` with one kind of line end, without control, zero-width, bidi and tag characters, in NFC, stripped."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode("utf-8")
    return unicodedata.normalize("NFC", _HIDDEN.sub("", text)).strip()


def language_of(text: str, default: Locale) -> Locale:
    """zh when there are at least as many Chinese characters as Latin words, en when fewer; `default` where the text
    shows neither (emoji, digits) or is in Japanese or Korean, which we do not speak."""
    han, latin = len(_HAN.findall(text)), len(_LATIN_WORD.findall(text))
    if (han == 0 and latin == 0) or _KANA_OR_HANGUL.search(text):
        return default
    return "zh" if han >= latin else "en"


class SentenceBuffer:
    """Collects streamed pieces and gives them back sentence by sentence, the first one clause by clause, so that the
    first words appear soon. A text without any end is cut at LONGEST characters."""

    LONGEST = 400
    #: A first clause shorter than this is not let out alone ("Well," says nothing that could be checked).
    SHORTEST_CLAUSE = 8

    def __init__(self) -> None:
        self._held = ""
        self._started = False

    def feed(self, piece: str) -> Iterator[str]:
        """Take a piece; yield what has become whole, with its trailing white space."""
        self._held += piece
        while cut := self._cut():
            ready, self._held = self._held[:cut], self._held[cut:]
            self._started = True
            yield ready

    def rest(self) -> str:
        """What is still held, once the stream has ended."""
        held, self._held = self._held, ""
        return held

    def _cut(self) -> int:
        ends = [match.end() for match in _END.finditer(self._held)]
        if not self._started:
            clauses = (match.end() for match in _CLAUSE_END.finditer(self._held))
            ends = sorted([*ends, *(end for end in clauses if end >= self.SHORTEST_CLAUSE)])
        for end in ends:
            if not _OPEN_MARKUP.search(self._held[:end]):
                return end
        return self.LONGEST if len(self._held) > self.LONGEST else 0
