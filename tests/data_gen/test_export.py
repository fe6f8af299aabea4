"""From records to training files and the data card: complete provenance or nothing, splits by source, four formats."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from data_gen.__main__ import main
from data_gen.export import ExportOptions, NoProvenance, export, read_records
from llm.rows import read_rows, turns_of
from tests.conftest import ROOT

CASES = 16


def rows(path: Path) -> list[dict[str, Any]]:
    return [row for _, row in read_rows(path)]


def arguments(server: Any, source: Path, out: Path) -> list[str]:
    return ["dialogues", "--input", str(source), "--out", str(out), "--licence", "CC0-1.0", "--base-url", server.url,
            "--model", "m", "--concurrency", "8", "--time-out", "10"]  # fmt: skip


@pytest.fixture(scope="module")
def made(shared_planted: Any, truth: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    truth.write(folder / "cases.jsonl", CASES)
    assert main(arguments(shared_planted, folder / "cases.jsonl", folder / "run")) == 0
    return folder / "run"


def test_the_command_makes_what_was_planted(made: Path, truth: Any) -> None:
    accepted = [row["id"] for row in rows(made / "records.jsonl")]
    assert accepted == [f"cases.jsonl:{n}/0" for n in range(CASES) if truth.outcome(n) == "accepted"]
    assert json.loads((made / "sources.json").read_text(encoding="utf-8"))["kept"] == CASES


@pytest.mark.parametrize("form", ["openai", "sharegpt", "alpaca"])
def test_each_format_is_read_back_as_the_same_talk(form: Any, made: Path, tmp_path: Path) -> None:
    export([made], tmp_path, ExportOptions(form))
    found = {
        row["id"]: turns_of(row) for split in ("train", "valid", "test") for row in rows(tmp_path / f"{split}.jsonl")
    }
    for record in rows(made / "records.jsonl"):
        talk = found[record["id"]]
        spoken = [text for turn in record["turns"] for text in (turn["client"], turn["counsellor"])]
        assert talk[0][0] == "system" and [text for _, text in talk[1:]] == spoken
    assert len(found) == len(rows(made / "records.jsonl"))


def test_each_turn_carries_the_observation_of_its_moment(made: Path, tmp_path: Path) -> None:
    export([made], tmp_path, ExportOptions(each_turn=True))
    found = {row["id"]: row for split in ("train", "valid", "test") for row in rows(tmp_path / f"{split}.jsonl")}
    records = rows(made / "records.jsonl")
    assert len(found) == sum(len(record["turns"]) for record in records)
    said = 0
    for record in records:
        for number, turn in enumerate(record["turns"]):
            messages = found[f"{record['id']}#{number}"]["messages"]
            assert messages[-1]["content"] == turn["counsellor"] and len(messages) == 2 * number + 3
            assert (turn["observation"] in messages[0]["content"]) if turn["observation"] else True
            said += bool(turn["observation"])
    assert said > 0


def test_no_source_crosses_a_split_and_every_row_keeps_its_provenance(made: Path, tmp_path: Path) -> None:
    said = export([made], tmp_path, ExportOptions(seed=3))
    groups = {split: {row["provenance"]["sources"][0]["group"] for row in rows(tmp_path / f"{split}.jsonl")}
              for split in ("train", "valid", "test")}  # fmt: skip
    assert not (groups["train"] & groups["valid"] | groups["train"] & groups["test"] | groups["valid"] & groups["test"])
    assert sum(map(len, groups.values())) == sum(said["groups"].values()) and said["licences"]["CC0-1.0"] > 0
    every = [row for split in groups for row in rows(tmp_path / f"{split}.jsonl")]
    assert all(row["provenance"]["spans"] and row["provenance"]["record_sha256"] for row in every)


def test_parquet_holds_the_same_messages(made: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as parquet

    export([made], tmp_path, ExportOptions("parquet"))
    table = parquet.read_table(tmp_path / "train.parquet").to_pylist()
    records = {record["id"]: record for record in rows(made / "records.jsonl")}
    assert table and all(row["messages"][2]["content"] == records[row["id"]]["turns"][0]["counsellor"] for row in table)
    assert json.loads(table[0]["provenance"])["model"] == "m"


BROKEN = {
    "no provenance": lambda record: record.pop("provenance"),
    "no seed": lambda record: record["provenance"].pop("seed"),
    "a source without licence": lambda record: record["provenance"]["sources"][0].update(licence=" "),
    "names no source": lambda record: record["provenance"].update(sources=[]),
    "without prompts": lambda record: record["provenance"].update(steps=[]),
    "outside its source": lambda record: record["provenance"]["spans"].append([record["id"][:-2], 5, 10_000]),
    "has other words": lambda record: record["provenance"]["sources"][0].update(sha256="0" * 64),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_record_without_whole_provenance_is_refused_and_nothing_written(
    fault: str, made: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    records = rows(made / "records.jsonl")
    BROKEN[fault](records[1])
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    (run / "records.jsonl").write_text(lines, encoding="utf-8")
    (run / "materials.jsonl").write_bytes((made / "materials.jsonl").read_bytes())
    with pytest.raises(NoProvenance, match=rf"records\.jsonl:2: .*{fault}"):
        export([run], tmp_path / "out", ExportOptions())
    assert list((tmp_path / "out").iterdir()) == []


def test_the_card_says_what_the_run_was(made: Path, tmp_path: Path) -> None:
    assert main(["report", str(made), "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "data_card.json").read_text(encoding="utf-8"))
    page = (tmp_path / "data_card.html").read_text(encoding="utf-8")
    assert found["records"] == len(list(read_records(made))) and found["rejected"] == {"crisis": 1, "judged_low": 1}
    # every chain but the one set aside: one attempt, one more for two kinds, three for the one always marked low
    assert found["acceptance"]["generate"] == CASES - 1 + 2 + 1 + 2 and found["acceptance"]["accepted"] == 14
    assert found["evidence"]["supported"] > 0 and found["prompts"] and "data:image/png" in page and "<mark" in page
    assert "http" not in page.replace("http-equiv", "")


def test_killed_and_resumed_it_writes_the_same_and_repeats_no_answered_request(
    made: Path, planted: Any, truth: Any, tmp_path: Path
) -> None:
    truth.write(tmp_path / "cases.jsonl", CASES)
    planted.delay_s = 0.03
    command = [sys.executable, "-m", "data_gen", *arguments(planted, tmp_path / "cases.jsonl", tmp_path / "run")]
    for share in (0.3, 0.8):
        before = sum(planted.answered.values())
        child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ended = threading.Event()
        while sum(planted.answered.values()) < before + 60 * share and child.poll() is None:
            ended.wait(0.02)
        child.kill()
        child.wait()
    time.sleep(0.2)  # what was under way arrives nowhere
    kept = (tmp_path / "run" / "journal.jsonl").read_bytes().count(b"\n")
    assert kept >= 30 and not (tmp_path / "run" / "records.jsonl").exists()
    before = sum(planted.answered.values())
    assert main(arguments(planted, tmp_path / "cases.jsonl", tmp_path / "run")) == 0
    total = (tmp_path / "run" / "journal.jsonl").read_bytes().count(b"\n")
    assert sum(planted.answered.values()) - before == total - kept
    for name in ("records.jsonl", "rejected.jsonl", "set_aside.jsonl", "materials.jsonl"):
        assert (tmp_path / "run" / name).read_bytes() == (made / name).read_bytes()
