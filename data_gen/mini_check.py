"""`python -m data_gen mini-check`: what a served model answers to openings that it never learned, counted by rules.

The rules are those of the page's own prompt. They see the shape of a reply, not whether it helps: the replies are
written out, unedited, to be read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from assistant.language import language_of
from assistant.prompt import build_prompt
from assistant.safety import assess
from assistant.safety.reply import check_sentence
from assistant.types import Risk
from data_gen.mini import OWN, stated
from llm.base import ChatModel
from llm.files import whole
from llm.rows import read_rows
from llm.types import Locale, Prompt, Reply, Sampling

OPENINGS = OWN / "openings.jsonl"
#: What is observed beside the words: nothing, something that fits them, something that contradicts them.
STATES = ("none", "fitting", "contradicting")
#: A page-like reply: at most this many sentences, or characters (zh) and words (en).
MOST_SENTENCES = 5
MOST: dict[Locale, int] = {"zh": 150, "en": 110}
SAMPLING = Sampling(temperature=0.0, max_tokens=160, seed=1)
_SENTENCE = re.compile(r"[^。！？.!?\n]+[。！？.!?]*")
_LIST = re.compile(r"(?m)^\s*([-*•]|\d+[.、)）])")
#: Some words three times in a row, or nearly in a row.
_CIRCLE = re.compile(r"(.{4,40}?)(?:.{0,2}\1){2,}", re.S)
_FACE = re.compile(
    "摄像头|麦克风|表情|看到你的|看见你的|你的(脸|眉|嘴|眼)|低着头|微笑着|嘴角|camera|microphone"
    r"|your (face|brow|mouth|eyes|smile|expression)|you(?:'re| are) (smiling|frowning)"
    r"|you (look|seem) (sad|happy|tense|upset)|i (?:can )?see (?:that )?you",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Opening:
    """A first message, and what a camera might add; "" where it has none."""

    locale: Locale
    text: str
    faces: tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Answered:
    """A reply to an opening under one of STATES, and the rules that it breaks."""

    opening: Opening
    state: str
    reply: str
    broken: tuple[str, ...]


def read_openings(path: Path = OPENINGS) -> list[Opening]:
    return [
        Opening(
            "zh" if row["lang"] == "zh" else "en",
            row["text"],
            ("", row.get("fitting", ""), row.get("contradicting", "")),
        )
        for _, row in read_rows(path)
    ]


def broken_rules(reply: str, locale: Locale, said: str = "") -> tuple[str, ...]:
    """The names of the rules that `reply` to `said` breaks; empty for a reply of the shape that the page asks for."""
    size = len(reply) if locale == "zh" else len(reply.split())
    sentences = [s[0].strip() for s in _SENTENCE.finditer(reply) if s[0].strip()]
    checks = {
        "empty": not reply.strip(),
        "other language": language_of(reply, locale) != locale,
        "too long": size > MOST[locale] or len(sentences) > MOST_SENTENCES,
        "more than one question": len(re.findall("[?？]", reply)) > 1,
        "list": bool(_LIST.search(reply)),
        "repeats a sentence": len(set(sentences)) < len(sentences),
        "goes round in circles": bool(_CIRCLE.search(reply)),
        "only repeats the person": bool(said) and _plain(reply) in {_plain(said), _turned(_plain(said))},
        "mentions the face": bool(_FACE.search(reply)),
    }
    found = [name for name, is_broken in checks.items() if is_broken]
    return (*found, *(f"page: {reason}" for s in sentences if (reason := check_sentence(s, Risk(), locale).reason)))


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()


def _turned(text: str) -> str:
    """`text` as one says it back: I and you exchanged, in Chinese."""
    return text.translate(str.maketrans("我你", "你我"))


def ask(
    model: ChatModel,
    openings: Sequence[Opening],
    states: Sequence[str] = ("none",),
    told: Callable[[int], None] = lambda done: None,
) -> list[Answered]:
    """Answer every opening under every state that it has. Raises ModelError."""
    found = []
    for opening in openings:
        for state in states:
            face = opening.faces[STATES.index(state)]
            if state != "none" and not face:
                continue
            risk = assess(opening.text)
            prompt = build_prompt(opening.text, stated(face), risk, (), opening.locale)
            reply = _whole_reply(model, replace(prompt, sampling=SAMPLING))
            found.append(Answered(opening, state, reply, broken_rules(reply, opening.locale, opening.text)))
            told(len(found))
    return found


def _whole_reply(model: ChatModel, prompt: Prompt) -> str:
    pieces = model.stream(prompt)
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            reply: Reply = end.value
            return reply.text


def counts(answers: Sequence[Answered]) -> Counter[str]:
    """How many replies break each rule; "all kept" counts those that break none."""
    found: Counter[str] = Counter()
    for answered in answers:
        found.update(set(answered.broken) or {"all kept"})
    return found


def write(path: Path, title: str, answers: Sequence[Answered]) -> None:
    """The counts and every reply, as Markdown."""
    lines = [f"# {title}", "", f"{len(answers)} replies.", "", "| rule | replies |", "|---|---|"]
    lines += [f"| {rule} | {count} |" for rule, count in counts(answers).most_common()]
    for answered in answers:
        face = answered.opening.faces[STATES.index(answered.state)]
        note = f" ({answered.state}: {face})" if face else ""
        lines += ["", f"**{answered.opening.text}**{note}", "", answered.reply.strip() or "(nothing)"]
        lines += [f"*breaks: {', '.join(answered.broken)}*"] if answered.broken else []
    with whole(path) as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")
