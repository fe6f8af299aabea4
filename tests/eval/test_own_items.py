"""The project's own exam: whole, balanced, readable by the commands, and copied from no exam that is known here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from data_gen.decontaminate import decontaminate
from eval.__main__ import main
from eval.exam.audit import audit
from eval.exam.essays import rubric
from eval.exam.layouts import read_exam
from eval.exam.types import stem
from tests.conftest import ROOT
from tests.fakes import Planted

FOLDER = ROOT / "eval" / "exam" / "items"
ROWS: list[dict[str, Any]] = [
    json.loads(line) for file in sorted(FOLDER.glob("*.jsonl")) for line in file.read_text("utf-8").splitlines()
]
CHOICES = [row for row in ROWS if row["kind"] != "essay"]
ESSAYS = [row for row in ROWS if row["kind"] == "essay"]
FIELDS = {"id", "section", "level", "kind", "lang", "question", "source", "reviewed"}
GROUPS = [(lang, kind) for lang in ("zh", "en") for kind in ("single", "multiple")]
#: How far a letter's share of right answers may lie from chance.
BALANCE = {"single": 0.06, "multiple": 0.1}
COUNTS = {
    ("moral", "single"): 36, ("moral", "multiple"): 17, ("theory", "single"): 36, ("theory", "multiple"): 17,
    ("case", "single"): 35, ("case", "multiple"): 19, ("case", "essay"): 10,
}  # fmt: skip


def group(lang: str, kind: str) -> list[dict[str, Any]]:
    return [row for row in CHOICES if (row["lang"], row["kind"]) == (lang, kind)]


def chance(rows: Iterable[Mapping[str, Any]]) -> float:
    """How often an option that is picked blindly is right."""
    shares = [len(row["key"]) / len(row["options"]) for row in rows]
    return sum(shares) / len(shares)


def right_by_length(rows: Iterable[Mapping[str, Any]], longest: bool) -> float:
    """How often the longest (or shortest) option is right; where several are, the share of them that is."""
    shares = []
    for row in rows:
        sizes = {letter: len(text) for letter, text in row["options"].items()}
        size = (max if longest else min)(sizes.values())
        such = [letter for letter in sizes if sizes[letter] == size]
        shares.append(sum(letter in row["key"] for letter in such) / len(such))
    return sum(shares) / len(shares)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_every_item_is_whole(row: Mapping[str, Any]) -> None:
    assert FIELDS <= row.keys() and row["level"] in {"1", "2", "3"} and row["reviewed"] == 2
    assert any("12" <= row["source"][n : n + 2] <= "20" for n in range(len(row["source"]))), "a source has a year"
    assert row["id"].startswith(f"{row['lang']}-") and row["source"].strip()
    if row["section"] == "case":
        assert row["context"].strip()
    if row["kind"] == "essay":
        return
    options, key = row["options"], row["key"]
    assert list(options) == list("ABCDE")[: len(options)] and set(key) <= set(options)
    assert len(set(options.values())) == len(options) and row["analysis"].strip()
    assert len(options) == 4 and len(key) == 1 if row["kind"] == "single" else 2 <= len(key) < len(options) <= 5


def test_the_counts_are_those_of_the_readme() -> None:
    for lang in ("zh", "en"):
        counted = Counter((row["section"], row["kind"]) for row in ROWS if row["lang"] == lang)
        assert counted == COUNTS


def test_no_question_and_no_case_occurs_twice() -> None:
    for asked in ([stem(row["question"]) for row in ROWS], [row["context"] for row in ROWS if "context" in row]):
        assert [text for text, count in Counter(asked).items() if count > 1] == []


@pytest.mark.parametrize(("lang", "kind"), GROUPS)
def test_no_letter_is_right_more_often_than_others(lang: str, kind: str) -> None:
    for letter in "ABCDE" if kind == "multiple" else "ABCD":
        having = [row for row in group(lang, kind) if letter in row["options"]]
        right = sum(letter in row["key"] for row in having) / len(having)
        assert abs(right - chance(having)) <= BALANCE[kind], (letter, right)


@pytest.mark.parametrize(("lang", "kind"), GROUPS)
def test_the_length_of_an_option_does_not_give_it_away(lang: str, kind: str) -> None:
    rows = group(lang, kind)
    assert right_by_length(rows, longest=True) <= chance(rows)
    assert right_by_length(rows, longest=False) <= chance(rows) + 0.05


def test_what_finds_an_unbalanced_exam() -> None:
    """A planted exam whose longest option is always right is told from a balanced one."""
    rows = [{"options": {"A": "short", "B": "the longest of all", "C": "longer"}, "key": "B"}] * 10
    assert right_by_length(rows, longest=True) == 1 and right_by_length(rows, longest=False) == 0
    assert chance(rows) == pytest.approx(1 / 3)


@pytest.mark.parametrize("row", ESSAYS, ids=lambda row: row["id"])
def test_every_rubric_sums_to_a_hundred_and_says_what_counts(row: Mapping[str, Any]) -> None:
    points = rubric(row["reference"])
    assert 5 <= len(points) <= 8 and sum(point.marks for point in points) == 100
    counts, not_counted = ("【算】", "【不算】") if row["lang"] == "zh" else ("Counts: ", "Does not count: ")
    assert all(counts in point.text and not_counted in point.text for point in points)
    size = len(row["context"]) if row["lang"] == "zh" else len(row["context"].split())
    assert (120 <= size <= 300) if row["lang"] == "zh" else (80 <= size <= 200)


def test_the_audit_finds_no_fault() -> None:
    found = audit(read_exam(FOLDER))
    assert found.items == len(ROWS) and found.surplus == 0 and not found.malformed and not found.near


def test_the_exam_can_be_taken(server: Planted, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every fifth answer is wrong by a letter: four fifths come back as the strict score, over six cells."""
    for place, row in enumerate(CHOICES):
        other = next(letter for letter in row["options"] if letter not in row["key"])
        title = "题目：" if row["lang"] == "zh" else "Question: "
        server.table[f"{title}{row['question']}"] = f"答案：{other if place % 5 == 0 else row['key']}"
    out = tmp_path / "run"
    command = ["exam", "--data", str(FOLDER), "--base-url", server.url, "--model", "m", "--out", str(out)]
    assert main(command) == 0
    result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert result["items"] == len(CHOICES) and result["left_out"] == len(ESSAYS)
    assert result["all"]["credits"]["strict"]["value"] == pytest.approx(0.8)
    assert len(result["cells"]) == 6 and result["average_of_six"]["strict"] is not None
    assert "strict 80.00" in capsys.readouterr().out


def with_options(folder: Path) -> Path:
    """The case, question and options of every item as one text, for checks that pass options over."""
    file = folder / "asked.jsonl"
    texts = ["\n".join([r.get("context", ""), r["question"], *r.get("options", {}).values()]) for r in ROWS]
    file.write_text("".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts), "utf-8")
    return file


def test_no_item_is_copied_from_a_known_exam(data: Path, tmp_path: Path) -> None:
    exams = [data / "exam" / "pceb.zip", data / "exam" / "cpsyexam_train.jsonl.xz"]
    said = decontaminate([*sorted(FOLDER.glob("*.jsonl")), with_options(tmp_path)], exams, tmp_path / "out")
    removed = [json.loads(line) for line in (tmp_path / "out" / "removed.jsonl").read_text("utf-8").splitlines()]
    assert [(one["row"], one["protected"]) for one in removed] == [] and said["removed"] == 0
    assert all(side["texts"] > 5000 for side in said["against"].values())


@pytest.mark.slow
def test_the_audit_finds_no_item_in_a_known_exam(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    training = [str(data / "exam" / name) for name in ("pceb.zip", "cpsyexam_train.jsonl.xz")]
    assert main(["audit", "--data", str(FOLDER), "--training", *training]) == 0
    assert "0 in the training data" in capsys.readouterr().out
