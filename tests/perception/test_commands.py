"""The command line without the optional extras: one clear line, never a traceback."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from perception.__main__ import EXTRAS, missing

ROOT = Path(__file__).resolve().parents[2]
WITHOUT = (
    "import sys; sys.modules[sys.argv[1]] = None; from perception.__main__ import main; sys.exit(main(sys.argv[2:]))"
)


@pytest.fixture
def sound(tmp_path: Path) -> str:
    import soundfile

    soundfile.write(tmp_path / "a.wav", np.zeros(16_000, np.float32), 16_000)
    return str(tmp_path / "a.wav")


@pytest.mark.parametrize(("package", "extra", "command"), [
    ("torch", "train", "train fusion --task va --data D --features logmel --out RUN"),
    ("torch", "train", "train voice --speech ravdess.zip --out RUN --weights FILE"),
    ("torch", "train", "train starter --faces fer.zip --voices heldout.npz --out RUN"),
    ("torch", "train", "train expression --data fer2013:F:train --validation fer2013:F:val --out RUN"),
    ("torch", "train", "evaluate fusion RUN --data D"),
    ("timm", "train", "features SOUND --set timm --model resnet18 --out OUT"),
    ("transformers", "train", "features SOUND --set speech --out OUT"),
    ("opensmile", "egemaps", "features SOUND --set egemaps --out OUT"),
])  # fmt: skip
def test_a_missing_extra_ends_in_one_line_that_names_it_and_the_pip_command(
    package: str, extra: str, command: str, sound: str, tmp_path: Path
) -> None:
    words = command.replace("SOUND", sound).replace("OUT", str(tmp_path)).replace("RUN", str(tmp_path / "run")).split()
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT, package, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1 and ended.stdout == ""
    [line] = ended.stderr.strip().splitlines()
    assert line.startswith(f"perception: {package} ") and f'the extra "{extra}"' in line
    assert f'python -m pip install -c .ci/constraints.txt ".[{extra}]"' in line
    assert not (tmp_path / "run").exists()


def test_the_extras_named_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for package, extra in EXTRAS.items():
        listed = {re.split(r"[=<>\[]", one)[0] for one in project["optional-dependencies"][extra]}
        assert {"sklearn": "scikit-learn"}.get(package, package) in listed


def test_a_fault_of_our_own_keeps_its_traceback_and_our_own_refusal_is_a_line() -> None:
    assert missing(ModuleNotFoundError("No module named 'perception.gone'", name="perception.gone")) is None
    assert missing(ImportError("cannot import name 'x' from 'torch'", name="torch")) is None
    assert missing(ImportError("m cannot be loaded: give a folder")) == "m cannot be loaded: give a folder"
