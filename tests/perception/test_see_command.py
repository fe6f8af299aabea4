"""`see` at the terminal: checked before any work, readable without --out, tables for files, folders and pipes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from perception.__main__ import main
from perception.summary import Summary
from perception.table import COLUMNS, LAYOUTS, OPENFACE_AUS, as_openface
from perception.types import AUS, Image
from tests.perception.videos import encode


@pytest.fixture
def clip(tmp_path: Path, astronaut: Image) -> Path:
    return encode(tmp_path / "portrait.mp4", [astronaut] * 4, fps=10)


def test_without_out_it_says_what_it_saw(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["see", str(clip)]) == 0
    said, noise = capsys.readouterr()
    assert "portrait.mp4: 4 frames, 0.3 s, 1 face" in said and "read in 4 of 4 frames; happiness" in said
    assert "a second)" in said and noise == ""
    assert [path.name for path in clip.parent.iterdir()] == ["portrait.mp4"]


def test_out_minus_writes_the_table_alone(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["see", str(clip), "--out", "-"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 4 and tuple(rows[0]) == COLUMNS and {row["success"] for row in rows} == {"1"}


def test_the_columns_fit_their_readers(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What Py-Feat's `read_feat` takes: every column with AU in its name, and of a table with valence and arousal the
    seven capitalised expressions."""
    assert [name for name in COLUMNS if "AU" in name] == [f"AU{au:02d}" for au in AUS]
    assert {"Neutral", "Happy", "Sad", "Surprise", "Fear", "Disgust", "Anger"} <= set(COLUMNS)
    assert {"Pitch", "Roll", "Yaw", "X", "Y", "Z", "pose_Tx", "pose_Ry", "success", "FaceRectX"} <= set(COLUMNS)
    assert COLUMNS[:5] == ("frame", "face_id", "timestamp", "confidence", "success") and COLUMNS[11] == "Roll"
    assert main(["see", str(clip), "--out", "-", "--layout", "openface"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert tuple(rows[0]) == LAYOUTS["openface"] and [row["frame"] for row in rows] == ["1", "2", "3", "4"]
    assert float(rows[0]["AU12_r"]) == pytest.approx(5.0, abs=0.5) and rows[0]["AU12_c"] == "1"
    assert 300 < float(rows[0]["pose_Tz"]) < 1500, "mm from the camera"


def test_openfaces_layout_leaves_empty_what_was_not_measured() -> None:
    row = as_openface(dict.fromkeys(COLUMNS, "") | {"frame": 0, "success": 0})
    assert row["frame"] == 1 and all(row[f"AU{au:02d}_r"] == row[f"AU{au:02d}_c"] == "" for au in OPENFACE_AUS)


@pytest.mark.parametrize(("arguments", "says"), [
    (["{clip}", "--out", "{folder}/o.txt"], "ends in .csv"),
    (["{clip}", "--out", "{folder}"], "portrait.csv"),
    (["{clip}", "--out", "{folder}/nowhere/o.csv"], "no such folder"),
    (["{clip}", "--out", "{folder}/o.csv", "--plot", "{folder}/o.gif"], "ends in .png"),
    (["{clip}", "--plot", "{folder}/nowhere/o.png"], "no such folder"),
    (["{clip}", "--out", "{folder}/o.csv", "--model", "expresion/small"], "did you mean expression/small"),
    (["{clip}", "--out", "{folder}/o.csv", "--model", "fusion/voice"], "reads no expressions"),
    (["{clip}", "--out", "{folder}/o.csv", "--model", "mine.onnx"], "mine.onnx"),
    (["{folder}/portrat.mp4"], "did you mean"),
    (["{folder}/notes.txt"], "no video's or photo's"),
    (["{folder}/broken.mp4"], "broken.mp4"),
    (["{folder}/empty"], "no video or photo"),
    (["{clip}", "{clip}", "--out", "{folder}/o.csv"], "give a folder"),
    (["{clip}", "{clip}", "--out", "-"], "one table"),
    (["{clip}", "{clip}", "--out", "{folder}/tables"], "share the table"),
    (["{clip}", "{folder}/broken.mp4", "--out", "{folder}/tables"], "broken.mp4"),
])  # fmt: skip
def test_what_is_wrong_is_told_before_any_work(
    clip: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    folder = clip.parent
    (folder / "notes.txt").write_text("hello", encoding="utf-8")
    (folder / "broken.mp4").write_bytes(b"no video")
    (folder / "empty").mkdir()
    before = sorted(folder.iterdir())

    def worked(*_: object, **__: object) -> None:
        raise AssertionError("a video was read before everything was checked")

    monkeypatch.setattr("perception.see_command.see", worked)
    assert main(["see", *(a.format(clip=clip, folder=folder) for a in arguments)]) == 1
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_folder_becomes_a_folder_of_tables_and_an_interrupted_run_goes_on(
    tmp_path: Path, astronaut: Image, capsys: pytest.CaptureFixture[str], workers: str
) -> None:
    videos, out = tmp_path / "videos", tmp_path / "tables"
    videos.mkdir()
    for name in ("a.mp4", "b.mkv"):
        encode(videos / name, [astronaut] * 2)
    (videos / "._a.mp4").write_bytes(b"clutter")
    (videos / "notes.txt").write_text("no video", encoding="utf-8")
    command = ["see", str(videos), "--out", str(out), "--workers", workers]
    assert main(command) == 0
    assert sorted(path.name for path in out.iterdir()) == ["a.csv", "b.csv", "see.json"]
    assert "2 tables" in capsys.readouterr().out
    first = (out / "a.csv").stat().st_mtime_ns
    (out / "b.csv").unlink()  # as if the run had been interrupted
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "1 of 2 tables were complete" in said and "1 tables" in said
    assert (out / "a.csv").stat().st_mtime_ns == first and (out / "b.csv").is_file()
    assert main([*command, "--model", "geometry/emfacs"]) == 0
    assert "2 tables" in capsys.readouterr().out, "another model makes other tables"
    assert json.loads((out / "see.json").read_text(encoding="utf-8"))["a.csv"]["model"] == "geometry/emfacs"


def test_a_plot_without_a_table(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["see", str(clip), "--plot", str(clip.parent / "p.png")]) == 0
    assert (clip.parent / "p.png").stat().st_size > 10_000 and "4 frames" in capsys.readouterr().out


def test_a_summary_counts_what_was_not_read() -> None:
    summary = Summary()
    assert summary.lines("a.mp4") == ["a.mp4: no frames"]
    blank = dict.fromkeys(COLUMNS, "") | {"success": 0}
    for frame, quality in enumerate(["no_face", "no_face", "too_dark"]):
        summary.add(blank | {"frame": frame, "timestamp": frame / 10, "quality": quality})
    summary.add(blank | {"frame": 3, "timestamp": 0.3, "quality": "too_far", "face_id": 0})
    text = "\n".join(summary.lines("a.mp4"))
    assert "4 frames, 0.3 s, 1 face" in text and "no face 2" in text and "too far away 1" in text
    assert "read in 0 of 1 frames" in text and np.isfinite(summary.frames)
