"""Knowledge items and single-turn records: what is planted comes back, what is not in the passage is refused."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from data_gen.__main__ import main
from data_gen.export import ExportOptions, export
from data_gen.knowledge import FORMS, SCHEMAS, TEACHER_SCHEMA, KnowledgeOptions, PassageIndex
from data_gen.steps import prompt_text
from data_gen.types import Material
from llm.jobs.structured import parse
from llm.rows import read_rows

TOPICS = ("共情", "倾听", "阻抗", "移情", "面质", "澄清", "保密", "转介")
#: Topic -> what is planted for its passage; the others are right at once.
INVENTED_QUOTE, UNUSABLE, NO_CITATION = "阻抗", "移情", "面质"


def passage(topic: str) -> str:
    return f"{topic}是咨询中的一个概念。运用{topic}的时候，咨询师先停下来，再想一想{topic}对这个人意味着什么。"


def reply(body: Mapping[str, Any]) -> str:
    system, asked = (message["content"] for message in body["messages"])
    if "闭卷" in system:
        return "我记得一些，但不确定。"
    if "翻书" in system:
        return "先停下来，再想一想 [1]。"
    topic = Counter(re.findall("|".join(TOPICS), asked)).most_common(1)[0][0]
    quote = f"运用{topic}的时候，咨询师先停下来"
    if "出题" in system:
        usable = topic != UNUSABLE
        found: dict[str, Any] = {"usable": usable, "question": f"{topic}为什么要慢一些？" if usable else ""}
        found["quote"] = "书里没有的一句话" if topic == INVENTED_QUOTE else quote
        if "选择题" in asked:
            alike = {"A": "慢", "B": "慢。", "C": "快", "D": "停"} if topic == "保密" else None
            options = alike or {"A": f"先停下来想{topic}", "B": "立刻建议", "C": "转移话题", "D": "结束谈话"}
            found |= {"options": options, "key": ["A"], "explanation": f"原文说：{quote}"}
        if "简答题" in asked:
            found["answer"] = "先停下来"
        return json.dumps(found, ensure_ascii=False)
    number = next(n for n, text in re.findall(r"\[(\d)\] (.+)", asked) if text.startswith(f"{topic}是"))
    citations = [{"passage": int(number), "quote": quote}, {"passage": 9, "quote": quote}]
    if topic == NO_CITATION:
        citations = [{"passage": int(number), "quote": "编造的引文在这里"}]
    return json.dumps({"answer": f"{topic}要慢。", "citations": citations, "basis": "merged"}, ensure_ascii=False)


@pytest.fixture
def made(planted: Any, tmp_path: Path) -> Path:
    planted.reply = reply
    for topic in TOPICS:
        (tmp_path / f"{topic}.txt").write_text(passage(topic), encoding="utf-8")
    files = [str(tmp_path / f"{topic}.txt") for topic in TOPICS]
    command = ["knowledge-qa", "--input", *files, "--out", str(tmp_path / "run"), "--licence", "CC0-1.0",
               "--base-url", planted.url, "--model", "m", "--forms", *FORMS, "--concurrency", "8"]  # fmt: skip
    assert main(command) == 0
    return tmp_path / "run"


def rows(path: Path) -> list[dict[str, Any]]:
    return [row for _, row in read_rows(path)]


def test_items_are_made_as_planted_and_cite_what_is_there(made: Path, tmp_path: Path) -> None:
    records = rows(made / "records.jsonl")
    rejected = Counter(row["reason"] for row in rows(made / "rejected.jsonl"))
    assert rejected == {"quote_not_found": 3, "unusable": 3, "no_citation": 1, "options_alike": 1}
    assert Counter(record["form"] for record in records) == {"open": 5, "choice": 5, "short": 6}
    texts = {row["id"]: row["text"] for row in rows(made / "materials.jsonl")}
    for record in records:
        topic = record["id"].partition(".")[0]
        assert [texts[name][start:end] for name, start, end in record["provenance"]["spans"]] == [
            f"运用{topic}的时候，咨询师先停下来"]  # fmt: skip
        steps = [step["step"] for step in record["provenance"]["steps"]]
        assert steps == (
            ["question", "closed_book", "open_book", "teacher"] if record["form"] == "open" else ["question"]
        )
    said = export([made], tmp_path / "out", ExportOptions())
    assert sum(sum(split.values()) for split in said["rows"].values()) == len(records)
    choice = next(row for split in ("train", "valid", "test") for row in rows(tmp_path / "out" / f"{split}.jsonl")
                  if row["id"].endswith("/choice"))  # fmt: skip
    assert "\nB. 立刻建议" in choice["messages"][0]["content"] and choice["messages"][1]["content"].startswith("A\n")


def test_the_search_finds_the_passage_that_was_meant() -> None:
    made = [Material(t, "passage", "zh", t, "", passage(t), t, "CC0-1.0") for t in TOPICS]
    index = PassageIndex(made)
    assert [index.search(f"{topic}为什么要慢一些", 2)[0].id for topic in TOPICS] == list(TOPICS)
    assert len(index.search("共情", 50)) == len(TOPICS)


@pytest.mark.parametrize("form", FORMS)
def test_the_example_in_each_prompt_fits_its_schema(form: Any) -> None:
    for lang in ("zh", "en"):
        example = prompt_text(f"question_{form}.v1", lang).asked.template.splitlines()[-1]
        assert parse(example, SCHEMAS[form])[0]
    assert parse(prompt_text("teacher.v1", "zh").asked.template.splitlines()[-1], TEACHER_SCHEMA)[0]


def test_an_unknown_form_names_the_choices() -> None:
    with pytest.raises(ValueError, match="choose from open, choice, short"):
        KnowledgeOptions("m", forms=("essay",))  # type: ignore[arg-type]


def test_single_turn_records_need_no_model(tmp_path: Path) -> None:
    asked = "最近换了工作，每天都很晚才回家，和家里人也说不上几句话，心里很空，怎么办？"
    answers = [{"text": "可以先给自己留一点时间。", "likes": 7}, {"text": "听上去你很累，先睡一觉。", "likes": 30}]
    lines = [{"question": asked, "answers": answers}, {"background": asked[::-1]}]
    source = tmp_path / "qa.jsonl"
    source.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    command = ["single-turn", "--input", str(source), "--out", str(tmp_path / "run"), "--licence", "CC0-1.0"]
    assert main(command) == 0
    (record,) = rows(tmp_path / "run" / "records.jsonl")
    assert record["question"] == asked and record["answer"] == "听上去你很累，先睡一觉。"
    (material,) = rows(tmp_path / "run" / "materials.jsonl")
    (_, start, end) = record["provenance"]["spans"][0]
    assert material["text"][start:end] == record["answer"]
    assert main(["report", str(tmp_path / "run")]) == 0
    assert main(["single-turn", "--input", str(source), "--out", str(tmp_path / "run"), "--licence", " "]) == 2
