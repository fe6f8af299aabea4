"""The same dialogues on Ray Data, after the death of a worker."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from data_gen.cluster import BLOCK
from tests.conftest import ROOT

CASES = BLOCK + 8


def command(server: Any, folder: Path, out: str) -> list[str]:
    return [sys.executable, "-m", "data_gen", "dialogues", "--input", str(folder / "cases.jsonl"), "--out",
            str(folder / out), "--licence", "CC0-1.0", "--base-url", server.url, "--model", "m", "--turns", "4", "4",
            "--concurrency", "8"]  # fmt: skip


@pytest.mark.slow
def test_a_killed_worker_changes_no_record(planted: Any, truth: Any, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is in the extra `cluster`")
    import psutil

    truth.write(tmp_path / "cases.jsonl", CASES)
    subprocess.run(command(planted, tmp_path, "local"), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    asked = sum(planted.answered.values())
    planted.answered.clear()
    planted.delay_s = 0.02
    on_ray = [*command(planted, tmp_path, "ray"), "--engine", "ray", "--workers", "2"]
    with (tmp_path / "log.txt").open("w") as log:
        child = subprocess.Popen(
            on_ray, cwd=ROOT, stdout=log, stderr=log, env={**os.environ, "RAY_AUTH_MODE": "disabled"}
        )
    killed, pause = 0, threading.Event()
    while child.poll() is None:
        pause.wait(0.02)
        if killed or sum(planted.answered.values()) < 60:
            continue
        for process in psutil.Process(child.pid).children(recursive=True):
            title = " ".join(process.cmdline())
            if not killed and title.startswith("ray::Map"):
                process.kill()
                killed = process.pid
    assert child.returncode == 0, (tmp_path / "log.txt").read_text(encoding="utf-8")
    assert killed, "one worker was killed in the middle"
    assert asked <= sum(planted.answered.values()) <= asked + 8, "at most what was under way was asked twice"
    for name in ("records.jsonl", "rejected.jsonl", "set_aside.jsonl", "materials.jsonl"):
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()
