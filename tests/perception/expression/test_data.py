"""The readers, on miniature copies of each set's real layout."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from perception.expression.data import merge_copies, near_copies, read, read_cexpr
from perception.expression.faces import epoch_order, in_memory, joined, without_copies
from perception.expression.labels import COMPOUNDS
from perception.expression.preprocess import Preprocessing
from perception.types import EXPRESSIONS
from tests.perception.expression import layouts


@pytest.mark.parametrize("packed", [False, True])
def test_fer2013_folder_and_zip_read_alike(tmp_path: Path, packed: bool) -> None:
    root = layouts.fer2013(tmp_path / "fer")
    faces = read(f"fer2013:{layouts.zipped(root) if packed else root}:val")
    assert len(faces) == 21
    assert Counter(faces.labels.tolist()) == dict.fromkeys(range(7), 3)
    index = next(i for i, name in enumerate(faces.names) if "surprise" in name)
    assert EXPRESSIONS[faces.labels[index]] == "Surprise"
    assert faces.image(index).shape == (48, 48)


@pytest.mark.parametrize("packed", [False, True])
def test_what_a_mac_leaves_in_folder_and_zip_is_no_picture(tmp_path: Path, packed: bool) -> None:
    root = layouts.fer2013(tmp_path / "fer")
    for folder in ("val/anger", "__MACOSX/val/anger", "val/.Trashes"):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for name in ("._1.jpg", "._2.png", ".DS_Store"):
            (root / folder / name).write_bytes(b"no picture")
    faces = read(f"fer2013:{layouts.zipped(root) if packed else root}:val")
    assert len(faces) == 21 and all(faces.image(index).shape == (48, 48) for index in range(21))


def test_a_zip_whose_folders_are_separated_by_backslashes_is_read(tmp_path: Path) -> None:
    """As some programs of Windows write them, against the standard."""
    path = tmp_path / "fer.zip"
    with (
        zipfile.ZipFile(layouts.zipped(layouts.fer2013(tmp_path / "proper"))) as proper,
        zipfile.ZipFile(path, "w") as archive,
    ):
        for name in proper.namelist():
            archive.writestr(name.replace("/", "\\"), proper.read(name))
            archive.writestr(f"__MACOSX\\{name}".replace("/", "\\"), b"no picture")
    faces = read(f"fer2013:{path}:val")
    assert len(faces) == 21 and faces.image(20).shape == (48, 48)


def test_rafdb_labels_follow_the_sets_own_numbers(tmp_path: Path) -> None:
    root = layouts.rafdb(tmp_path)
    basic = read(f"rafdb-basic:{root}:test")
    by_file = {Path(name).name: EXPRESSIONS[label] for name, label in zip(basic.names, basic.labels, strict=True)}
    assert by_file["test_00010_aligned.jpg"] == "Surprise" and by_file["test_00070_aligned.jpg"] == "Neutral"
    compound = read(f"rafdb-compound:{root}:train")
    assert len(compound) == 14 and compound.skipped == {"2": 2, "6": 2, "7": 2, "10": 2}
    named = {Path(name).name: COMPOUNDS[label] for name, label in zip(compound.names, compound.labels, strict=True)}
    assert named["train_00080_aligned.jpg"] == "Fearfully Surprised"
    assert named["train_00040_aligned.jpg"] == "Sadly Angry"


def test_affectnet_leaves_contempt_out_and_counts_it(tmp_path: Path) -> None:
    faces = read(f"affectnet:{layouts.affectnet(tmp_path)}:val")
    assert len(faces) == 7 and faces.skipped == {"7": 1}
    assert EXPRESSIONS[faces.labels[[Path(n).stem for n in faces.names].index("1")]] == "Happiness"


def test_csv_keeps_each_person_on_one_side(tmp_path: Path) -> None:
    faces = read(f"csv:{layouts.csv_set(tmp_path)}:all")
    assert faces.skipped == {"contempt": 1}
    rest, held = faces.split(0.25, seed=1)
    assert len(rest) + len(held) == 12 and held.groups and not set(rest.groups) & set(held.groups)
    train, val = (read(f"csv:{tmp_path}:{split}") for split in ("train", "val"))
    assert len(train) + len(val) == 12 and not set(train.groups) & set(val.groups)


def test_a_split_that_is_not_there_is_named_beside_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no split 'test'; it has train, val and all"):
        read(f"csv:{layouts.csv_set(tmp_path / 'a')}:test")
    with pytest.raises(ValueError, match="no split 'val'; RAF-DB has train and test"):
        read(f"rafdb-basic:{layouts.rafdb(tmp_path / 'b')}:val")


def test_cexpr_frames_have_no_labels(tmp_path: Path) -> None:
    faces = read_cexpr(layouts.cexpr(tmp_path))
    assert faces.names[0] == "01/00001.jpg" and set(faces.labels.tolist()) == {-1} and set(faces.groups) == {"01", "02"}


@pytest.mark.parametrize(
    ("spec", "word"),
    [("fer2013:{}/none.zip:train", "Kaggle"), ("rafdb-basic:{}:train", "list_patition_label"),
     ("affectnet:{}:train", "train_set/images"), ("csv:{}:train", "labels.csv"), ("fer2013:{}:train", "train/<label>")],
)  # fmt: skip
def test_a_missing_file_is_named_with_the_way_to_the_set(tmp_path: Path, spec: str, word: str) -> None:
    with pytest.raises(FileNotFoundError, match=word):
        read(spec.format(tmp_path))


def test_a_missing_picture_of_the_list_is_named(tmp_path: Path) -> None:
    root = layouts.rafdb(tmp_path)
    (root / "basic/Image/aligned/test_00030_aligned.jpg").unlink()
    with pytest.raises(FileNotFoundError, match="test_00030_aligned"):
        read(f"rafdb-basic:{root}:test")


@pytest.mark.parametrize("spec", ["fer2013", "unknown:x", ":x"])
def test_a_wrong_spec_lists_the_readers(spec: str) -> None:
    with pytest.raises(ValueError, match="rafdb-compound"):
        read(spec)


def test_copies_of_validation_faces_leave_the_training_set(tmp_path: Path) -> None:
    root = layouts.fer2013(tmp_path)
    how = Preprocessing()
    train, val = (in_memory(read(f"fer2013:{root}:{split}"), how) for split in ("train", "val"))
    leaked = joined([train, val.take(np.array([0, 5]))])
    leaked.images[-1] = leaked.images[-1][:, ::-1]  # mirrored
    assert near_copies(leaked.images, val.images).sum() == 2
    assert len(without_copies(leaked, val)) == len(train)


def test_copies_among_themselves_are_merged_with_their_labels() -> None:
    images = np.stack([layouts.pattern(k, k) for k in (0, 1, 0, 2)])
    assert merge_copies(images).tolist() == [0, 1, 0, 3]


def test_an_epoch_is_balanced_as_asked_and_repeatable() -> None:
    labels = np.repeat([0, 1], [900, 100])
    order = epoch_order(labels, 1.0, seed=3, epoch=5)
    share = (labels[order] == 1).mean()
    assert 0.45 < share < 0.55 and 900 < len(order) < 1100
    assert (order == epoch_order(labels, 1.0, seed=3, epoch=5)).all()
    assert sorted(epoch_order(labels, 0.0, seed=3, epoch=5)) == list(range(1000))
