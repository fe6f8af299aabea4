"""`python -m llm` in the light environment, which has no torch: help works, and what is missing is named in a line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from llm.__main__ import main
from llm.tuning.tuned import CARDS
from tests.conftest import ROOT

BASE = str(CARDS["nano-base"].folder)
ADAPTER = str(CARDS["nano-counsel"].folder)
COMMANDS = ("finetune", "serve", "parity", "merge", "perplexity", "models", "chat", "nano")
#: Makes the modules of the extra `train` unimportable, as they are where only the runtime is installed.
LIGHT = """
import sys
sys.modules |= dict.fromkeys(
    ("torch", "torchvision", "transformers", "peft", "accelerate", "datasets", "tokenizers", "safetensors"))
from llm.__main__ import main
for arguments in __import__("json").loads(sys.argv[1]):
    try:
        code = main(arguments)
    except SystemExit as end:
        code = end.code
    print(f"exit {code}", flush=True)
"""


def light(runs: list[list[str]]) -> list[str]:
    """What each run printed, exit code last. A None in sys.modules makes its import fail as a missing module does."""
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, json.dumps(runs)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    return [part.strip() for part in done.stdout.split("exit ")]


def test_every_commands_help_and_the_table_work_without_the_training_extra() -> None:
    said = light([[command, "--help"] for command in COMMANDS] + [["models"]])
    for command, part in zip(COMMANDS, said, strict=False):
        assert f"usage: python -m llm {command}" in part
    assert [part.split("\n")[0] for part in said[1:]] == ["0"] * len(said[1:])
    assert "nano-base" in said[-2]


def test_a_missing_training_module_is_one_line_with_the_extra_and_the_way_to_it(tmp_path: Path) -> None:
    row = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    data = tmp_path / "d.jsonl"
    data.write_text(json.dumps(row) + "\n", encoding="utf-8")
    cleaned = tmp_path / "clean"
    runs = [
        ["finetune", "--recipe", "nano", "--base", BASE, "--data", str(data), "--out", str(tmp_path / "o")],
        ["merge", "--base", BASE, "--adapter", ADAPTER, "--out", str(tmp_path / "m")],
        ["parity", "--base", BASE, "--url", "http://127.0.0.1:9"],
        ["perplexity", "--base", BASE, "--data", str(data)],
        ["nano", "--clean", str(cleaned), "--out", str(tmp_path / "n"), "--weights", str(tmp_path / "w")],
    ]
    said = light(runs)
    for run, part in zip(runs, said, strict=False):
        line = part.removeprefix("2").strip()
        assert line.startswith(f"{run[0]}: needs ") and "\n" not in line, part
        assert "extra `train`" in line and "pip install" in line and ".ci/env.py test" in line
    assert [part.split("\n")[0] for part in said[1:]] == ["2"] * len(runs)
    assert not any((tmp_path / name).exists() for name in ("m", "w"))


def test_a_module_of_our_own_that_is_missing_is_a_defect_and_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "llm.tuning.tuned", None)
    with pytest.raises(ModuleNotFoundError):
        main(["models"])
