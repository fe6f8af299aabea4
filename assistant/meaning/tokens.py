"""A SentencePiece unigram tokenizer over a small vocabulary, in plain Python: no library at run time."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

SPACE = "▁"  # what SentencePiece writes for a space
UNKNOWN_PENALTY = 10.0  # an unknown character scores this much below the rarest piece, as SentencePiece has it
LONGEST_WORD = 60  # characters: a longer run without a space is cut, which keeps the time linear in the text

_SPACES = re.compile(r"\s+")
_WORDS = re.compile(rf"{SPACE}?[^{SPACE}]{{1,{LONGEST_WORD}}}|{SPACE}")


def normalised(text: str) -> str:
    """`text` in compatibility form (NFKC), without control characters, each run of spaces as one."""
    kept = "".join(c if unicodedata.category(c) not in ("Cc", "Cf", "Cs") else " " if c.isspace() else ""
                   for c in unicodedata.normalize("NFKC", text))  # fmt: skip
    return _SPACES.sub(" ", kept).strip()


class Tokens:
    """Cuts text into the most probable sequence of pieces (Viterbi over unigram log probabilities; Kudo 2018).

    Pieces never reach over a space, so words are cut one by one and kept: the same word is the same pieces.
    """

    def __init__(self, pieces: Sequence[str], scores: Sequence[float], unknown: int) -> None:
        """`pieces` in the order of their numbers, with their log probabilities; `unknown` is the number of <unk>.
        Raises ValueError when the two differ in length."""
        self._scores = {piece: (float(score), number)
                        for number, (piece, score) in enumerate(zip(pieces, scores, strict=True))
                        if not (piece.startswith("<") and piece.endswith(">"))}  # fmt: skip
        self._unknown = unknown
        self._floor = min(score for score, _ in self._scores.values()) - UNKNOWN_PENALTY
        self._longest = max(map(len, self._scores))
        self._known: dict[str, tuple[int, ...]] = {}

    def numbers(self, text: str) -> list[int]:
        """The numbers of the pieces of `text`, without marks of start and end."""
        found: list[int] = []
        for word in _WORDS.findall(SPACE + normalised(text).replace(" ", SPACE)):
            cut = self._known.get(word)
            if cut is None:
                cut = self._cut(word)
                if len(word) <= 16 and len(self._known) < 20_000:
                    self._known[word] = cut
            found.extend(cut)
        return found

    def _cut(self, word: str) -> tuple[int, ...]:
        length, known = len(word), self._scores
        best = [0.0] + [float("-inf")] * length
        back = [(0, self._unknown)] * (length + 1)
        for start in range(length):
            base = best[start]
            for end in range(start + 1, min(length, start + self._longest) + 1):
                piece = known.get(word[start:end])
                if piece is not None and base + piece[0] > best[end]:
                    best[end], back[end] = base + piece[0], (start, piece[1])
            if base + self._floor > best[start + 1]:
                best[start + 1], back[start + 1] = base + self._floor, (start, self._unknown)
        cut, end = [], length
        while end:
            end, number = back[end]
            cut.append(number)
        return tuple(reversed(cut))
