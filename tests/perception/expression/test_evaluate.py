"""The evaluation: what it reports is what the predictor does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from perception.expression.data import read, read_cexpr
from perception.expression.evaluate import CHANGES, evaluate
from perception.expression.labels import compound_from
from perception.expression.predictor import Expressions
from perception.expression.preprocess import Preprocessing, face_image
from tests.perception.expression import layouts


class Memory:
    """Knows the faces that it was shown, and nothing else."""

    name = "memory"

    def __init__(self, faces: dict[bytes, int]) -> None:
        self.faces = faces

    def predict(self, crops: list[np.ndarray]) -> Expressions:
        known = [self.faces.get(face_image(crop, Preprocessing()).tobytes(), 0) for crop in crops]
        basic = 0.65 * np.eye(7, dtype=np.float32)[known] + 0.05
        nothing = np.zeros(len(crops), np.float32)
        return Expressions(basic.astype(np.float32), compound_from(basic), nothing, nothing, basic)


def test_the_report_counts_what_was_right_and_what_a_change_cost(tmp_path: Path) -> None:
    faces = read(f"fer2013:{layouts.fer2013(tmp_path / 'fer')}:val")
    pictures = [faces.image(i) for i in range(len(faces))]
    knows = {face_image(p, Preprocessing()).tobytes(): int(c) for p, c in zip(pictures, faces.labels, strict=True)}
    report = evaluate(Memory(knows), faces, robustness=True, out=tmp_path / "out")  # type: ignore[arg-type]
    assert report.quality["accuracy"] == (1.0, 1.0, 1.0) and report.recall["Fear"] == 1.0
    assert report.quality["ece"][0] == pytest.approx(0.3)
    assert report.robustness["48 px"] == (1.0, 0.0)
    share, drop = report.robustness["rotated 20 degrees"]
    assert drop == pytest.approx(100 * (1 - share)) and share < 0.5
    saved = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert saved["faces"] == 21 and set(saved["robustness"]) == set(CHANGES)
    for plot in ("confusion", "reliability", "recall"):
        assert (tmp_path / "out" / f"{plot}.png").read_bytes().startswith(b"\x89PNG")
    assert "accuracy" in report.text() and "mouth covered" in report.text()


def test_compound_sets_are_judged_on_compounds_and_unlabelled_ones_refused(tmp_path: Path) -> None:
    compound = read(f"rafdb-compound:{layouts.rafdb(tmp_path / 'raf')}:test")
    assert set(evaluate(Memory({}), compound).recall) == set(compound.classes)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no labels"):
        evaluate(Memory({}), read_cexpr(layouts.cexpr(tmp_path / "c")))  # type: ignore[arg-type]


def test_changes_do_what_they_are_called() -> None:
    face = np.full((48, 48), 120, np.uint8)
    face[:, ::2] = 200
    rng = np.random.default_rng(0)
    changed = {name: change(face, rng) for name, change in CHANGES.items()}
    assert changed["192 px"].shape == (192, 192) and changed["24 px"].shape == (24, 24)
    assert changed["dark"].mean() < 40 and changed["blur"].std() < face.std() / 2
    assert (changed["eyes covered"][13:24] == 0).all() and (changed["mouth covered"][13:24] == face[13:24]).all()
    assert changed["tight crop"].shape[0] < 48 < changed["loose crop"].shape[0]
