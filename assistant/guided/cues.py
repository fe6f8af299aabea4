"""What a message says by its words: commands, acts, topics and feelings, as the tables of patterns in texts/cues.toml.
Bare commands are always read so; the rest stands in where there is no reader of meaning, or where it is not sure."""

from __future__ import annotations

import re

from assistant.guided.tables import HERE, load
from assistant.safety.normalise import simplified

_FLAGS = re.IGNORECASE


def _table(rows: dict[str, list[str]]) -> dict[str, re.Pattern[str]]:
    return {name: re.compile("|".join(patterns), _FLAGS) for name, patterns in rows.items()}


_CUES = load(HERE / "cues.toml")
COMMANDS, ACTS, MANNERS, TOPICS, CERTAIN = (
    _table(_CUES[name]) for name in ("commands", "acts", "manners", "topics", "certain")
)
FEELINGS, SIGNS, EVIDENCE, _NEWS, _WORDING_FOR = (
    _table(_CUES[name]) for name in ("feelings", "signs", "evidence", "news", "wording_for")
)
#: Which act of the reader (`outputs.ACTS`) a kind of wording or a command stands for.
ACT_OF: dict[str, str] = _CUES["act_of"]
COMMAND_OF: dict[str, str] = _CUES["command_of"]
#: A message up to this long (characters) may be a bare command.
BARE = 60

_NEGATION = re.compile(
    r"(\bnot|n['’]t|\b(do|does|did|would|could|ca|wo|is|was|have|has|are|should)nt|\bno longer|\bnever|\bwithout|"
    r"不|没|没有|不再|并不)\s*(\w+\s+)?(really |so |that |very |too |怎么|太|那么|是|有)?$",
    _FLAGS,
)


def as_tables(text: str) -> str:
    """The text as the tables of words have it: simplified characters, straight apostrophes."""
    return simplified(text.replace("’", "'"))


# Somebody else, and then nobody else up to the word.
_OTHERS = re.compile(
    r"\b(he|she|they|mum|mom|dad|wife|husband|boss|everyone|people)(\W?s|\W?ll|\W?re)?\b(?:(?!\b(i|im|me|my)\b)[^.,;!?]){0,24}$|"
    r"(他|她|他们|妈|爸|老板|领导|老公|老婆|孩子|同事)(?:(?!我|让)[^，。,！!？?]){0,6}$",
    _FLAGS,
)
#: Topics that are denied where a negation stands before them ("not angry"); the others are spoken of all the same.
_DENIED = {"anger", "worry", "panic", "low_mood"}


def _found(table: dict[str, re.Pattern[str]], text: str) -> tuple[str, ...]:
    """The rows that occur in `text`; where a negation counts, without one right before them."""
    plain = as_tables(text)
    return tuple(
        name
        for name, pattern in table.items()
        if any(
            (table is TOPICS and name not in _DENIED) or not _NEGATION.search(plain[: match.start()][-24:])
            for match in pattern.finditer(plain)
        )
    )


def command_in(text: str) -> str:
    """The command or bare answer that the whole message is, or ""."""
    bare = re.sub(r"[\s,，.。!！?？~～…、;；:：]+", " ", as_tables(text)).strip().lower()
    if len(bare) > BARE:
        return ""
    return next((name for name, pattern in COMMANDS.items() if pattern.fullmatch(bare)), "")


def acts_in(text: str) -> tuple[str, ...]:
    """What the message does towards the companion, by its words."""
    plain = as_tables(text)
    return tuple(name for name, pattern in ACTS.items() if pattern.search(plain))


def manners_in(text: str) -> str:
    """A greeting, thanks, goodbye or small talk that is all there is in a short message, or ""."""
    plain = as_tables(text)
    if len(plain) > BARE or len(plain.split()) > 9 or topics_in(plain):
        return ""
    return next((name for name, pattern in MANNERS.items() if pattern.search(plain)), "")


def topics_in(text: str) -> tuple[str, ...]:
    """Topics by their words, at most two; those of people outside a trouble come last."""
    return _found(TOPICS, text)[:2]


def certain_in(text: str) -> tuple[str, ...]:
    """Topics by words that need no second opinion."""
    plain = as_tables(text)
    return tuple(name for name, pattern in CERTAIN.items() if pattern.search(plain))


def feelings_in(text: str) -> tuple[str, ...]:
    """Feelings of the writer that are named and not denied, at most two."""
    plain = as_tables(text)
    named = (
        name
        for name, pattern in FEELINGS.items()
        if any(_is_own(plain[: match.start()]) for match in pattern.finditer(plain))
    )
    return tuple(named)[:2]


def _is_own(before: str) -> bool:
    """Whether what follows these words is neither denied nor said of somebody else."""
    return not _NEGATION.search(before[-24:]) and not _OTHERS.search(before)


def good_in(text: str) -> bool:
    """Whether the words tell outright of something that went well."""
    return bool(_found(_NEWS, text))


def shows(act: str, text: str) -> bool:
    """Whether the words allow this act: one towards the companion must speak to it or of it."""
    return act not in EVIDENCE or EVIDENCE[act].search(as_tables(text)) is not None


def wording_for(text: str) -> str:
    """Which words are asked for (`outputs.OCCASIONS`), by the message's own, or ""."""
    plain = as_tables(text)
    return next((name for name, pattern in _WORDING_FOR.items() if pattern.search(plain)), "")


def sign_in(name: str, text: str) -> bool:
    """Whether the words show this sign ("now", "body", "past" ...)."""
    return bool(SIGNS[name].search(as_tables(text)))


_NUMBER = re.compile(r"(?<![\d.])(10|[0-9])(?!\d|[:：点]|\.\d)")
_HAN_NUMBERS = {name: number for number, name in enumerate("零一二三四五六七八九十")}


def score_in(text: str) -> int | None:
    """A number from 0 to 10 in a short message, or None."""
    if len(text) > BARE:
        return None
    if match := _NUMBER.search(text):
        return int(match[1])
    bare = text.strip(" 。，！分吧大概差不多左右约")
    return _HAN_NUMBERS.get(bare) if len(bare) == 1 else None
