"""Exams in their own layouts: PCEB (the PsycoLLM authors' folder or zip), our JSONL, CPsyExam's JSONL, and the CSV
files of MMLU, CMMLU and C-Eval. What cannot be read is an error that names the file; wrong data is left for `audit`.
"""

from __future__ import annotations

import csv
import io
import json
import lzma
import re
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eval.exam.types import Item, ItemKind
from perception.files import is_clutter

LETTERS = "ABCDEFGH"
SECTIONS = {"moral": "moral", "theory": "theory", "cases": "case"}
_MULTIPLE = re.compile(r"^\s*多选")


class ExamProblem(ValueError):
    """A file that is no exam: which, and what was expected."""


def read_exam(path: Path) -> list[Item]:
    """All items of a folder, a zip or a file, in a stable order. Raises ExamProblem."""
    found = [item for name, data in _files(path) for item in _items(name, data)]
    if not found:
        raise ExamProblem(
            f"{path}: no exam is found here. Known: benchmark/{{moral,theory,cases}}/**.json (PCEB), .jsonl (ours, "
            "CPsyExam), .csv (MMLU, CMMLU, C-Eval)"
        )
    seen: dict[str, int] = {}
    for item in found:
        seen[item.item_id] = seen.get(item.item_id, 0) + 1
    if doubled := [name for name, count in seen.items() if count > 1]:
        raise ExamProblem(f"{path}: {len(doubled)} items share their names, first {doubled[0]!r}")
    return found


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """(name inside, content) of everything that may hold items; what macOS adds to zips is passed over."""
    if path.is_dir():
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            if _wanted(str(file.relative_to(path))):
                yield str(file.relative_to(path)), file.read_bytes()
    elif path.suffix == ".zip":
        try:
            with zipfile.ZipFile(path) as archive:
                for name in sorted(archive.namelist()):
                    if _wanted(name):
                        yield name, archive.read(name)
        except zipfile.BadZipFile as error:
            raise ExamProblem(f"{path} is no whole zip file: {error}") from error
    elif path.is_file():
        yield path.name, path.read_bytes()
    else:
        raise ExamProblem(f"{path}: there is no such file or folder")


def _wanted(name: str) -> bool:
    return not is_clutter(name) and name.endswith((".json", ".jsonl", ".jsonl.xz", ".csv"))


def _items(name: str, data: bytes) -> Iterator[Item]:
    try:
        if name.endswith(".csv"):
            yield from _csv(name, data.decode("utf-8-sig"))
        elif name.endswith((".jsonl", ".jsonl.xz")):
            text = (lzma.decompress(data) if name.endswith(".xz") else data).decode("utf-8-sig")
            for number, line in enumerate(text.splitlines(), 1):
                if line.strip():
                    yield _row(f"{name}:{number}", json.loads(line))
        else:
            yield from _pceb(name, json.loads(data.decode("utf-8-sig")))
    except (UnicodeDecodeError, json.JSONDecodeError, lzma.LZMAError, KeyError, TypeError, AttributeError) as error:
        raise ExamProblem(f"{name} is not in a layout that is known here: {error!r}") from error
    except ValueError as error:
        raise ExamProblem(f"{name}: {error}") from error


def _text(value: Any) -> str:
    """NFKC: the published texts hold code points of CJK radicals where characters are meant."""
    return unicodedata.normalize("NFKC", str(value or "")).strip()


def _options(row: Mapping[str, Any]) -> dict[str, str]:
    return {letter.strip(): _text(text) for letter, text in row.items() if _text(text)}


def _key(answer: Any) -> frozenset[str]:
    return frozenset(ch for ch in _text(answer).upper() if ch in LETTERS)


def _pceb(name: str, rows: Any) -> Iterator[Item]:
    """benchmark/{moral,theory}/{single,multiple}/LEVEL/*.json and benchmark/cases/{mix,essay}/LEVEL/*.json."""
    parts = name.split("/")
    try:
        place = next(n for n, part in enumerate(parts) if part in SECTIONS)
        section, form, level = SECTIONS[parts[place]], parts[place + 1], parts[place + 2]
    except (StopIteration, IndexError):
        raise ExamProblem(f"{name}: a JSON file of PCEB lies under moral, theory or cases") from None
    stem = f"{section}/{form}/{level}/{Path(parts[-1]).stem.replace(' ', '')}"
    for number, row in enumerate(rows, 1):
        if section != "case":
            kind: ItemKind = "single" if form == "single" else "multiple"
            yield Item(
                f"{stem}#{number}", section, level, kind, _text(row["question"]), _options(row["options"]),
                _key(row["answer"]), analysis=_text(row.get("analysis")),
            )  # fmt: skip
            continue
        context = f"{_text(row['general_info'])}\n{_text(row['case_introduction'])}".strip()
        for place, asked in enumerate(row["questions_and_answers"], 1):
            yield _of_case(f"{stem}#{number}.{place}", level, form, context, asked)


def _of_case(item_id: str, level: str, form: str, context: str, asked: Mapping[str, Any]) -> Item:
    question = _text(asked["question"])
    if form == "essay":
        return Item(item_id, "case", level, "essay", question, context=context, reference=_text(asked["answer"]))
    key = _key(asked["answer"])
    # The published count goes by the key: a "single" with three letters was scored as multiple.
    kind: ItemKind = "multiple" if len(key) > 1 or (not key and _MULTIPLE.match(question)) else "single"
    analysis = _text(asked.get("analysis"))
    return Item(item_id, "case", level, kind, question, _options(asked["options"]), key, context, analysis)


def _row(item_id: str, row: Mapping[str, Any]) -> Item:
    """A line of our own schema (id, section, level, kind, question, options, key ...) or of CPsyExam's."""
    if "question_type" in row:  # CPsyExam
        kind: ItemKind = {"single": "single", "multi": "multiple", "multiple": "multiple"}.get(
            str(row["question_type"]), "essay"
        )  # type: ignore[assignment]
        options = _options(row.get("options") or {}) if kind != "essay" else {}
        analysis = _text(row.get("explanation") or row.get("analysis"))
        return Item(
            item_id, _text(row.get("subject_name")) or "exam", _text(row.get("kind")), kind, _text(row["question"]),
            options, _key(row["answer"]) if options else frozenset(), analysis=analysis,
            reference="" if options else _text(row["answer"]),
        )  # fmt: skip
    return Item(
        str(row["id"]), str(row["section"]), str(row.get("level", "")), row["kind"], str(row["question"]),
        {letter: str(text) for letter, text in (row.get("options") or {}).items()}, _key(row.get("key")),
        str(row.get("context", "")), str(row.get("analysis", "")), str(row.get("reference", "")),
        str(row.get("lang", "zh")),
    )  # fmt: skip


def _csv(name: str, text: str) -> Iterator[Item]:
    """MMLU (question, four options, answer; no header), CMMLU (a number, Question, A-D, Answer) and C-Eval (id,
    question, A-D, answer, explanation)."""
    rows = list(csv.reader(io.StringIO(text)))
    if not rows:
        return
    header = [cell.strip().lower() for cell in rows[0]]
    subject = Path(name).stem.removesuffix("_test").removesuffix("_val").removesuffix("_dev")
    if "question" in header:
        places = {column: n for n, column in enumerate(header)}
        order = [places[column] for column in ("question", "a", "b", "c", "d", "answer")]
        picked = [(row[order[0]], [row[n] for n in order[1:5]], row[order[5]]) for row in rows[1:]]
    elif all(len(row) == 6 for row in rows):
        picked = [(row[0], row[1:5], row[5]) for row in rows]
    else:
        raise ExamProblem(f"{name}: a CSV exam has a header with question, A, B, C, D, answer, or six columns a row")
    lang = "zh" if any("\u4e00" <= ch <= "\u9fff" for question, _, _ in picked for ch in question) else "en"
    for number, (question, options, answer) in enumerate(picked, 1):
        given = dict(zip(LETTERS, map(_text, options), strict=False))
        yield Item(f"{name}#{number}", subject, "", "single", _text(question), given, _key(answer), lang=lang)
