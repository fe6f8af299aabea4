"""What a message is about, by its words: acts, topics and feelings, as the tables of patterns in texts/cues.toml."""

# ruff: noqa: E501 (one pattern a line is easier to review than a wrapped one)

from __future__ import annotations

import re

from assistant.guided.tables import HERE, load

_FLAGS = re.IGNORECASE


def _table(rows: dict[str, list[str]]) -> dict[str, re.Pattern[str]]:
    return {name: re.compile("|".join(patterns), _FLAGS) for name, patterns in rows.items()}


_CUES = load(HERE / "cues.toml")
COMMANDS, ACTS, MANNERS, TOPICS, _NEWS = (
    _table(_CUES[name]) for name in ("commands", "acts", "manners", "topics", "news")
)

_NEGATION = re.compile(
    r"(\bnot|n['’]t|\bno longer|\bnever|\bwithout|不|没|没有|不再|并不)\s*(\w+\s+)?(really |so |that |very |too |怎么|太|那么|是|有)?$",
    _FLAGS,
)


# Good things that are wished for, or past, are not good news.
_WISHED = re.compile(
    r"\b(want|wish|hope|hoping|used to|would|could|should|never|if|to feel|to be)\b|想|希望|以前|要是|如果|假装|应该",
    _FLAGS,
)


def searched(table: dict[str, re.Pattern[str]], text: str) -> str:
    """The name of the first row that occurs in `text` without a negation right before it, or ""."""
    for name, pattern in table.items():
        for match in pattern.finditer(text):
            before = text[: match.start()][-24:]
            if not _NEGATION.search(before) and not (name == "good" and _WISHED.search(before)):
                return name
    return ""


def command_in(text: str) -> str:
    """The command or bare answer that the whole message is, or ""."""
    bare = re.sub(r"[\s,，.。!！?？~～…、;；:：]+", " ", text.replace("’", "'")).strip().lower()
    if len(bare) > 60:
        return ""
    return next((name for name, pattern in COMMANDS.items() if pattern.fullmatch(bare)), "")


def act_in(text: str) -> str:
    """What the message does towards the companion, or ""."""
    plain = text.replace("’", "'")
    return next((name for name, pattern in ACTS.items() if pattern.search(plain)), "")


def manners_in(text: str) -> str:
    """A greeting, thanks, goodbye or small talk that is all there is in a short message, or ""."""
    plain = text.replace("’", "'")
    if len(plain) > 60 or len(plain.split()) > 9 or searched(TOPICS, plain) not in {"", "good"}:
        return ""
    return next((name for name, pattern in MANNERS.items() if pattern.search(plain)), "")


def topic_in(text: str) -> str:
    """The topic of the message, or ""."""
    plain = text.replace("’", "'")
    return searched(_NEWS, plain) or searched(TOPICS, plain)


_NUMBER = re.compile(r"(?<![\d.])(10|[0-9])(?!\d|[:：点]|\.\d)")
_HAN_NUMBERS = {name: number for number, name in enumerate("零一二三四五六七八九十")}


def score_in(text: str) -> int | None:
    """A number from 0 to 10 in a short message, or None."""
    if len(text) > 60:
        return None
    if match := _NUMBER.search(text):
        return int(match[1])
    bare = text.strip(" 。，！分吧大概差不多左右约")
    return _HAN_NUMBERS.get(bare) if len(bare) == 1 else None


_FEELING = re.compile(
    r"\b(sad|angry|anxious|worried|afraid|scared|lonely|tired|exhausted|overwhelmed|guilty|ashamed|numb|empty|stressed|hurt|"
    r"confused|jealous|disappointed|frustrated|nervous|restless|helpless|stuck|lost|embarrassed|heartbroken|furious|happy|"
    r"relieved|proud|hopeful|grateful|calm|miserable|irritated|bitter|torn)\b|"
    r"难过|伤心|委屈|生气|愤怒|焦虑|紧张|害怕|孤独|孤单|疲惫|累|内疚|愧疚|羞愧|麻木|空虚|压抑|憋屈|迷茫|混乱|嫉妒|失望|烦躁|"
    r"无助|无力|绝望|心慌|难受|崩溃|郁闷|烦|慌|开心|高兴|自豪|平静|踏实|松了口气",
    _FLAGS,
)


def feeling_in(text: str) -> str:
    """The first word for a feeling that the person uses and does not negate, as they wrote it, or ""."""
    for match in _FEELING.finditer(text):
        if not _NEGATION.search(text[: match.start()][-24:]):
            return match[0]
    return ""
