"""`python -m data_gen mini`: cleaned corpora and our own dialogues -> the rows that PsycoLLM-mini learns from, in the
page's own prompt format.

The corpora teach what the page must not do (advice in lists, names of disorders, promises), so a dialogue is kept up
to the first reply that breaks a rule, and what was cut off is counted by reason. The system prompt is the one that the
page sends, made by the same function; a part of the rows carries an observation block that has nothing to do with
the words, so that the only thing to be learned from it is to follow the words.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from assistant.language import language_of
from assistant.prompt import build_prompt
from assistant.safety import assess
from assistant.safety.reply import check_sentence
from assistant.types import Risk, RiskLevel, Turn
from data_gen.types import Utterance
from llm.files import sha256_of, whole
from llm.rows import read_rows
from llm.types import Locale
from perception.types import Behaviours, EmotionalState

RULES = Path(__file__).with_name("mini_rules.toml")
OWN = Path(__file__).with_name("dialogues")
SOURCES: dict[str, Locale] = {"cpsycound": "zh", "smilechat": "zh", "counselchat": "en"}
#: How many dialogues of each corpus are learned from, the best first: few good tokens beat many.
MOST = {"cpsycound": 30, "smilechat": 40, "counselchat": 53}
#: Longest reply that is learned (characters in Chinese, words in English); the page asks for two to five sentences.
LONGEST: dict[Locale, int] = {"zh": 80, "en": 75}
SHORTEST: dict[Locale, int] = {"zh": 10, "en": 6}
#: Longest message of the person (characters); longer ones crowd out dialogues.
LONGEST_USER: dict[Locale, int] = {"zh": 160, "en": 700}
#: Most exchanges of one corpus dialogue, and the share of its rows that carry an observation block.
MOST_EXCHANGES = 5
OBSERVED_SHARE = 0.3
#: The person speaks to somebody that the page is not.
_SPEAKS_TO_A_COUNSELLOR = re.compile("咨询师|医生[，,]|老师[，,]|大夫|您")
_QUESTION = re.compile("[?？]")
_SENTENCE = re.compile(r"[^。！？.!?\n]+[。！？.!?\n]*")
_LIST = re.compile(r"(?m)^\s*([-*•]|\d+[.、)）])|[①-⑨]|\n.*\n|【|[1-9][.、]\D.*[2-9][.、]\D")
#: Behaviours that an invented observation may name, with the sign of the change.
BEHAVIOURS = (
    ("smile", 1), ("smile", -1), ("brow_lower", 1), ("brow_raise", 1), ("lip_press", 1), ("lip_corner_down", 1),
    ("head_down", 1), ("eye_narrow", 1), ("mouth_open", 1), ("blink_rate", 1), ("movement", 1), ("movement", -1),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kept:
    """A dialogue that may be learned from: where it is from, its language, and its messages, the assistant's last."""

    key: str
    locale: Locale
    messages: tuple[Utterance, ...]
    face: str = ""


@cache
def _patterns() -> dict[str, dict[str, re.Pattern[str]]]:
    tables = tomllib.loads(RULES.read_text(encoding="utf-8"))
    return {
        reason: {lang: re.compile("|".join(table[lang]), re.I) for lang in ("zh", "en")}
        for reason, table in tables.items()
    }


def why_not(reply: str, locale: Locale) -> str:
    """The reason why `reply` is not learned, or "" where it may be."""
    size = len(reply) if locale == "zh" else len(reply.split())
    if language_of(reply, locale) != locale:
        return "other_language"
    if not SHORTEST[locale] <= size <= LONGEST[locale]:
        return "length"
    if _LIST.search(reply):
        return "list"
    if len(_QUESTION.findall(reply)) > 1:
        return "two_questions"
    for reason, patterns in _patterns().items():
        if patterns[locale].search(reply):
            return reason
    if any(check_sentence(part[0], Risk(), locale).reason for part in _SENTENCE.finditer(reply)):
        return "forbidden_by_the_page"
    return ""


def usable_part(key: str, messages: Sequence[Utterance], locale: Locale, reasons: Counter[str]) -> Kept | None:
    """The exchanges up to the first that may not be learned; counts why it ended in `reasons`."""
    kept: list[Utterance] = []
    for said, reply in zip(messages[::2], messages[1::2], strict=False):
        reason = ""
        if len(said.content) > LONGEST_USER[locale] or language_of(said.content, locale) != locale:
            reason = "person_too_long_or_other_language"
        elif _SPEAKS_TO_A_COUNSELLOR.search(said.content):
            reason = "speaks_to_a_counsellor"
        elif assess(said.content).level > RiskLevel.NONE:
            reason = "danger_in_the_words"
        else:
            reason = why_not(reply.content, locale)
        if reason:
            reasons[reason] += 1
            break
        kept += [said, reply]
        if len(kept) == 2 * MOST_EXCHANGES:
            reasons["cut_at_the_longest"] += 1
            break
    else:
        reasons["whole"] += 1
    asks = sum(bool(_QUESTION.search(m.content)) for m in kept[1::2])
    if not kept:
        return None
    if asks == 0 and len(kept) > 2:
        reasons["dropped_asks_nothing"] += 1
        return None
    return Kept(key, locale, tuple(kept))


def invented_state(key: str) -> EmotionalState:
    """A state that the page would put into words, by a hash of `key`; it has nothing to do with what was said."""
    dice = random.Random(f"state/{key}")
    change = {name: sign * dice.uniform(1.6, 4.5) for name, sign in dice.sample(BEHAVIOURS, dice.choice((1, 1, 2)))}
    return EmotionalState(
        t0_s=0.0,
        t1_s=float(dice.choice((8, 10, 12))),
        known=True,
        confidence=dice.uniform(0.35, 0.8),
        coverage=dice.uniform(0.65, 1.0),
        change=Behaviours(**change),
        source="invented",
        modality="face",
    )


def stated(face: str) -> EmotionalState:
    """The state of an own dialogue: `face` is "" (off) or behaviours as in "smile+2.5 head_down+1.8"."""
    if not face:
        return EmotionalState.unknown()
    found = re.findall(r"([a-z_]+)([+-]\d+(?:\.\d+)?)", face)
    if not found:
        raise ValueError(f"a face is written as in 'smile+2.5 head_down+1.8', got {face!r}")
    change = {name: float(value) for name, value in found}
    return EmotionalState(
        t0_s=0.0, t1_s=10.0, known=True, confidence=0.55, coverage=0.9, change=Behaviours(**change),
        source="invented", modality="face",
    )  # fmt: skip


def as_row(dialogue: Kept, state: EmotionalState) -> dict[str, Any]:
    """One training row: exactly the messages that the page would send for the last exchange, and its reply."""
    exchanges = list(zip(dialogue.messages[::2], dialogue.messages[1::2], strict=True))
    history = tuple(
        Turn(
            turn_id=str(n), conversation_id=dialogue.key, at="2026-01-01T00:00:00Z", locale=dialogue.locale,
            user_text=said.content, state=EmotionalState.unknown(), risk=Risk(), prompt=None, reply=reply.content,
            model="", finish_reason="stop",
        )
        for n, (said, reply) in enumerate(exchanges[:-1])
    )  # fmt: skip
    said, reply = exchanges[-1]
    risk = assess(said.content, [turn.user_text for turn in history])
    prompt = build_prompt(said.content, state, risk, history, dialogue.locale)
    sent = [{"role": m.role, "content": m.content} for m in prompt.messages]
    return {"id": dialogue.key, "messages": [*sent, {"role": "assistant", "content": reply.content}]}


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """As `read_rows`; raises ValueError for a row that cannot be read or is no object."""
    for number, row in read_rows(path):
        if not isinstance(row, dict):
            raise ValueError(f"{path.name}:{number}: {row if isinstance(row, ValueError) else 'no object'}")
        yield number, row


def read_own(folder: Path = OWN) -> list[Kept]:
    """Our own dialogues. Raises ValueError naming the line of one that breaks its format."""
    found = []
    for file in sorted(folder.glob("own.*.jsonl")):
        for number, row in _rows(file):
            turns = row.get("turns")
            if not isinstance(turns, list) or len(turns) < 2 or len(turns) % 2 or not all(map(str.strip, turns)):
                raise ValueError(f"{file.name}:{number}: turns must be an even number of texts, the person's first")
            messages = tuple(Utterance(("user", "assistant")[n % 2], text) for n, text in enumerate(turns))
            locale: Locale = "zh" if row["lang"] == "zh" else "en"
            key = f"own-{_place(' '.join(turns))[:12]}"  # by content: an added line moves none into another split
            found.append(Kept(key, locale, messages, row.get("face", "")))
    return found


def _corpus(clean: Path, source: str, split: str, reasons: Counter[str]) -> list[Kept]:
    found = []
    for _, row in _rows(clean / f"{source}.{split}.jsonl"):
        messages = [Utterance(m["role"], m["content"]) for m in row["messages"] if m["role"] != "system"]
        part = usable_part(f"{source}/{row['id']}", messages, SOURCES[source], reasons)
        if part is not None:
            found.append(part)
    return found


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> str:
    with whole(path) as part:
        part.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return sha256_of(path)


def _plain_rows(clean: Path, source: str, split: str, most: int) -> list[dict[str, Any]]:
    """The first `most` dialogues of a split by hash, whole and unfiltered, in the page's format: for perplexity."""
    found_rows = (row for _, row in _rows(clean / f"{source}.{split}.jsonl"))
    rows = sorted(found_rows, key=lambda r: _place(f"{source}/{r['id']}"))
    found = []
    for row in rows[:most]:
        messages = tuple(Utterance(m["role"], m["content"]) for m in row["messages"] if m["role"] != "system")
        kept = Kept(f"{source}/{row['id']}", SOURCES[source], messages[: len(messages) // 2 * 2])
        found.append(as_row(kept, EmotionalState.unknown()))
    return found


def _place(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def prepare(clean: Path, out: Path, most: dict[str, int], held_out: int = 60) -> dict[str, Any]:
    """Write `train.jsonl`, `valid.jsonl`, `own.jsonl`, `held_out.<source>.jsonl` and `report.json` into `out`.

    `clean` is the folder of `python -m data_gen clean`; its test split is written as held out and never learned from.
    `most` says how many dialogues of each source go into training. Raises ValueError and FileNotFoundError.
    """
    out.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {"sources": {}, "files": {}}
    train: list[dict[str, Any]] = []
    valid: list[dict[str, Any]] = []
    for source in SOURCES:
        reasons: Counter[str] = Counter()
        kept = sorted(_corpus(clean, source, "train", reasons), key=_worth)
        chosen = kept[: most[source]]
        train += [as_row(k, _state_for(k)) for k in chosen]
        tried = sorted(_corpus(clean, source, "valid", Counter()), key=_worth)[:12]
        valid += [as_row(k, _state_for(k)) for k in tried]
        held = _plain_rows(clean, source, "test", held_out)
        report["sources"][source] = {
            "ended_by": dict(reasons.most_common()), "usable": len(kept), "chosen": len(chosen),
            "held_out_ids": [row["id"] for row in held],
        }  # fmt: skip
        report["files"][f"held_out.{source}.jsonl"] = _write(out / f"held_out.{source}.jsonl", held)
    own = sorted(read_own(), key=lambda k: _place(k.key))
    tenth = [k for k in own if int(_place(k.key), 16) % 12 == 0]
    valid += [as_row(k, stated(k.face)) for k in tenth]
    own_rows = [as_row(k, stated(k.face)) for k in own if k not in tenth]
    report["own"] = {"written": len(own), "validation": len(tenth)}
    for name, rows in (("own.jsonl", own_rows), ("train.jsonl", train), ("valid.jsonl", valid)):
        report["files"][name] = _write(out / name, rows)
    with whole(out / "report.json") as part:
        part.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return report


def _worth(kept: Kept) -> tuple[int, str]:
    """Best first: conversations of several exchanges, most replies asking one question; then by hash."""
    replies = kept.messages[1::2]
    asks = sum(bool(_QUESTION.search(m.content)) for m in replies)
    return (-(min(len(replies), 4) + min(asks, 3)), _place(kept.key))


def _state_for(kept: Kept) -> EmotionalState:
    observed = int(_place(kept.key)[:8], 16) / 16**8 < OBSERVED_SHARE
    return invented_state(kept.key) if observed else EmotionalState.unknown()
