"""One way of writing for many: what the rules read instead of the raw message. Pure functions, linear in the text."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from pathlib import Path

_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]"
)

_DATA = tomllib.loads((Path(__file__).parent / "lexicon" / "spelling.toml").read_text(encoding="utf-8"))
_TRADITIONAL = str.maketrans(_DATA["traditional"], _DATA["simplified"])
_CANTONESE = str.maketrans(_DATA["cantonese"])
_LOOKALIKES = str.maketrans(_DATA["lookalikes"], _DATA["latin"])
# Digits and signs inside a word that stand for letters: su1c1de, d!e, k1ll, $uicide.
_LEET = str.maketrans("013457@$!", "oieastasi")
_LEET_WORD = re.compile(
    r"\b(?=[a-z013457@$!]*[a-z])(?=[a-z013457@$!]*[013457@$!])[a-z$@013457][a-z013457@$!*]*[a-z](?![\w@$])", re.A
)
_LEET_SINGLE = re.compile(r"(?:^|(?<=\s))1 (?=w[a4]nt|w[a4]nn[a4]|am )")
_LETTERS_APART = re.compile(r"(?<![a-z0-9])(?:[a-z][ .\-_*~|/]{1,3}){3,60}[a-z](?![a-z0-9])")
_HAN = "\u3400-\u9fff"
_HAN_APART = re.compile(rf"(?<=[{_HAN}])[ \t.\-_*~|/·・、\\+]{{1,3}}(?=[{_HAN}])")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _slips(word: str) -> set[str]:
    """All strings one deletion, swap, replacement or insertion away (Norvig's edits1), the first letter kept."""
    cuts = [(word[:i], word[i:]) for i in range(1, len(word) + 1)]
    near = {a + b[1:] for a, b in cuts if b} | {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    near |= {a + c + b[1:] for a, b in cuts if b for c in _LETTERS} | {a + c + b for a, b in cuts for c in _LETTERS}
    return near - {word}


_KEPT = {*_DATA["other_words"], *_DATA["keywords"]}
_MISSPELT = {slip: word for word in _DATA["keywords"] for slip in _slips(word) if slip not in _KEPT}
_MISSPELT |= _DATA["misspelt"]
_WORD = re.compile(r"[a-z]{3,12}")
_STRETCHED = re.compile(r"([a-z])\1{2,}")
_REWRITTEN = tuple(
    (re.compile(row["pattern"], re.ASCII), row["meant"]) for row in (*_DATA["dialect"], *_DATA["evasion"])
)
_JOINED: dict[str, str] = _DATA["joined"]


def simplified(text: str) -> str:
    """`text` in simplified characters, with the Cantonese ones of spelling.toml put into Mandarin."""
    return text.translate(_CANTONESE).translate(_TRADITIONAL)


def normalise(text: str) -> str:
    """`text` in lower case, NFKC, simplified characters, without hidden characters, apostrophes and letters written
    apart, with common evasions spelled out. Line ends stay. Nothing is cut: danger may stand at the end."""
    text = unicodedata.normalize("NFKC", _HIDDEN.sub("", text)).lower()
    text = text.translate(_CANTONESE).translate(_TRADITIONAL).translate(_LOOKALIKES)
    text = "".join(ch for ch in text if ch == "\n" or not unicodedata.category(ch).startswith("C"))
    text = re.sub(r"\bo\.?d\.?(?:['’]e?|e)d\b", "overdosed", text)
    text = text.replace("'", "").replace("\u2019", "").replace("`", "")
    text = _LEET_SINGLE.sub("i ", text)
    text = _LEET_WORD.sub(lambda match: match[0].translate(_LEET), text)
    text = _LETTERS_APART.sub(_join, text)
    text = _HAN_APART.sub("", text)
    text = _STRETCHED.sub(r"\1\1", text)
    text = _WORD.sub(lambda match: _MISSPELT.get(match[0], match[0]), text)
    for pattern, meant in _REWRITTEN:
        text = pattern.sub(meant, text)
    return text


def _join(match: re.Match[str]) -> str:
    word = re.sub(r"[^a-z]", "", match[0])
    return _JOINED.get(word, word)


_SENTENCE = re.compile(r"[^.!?。！？\n;；…]+")
_CLAUSE = re.compile(
    r"[,，:：(（)）\"“”]| - |\b(?:but|though|however|yet|except)\b|"
    r"(?:但是|但|(?<![活撑熬挺捱挨躲逃受气忍扛醒])不过(?!来)|可是|然而)"
)


def sentences(text: str) -> list[list[str]]:
    """The clauses of each sentence of a normalised text, without the empty ones."""
    found = []
    for match in _SENTENCE.finditer(text):
        clauses = [part.strip() for part in _CLAUSE.split(match[0]) if part and part.strip()]
        if clauses:
            found.append(clauses)
    return found
