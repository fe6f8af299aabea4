"""What a network makes of families of movement that it did not learn from, and what its parts are worth."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from perception.micro import shipped
from perception.micro.faces import FaceSet
from perception.micro.shipped import ABLATIONS, ablate, across_generators
from perception.micro.synthesis import FAMILIES


@pytest.fixture
def faces(tmp_path: Path, face_set: FaceSet) -> Path:
    """A folder of neutral faces of twelve people."""
    source = tmp_path / "faces"
    (source / "images").mkdir(parents=True)
    rows = ["image,emotion,source_file"]
    for number, picture in enumerate(face_set.pictures):
        cv2.imwrite(str(source / "images" / f"{number}.png"), picture)
        rows.append(f"{number}.png,neutral,person{chr(97 + number)}_0001.jpg")
    (source / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
    return source


def test_each_family_is_left_out_and_each_part_taken_away_once(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "HELD_OUT_CLIPS", 9)
    out = tmp_path / "out"
    out.mkdir()
    across = across_generators(faces, out, clips=9, epochs=1, workers=1)
    assert set(across) == set(FAMILIES) and all(set(row) == set(FAMILIES) for row in across.values())
    parts = ablate(faces, out, clips=9, epochs=1, workers=1)  # the same corpora, other networks
    assert set(parts) == set(ABLATIONS) and json.loads((out / "ablations.json").read_text("utf-8")) == parts
    trained = {path: path.stat().st_mtime_ns for path in out.rglob("last.pt")}
    assert ablate(faces, out, clips=9, epochs=1, workers=1) == parts
    assert {path: path.stat().st_mtime_ns for path in out.rglob("last.pt")} == trained  # nothing is trained twice
    with pytest.raises(ValueError, match="epochs"):
        ablate(faces, out, clips=9, epochs=2, workers=1)
