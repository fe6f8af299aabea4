"""Real quiet messages and sentences for training and for thresholds, read from folders of dialogues at run time, never
kept here: client turns of SMILECHAT (CC0) in dialogues without a word of crisis, and questions of counsel-chat (MIT);
and, as sentences that a reply may hold, those of their counsellors that name none of FAULT_WORDS."""

from __future__ import annotations

import hashlib
import html
import json
import lzma
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assistant.meaning.lines import Line, Sentence, sentences

LONG = 80  # characters of a Chinese message that counts as long
LONGEST = 600
EVERY = 6  # of the SMILECHAT dialogues, one in so many is read
SHORT = 700  # short turns that are kept
SPOKEN = 6000  # sentences of counsellors that are kept of each half

#: A dialogue with one of these may be about danger, so it says nothing about what is quiet.
CRISIS_WORDS = re.compile(
    r"死|自杀|轻生|自残|自伤|活着|活下去|不想活|割|跳楼|遗书|了结|解脱|结束生命|伤害自己|消失|撑不下|坚持不下去|熬不下去"
    r"|没有意义|没意义|绝望|厌食|催吐|暴食|幻听|家暴|性侵|杀|刀"
    r"|suicid|kill|die\b|dying|dead|self.?harm|cut(ting)? myself|end (it|my life)|hurt(ing)? myself|abus|rape|molest"
    r"|hopeless|voices|anorex|bulimi|worthless|no reason to live|point of living|purg|threaten|murder|gun\b|weapon",
    re.IGNORECASE,
)


#: A counsellor's sentence with one of these may be what an app must not say, so it says nothing about what is good.
FAULT_WORDS = re.compile(
    r"药|剂量|毫克|症|诊断|确诊|病|我是|作为|咨询师|医生|治疗|保密|秘密|别告诉|只有我|永远|随时|爱你|陪着你|我也|我以前|应该|怪你"
    r"|你的错|\b(mg|dose|pills?|medicat\w+|diagnos\w+|disorder|therap\w+|counsel\w+|doctor|psych\w+|treat\w*|licensed"
    r"|years|secret|between us|always here|love you|i am|i'm|i have|i've|my|me|should|fault|blame|at least|call|contact"
    r"|reach)\b",
    re.IGNORECASE,
)


def spoken_sentences(folder: Path) -> tuple[list[Sentence], list[Sentence]]:
    """Real sentences of counsellors in `folder`, for training and for the threshold, as ordinary_messages halves them.
    Raises FileNotFoundError when a file is missing."""
    halves: tuple[list[Sentence], list[Sentence]] = ([], [])
    for lang, text in dict.fromkeys(_spoken(folder)):
        if 6 <= len(text) <= 240 and not FAULT_WORDS.search(text):
            half = halves[hashlib.sha256(text.encode("utf-8")).digest()[-1] % 2]
            half.append(Sentence(text, lang, "minimise", bad=False))
    return tuple(random.Random(5).sample(half, min(SPOKEN, len(half))) for half in halves)  # type: ignore[return-value]


def _spoken(folder: Path) -> Iterator[tuple[str, str]]:
    for number, row in enumerate(_rows(folder / "smilechat.jsonl.xz")):
        if number % (4 * EVERY) == 1:
            for said in row["messages"]:
                if said["role"] == "assistant":
                    yield from (("zh", text.strip()) for text in sentences(said["content"]))
    for row in _rows(folder / "counselchat_train.jsonl.xz"):
        answer = html.unescape(re.sub("<[^>]+>", " ", row["answer"]))
        yield from (("en", text.strip()) for text in sentences(answer))


def ordinary_messages(folder: Path) -> tuple[list[Line], list[Line]]:
    """Real quiet messages in `folder`, for training and for the threshold: which is which is decided by a checksum of
    the text; titles of questions serve the threshold alone. Raises FileNotFoundError when a file is missing."""
    found = [*_chinese(folder / "smilechat.jsonl.xz"), *_english(folder / "counselchat_train.jsonl.xz")]
    halves: tuple[list[Line], list[Line]] = ([], [])
    for line in dict.fromkeys(found):
        halves[hashlib.sha256(line.text.encode("utf-8")).digest()[-1] % 2].append(line)
    short = [line for line in halves[0] if line.kind == "real_short"]
    random.Random(4).shuffle(short)
    long = [line for line in halves[0] if line.kind in ("real_long", "counsel_chat")]
    return long + short[:SHORT], halves[1]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with lzma.open(path, "rt", encoding="utf-8") as file:
        for row in file:
            yield json.loads(row)


def _chinese(path: Path) -> Iterator[Line]:
    for number, row in enumerate(_rows(path)):
        if number % EVERY or CRISIS_WORDS.search(" ".join(said["content"] for said in row["messages"])):
            continue
        for said in row["messages"]:
            text = said["content"].strip()
            if said["role"] == "user" and text and len(text) <= LONGEST:
                yield Line(text, "zh", "real_long" if len(text) >= LONG else "real_short", 0)


def _english(path: Path) -> Iterator[Line]:
    for row in _rows(path):
        text, title = (html.unescape(re.sub("<[^>]+>", " ", row[part])).strip() for part in ("question", "title"))
        if text and not CRISIS_WORDS.search(text + title):
            yield Line(text, "en", "counsel_chat", 0)
            yield Line(title, "en", "counsel_title", 0)
