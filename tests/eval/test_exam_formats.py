"""A run in the formats of others: Inspect's log, and a task of lm-evaluation-harness and its replies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from eval.__main__ import main
from eval.exam.audit import record
from eval.exam.compare import compare, load
from eval.exam.harness import TASK, export_task, import_samples
from eval.exam.inspect_log import inspect_log, write_inspect_log
from eval.exam.prompts import Asking, messages
from eval.exam.run import ExamOptions, asked_of, read_reply, summary, write_run
from eval.exam.scoring import RULES
from eval.exam.types import Item
from llm.jobs.progress import Counts
from tests.latency_server import LatencyServer

ITEMS = [
    Item(
        f"theory/{kind}#{n}", "theory", "third", kind, f"第{n}题：下列哪一项正确",
        {letter: f"选项{letter}之{n}" for letter in "ABCD"}, frozenset("AC" if kind == "multiple" else "ABCD"[n % 4]),
        analysis="见教材",
    )
    for n in range(24)
    for kind in ("single", "multiple")
]  # fmt: skip
#: Right, a part, wrong, unreadable, none of them, nothing at all, the right letters in prose.
REPLIES = ("答案：{right}", "答案：A", "答案：D", "这道题很有意思。", "以上都不对", "", "经过分析，我选{right}。")


def replies() -> dict[str, str]:
    return {
        item.item_id: REPLIES[n % len(REPLIES)].format(right="、".join(sorted(item.key)))
        for n, item in enumerate(ITEMS)
    }


def own_run(out: Path, options: ExamOptions) -> dict[str, Any]:
    """The run that `eval exam` writes for these replies."""
    asked, said = asked_of(ITEMS, options), replies()
    rows = [read_reply(i, "ok" if said[i.item_id] else "empty", said[i.item_id]) for i in asked]
    out.mkdir()
    write_run(out, rows, summary(ITEMS, asked, rows, options, "http://127.0.0.1:1/v1", Counts()))
    return load(out)[0]


def harness_file(folder: Path, said: Mapping[str, str]) -> Path:
    """What `lm_eval run --log_samples` writes: one line a document, replies nested twice."""
    samples = folder / "a-model" / f"samples_{TASK}_2026-11-27T02-40-00.jsonl"
    samples.parent.mkdir(parents=True)
    with samples.open("w", encoding="utf-8") as file:
        for n, line in enumerate((folder / "docs.jsonl").read_text(encoding="utf-8").splitlines()):
            doc = json.loads(line)
            if doc["id"] in said:
                row = {"doc_id": n, "doc": doc, "target": doc["key"], "resps": [[said[doc["id"]]]],
                       "filtered_resps": [said[doc["id"]]], "exact_match": 0.0}  # fmt: skip
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return samples


def test_the_same_replies_get_the_same_score_through_the_harness(tmp_path: Path) -> None:
    options = ExamOptions("a-model", rotate=1, asking=Asking(reasoning=True))
    own = own_run(tmp_path / "own", options)
    assert export_task(ITEMS, options, tmp_path / "task") == len(ITEMS)
    rows = import_samples(tmp_path / "task", harness_file(tmp_path / "task", replies()), tmp_path / "back")
    back, _ = load(tmp_path / "back")
    for name in ("edition", "items", "cells", "all", "outcomes", "prompt", "model"):
        assert json.dumps(back[name]) == json.dumps(own[name]), name
    assert {row.outcome for row in rows} == {"answered", "unparsed", "none", "empty"}
    found = compare(tmp_path / "own", tmp_path / "back")
    assert not found.better and not found.worse


def test_the_exported_task_asks_what_the_exam_asks(tmp_path: Path) -> None:
    export_task(ITEMS, ExamOptions("m", asking=Asking("authors")), tmp_path)
    task = yaml.safe_load((tmp_path / f"{TASK}.yaml").read_text(encoding="utf-8"))
    docs = [json.loads(x) for x in Path(task["dataset_kwargs"]["data_files"]["test"]).read_text("utf-8").splitlines()]
    assert [doc["prompt"] for doc in docs] == [messages(item, Asking("authors"))[-1].content for item in ITEMS]
    assert task["doc_to_text"] == "{{prompt}}" and task["doc_to_target"] == "{{key}}"
    assert task["generation_kwargs"] == {"until": [], "do_sample": False, "temperature": 0.0, "max_gen_toks": 600}
    with pytest.raises(ValueError, match="without solved examples, got mode `generate` with 1"):
        export_task(ITEMS, ExamOptions("m", asking=Asking(shots=(ITEMS[0],))), tmp_path)


def test_missing_and_foreign_replies_are_not_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export_task(ITEMS, ExamOptions("m"), tmp_path / "task")
    said = replies()
    del said[ITEMS[3].item_id]
    samples = harness_file(tmp_path / "task", said)
    command = ["harness-import", str(tmp_path / "task"), str(samples), "--out", str(tmp_path / "back")]
    assert main(command) == 1
    result, rows = load(tmp_path / "back")
    assert result["outcomes"]["missing"] == 1 and rows[ITEMS[3].item_id].credits["strict"] == 0
    assert "items got no whole answer" in capsys.readouterr().err
    export_task(ITEMS, ExamOptions("m", rotate=1), tmp_path / "other")
    with pytest.raises(ValueError, match="does not ask in these words"):
        import_samples(tmp_path / "other", samples, tmp_path / "back")
    samples.write_text('{"doc": {}}\n', encoding="utf-8")
    with pytest.raises(ValueError, match="no line that --log_samples writes"):
        import_samples(tmp_path / "task", samples, tmp_path / "back")


def test_an_inspect_log_holds_the_run_item_by_item(tmp_path: Path) -> None:
    options = ExamOptions("a-model")
    own = own_run(tmp_path / "own", options)
    asked = asked_of(ITEMS, options)
    rows = [load(tmp_path / "own")[1][item.item_id] for item in asked]
    path = write_inspect_log(tmp_path / "logs", own, asked, rows, options.asking)
    log = json.loads(path.read_text(encoding="utf-8"))
    assert list(log) == ["version", "status", "eval", "plan", "results", "stats", "samples"] and log["version"] == 2
    means = {score["name"]: score["metrics"]["mean"]["value"] for score in log["results"]["scores"]}
    for rule in RULES:
        assert means[rule] == own["all"]["credits"][rule]["value"]
        of_samples = [sample["scores"][rule]["value"] for sample in log["samples"]]
        assert sum(of_samples) / len(ITEMS) == pytest.approx(means[rule])
    first, empty = log["samples"][0], log["samples"][5]
    assert first["target"] == ITEMS[0].answer and first["choices"] == list(ITEMS[0].options.values())
    assert first["messages"][-1]["content"] == rows[0].reply and "error" not in first
    assert empty["error"]["message"] == "empty" and empty["scores"]["strict"] == {
        "value": 0.0, "answer": "empty", "explanation": "见教材"}  # fmt: skip
    assert log["results"]["completed_samples"] == sum("error" not in sample for sample in log["samples"])
    with pytest.raises(ValueError, match="rows of the same items"):
        inspect_log(own, asked[1:], rows, options.asking, datetime.now(UTC))


def test_the_exam_writes_an_inspect_log_where_it_is_told_to(tmp_path: Path) -> None:
    exam = tmp_path / "exam.jsonl"
    exam.write_text("\n".join(json.dumps(record(item), ensure_ascii=False) for item in ITEMS[:8]), encoding="utf-8")
    with LatencyServer(0.001) as server:
        out = ["--out", str(tmp_path / "run"), "--inspect-log", str(tmp_path / "logs")]
        assert main(["exam", "--data", str(exam), "--base-url", server.url, "--model", "m", *out]) == 0
    (path,) = (tmp_path / "logs").glob("20*_counselling-exam_*.json")
    log = json.loads(path.read_text(encoding="utf-8"))
    assert len(log["samples"]) == 8 and log["stats"]["model_usage"]["m"]["total_tokens"] == 8 * 15
    assert log["eval"]["model_base_url"] == server.url
