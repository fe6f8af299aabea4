"""One command for every perception model: what a folder holds is found, and each card has its row."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from eval.__main__ import main
from eval.perception_table import RUNNERS, find_labelled, measure
from perception.expression.data import read
from perception.expression.evaluate import evaluate
from perception.models import CARDS, load
from tests.perception.expression import layouts


def clips(folder: Path, count: int = 12) -> Path:
    """An index of flow images of motions, each up, down or sideways."""
    folder.mkdir()
    lines = ["subject,clip,label,flow"]
    for n in range(count):
        rng = np.random.default_rng(n)
        np.save(folder / f"{n}.npy", rng.integers(0, 256, (28, 28, 3)).astype(np.uint8))
        lines.append(f"s{n % 4},c{n},{('negative', 'positive', 'surprise')[n % 3]},{n}.npy")
    (folder / "index.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_a_face_set_is_found_in_folder_and_zip_and_is_measured_as_evaluate_does(tmp_path: Path) -> None:
    folder = layouts.fer2013(tmp_path / "faces", 2)
    found = find_labelled(layouts.zipped(folder))
    assert (found.kind, found.name, found.count) == ("faces", "fer2013 val", 14)
    rows = {row.model: row for row in measure(find_labelled(folder)).rows}
    assert list(rows) == list(CARDS)
    expected = evaluate(load("expression/small"), read(f"fer2013:{folder}:val")).quality
    assert rows["expression/small"].measures == expected and set(expected) >= {"accuracy", "macro_f1", "ece"}
    assert rows["expression/ensemble"].measures and rows["micro/small"].why == "reads clips, not faces"
    assert rows["fusion/voice"].why == "reads voices, not faces" and "see its card" in rows["landmarks/mediapipe"].why


def test_other_splits_and_a_limit(tmp_path: Path) -> None:
    assert find_labelled(layouts.rafdb(tmp_path / "raf")).name == "rafdb-basic test"
    few = find_labelled(layouts.fer2013(tmp_path / "fer", 3), limit=7)
    assert few.count == 7 and len(set(few.content.labels.tolist())) == 7


def test_micro_clips_are_read_by_their_model_only(tmp_path: Path) -> None:
    table = measure(find_labelled(clips(tmp_path / "clips")))
    rows = {row.model: row for row in table.rows}
    uf1 = rows["micro/small"].measures["uf1"]
    assert table.count == 12 and 0 <= uf1[1] <= uf1[0] <= uf1[2] <= 1
    assert rows["expression/small"].why == "reads faces, not clips"


def test_every_target_of_a_runner_is_that_of_a_card() -> None:
    assert set(RUNNERS) <= {card.target for card in CARDS.values()}


def test_what_is_no_labelled_data_is_said_with_the_layouts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match=r"tried fer2013, rafdb-basic.*index\.csv, casme2"):
        find_labelled(tmp_path)
    assert main(["perception", "--data", str(tmp_path / "nowhere")]) == 2
    assert "no such folder or zip" in capsys.readouterr().err


def test_the_command_prints_and_writes_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = layouts.fer2013(tmp_path / "faces", 2)
    assert main(["perception", "--data", str(folder), "--limit", "7", "--out", str(tmp_path / "out")]) == 0
    assert "fer2013 val: 7 labelled samples" in capsys.readouterr().out
    told = json.loads((tmp_path / "out" / "perception.json").read_text(encoding="utf-8"))
    assert [row["model"] for row in told["rows"]] == list(CARDS) and told["count"] == 7


@pytest.mark.slow
def test_held_out_voices_are_read_by_the_voice_model(data: Path) -> None:
    found = find_labelled(data / "speech" / "ravdess_16k.zip", limit=16)
    assert (found.kind, found.name, found.count) == ("voices", "ravdess held-out actors", 16)
    rows = {row.model: row for row in measure(found).rows}
    value, low, high = rows["fusion/voice"].measures["mean_recall"]
    assert 0.3 <= value <= 1 and low <= value <= high  # .738 over all 240; chance is .125
