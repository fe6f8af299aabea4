"""Corrections: what the person says they meant, and what was taken for it."""

from __future__ import annotations

import re

from assistant.guided.tables import HERE, load

#: "him, not the cat"; "not my brother, my sister"; "I said sister"; "是他不是猫"; "不是我妈，是我姐"; "我说的是我姐".
_CLAUSES = load(HERE / "clauses.toml")
_PARTS = {f"<{name}>": "|".join(_CLAUSES[name]) for name in ("thing", "word")}
_FORMS = tuple(
    re.compile(re.sub("<thing>|<word>", lambda found: _PARTS[found[0]], form), re.I) for form in _CLAUSES["corrections"]
)
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
