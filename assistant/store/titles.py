"""A conversation's title: what its first telling message is about, by rules. No model is asked."""

from __future__ import annotations

import re

from assistant.types import RiskLevel, Turn
from llm.types import Locale

TITLE_CHARS = 48
#: Where a title comes from: nothing to go by yet, the person's words, or the person's own choice.
PROVISIONAL, FROM_WORDS, BY_HAND = 0, 1, 2

#: A list that lies open must not show the words of a bad hour to whoever looks over a shoulder.
_HARD: dict[Locale, str] = {"en": "A hard moment", "zh": "一段艰难的时刻"}
_OPENERS = re.compile(
    r"^((hi|hello|hey|hiya|good (morning|afternoon|evening)|dear beside)\b( there| again| beside)?|"
    r"(well|so|ok(ay)?|um+|uh+|hmm+|actually|honestly|anyway|please|you know|look|right now)\b|"
    r"(i (just )?(wanted|want|need(ed)?|would like|'d like) to (say|tell you|talk about|ask( you)?)( that)?\b)|"
    r"(can|could|may) i (tell you|talk to you|talk) about\b|(i('m| am) (here )?because\b)|"
    r"(it('s| is) (just )?that)\b|(the thing is)( that)?\b|i (just )?(think|guess|feel like)( that)?\b|"
    r"how are you( today| doing)?|thanks?( you)?( for asking)?\b|"
    r"你好|您好|嗨|哈喽|早上好|下午好|晚上好|在吗|那个|就是说?|其实|说实话|嗯+|唉+|哎+|我(就)?(是)?想(说|聊聊|问|跟你说|和你说)(一下)?|"
    r"(是)?因为|我觉得|最近怎么样)[\s,，.。!！?？~～…、;；:：-]*",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？；])|\n\s*\n")
_SOFT_END = re.compile(r"[\s,，;；:：、-]+$")
_HAN = re.compile(r"[\u4e00-\u9fff]{3,}")
_WORD = re.compile(r"[a-z]+", re.IGNORECASE)
#: A title is looked for in this many characters of a message: a wall of text says early what it is about.
LOOKED_AT = 1000


def plain(words: str) -> str:
    """The words on one line, at most TITLE_CHARS characters, cut between words where there are any."""
    line = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    if len(line) <= TITLE_CHARS:
        return line
    cut = line[: TITLE_CHARS - 1]
    head, gap, _ = cut.rpartition(" ")
    return _SOFT_END.sub("", head if gap and len(head) > TITLE_CHARS // 2 else cut) + "…"


def title_of(turn: Turn) -> tuple[str, int]:
    """The title that a turn gives its conversation, and where it comes from.

    "hi, so I just wanted to say that my exam is on Friday. I cannot sleep." gives "My exam is on Friday". A greeting
    alone is PROVISIONAL: a later turn may say more. From a moderate risk on, the title keeps the words to itself.
    """
    if turn.risk.level >= RiskLevel.MODERATE:
        return _HARD[turn.locale], FROM_WORDS
    for sentence in _SENTENCE.split(turn.user_text[:LOOKED_AT]):
        rest = sentence.strip()
        while (shorter := _OPENERS.sub("", rest, count=1)) != rest:
            rest = shorter
        if _tells(rest):
            return plain(_capital(rest.rstrip(" .。!！,，;；"))), FROM_WORDS
    return plain(turn.user_text), PROVISIONAL


def _tells(words: str) -> bool:
    """Whether something is said: a few Chinese characters, two words of two letters, or one longer word."""
    lengths = [len(word) for word in _WORD.findall(words)]
    return bool(_HAN.search(words)) or sum(length >= 2 for length in lengths) >= 2 or max(lengths, default=0) >= 6


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
