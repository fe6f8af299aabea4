"""Reflective listening: gives one clause of what the person said back, in the second person, or admits that none fits.

In the manner of Weizenbaum's ELIZA (1966), with one difference: where the grammar might go wrong it gives nothing back.
"""

from __future__ import annotations

import re

from assistant.guided.cues import ACTS, feelings_in, topics_in
from assistant.guided.tables import HERE, load
from llm.types import Locale

#: The length of a clause that is given back: English words, Chinese characters.
MIN_WORDS, MAX_WORDS = 3, 18
MIN_HAN, MAX_HAN = 4, 24

_SWAP = {
    "i": "you", "i'm": "you're", "im": "you're", "i've": "you've", "ive": "you've", "i'd": "you'd", "i'll": "you'll",
    "me": "you", "my": "your", "mine": "yours", "myself": "yourself", "am": "are",
}  # fmt: skip
_WAS = {"was": "were", "wasn't": "weren't", "am": "are"}
# First words that lose their capital inside a sentence.
_SMALL = {
    "the", "a", "an", "he", "she", "it", "they", "we", "nobody", "no", "everyone", "everybody", "everything", "nothing",
    "every", "all", "this", "that", "there", "sometimes", "people", "his", "her", "their", "it's", "he's", "she's",
    "they're", "someone", "being", "having", "not", "still", "never", "first", "last", "one", "two", "three", "four",
    "five", "six", "seven", "eight", "nine", "ten", "nineteen", "twenty", "thirty", "forty", "today", "yesterday",
}  # fmt: skip
_CLAUSES = load(HERE / "clauses.toml")


def _form(name: str, flags: int = 0) -> re.Pattern[str]:
    return re.compile("|".join(_CLAUSES[name]), flags)


_VERDICT, _FIRST, _REPORTED = (_form(name, re.I) for name in ("verdict", "first_person", "reported"))
_LEADING_EN, _TRAILING_EN = _form("leading_en", re.I), _form("trailing_en", re.I | re.M)
_SPLIT_EN, _SUBORDINATE, _UNFIT_EN = (_form(name, re.I) for name in ("split_en", "subordinate", "unfit_en"))
_ASIDE = re.compile(r"\s*[(（][^)）]*[)）]")  # what stands in brackets is said beside it
_LEADING_ZH, _TRAILING_ZH, _SPLIT_ZH, _UNFIT_ZH = (
    _form(f"{name}_zh") for name in ("leading", "trailing", "split", "unfit")
)


def reflect(text: str, locale: Locale) -> str:
    """The clause that carries the message, turned to the second person, or "". A verdict on themselves is not given
    back: it would sound confirmed."""
    plain = _ASIDE.sub("", text.replace("’", "'"))
    clauses = _clauses_zh(plain) if locale == "zh" else _clauses_en(plain)
    unfit = (ACTS["dark"], _REPORTED)
    clauses = [one for one in clauses if _FIRST.search(one) and not any(form.search(one) for form in unfit)]
    if not clauses:
        return ""
    best = max(clauses, key=_weight)
    if _VERDICT.search(best):
        return ""
    return best.replace("我就是", "我").replace("我", "你") if locale == "zh" else _turned(best)


def _weight(clause: str) -> float:
    return 2.0 * bool(feelings_in(clause)) + 1.5 * bool(topics_in(clause)) + 0.01 * len(clause)


def _clauses_en(text: str) -> list[str]:
    found = []
    text = _TRAILING_EN.sub("", text)
    for sentence in re.findall(r"[^.!?;\n…]+[.!?;\n…]*", text):
        if "?" in sentence:
            continue
        for part in _SPLIT_EN.split(sentence):
            clause = _LEADING_EN.sub("", part.strip(" ,:-")).strip(" ,:-")
            if len(clause.split()) > MAX_WORDS:  # its first part, where that can stand alone
                clause = _SUBORDINATE.split(clause)[0]
            if MIN_WORDS <= len(clause.split()) <= MAX_WORDS and not _UNFIT_EN.search(clause) and clause.isprintable():
                found.append(clause)
    return found


def _clauses_zh(text: str) -> list[str]:
    found = []
    for part in _SPLIT_ZH.split(text):
        clause = _TRAILING_ZH.sub("", _LEADING_ZH.sub("", part.strip()))
        fits = not _UNFIT_ZH.search(clause) and not _UNFIT_ZH.search(part.strip())
        if MIN_HAN <= len(clause) <= MAX_HAN and fits and clause.isprintable():
            found.append(clause)
    return found


def _turned(clause: str) -> str:
    words, turned = clause.split(), []
    if words[0].lower() in _SMALL:
        words[0] = words[0].lower()
    for index, word in enumerate(words):
        bare = word.strip(",'\"()").lower() if word.lower() not in _SWAP else word.lower()
        before = words[index - 1].strip(",").lower() if index else ""
        swapped = _WAS.get(bare) if before == "i" else None
        swapped = swapped or _SWAP.get(bare)
        turned.append(word.lower().replace(bare, swapped) if swapped else word)
    return " ".join(turned)
