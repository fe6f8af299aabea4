"""The whole examination on a server of fixed latency: `eval exam` and lm-evaluation-harness, in one run.

The exam is ../shared/data/exam/pceb.zip; without it there is no row. The harness is no dependency: BESIDE_LM_EVAL names
its program (an environment with `pip install "lm-eval[api]==0.4.13"`), and its row is left out where none is named.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench.jobs_bench import SLOTS, row
from tests.latency_server import ROOT

EXAM = ROOT.parent / "shared" / "data" / "exam" / "pceb.zip"


def _done(command: Sequence[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False,
                          env=os.environ | {"OPENAI_API_KEY": "none", "HF_HUB_OFFLINE": "1"})  # fmt: skip
    if done.returncode not in (0, 1):  # eval exam: 1 where an item got no whole answer
        raise RuntimeError(f"{command[:4]}: {done.returncode}\n{done.stderr[-2000:]}")


def _ours(url: str, folder: Path) -> None:
    _done([sys.executable, "-m", "eval", "exam", "--data", str(EXAM), "--out", str(folder / "run"), "--base-url", url,
           "--model", "m", "--concurrency", str(SLOTS)])  # fmt: skip


def _harness(program: str, task: Path) -> Callable[[str, Path], None]:
    def go(url: str, folder: Path) -> None:
        settings = f"model=m,base_url={url}/chat/completions,num_concurrent={SLOTS},tokenized_requests=False"
        _done([program, "run", "--model", "local-chat-completions", "--model_args", settings, "--tasks",
               "counselling_exam", "--include_path", str(task), "--output_path", str(folder / "out"), "--log_samples",
               "--apply_chat_template"])  # fmt: skip

    return go


def run() -> list[dict[str, object]]:
    """Rows of `python -m tests.bench exam`; one that says so where the exam is not here."""
    if not EXAM.is_file():
        return [{"what": f"{EXAM.name} is not here: nothing was measured"}]
    rows = [row("eval exam, a process", _ours)]
    if program := os.environ.get("BESIDE_LM_EVAL"):
        with tempfile.TemporaryDirectory() as folder:
            _done([sys.executable, "-m", "eval", "harness-export", "--data", str(EXAM), "--out", folder])
            rows.append(row("lm-evaluation-harness, a process", _harness(program, Path(folder))))
    return rows
