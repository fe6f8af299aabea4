"""Label files of Aff-Wild2, s-Aff-Wild2 and Hume-Reaction in their real layouts. Every error names file and line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from perception.challenges.metrics import REACTIONS
from perception.files import whole, without_clutter
from perception.types import AUS

Labels = npt.NDArray[np.float64]

HEADERS: dict[str, tuple[str, ...]] = {
    "va": ("valence", "arousal"),
    "expr": ("Neutral", "Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise", "Other"),
    "au": tuple(f"AU{au}" for au in AUS),
}
#: The mark of "no label here" in each task's files.
MISSING: dict[str, float] = {"va": -5.0, "expr": -1.0, "au": -1.0}
FOLDERS = {"va": "VA_Estimation_Challenge", "expr": "EXPR_Classification_Challenge", "au": "AU_Detection_Challenge"}
SPLITS = {"train": "Train_Set", "val": "Validation_Set"}


def read_frame_labels(path: Path, task: str) -> Labels:
    """Labels of one Aff-Wild2 video, one row a frame, frame n in row n - 1: (n, 2), (n, 1) or (n, 12).

    Checks the header, the number of fields, that they are numbers, and their range; the marks -5 and -1 stay in.
    """
    header = HEADERS[task]
    with path.open(encoding="utf-8-sig") as file:
        first = tuple(part.strip() for part in file.readline().split(","))
        if tuple(map(str.lower, first)) != tuple(map(str.lower, header)):
            raise ValueError(
                f"{path}:1: the header of a {task} file is {','.join(header)!r}, got {','.join(first)[:80]!r}"
            )
        width = 1 if task == "expr" else len(header)
        rows = [_numbers(line, width, task, path, n) for n, line in enumerate(file, start=2) if line.strip()]
    return np.array(rows, np.float64).reshape(-1, width)


def _numbers(line: str, width: int, task: str, path: Path, n: int) -> list[float]:
    parts = line.strip().split(",")
    try:
        values = [float(part) for part in parts]
    except ValueError:
        raise ValueError(f"{path}:{n}: not {width} numbers: {line.strip()[:60]!r}") from None
    if len(values) != width:
        raise ValueError(f"{path}:{n}: {len(values)} values, a {task} line has {width}")
    wrong = [value for value in values if not _allowed(value, task)]
    if wrong:
        raise ValueError(f"{path}:{n}: {wrong[0]:g} is no {task} label (missing ones are {MISSING[task]:g})")
    return values


def _allowed(value: float, task: str) -> bool:
    if value == MISSING[task]:
        return True
    if task == "va":
        return -1.0 <= value <= 1.0
    return value in (range(8) if task == "expr" else (0, 1))


def is_valid(labels: Labels, task: str) -> npt.NDArray[np.bool_]:
    """Which rows count: those without any missing mark."""
    return np.asarray((labels != MISSING[task]).all(axis=1))


def label_files(root: Path, task: str, split: str) -> list[Path]:
    """The label files of a split of Aff-Wild2. Raises FileNotFoundError that says where they were expected."""
    if task not in FOLDERS or split not in SPLITS:
        raise KeyError(
            f"task is one of {', '.join(FOLDERS)}, split one of {', '.join(SPLITS)}; got {task!r}, {split!r}"
        )
    folder = root / "Annotations" / FOLDERS[task] / SPLITS[split]
    files = without_clutter(folder.glob("*.txt"))
    if not files:
        raise FileNotFoundError(f"no label files in {folder}; expected Aff-Wild2's layout there (<video>.txt)")
    return files


@dataclass(frozen=True, slots=True)
class MultiTaskRows:
    """s-Aff-Wild2: `images` ("video/00001.jpg"), `va` (n, 2), `expression` (n,), `aus` (n, 12), with the marks."""

    images: tuple[str, ...]
    va: Labels
    expression: npt.NDArray[np.int64]
    aus: Labels


def read_multitask(path: Path) -> MultiTaskRows:
    """`training_set_annotations.txt` or `validation_set_annotations.txt`."""
    images, rows = [], []
    with path.open(encoding="utf-8-sig") as file:
        first = file.readline().strip()
        if not first.startswith("image,valence,arousal,expression"):
            raise ValueError(f"{path}:1: the header starts with 'image,valence,arousal,expression', got {first[:60]!r}")
        for n, line in enumerate(file, start=2):
            image, _, rest = line.strip().partition(",")
            if not image:
                continue
            values = _numbers_any(rest, path, n)
            checks = (("va", values[:2]), ("expr", values[2:3]), ("au", values[3:]))
            for task, part in checks:
                if not all(_allowed(value, task) for value in part):
                    raise ValueError(f"{path}:{n}: {part} holds no {task} label (missing ones are {MISSING[task]:g})")
            images.append(image)
            rows.append(values)
    table = np.array(rows, np.float64).reshape(-1, 15)
    return MultiTaskRows(tuple(images), table[:, :2], table[:, 2].astype(np.int64), table[:, 3:])


def _numbers_any(text: str, path: Path, n: int) -> list[float]:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"{path}:{n}: not 15 numbers after the image's name: {text[:60]!r}") from None
    if len(values) != 15:
        raise ValueError(
            f"{path}:{n}: {len(values)} values after the image's name, expected 15 (v, a, expression, 12 AUs)"
        )
    return values


@dataclass(frozen=True, slots=True)
class ReactionRows:
    """Hume-Reaction: `ids` without brackets, `partition` (train, devel, test), `reactions` (n, 7) in [0, 1], NaN where
    a test clip has none."""

    ids: tuple[str, ...]
    partition: tuple[str, ...]
    reactions: Labels


def read_reactions(root: Path) -> ReactionRows:
    """`labels.csv` and `partition.csv` of the MuSe layout. A clip of the test partition needs no label."""
    partition = dict(_csv_pairs(root / "partition.csv"))
    labels: dict[str, list[float]] = {}
    path = root / "labels.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        lost = [name for name in ("File_ID", *REACTIONS) if name not in (reader.fieldnames or [])]
        if lost:
            raise ValueError(f"{path}:1: columns missing: {', '.join(lost)}")
        for row in reader:
            try:
                values = [float(row[name]) for name in REACTIONS]
            except (TypeError, ValueError):
                raise ValueError(f"{path}:{reader.line_num}: not seven numbers") from None
            if not all(0 <= value <= 1 for value in values):
                raise ValueError(
                    f"{path}:{reader.line_num}: a reaction lies outside 0 to 1 (divide the 1-100 scale by 100)"
                )
            labels[row["File_ID"].strip("[]")] = values
    for name, part in partition.items():
        if part != "test" and name not in labels:
            raise ValueError(f"{path}: no line for {name}, which {root / 'partition.csv'} puts into {part}")
    empty = [float("nan")] * len(REACTIONS)
    ids = tuple(partition)
    return ReactionRows(ids, tuple(partition.values()), np.array([labels.get(name, empty) for name in ids]))


def _csv_pairs(path: Path) -> Iterator[tuple[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        for n, row in enumerate(csv.reader(file), start=1):
            if n == 1 or not row:
                continue
            if len(row) < 2 or row[1] not in ("train", "devel", "test"):
                raise ValueError(
                    f"{path}:{n}: expected an id and one of train, devel, test; got {','.join(row)[:60]!r}"
                )
            yield row[0].strip("[]"), row[1]


def write_frames(path: Path, task: str, rows: Iterator[tuple[str, Sequence[float]]]) -> int:
    """The ABAW submission of a frame task: `image_location,<columns>`, then `video/00001.jpg,value[,value..]`; integers
    for expr and au. Written whole or not at all; returns the number of rows."""
    columns = ("expression",) if task == "expr" else HEADERS[task]
    return _write(path, ("image_location", *columns), rows, decimals=6 if task == "va" else None)


def write_multitask(path: Path, rows: Iterator[tuple[str, Sequence[float]]]) -> int:
    """The multi-task submission: `image,valence,arousal,expression,aus`, then image, v, a, expression, 12 AUs."""
    return _write(path, ("image", "valence", "arousal", "expression", "aus"), rows, decimals=6)


def write_reactions(path: Path, rows: Iterator[tuple[str, Sequence[float]]]) -> int:
    """The ERI submission: `File_ID` and seven columns, the id in brackets as in the labels."""
    return _write(path, ("File_ID", *REACTIONS), ((f"[{name}]", values) for name, values in rows), decimals=6)


def _write(path: Path, header: Sequence[str], rows: Iterator[tuple[str, Sequence[float]]], decimals: int | None) -> int:
    count = 0
    with whole(path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        file.write(",".join(header) + "\n")
        for name, values in rows:
            if not np.isfinite(values).all():
                raise ValueError(f"{path}: the prediction for {name} is not finite: {list(values)}")
            texts = [f"{v:.{decimals}f}".rstrip("0").rstrip(".") if decimals else str(int(v)) for v in values]
            file.write(",".join([name, *texts]) + "\n")
            count += 1
    return count
