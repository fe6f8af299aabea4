"""The journal: what was answered survives, a torn line is cut off, two processes are refused."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from llm.jobs.journal import Journal
from llm.jobs.types import JobError
from tests.conftest import ROOT

KEYS = [f"{n:064x}" for n in range(5)]


def filled(path: Path) -> Path:
    with Journal(path) as journal:
        for key in KEYS:
            journal.put(key, {"text": f"said {key[-1]} \U0001f642 \ud83d"})  # a lone surrogate too
    return path


def test_what_was_put_is_found_again(tmp_path: Path) -> None:
    with Journal(filled(tmp_path / "j.jsonl")) as journal:
        assert len(journal) == 5 and journal.get(KEYS[3]) == {"text": "said 3 \U0001f642 \ud83d"}
        assert journal.get("f" * 64) is None and "f" * 64 not in journal


@pytest.mark.parametrize("torn", [1, 20, 60])
def test_a_torn_last_line_is_cut_off_and_the_rest_kept(tmp_path: Path, torn: int) -> None:
    path = filled(tmp_path / "j.jsonl")
    path.write_bytes(path.read_bytes()[:-torn])
    with Journal(path) as journal:
        assert journal.repaired > 0 and len(journal) == 4 and journal.get(KEYS[4]) is None
        journal.put(KEYS[4], {"text": "again"})
    with Journal(path) as journal:
        assert journal.repaired == 0 and journal.get(KEYS[4]) == {"text": "again"}


def test_a_changed_middle_is_refused(tmp_path: Path) -> None:
    path = filled(tmp_path / "j.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"rubbish\n", *lines[2:]]))
    with pytest.raises(JobError, match=r"byte \d+: not a line of a journal"), Journal(path):
        pass


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from llm.jobs.journal import Journal\n"
        "with Journal(Path(sys.argv[1])): pass"
    )
    with Journal(tmp_path / "j.jsonl"):
        command = [sys.executable, "-c", code, str(tmp_path / "j.jsonl")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1 and "is in use by another process" in done.stderr


def test_memory_holds_places_and_not_answers(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.jsonl") as journal:
        tracemalloc.start()
        for n in range(5000):
            journal.put(f"{n:064x}", {"text": "x" * 2000})
        used = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
    assert used < 5000 * 300
