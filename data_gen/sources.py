"""Cases, questions with answers, and documents -> Material that records may be made from, with what was left out.

JSONL or CSV rows are a case background ({id, background}) or a question ({question, description, answers: [{text,
level, likes}]}; in CSV one row an answer, rows of one question together). The names that crawlers of counselling
communities use are known too (see FIELDS).

Danger to life and methods are never silently kept or lost: such material goes to `crisis.jsonl`, for people.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from assistant.language import language_of
from assistant.safety import assess
from assistant.types import RiskLevel
from data_gen.clean import CRISIS_METHOD
from data_gen.decontaminate import normalised
from data_gen.documents import SUFFIXES, html_text, passages
from data_gen.privacy import scrubbed
from data_gen.types import LEFT_OUT, Material, MaterialReport
from llm.files import sha256_of, whole
from llm.rows import present, read_rows

#: Our name of a field -> the names under which it is read, the first that is there.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "background": ("background", "case", "case_background"),
    "question": ("question", "title", "QuestionTitle"),
    "description": ("description", "detail", "QuestionDetail", "question_description"),
    "answers": ("answers",),
    "answer": ("answer", "answer_text", "AnswerText"),
    "level": ("level", "answer_level", "AnswerLevel"),
    "likes": ("likes", "like_num", "LikeNum"),
    "topic": ("topic", "Topic", "category"),
    "keywords": ("keywords", "Keywords"),
}
#: Near copies: MinHash over character 5-grams, from this estimated Jaccard similarity on.
GRAM, SAME, PERMUTATIONS = 5, 0.7, 64


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What is used. `likes` and `level` are demanded only of answers that say them; lengths are characters of the
    whole material. `lang` "" takes both. `licence` is written into every record."""

    licence: str
    likes: int = 5
    level: int = 0
    shortest: int = 40
    longest: int = 6000
    answers: int = 3
    lang: str = ""

    def __post_init__(self) -> None:
        if not self.licence.strip():
            raise ValueError("name the licence of the sources (--licence): no record is exported without it")
        if self.lang not in {"", "zh", "en"}:
            raise ValueError(f"--lang is zh or en, got {self.lang!r}")


@dataclass(slots=True)
class Counted:
    """Counts while material is read; `crisis` holds what was set aside."""

    read: int = 0
    kept: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    scrubbed: Counter[str] = field(default_factory=Counter)
    crisis: list[Material] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def report(self, files: Mapping[str, str]) -> MaterialReport:
        left_out = {reason: self.left_out[reason] for reason in LEFT_OUT}
        return MaterialReport(self.read, self.kept, left_out, dict(self.scrubbed), files)


def read_materials(files: Sequence[Path], options: SourceOptions, counted: Counted) -> Iterator[Material]:
    """Material that passes every rule, as it is read. `counted` is filled on the way.

    Raises FileNotFoundError, DocumentProblem for a document that cannot be read, ValueError for another suffix.
    """
    copies = _NearCopies()
    for found in (one for path in files for one in _candidates(path, options)):
        counted.read += 1
        if isinstance(found, tuple):
            reason, said = found
            counted.left_out[reason] += 1
            counted.faults.append(said)
            continue
        material, counts = _without_personal_data(found)
        counted.scrubbed += counts
        reason = "crisis" if is_crisis(material.whole) else _reason(material, options)
        if reason == "crisis":
            counted.crisis.append(material)
        if not reason and copies.known(material):
            reason = "near_copy"
        if reason:
            counted.left_out[reason] += 1
            continue
        counted.kept += 1
        yield material


def is_crisis(text: str) -> bool:
    """Whether `text` speaks of a danger to life in the first person, or names a method at all."""
    return bool(CRISIS_METHOD.search(unicodedata.normalize("NFKC", text))) or assess(text).level > RiskLevel.NONE


def write_set_aside(counted: Counted, files: Sequence[Path], out: Path) -> MaterialReport:
    """Write crisis.jsonl and sources.json (counts, hashes, faults by place) into `out`; returns the counts."""
    report = counted.report({path.name: sha256_of(path) for path in files})
    with whole(out / "crisis.jsonl") as part:
        lines = (json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in counted.crisis)
        part.write_text("".join(lines), encoding="utf-8")
    with whole(out / "sources.json") as part:
        said = {**asdict(report), "faults": counted.faults[:1000]}
        part.write_text(json.dumps(said, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return report


def _candidates(path: Path, options: SourceOptions) -> Iterator[Material | tuple[str, str]]:
    """Material as it stands in the file, or (reason, what is wrong where) for what cannot become any."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file")
    name = path.name
    if path.suffix.lower() in SUFFIXES:
        group = f"document:{name}"
        for part, text in passages(path):
            place = f"{name}#{part}"
            lang = language_of(text, "en")
            yield Material(place, "passage", lang, group, "", text, place, options.licence)
        return
    if not name.endswith((".jsonl", ".json", ".jsonl.xz", ".csv")):
        raise ValueError(f"{path}: sources end in .jsonl, .jsonl.xz, .json, .csv, {', '.join(SUFFIXES)}")
    rows = _csv_rows(path) if name.endswith(".csv") else read_rows(path)
    for line, row in rows:
        place = f"{name}:{line}"
        if isinstance(row, ValueError):
            yield "malformed", f"{place}: {row}"
            continue
        try:
            yield _material(row, place, options)
        except ValueError as error:
            yield "malformed", f"{place}: {error}"


def _csv_rows(path: Path) -> Iterator[tuple[int, Any]]:
    """(line, row) with the answers of neighbouring rows of one question joined."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        numbered = ((reader.line_num, {k: v for k, v in row.items() if k and v}) for row in reader)
        for _, group in groupby(numbered, key=lambda one: (_field(one[1], "question"), _field(one[1], "background"))):
            rows = list(group)
            line, first = rows[0]
            answers = [
                {"text": text, "level": _field(row, "level"), "likes": _field(row, "likes")}
                for _, row in rows
                if (text := _field(row, "answer"))
            ]
            yield line, {**first, "answers": answers} if answers else first


def _field(row: Mapping[str, Any], name: str) -> Any:
    return next((row[key] for key in FIELDS[name] if row.get(key) is not None), "")


def _material(row: Any, place: str, options: SourceOptions) -> Material | tuple[str, str]:
    """Raises ValueError that says what is missing."""
    row = present(row)
    topic = "，".join(_listed(_field(row, "topic")) + _listed(_field(row, "keywords")))
    name = f"{place.rpartition(':')[0]}:{row['id']}" if row.get("id") else place
    if background := _text(_field(row, "background")):
        lang = language_of(background, "en")
        return Material(name, "case", lang, f"case:{name}", background, "", place, options.licence, topic)
    asked = "\n".join(part for part in (_text(_field(row, "question")), _text(_field(row, "description"))) if part)
    if not asked:
        raise ValueError(f"neither {FIELDS['background'][0]} nor {FIELDS['question'][0]}")
    alone = {"text": _field(row, "answer"), "level": _field(row, "level"), "likes": _field(row, "likes")}
    answers = _field(row, "answers") or [alone]
    chosen = _good_answers(answers, options)
    if isinstance(chosen, str):
        return chosen, f"{place}: {LEFT_OUT[chosen]}"
    lang = language_of(asked, "en")
    group = f"qa:{hashlib.sha256(normalised(asked)[:80].encode()).hexdigest()[:16]}"
    return Material(name, "qa", lang, group, asked, "\n\n".join(chosen), place, options.licence, topic)


def _good_answers(answers: Any, options: SourceOptions) -> list[str] | str:
    """The best-liked answers of enough likes and level, or the reason why there is none. Raises ValueError."""
    if not isinstance(answers, list):
        raise ValueError("answers is a list of {text, level, likes}")
    found = []
    for answer in answers:
        given = {"text": answer} if isinstance(answer, str) else present(answer)
        text = _text(given.get("text") or given.get("answer") or "")
        if text:
            found.append((text, _number(_field(given, "level")), _number(_field(given, "likes"))))
    if not found:
        raise ValueError("no answer")
    level_fits = [one for one in found if one[1] is None or one[1] >= options.level]
    if not level_fits:
        return "low_level"
    liked = [one for one in level_fits if one[2] is None or one[2] >= options.likes]
    if not liked:
        return "few_likes"
    best = sorted(liked, key=lambda one: -(one[2] or 0))[: options.answers]
    return [text for text, _, _ in best]


def _number(value: Any) -> float | None:
    """None where nothing is said. Raises ValueError for what is no number."""
    if value in {"", None}:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"level and likes are numbers, found {str(value)[:40]!r}") from None


def _listed(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(one).strip() for one in value if str(one).strip()]
    return [part for part in re.split(r"[,，、;；|]\s*", str(value)) if part]


def _text(value: Any) -> str:
    """Raises ValueError for what is no text."""
    if not isinstance(value, str):
        raise ValueError(f"expected text, found {type(value).__name__}")
    return html_text(value) if re.search(r"<[a-zA-Z/!]|&[a-z#]", value) else value.strip()


def _without_personal_data(material: Material) -> tuple[Material, Counter[str]]:
    asked, first = scrubbed(material.asked, material.lang)
    text, second = scrubbed(material.text, material.lang)
    return replace(material, asked=asked, text=text), first + second


def _reason(material: Material, options: SourceOptions) -> str:
    size = len(material.whole)
    if size < options.shortest:
        return "too_short"
    if size > options.longest:
        return "too_long"
    known = sum(ch.isascii() or "\u3000" <= ch <= "\u303f" or "\u3400" <= ch <= "\u9fff" or ch > "\uff00"
                for ch in material.whole)  # fmt: skip
    if known < 0.8 * size or (options.lang and material.lang != options.lang):
        return "language"
    return ""


def grams(text: str, size: int = GRAM) -> set[str]:
    """The character n-grams of the letters and digits of `text`, without case."""
    plain = normalised(text)
    return {plain[n : n + size] for n in range(max(1, len(plain) - size + 1))}


def minhash(parts: Iterable[str]) -> Any:
    from datasketch import MinHash

    made = MinHash(num_perm=PERMUTATIONS, seed=1)
    made.update_batch([part.encode() for part in parts])
    return made


class _NearCopies:
    """What was kept so far, by MinHash: constant time for each text."""

    def __init__(self) -> None:
        from datasketch import MinHashLSH

        self._index = MinHashLSH(threshold=SAME, num_perm=PERMUTATIONS)
        self._count = 0

    def known(self, material: Material) -> bool:
        """Whether nearly the same was given before; else it is remembered."""
        made = minhash(grams(material.whole))
        if self._index.query(made):
            return True
        self._index.insert(self._count, made)
        self._count += 1
        return False
