"""`python -m data_gen clean`: dialogues as they are found -> dialogues that a model may learn from, and what was left
out.

Every rule drops a whole dialogue: a dialogue with a hole in it teaches the model to write holes. What was dropped is
listed by id and reason in `dropped.jsonl` (never its text), and counted in `report.json`.

Splits are by opening, not by row: the corpora hold several rewrites of one question, and a rewrite in the test part
would make the held-out perplexity a memory test.
"""

from __future__ import annotations

import hashlib
import html
import itertools
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data_gen.decontaminate import normalised
from data_gen.types import REASONS, CleanReport, Dialogue, Dropped, SourceReport, Split, Utterance
from llm.files import sha256_of, whole
from llm.rows import MalformedData, malformed, present, read_rows, turns_of, whole_text

#: Share of openings that are held out, each, for validation and for test.
HELD_OUT = 0.05
#: A run of digits this long is a telephone, an account or a card, whatever its separators; years and ages are shorter.
PERSONAL_DATA = re.compile(
    r"https?://|www\.\w|\b[\w-]+\.(?:com|org|net|edu|gov)\b"
    r"|[\w.+-]+@[\w-]+\.\w+"
    r"|(?<!\d)(?:\d[-.\s()]{0,2}){7,}\d(?!\d)"
    r"|(?:qq|微信|wechat|vx|公众号)(?:号|群)?(?:码|是)?[:：\s]*[a-z0-9_-]{5,}",
    re.IGNORECASE,
)
#: Ways and means of suicide and self-harm. Wide on purpose: a lost dialogue costs little, a learned method is not
#: acceptable. A dialogue about such thoughts that names no means stays; a companion must have met those words.
CRISIS_METHOD = re.compile(
    "割腕|割脉|割手|割自己|划自己|划手臂|划破|刀片|上吊|吊死|勒死|跳楼|跳河|跳江|跳海|跳桥|跳轨|卧轨|坠楼|从楼上跳|"
    "安眠药|吞药|服药自杀|吃药自杀|过量服|农药|百草枯|老鼠药|服毒|喝毒|烧炭|煤气自杀|撞车自杀|投河|投湖|溺死自己|"
    r"自焚|枪自杀|烟头烫|"
    r"overdos\w*|slit\w* (?:my|his|her|their|your) wrists?|hang(?:ed|ing)? (?:my|him|her|them|your)sel\w+|"
    r"(?:cut|cuts|cutting|burn|burns|burning|stab\w*) (?:my|him|her|them|your)sel\w+|"
    r"self[- ]?cutting|cutting (?:my|his|her|their)|"
    r"started cutting|jump(?:ed|ing)? (?:off|from|in front)|(?:took|take|taking|swallow\w*) (?:\w+ ){0,3}pills|"
    r"razor ?blades?|noose|carbon monoxide|"
    r"sho(?:o)?t(?:ing)? (?:my|him|her|them|your)sel\w+|poison(?:ed|ing)? (?:my|him|her|them)sel\w+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Source:
    """A corpus that `clean` can read: its language, and how many dialogues may share an opening (answers by different
    people to one question are different; machine rewrites of one question are not)."""

    name: str
    lang: str
    per_opening: int
    read: Callable[[dict[str, Any]], list[Utterance]]


def _messages(row: dict[str, Any]) -> list[Utterance]:
    return [Utterance(role, _tidy(content)) for role, content in turns_of(row)]


def _question_answer(row: dict[str, Any]) -> list[Utterance]:
    found = present(row)
    for name in ("title", "question", "answer"):
        if not isinstance(found.get(name, ""), str):
            raise ValueError(f"{name} is text, found {type(found[name]).__name__}")
    if "answer" not in found:
        raise ValueError("no answer")
    title, question, answer = (_tidy(whole_text(found.get(name, ""))) for name in ("title", "question", "answer"))
    asked = question if title.rstrip("?.! ").lower() in question.lower() else f"{title}\n{question}".strip()
    return [Utterance("user", asked), Utterance("assistant", answer)]


SOURCES = {
    "smilechat": Source("smilechat", "zh", 1, _messages),
    "cpsycound": Source("cpsycound", "zh", 1, _messages),
    "counselchat": Source("counselchat", "en", 4, _question_answer),
}


def _tidy(text: str) -> str:
    """HTML fragments away, one kind of space, NFC; a sentence glued to the next by a lost line break gets its space
    back.
    """
    text = re.sub(r"<\s*(?:br|/p|/li|/div)[^>]*>", "\n", text)
    text = html.unescape(re.sub(r"<[^<>]{1,200}>", " ", text))
    text = unicodedata.normalize("NFC", text).replace("\r", "\n")
    text = re.sub(r"[^\S\n]+", " ", text)
    text = re.sub(r"(?<=[a-z]{2}[.!?])(?=[A-Z][a-z])", " ", text)
    return re.sub(r" ?\n\s*", "\n", text).strip()


def opening_key(dialogue: Dialogue) -> str:
    """The person's first message without its punctuation, spaces and case. A system message is no opening: whole
    corpora share one."""
    first = next((m for m in dialogue.messages if m.role == "user"), dialogue.messages[0])
    return normalised(first.content)


def reason_to_drop(dialogue: Dialogue) -> str | None:
    """The first reason of REASONS that applies to this dialogue alone, or None."""
    roles = [m.role for m in dialogue.messages]
    if any(not m.content for m in dialogue.messages) or not set(roles) <= {"system", "user", "assistant"}:
        return "malformed"
    spoken = [role for role in roles if role != "system"]
    if len(set(spoken)) < 2:
        return "one_sided"
    if spoken[0] != "user" or any(a == b for a, b in itertools.pairwise(spoken)):
        return "not_alternating"
    text = "\n".join(m.content for m in dialogue.messages)
    if PERSONAL_DATA.search(text):
        return "personal_data"
    return "crisis_method" if CRISIS_METHOD.search(unicodedata.normalize("NFKC", text)) else None


def split_of(key: str, seed: int = 0) -> Split:
    """The part an opening belongs to: by hash, so that it never depends on the order or on the other rows."""
    place = int.from_bytes(hashlib.sha256(f"{seed}:{key}".encode()).digest()[:8], "big") / 2**64
    if place < HELD_OUT:
        return "test"
    return "valid" if place < 2 * HELD_OUT else "train"


def without_tail(dialogue: Dialogue) -> Dialogue:
    """Without the last message where the person had the last word: there is no reply to learn."""
    if dialogue.messages and dialogue.messages[-1].role == "user" and len(dialogue.messages) > 2:
        return replace(dialogue, messages=dialogue.messages[:-1])
    return dialogue


def _dialogue(source: Source, row: Any, line: int) -> Dialogue:
    """Raises ValueError that names what is wrong with the row."""
    name = present(row).get("id", f"{source.name}-{line}")
    return Dialogue(whole_text(str(name)), source.name, source.lang, tuple(source.read(row)))


def _write_whole(path: Path, text: str) -> str:
    """Returns the SHA-256 of what was written."""
    with whole(path) as part:
        part.write_text(text, encoding="utf-8")
    return sha256_of(path)


def clean_source(
    path: Path, source: Source, seed: int = 0
) -> tuple[dict[Split, list[Dialogue]], list[Dropped], SourceReport]:
    """Read one corpus. Returns the kept dialogues by split, the dropped, and the counts. Raises MalformedData with
    every line that cannot be read."""
    kept: dict[Split, list[Dialogue]] = {"train": [], "valid": [], "test": []}
    dropped: list[Dropped] = []
    faults: list[str] = []
    openings: Counter[str] = Counter()
    trimmed = read = 0
    for line, row in tqdm(read_rows(path), desc=source.name, unit=" dialogues", mininterval=1):
        if isinstance(row, ValueError):
            faults.append(f"{path}:{line}: {row}")
            continue
        read += 1
        try:
            found = _dialogue(source, row, line)
        except ValueError as error:
            dropped.append(Dropped(f"line {line}", "malformed", f"{path.name}:{line}: {error}"))
            continue
        reason = reason_to_drop(found)
        key = opening_key(found) if reason is None else ""
        if reason is None and openings[key] >= source.per_opening:
            reason = "repeated_opening"
        if reason is not None:
            dropped.append(Dropped(found.id, reason, f"{path.name}:{line}"))
            continue
        openings[key] += 1
        shortened = without_tail(found)
        trimmed += shortened is not found
        kept[split_of(key, seed)].append(shortened)
    if faults:
        raise malformed(faults, "nothing was written")
    if not read:
        raise MalformedData(f"no dialogue in {path}")
    counts = Counter(one.reason for one in dropped)
    report = SourceReport(
        source=source.name,
        sha256=sha256_of(path),
        read=read,
        kept=sum(map(len, kept.values())),
        dropped={reason: counts[reason] for reason in REASONS},
        trimmed_tail=trimmed,
        splits={split: len(rows) for split, rows in kept.items()},
        characters=sum(len(m.content) for rows in kept.values() for d in rows for m in d.messages),
    )
    return kept, dropped, report


def clean(inputs: dict[str, Path], out: Path, seed: int = 0) -> CleanReport:
    """Clean `inputs` (source name -> file) into `out`: `<source>.<split>.jsonl`, `dropped.jsonl` and `report.json`.

    Raises ValueError for an unknown source name, MalformedData for lines that cannot be read, FileNotFoundError for a
    missing file.
    """
    unknown = sorted(set(inputs) - set(SOURCES))
    if unknown:
        raise ValueError(f"no source is called {', '.join(unknown)}; choose from {', '.join(SOURCES)}")
    out.mkdir(parents=True, exist_ok=True)
    reports, written, lost = [], {}, []
    for name, path in inputs.items():
        kept, dropped, report = clean_source(path, SOURCES[name], seed)
        for split, rows in kept.items():
            lines = "".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)
            written[f"{name}.{split}.jsonl"] = _write_whole(out / f"{name}.{split}.jsonl", lines)
        lost += [json.dumps({"source": name, **asdict(one)}) + "\n" for one in dropped]
        reports.append(report)
    written["dropped.jsonl"] = _write_whole(out / "dropped.jsonl", "".join(lost))
    result = CleanReport(tuple(reports), written)
    _write_whole(out / "report.json", json.dumps({"seed": seed, **asdict(result)}, indent=2) + "\n")
    return result
