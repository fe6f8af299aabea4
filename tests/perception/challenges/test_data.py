"""Miniature copies of the data sets' real layouts: reading, joining, faults with file and line, submissions, runs."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from perception.challenges import data as sets_of
from perception.challenges import labels, runs
from perception.challenges.commands import add_commands
from perception.challenges.metrics import REACTIONS
from perception.challenges.postprocess import ensemble, fill_gaps, moving_average
from perception.features.commands import add_commands as add_features
from perception.features.extractors import LogMel, Prosody, extractor
from perception.features.table import FeatureTable, align, extract_all, load_table, save_table

RNG = np.random.default_rng(0)
HEADERS = {task: ",".join(columns) for task, columns in labels.HEADERS.items()}


def write_labels(root: Path, task: str, split: str, name: str, lines: list[str]) -> Path:
    path = root / "Annotations" / labels.FOLDERS[task] / labels.SPLITS[split] / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEADERS[task], *lines]) + "\n", encoding="utf-8")
    return path


def write_features(root: Path, each: str, name: str, values: np.ndarray, frames: np.ndarray | None = None) -> Path:
    frames = np.arange(1, len(values) + 1) if frames is None else frames
    path = root / "features" / each / f"{name}.npz"
    save_table(FeatureTable((frames - 1) / 30.0, values.astype(np.float32)), path)
    return path


def test_what_a_mac_leaves_beside_label_files_is_none(tmp_path: Path) -> None:
    path = write_labels(tmp_path, "va", "train", "1", ["0.1,0.2"])
    (path.parent / "._1.txt").write_bytes(b"\x00\x05\x16\x07")
    assert labels.label_files(tmp_path, "va", "train") == [path]


def hidden_truth(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Valence and arousal that move slowly, and features of two sets that carry them under noise."""
    rng = np.random.default_rng(seed)
    va = np.sin(np.cumsum(rng.normal(0, 0.15, (count, 2)), axis=0) + rng.uniform(0, 6, 2))
    mixing = np.random.default_rng(99).normal(size=(2, 10))
    return va, va @ mixing + rng.normal(0, 0.3, (count, 10))


@pytest.fixture
def va_root(tmp_path: Path) -> Path:
    for k, name in enumerate(["12-24-1920x1080", "130-25-1280x720_left", "130-25-1280x720_right", "7-60-1920x1080"]):
        va, features = hidden_truth(300, k)
        lines = [f"{v:.4f},{a:.4f}" for v, a in va]
        lines[5] = "-5,-5"
        frames = np.delete(np.arange(1, 301), [40, 41, 42])  # no face there
        write_labels(tmp_path, "va", "val" if k == 3 else "train", name, lines)
        write_features(tmp_path, "frame-a", name, features[frames - 1, :6], frames)
        write_features(tmp_path, "frame-b", name, features[frames - 1, 6:], frames)
    return tmp_path


def test_aff_wild2_joins_labels_and_features_by_frame(va_root: Path) -> None:
    videos, widths = sets_of.aff_wild2(va_root, "va", "train", ["frame-a", "frame-b"])
    assert [v.name for v in videos] == ["12-24-1920x1080", "130-25-1280x720_left", "130-25-1280x720_right"]
    assert widths == (6, 4)
    va, features = hidden_truth(300, 0)
    assert set(range(1, 301)) - set(videos[0].frames) == {6, 41, 42, 43}
    assert np.allclose(videos[0].labels, va[videos[0].frames - 1], atol=1e-4)
    assert np.allclose(videos[0].features, features[videos[0].frames - 1], atol=1e-5)


def test_last_window_repeats_its_last_frame_and_says_so() -> None:
    video = sets_of.Video("v", np.arange(1, 11), np.arange(10.0, dtype=np.float32)[:, None], np.arange(10.0)[:, None])
    out = sets_of.windows([video], length=4, step=4)
    assert out.features[:, :, 0].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 9, 9]]
    assert out.real[2].tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("task", "line", "message"),
    [
        ("va", "0.3,1.7", r"v\.txt:3: 1.7 is no va label"),
        ("va", "0.3", r"v\.txt:3: 1 values, a va line has 2"),
        ("va", "0.3,x", r"v\.txt:3: not 2 numbers"),
        ("expr", "8", r"v\.txt:3: 8 is no expr label"),
        ("au", "0,1,0,0,2,0,0,0,0,0,0,0", r"v\.txt:3: 2 is no au label"),
    ],
)
def test_a_bad_label_names_file_and_line(tmp_path: Path, task: str, line: str, message: str) -> None:
    good = {"va": "0,0", "expr": "-1", "au": ",".join("0" * 12)}[task]
    path = write_labels(tmp_path, task, "train", "v", [good, line])
    with pytest.raises(ValueError, match=message):
        labels.read_frame_labels(path, task)


def test_a_wrong_header_is_refused(tmp_path: Path) -> None:
    path = write_labels(tmp_path, "va", "train", "v", ["0,0"])
    with pytest.raises(ValueError, match=r"v\.txt:1: the header of a expr"):
        labels.read_frame_labels(path, "expr")


def test_faults_name_the_file(va_root: Path) -> None:
    features = va_root / "features" / "frame-a" / "12-24-1920x1080.npz"
    whole = features.read_bytes()
    features.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"12-24-1920x1080\.npz: not a whole feature file"):
        sets_of.aff_wild2(va_root, "va", "train", ["frame-a"])
    np.savez(features, times_s=np.arange(3.0), values=np.array([[0.0], [np.nan], [0.0]]))
    with pytest.raises(ValueError, match=r"12-24-1920x1080\.npz: row 1 .*not a finite"):
        sets_of.aff_wild2(va_root, "va", "train", ["frame-a"])
    np.savez(features, times_s=np.arange(3.0), values=np.array([[{}], [0], [0]], dtype=object))
    with pytest.raises(ValueError, match=r"12-24-1920x1080\.npz: .*pickle"):
        sets_of.aff_wild2(va_root, "va", "train", ["frame-a"])


def test_labels_that_end_before_the_video_name_the_line(va_root: Path) -> None:
    path = write_labels(va_root, "va", "train", "12-24-1920x1080", ["0,0"] * 100)
    with pytest.raises(ValueError, match=rf"{path.name}:101: the labels end at frame 100, .* go on to frame 300"):
        sets_of.aff_wild2(va_root, "va", "train", ["frame-a"])


def test_a_video_without_any_face_is_an_error_that_names_it(va_root: Path, tmp_path: Path) -> None:
    write_features(va_root, "frame-a", "7-60-1920x1080", np.zeros((0, 6)), np.zeros(0))
    with pytest.raises(ValueError, match=r"7-60-1920x1080\.txt: no frame .* both"):
        sets_of.aff_wild2(va_root, "va", "val", ["frame-a"])
    empty = tmp_path / "cropped_aligned" / "5-60"
    empty.mkdir(parents=True)
    from perception.features.extractors import read_crops

    with pytest.raises(ValueError, match="5-60: no face crops"):
        next(read_crops(empty))


def test_sound_and_frames_meet_in_seconds() -> None:
    sound = FeatureTable((np.arange(300) + 0.5) / 100, np.arange(300, dtype=np.float32)[:, None])
    values, there = align(sound, np.arange(0, 4, 1 / 7.5), 0.02)
    assert values[3, 0] in (39, 40) and there[: int(3 * 7.5)].all() and not there[-5:].any()
    assert (
        align(FeatureTable(np.zeros(0), np.zeros((0, 2), np.float32)), np.arange(3.0), 1.0)[1].tolist() == [False] * 3
    )


def write_sound(path: Path, seconds: float, rate: int) -> Path:
    t = np.arange(int(seconds * rate)) / rate
    soundfile.write(path, 0.2 * np.sin(2 * np.pi * 200 * t), rate)
    return path


@pytest.mark.parametrize("make", [LogMel, Prosody])
def test_sound_of_another_rate_gives_the_same_features(tmp_path: Path, make: type) -> None:
    a = make().extract(write_sound(tmp_path / "a.wav", 1.0, 16000))
    b = make().extract(write_sound(tmp_path / "b.wav", 1.0, 44100))
    assert a.width == make.width and np.allclose(a.times_s, b.times_s)
    loud = a.values > a.values.max(axis=0) - 3  # far below the tone lies only what resampling leaves
    assert np.abs((a.values - b.values)[5:-5][loud[5:-5]]).max() < 0.25


def test_tables_follow_content_and_extractor_and_interrupted_extraction_goes_on(tmp_path: Path) -> None:
    class Counting(Prosody):
        calls = 0

        def extract(self, source: Path) -> FeatureTable:
            Counting.calls += 1
            return super().extract(source)

    first, other = write_sound(tmp_path / "a.wav", 0.5, 16000), write_sound(tmp_path / "b.wav", 0.7, 16000)
    bad = tmp_path / "c.wav"
    bad.write_bytes(b"RIFF")
    with pytest.raises(ValueError, match=r"c\.wav.*ffmpeg"):
        extract_all(Counting(), [first, other, bad], tmp_path / "out")
    write_sound(bad, 0.6, 16000)

    def calls(made: Prosody) -> int:
        before = Counting.calls
        extract_all(made, [first, other, bad], tmp_path / "out")
        return Counting.calls - before

    paths = [tmp_path / "out" / "prosody" / f"{name}.npz" for name in "abc"]
    done = Counting.calls
    assert (done, calls(Counting())) == (3, 1), "only the one that was missing"
    assert np.array_equal(load_table(paths[1]).values, Prosody().extract(other).values)
    write_sound(first, 0.9, 16000)
    assert calls(Counting()) == 1 and len(load_table(paths[0]).values) > 80, "the recording has changed"
    paths[1].write_bytes(paths[1].read_bytes()[:100])
    assert calls(Counting()) == 1, "a truncated table"
    newer = Counting()
    newer.name = "prosody@2"
    assert calls(newer) == 3 and calls(newer) == 0, "another version of the extractor"
    with pytest.raises(ValueError, match="several sources are called a"):
        extract_all(Counting(), [first, tmp_path / "d" / "a.wav"], tmp_path / "out")


def test_every_video_keeps_its_own_frame_rate(tmp_path: Path) -> None:
    """Crops and labels are numbered; sound is in seconds. At 12.5 frames a second, frame 101 is at 8 s, not at 3.3."""
    names, rates = ("slow_left", "usual"), (12.5, 30.0)
    for name, rate in zip(names, rates, strict=True):
        write_labels(tmp_path, "va", "train", name, ["0.1,0.2"] * 200)
        times = np.arange(200) / rate
        save_table(FeatureTable(times, np.arange(1, 201, dtype=np.float32)[:, None]), feature(tmp_path, "frame", name))
        at = np.arange(0, 20, 0.1) + 0.05  # a set of sound with few rows, as eGeMAPS has
        save_table(FeatureTable(at, at.astype(np.float32)[:, None]), feature(tmp_path, "egemaps", name))
    (tmp_path / "fps.csv").write_text("video,fps\nslow,12.5\n", encoding="utf-8")
    videos, _ = sets_of.aff_wild2(tmp_path, "va", "train", ["frame", "egemaps"])
    for video, rate in zip(videos, rates, strict=True):
        assert np.array_equal(video.frames, np.arange(1, 201)) and np.array_equal(video.features[:, 0], video.frames)
        assert np.abs(video.features[:, 1] - (video.frames - 1) / rate).max() <= 0.0501
    (tmp_path / "fps.csv").write_text("video,fps\nslow,fast\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"fps\.csv:2: needs the columns video and fps"):
        sets_of.aff_wild2(tmp_path, "va", "train", ["frame"])


def feature(root: Path, each: str, name: str) -> Path:
    return root / "features" / each / f"{name}.npz"


def test_post_processing_fills_smooths_and_averages() -> None:
    values = fill_gaps(np.array([2, 4]), np.array([[1.0], [3.0]]), 5)
    assert values[:, 0].tolist() == [1, 1, 2, 3, 3]
    smooth = moving_average(values, 1)
    assert smooth[:, 0] == pytest.approx([1, 4 / 3, 2, 8 / 3, 3])
    reference = [values[max(0, i - 3) : i + 4].mean() for i in range(5)]
    assert moving_average(values, 3)[:, 0] == pytest.approx(reference)
    assert ensemble([values, values + 2])[0, 0] == 2
    with pytest.raises(ValueError, match="no frame"):
        fill_gaps(np.zeros(0, np.int64), np.zeros((0, 1)), 5)


def test_a_run_beats_the_trivial_predictor_resumes_and_submits(va_root: Path, tmp_path: Path) -> None:
    """Known structure, held-out video: CCC far above the 0 of a constant; an interrupted run gives the same weights."""
    torch.set_num_threads(1)
    sizes = {"d_affine": 16, "layers": 1, "dropout": 0.1, "dropout_embed": 0.1}
    sets = ["frame-a", "frame-b"]
    whole = runs.train_run("va", va_root, sets, tmp_path / "whole", epochs=4, separate=True, **sizes)
    runs.train_run("va", va_root, sets, tmp_path / "parts", epochs=2, separate=True, **sizes)
    resumed = runs.train_run("va", va_root, sets, tmp_path / "parts", epochs=4, separate=True, **sizes)
    assert resumed.history == whole.history
    a, b = (torch.load(tmp_path / name / "last.pt", weights_only=True)["model"] for name in ("whole", "parts"))
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert {p.name for p in (tmp_path / "whole").iterdir()} >= {"best.pt", "best-valence.pt", "last.pt", "config.json"}

    from dataclasses import replace

    from perception.challenges import tasks

    quick = replace(tasks.RECIPES["va"], rate=3e-3, batch=4, epochs=60, gamma=0.98, patience=60)
    patch = pytest.MonkeyPatch()
    patch.setitem(tasks.RECIPES, "va", quick)
    good = tmp_path / "good"
    runs.train_run("va", va_root, sets, good, **sizes)
    patch.undo()
    score = runs.evaluate_runs([good], va_root)
    assert score["score"] > 0.7
    smoothed = runs.evaluate_runs([good, good], va_root, smooth=2)
    assert smoothed["plain"]["score"] == pytest.approx(score["score"]) and "gain" in smoothed

    template = tmp_path / "template.txt"
    template.write_text(
        "image_location,valence,arousal\n7-60-1920x1080/00041.jpg,\n7-60-1920x1080/00300.jpg,\n", encoding="utf-8"
    )
    out = tmp_path / "predictions.txt"
    assert runs.submit_runs([good], va_root, template, out) == 2
    lines = out.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "image_location,valence,arousal" and lines[1].startswith("7-60-1920x1080/00041.jpg,")
    assert all(abs(float(v)) <= 1 for line in lines[1:] for v in line.split(",")[1:])


def write_multitask(root: Path, rows: int = 60) -> None:
    (root / "Annotations").mkdir(parents=True, exist_ok=True)
    for split, name in (("training", "v1"), ("validation", "v2")):
        lines = ["image,valence,arousal,expression,aus"]
        table = RNG.normal(size=(rows, 6))
        for n in range(rows):
            expression = int(table[n, 0] > 0) if n else -1
            lines.append(f"{name}/{n + 1:05d}.jpg,{np.tanh(table[n, 1]):.3f},-5,{expression}," + ",".join("0" * 12)
                         if n == 1 else f"{name}/{n + 1:05d}.jpg,{np.tanh(table[n, 1]):.3f},{np.tanh(table[n, 2]):.3f},"
                         f"{expression}," + ",".join(str(int(table[n, 3] > 0)) for _ in range(12)))  # fmt: skip
        (root / "Annotations" / f"{split}_set_annotations.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        write_features(root, "frame-a", name, table[:, :4])
        write_features(root, "frame-b", name, table[:, 4:])


@pytest.mark.parametrize("shared", [True, False])
def test_multitask_layout_run_and_submission(tmp_path: Path, shared: bool) -> None:
    write_multitask(tmp_path)
    sets = ["frame-a", "frame-b"]
    rows = sets_of.s_aff_wild2(tmp_path, "train", sets)
    assert rows.rows.expression[0] == -1 and rows.rows.va[1, 1] == -5 and [f.shape[1] for f in rows.features] == [4, 2]
    sizes = {"d_model": 8, "layers": 1, "heads": 2}
    progress = runs.train_run("mtl", tmp_path, sets, tmp_path / "run", epochs=2, shared=shared, **sizes)
    assert {"va", "expr", "au", "score"} <= set(progress.history[0])
    template = tmp_path / "MTL.txt"
    template.write_text("image,valence,arousal,expression,aus\nv2/00003.jpg\nv2/00009.jpg\n", encoding="utf-8")
    out = tmp_path / "mtl.txt"
    assert runs.submit_runs([tmp_path / "run"], tmp_path, template, out) == 2
    line = out.read_text(encoding="utf-8").splitlines()[1].split(",")
    assert line[0] == "v2/00003.jpg" and len(line) == 16 and all(v in "01" for v in line[4:])


def test_a_bad_multitask_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "training_set_annotations.txt"
    path.write_text("image,valence,arousal,expression,aus\nv/00001.jpg,0.1,0.2,3,0,0\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"annotations\.txt:2: 5 values after"):
        labels.read_multitask(path)


def write_hume(root: Path) -> None:
    ids = [f"{n:05d}" for n in range(1, 13)]
    parts = ["train"] * 6 + ["devel"] * 4 + ["test"] * 2
    with (root / "partition.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["Id", "Proposal"], *zip(ids, parts, strict=True)])
    with (root / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["File_ID", *REACTIONS])
        writer.writerows([[f"[{name}]", *RNG.random(7).round(3)] for name in ids[:10]])
    for each, width in (("faces", 3), ("voice", 2)):
        (root / "features" / each).mkdir(parents=True)
        for k, name in enumerate(ids):
            lines = [",".join(["timestamp", "segment_id", *(f"f{i}" for i in range(width))])]
            lines += [",".join([str(n * 500), name, *map(str, RNG.random(width).round(3))]) for n in range(5 + k % 3)]
            (root / "features" / each / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_hume_layout_run_and_submission(tmp_path: Path) -> None:
    write_hume(tmp_path)
    rows = sets_of.hume_reaction(tmp_path, "train", ["faces", "voice"])
    assert rows.features[0].shape == (6, 7, 3) and rows.real.sum(1).tolist() == [5, 6, 7, 5, 6, 7]
    assert (rows.features[0][0, 5:] == 0).all()
    sizes = {"width": 8, "blocks": 1, "levels": 2, "feed_forward": 8, "heads": 2}
    progress = runs.train_run("eri", tmp_path, ["faces", "voice"], tmp_path / "run", epochs=2, **sizes)
    assert "Empathic-Pain" in progress.history[0]
    out = tmp_path / "eri.csv"
    assert runs.submit_runs([tmp_path / "run"], tmp_path, None, out) == 2
    lines = out.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "File_ID,Adoration,Amusement,Anxiety,Disgust,Empathic-Pain,Fear,Surprise"
    assert lines[1].startswith("[00011],") and len(lines[1].split(",")) == 8


def test_hume_faults_name_file_and_line(tmp_path: Path) -> None:
    write_hume(tmp_path)
    path = tmp_path / "features" / "faces" / "00002.csv"
    path.write_text(path.read_text(encoding="utf-8")[:-9], encoding="utf-8")
    with pytest.raises(ValueError, match=r"00002\.csv:7: .*(truncated|not a number)"):
        sets_of.hume_reaction(tmp_path, "train", ["faces"])
    path.write_text("timestamp,segment_id,f0,f1,f2\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"00002\.csv: no row of features"):
        sets_of.hume_reaction(tmp_path, "train", ["faces"])


def test_a_prediction_that_is_not_finite_is_never_written(tmp_path: Path) -> None:
    out = tmp_path / "p.txt"
    with pytest.raises(ValueError, match=r"v/00001\.jpg is not finite"):
        labels.write_frames(out, "va", iter([("v/00001.jpg", [0.0, float("nan")])]))
    assert list(tmp_path.iterdir()) == []


def test_commands_train_and_evaluate(va_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    add_commands(commands)
    add_features(commands)
    sound = write_sound(tmp_path / "a.wav", 0.5, 16000)
    arguments = parser.parse_args(["features", str(sound), "--set", "prosody", "--out", str(tmp_path / "f")])
    assert arguments.run(arguments) == 0
    assert (tmp_path / "f" / "prosody" / "a.npz").exists()
    run = str(tmp_path / "run")
    arguments = parser.parse_args(["train", "fusion", "--task", "va", "--data", str(va_root), "--features", "frame-a",
                                   "--out", run, "--epochs", "1"])  # fmt: skip
    assert arguments.run(arguments) == 0
    arguments = parser.parse_args(["evaluate", "fusion", run, "--data", str(va_root)])
    assert arguments.run(arguments) == 0
    assert "validation" in capsys.readouterr().out
    with pytest.raises(FileNotFoundError, match="no finished run"):
        runs.load_run(tmp_path)


def test_geometry_of_a_real_clip_and_of_one_without_a_face(data: Path) -> None:
    made = extractor("geometry")
    table = made.extract(data / "clips" / "single_face.mp4")
    assert table.width == made.width == 478 * 3 + 3 + 12 and len(table.values) > 60
    units = table.values[:, -12:]
    assert units.min() >= 0 and units.max() <= 1
    with pytest.raises(ValueError, match="no face was found"):
        made.extract(data / "clips" / "no_face.mp4")
