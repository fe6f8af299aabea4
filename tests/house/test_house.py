"""The rules of the house that a linter does not know."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from perception.files import sha256_of
from perception.models import CARDS, WEIGHTS
from perception.models import load as load_model
from tests.conftest import ROOT
from tests.house.figures import complexity, cycles, imports, repeated_blocks, sources

PACKAGES = ("perception", "llm", "assistant", "data_gen", "eval")


def tracked() -> Iterator[Path]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    yield from (ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file())


def test_nobody_imports_the_app() -> None:
    for path in (p for package in PACKAGES for p in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [a.name for a in node.names] if isinstance(node, ast.Import) else []
            assert not any(name == "app" or (name or "").startswith("app.") for name in names), path


def test_no_tracked_file_names_a_machine_or_a_package_host() -> None:
    home = str(Path.home())
    forbidden = re.compile(rf"{re.escape(str(ROOT.parent))}\b|{re.escape(home)}/|https?://\S+\.(whl|tar\.gz|deb)\b")
    for path in tracked():
        if path.stat().st_size < 1_500_000 and path.suffix not in {".onnx", ".png", ".safetensors", ".npz"}:
            assert not forbidden.search(path.read_text(encoding="utf-8")), path


def test_every_constraint_is_an_exact_version_without_an_address() -> None:
    lines = (ROOT / ".ci" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert len(pins) > 50
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", pin) for pin in pins)


def test_logic_files_stay_small() -> None:
    python = [p for p in tracked() if p.suffix == ".py" and not p.name.startswith("safety_rows")]  # tables
    assert not [p for p in python if len(p.read_text(encoding="utf-8").splitlines()) > 450]


@pytest.mark.parametrize("name", sorted(CARDS))
def test_card_is_whole_and_its_file_is_the_one_that_was_measured(name: str) -> None:
    card = CARDS[name]
    assert card.name == name and card.summary and card.licence and card.labels
    if card.file:
        assert sha256_of(WEIGHTS / card.file) == card.sha256
        assert card.training_data and card.quality
        assert (WEIGHTS / card.file).stat().st_size < 40_000_000
    assert name in (ROOT / "MODEL_CARDS.md").read_text(encoding="utf-8"), "a card without its text in MODEL_CARDS.md"


def test_an_unknown_model_names_the_choices() -> None:
    with pytest.raises(KeyError, match="landmarks/mediapipe"):
        load_model("landmarks/nothing")


@pytest.mark.parametrize("package", [p for p in PACKAGES if (ROOT / p / "__main__.py").exists()])
def test_package_runs_as_a_module_and_explains_itself(package: str) -> None:
    command = [sys.executable, "-m", package, "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert f"-m {package}" in done.stdout or package in done.stdout


def test_no_module_imports_itself_through_others() -> None:
    """Type-only and lazy imports counted."""
    texts = sources()
    graph = {name: imports(ast.parse(text), texts) for name, text in texts.items()}
    assert list(cycles(graph)) == []


def test_the_figures_find_what_is_planted() -> None:
    ring = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}
    assert list(cycles(ring)) == ["a > b > c"]
    branching = ast.parse("def f(x):\n    if x and y or z:\n        return [i for i in x if i]\n    return 1").body[0]
    assert complexity(branching) == 6
    block = "\n".join(f"value_{n} = compute({n})" for n in range(7))
    assert repeated_blocks({"a": block, "b": f"# other\n{block}"}) == 1 and repeated_blocks({"a": block}) == 0
