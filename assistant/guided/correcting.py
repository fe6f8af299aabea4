"""Corrections: what the person says they meant, and what was taken for it."""

# ruff: noqa: E501 (one pattern a line is easier to review than a wrapped one)

from __future__ import annotations

import re

#: "him, not the cat"; "not my brother, my sister"; "I said sister"; "是他不是猫"; "不是我妈，是我姐"; "我说的是我姐".
#: A group `right` is what is meant; `wrong`, where there is one, what it is not.
_THING = r"(?:him|her|them|he|she|they|me|(?:(?:my|the|a|an|his|her|their) )[\w' ]{2,30}?)"
_WORD = r"(?:(?!its|im|it|this|that|thats|was|is|why|but|and|just|maybe|still|im|were|they)[a-z]{3,12})"
_FORMS = tuple(re.compile(form, re.I) for form in (
    rf"^(?:no|nope|wait|sorry)?[,. ]*(?:it'?s |it is |it was )?not (?:about )?(?P<wrong>{_THING}|[a-z]{{3,12}} lol)[,;.]+ ?(?:but |it'?s |it was |i mean )?(?:about )?(?P<right>{_THING})[.!]*$",
    rf"^(?:no|nope|wait|sorry)?[,. ]*(?:it'?s |it is |it was |i mean |i meant |i said |about )?(?P<right>{_THING}|{_WORD}),? (?:and )?not (?:about )?(?P<wrong>{_THING})(?:[.!,]|$)",
    rf"^(?:no|nope|wait)?[,. ]*i (?:said|meant|mean|was talking about|am talking about) (?:that )?(?:it'?s |it was )?(?P<right>{_THING}|{_WORD})[.!]*$",
    r"^(?:哎|不|啊)?[，, ]?不是(?:说)?(?P<wrong>[^，。,！!是]{1,12})[，,。 ]*(?:而)?是(?P<right>[^，。,！!]{1,20})",
    r"^(?:我说的?是|我是说|我指的?是|是|说的是)(?P<right>[^，。,！!不]{1,20})[，, ]*(?:又|并)?不是(?P<wrong>[^，。,！!]{1,12})",
    r"^(?:不[，, ]?)?(?:我说的?是|我是说|我指的?是|说的是)(?P<right>[^，。,！!]{1,20})",
))  # fmt: skip
#: A message up to this long (characters) may be a correction and nothing else.
SHORT = 80
_TURNED = {"my": "your", "i": "you", "me": "you", "mine": "yours", "i'm": "you're"}


def corrected(text: str) -> tuple[str, str]:
    """(what is meant, what it is not), each "" where the words do not say; turned to the second person."""
    plain = " ".join(text.replace("’", "'").split())
    for form in _FORMS:
        if match := form.search(plain):
            found = match.groupdict()
            return _turned(found["right"]), _turned(found.get("wrong") or "")
    return "", ""


def _turned(words: str) -> str:
    words = re.sub(r" lol$", "", words.strip())
    words = " ".join(_TURNED.get(word.lower(), word) for word in words.strip().split())
    return re.sub(r"[啊呀吧啦了]+$", "", words.replace("我", "你"))


def is_correction(text: str) -> bool:
    """Whether a message says in so many words what is meant, and is short."""
    right, wrong = corrected(text)
    return bool(right) and len(text) <= (SHORT if wrong else SHORT // 2)
