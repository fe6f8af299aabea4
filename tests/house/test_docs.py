"""What README promises exists: make targets, commands, files of the tree, and links."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_make_target_named_in_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = set(re.findall(r"\bmake ([a-z][a-z-]+)\b", README))
    assert {"run", "test"} <= named <= targets | {"and"}


@pytest.mark.parametrize("command", sorted(set(re.findall(r"python -m ([a-z_]+ [a-z_-]+)", README))))
def test_every_command_named_in_readme_explains_itself(command: str) -> None:
    run = [sys.executable, "-m", *command.split(), "--help"]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_app_lists_every_option() -> None:
    run = [sys.executable, "app.py", "--help"]
    shown = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120).stdout
    assert all(option in shown for option in ("--host", "--port", "--llm", "--model", "--data", "--no-store"))


def test_every_file_in_the_tree_exists() -> None:
    tree = README.split("## The tree")[1].split("```")[1]
    folder = ""
    for line in filter(None, tree.splitlines()):
        names = re.match(r"(\s*)((?:[\w./-]+ )*[\w./-]+?)(?:\s{2,}|$)", line)
        assert names, line
        nested = bool(names[1])
        for name in names[2].split():
            place = ROOT / (folder if nested else "") / name
            assert place.exists(), f"README's tree names {name}, which is not there"
        if not nested:
            folder = names[2].split()[0]


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target
