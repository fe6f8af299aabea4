"""Video to table to plot, through the API and the command line."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from perception.__main__ import main
from perception.models import CARDS, card_of, checked_file, load
from perception.pipeline import COLUMNS, Row, plot_csv, see, write_csv
from perception.types import AUS, Image


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def video(path: Path, pictures: list[Image], fps: float = 10.0) -> Path:
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), fps, (width, height))
    for picture in pictures:
        writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def test_the_clip_becomes_a_table_and_a_plot(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip, table, plot = data / "clips" / "single_face.mp4", tmp_path / "out.csv", tmp_path / "out.png"
    assert main(["see", str(clip), "--out", str(table), "--plot", str(plot)]) == 0
    rows = read(table)
    assert list(rows[0]) == list(COLUMNS)
    assert [int(row["frame"]) for row in rows] == list(range(72))
    assert {row["face_id"] for row in rows} == {"0"} and {row["success"] for row in rows} == {"1"}
    times = [float(row["timestamp"]) for row in rows]
    assert times == sorted(times) and times[-1] == pytest.approx(71 / 30, abs=0.05)
    for row in rows:
        assert sum(float(row[name]) for name in COLUMNS[COLUMNS.index("anger") :][:7]) == pytest.approx(1, abs=1e-3)
        for au in AUS:
            assert 0 <= float(row[f"AU{au:02d}"]) <= 1
            assert float(row[f"AU{au:02d}_r"]) == pytest.approx(5 * float(row[f"AU{au:02d}"]), abs=1e-4)
        assert float(row["pose_Ry"]) == pytest.approx(np.radians(float(row["Yaw"])), abs=1e-4)
        assert 0 < float(row["FaceRectX"]) < 640 and 50 < float(row["FaceRectHeight"]) < 360
    middle, first = rows[40], rows[0]
    assert float(middle["happiness"]) > 0.8 > 0.3 > float(first["happiness"])
    assert float(middle["valence"]) > 0.5
    picture = cv2.imread(str(plot))
    assert picture is not None and picture.std() > 10
    assert {path.name for path in tmp_path.iterdir()} == {"out.csv", "out.png"}
    assert "72 rows" in capsys.readouterr().out


def test_frames_without_a_face_have_a_row_and_no_numbers(tmp_path: Path, astronaut: Image) -> None:
    grey = np.full_like(astronaut, 128)
    clip = video(tmp_path / "clip.mp4", [astronaut, grey, grey * 0, astronaut])
    rows = list(see(clip))
    assert [row["success"] for row in rows] == [1, 0, 0, 1]
    assert [row["quality"] for row in rows] == ["ok", "no_face", "too_dark", "ok"]
    assert rows[1]["face_id"] == rows[1]["AU12"] == rows[1]["happiness"] == rows[1]["Yaw"] == ""
    assert rows[0]["face_id"] == rows[3]["face_id"] == 0, "gone for less than a second: the same person"


def test_the_shipped_network_reads_every_frame_unless_the_geometry_is_asked_for(
    tmp_path: Path, astronaut: Image
) -> None:
    # 25 frames a second: the app looks at most 10 times a second, a table has one look a row
    dimmed = [(astronaut * (1 - 0.08 * i)).astype(np.uint8) for i in range(4)]
    clip = video(tmp_path / "clip.mp4", dimmed, fps=25)
    rows = list(see(clip))
    assert {row["source"] for row in rows} == {"expression/small"}
    assert len({row["happiness"] for row in rows}) == 4
    assert float(str(rows[0]["happiness"])) > 0.5, "she smiles"
    assert {row["source"] for row in see(clip, model="geometry/emfacs")} == {"geometry/emfacs"}
    own = tmp_path / "mine.onnx"
    with pytest.raises(FileNotFoundError, match=r"mine\.onnx"):
        next(see(clip, model=str(own)))
    with pytest.raises(ValueError, match="fusion/voice reads no expressions"):
        next(see(clip, model="fusion/voice"))


def test_two_people_keep_their_ids(tmp_path: Path, astronaut: Image) -> None:
    pictures = []
    for i in range(8):
        picture = np.full((512, 1100, 3), 128, np.uint8)
        picture[:, 10 + 4 * i : 522 + 4 * i] = astronaut
        picture[:, 560:1072] = astronaut[:, ::-1]
        pictures.append(picture)
    rows = list(see(video(tmp_path / "two.mp4", pictures)))
    assert [row["frame"] for row in rows] == [i for i in range(8) for _ in range(2)]
    left = {row["face_id"] for row in rows if float(str(row["FaceRectX"])) < 450}
    right = {row["face_id"] for row in rows if float(str(row["FaceRectX"])) > 550}
    assert len(left) == len(right) == 1 and left != right


def test_an_interrupted_table_leaves_the_old_one(tmp_path: Path) -> None:
    table = tmp_path / "out.csv"
    table.write_text("old", encoding="utf-8")

    def rows() -> Iterator[Row]:
        yield dict.fromkeys(COLUMNS, 0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_csv(rows(), table)
    assert table.read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_errors_name_the_file_and_leave_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.csv"
    assert main(["see", str(tmp_path / "none.mp4"), "--out", str(out)]) == 1
    assert "none.mp4" in capsys.readouterr().err
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    assert main(["see", str(broken), "--out", str(out)]) == 1
    assert "broken.mp4" in capsys.readouterr().err
    clip = video(tmp_path / "grey.mp4", [np.full((64, 64, 3), 128, np.uint8)] * 3)
    assert main(["see", str(clip), "--out", str(tmp_path / "missing" / "out.csv")]) == 1
    assert "no such folder" in capsys.readouterr().err
    assert main(["see", str(clip), "--out", str(out), "--model", "nobody"]) == 1
    assert "choose from" in capsys.readouterr().err and not out.exists()
    assert main(["see", str(clip), "--out", str(out), "--plot", str(tmp_path / "out.png")]) == 1
    assert "nothing to plot" in capsys.readouterr().err
    assert not list(tmp_path.glob(".*")) and not (tmp_path / "out.png").exists()


def test_the_plot_is_of_the_face_seen_longest(tmp_path: Path) -> None:
    row = {name: 0.5 for name in COLUMNS} | {"success": 1, "face_id": 3}
    rows: list[Row] = [row | {"timestamp": i / 10} for i in range(5)] + [row | {"timestamp": 9, "face_id": 7}]
    write_csv(rows, tmp_path / "t.csv")
    plot_csv(tmp_path / "t.csv", tmp_path / "t.png")
    assert cv2.imread(str(tmp_path / "t.png")).shape[0] > 500


def test_every_card_loads_what_it_names(capsys: pytest.CaptureFixture[str]) -> None:
    for name, card in CARDS.items():
        assert card.name == name and card.licence and card.summary
        assert callable(load(name)) or callable(load(name).predict)
        if card.file:
            assert checked_file(card).is_file()
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in CARDS)
    with pytest.raises(KeyError, match="choose from"):
        card_of("nobody")


def test_the_module_runs_by_itself_and_is_quick_to_import() -> None:
    """`import perception` must not pull in the heavy packages: the app starts before the camera does."""
    heavy = "('mediapipe', 'librosa', 'matplotlib', 'torch')"
    code = f"import sys, perception.perceiver; print([name for name in {heavy} if name in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert out.strip() == "[]"
    run = subprocess.run([sys.executable, "-m", "perception", "--help"], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0 and "see" in run.stdout and "models" in run.stdout
