"""Readers of face sets in their own on-disk layouts, from a folder or a zip file alike.

Each gives a `FaceSet`. A missing file raises FileNotFoundError that names it and says how the set is obtained.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perception.expression.labels import COMPOUNDS, LABEL_MAPS
from perception.files import is_clutter
from perception.types import EXPRESSIONS

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp"})

#: How to come by each set. Most need an agreement signed by a member of a research institution.
HOW_TO_GET: Mapping[str, str] = {
    "rafdb": "RAF-DB: ask its authors (Deng and Li, www.whdeng.cn/RAF) from an academic address; research use only",
    "affectnet": "AffectNet: a lab's head signs the agreement of Mahoor's group (mohammadmahoor.com); research only",
    "fer2013": "FER2013: the ICML 2013 challenge on Kaggle ('challenges-in-representation-learning'); research use",
    "csv": "a folder or zip with labels.csv (columns image, emotion and, for splits by person, group or source_file)",
    "cexpr": "C-EXPR-DB: ask the organisers of the ABAW challenge for their agreement, then cut the videos to frames",
}


class Files:
    """Reads files by their path inside a folder or a zip, what macOS and Windows leave there apart; `set_name` is a key
    of HOW_TO_GET for the error."""

    def __init__(self, root: str | Path, set_name: str) -> None:
        self.root, self.set_name = Path(root), set_name
        if not self.root.exists():
            raise FileNotFoundError(f"{self.root} does not exist. {HOW_TO_GET[set_name]}")
        self._zip = zipfile.ZipFile(self.root) if self.root.is_file() else None
        #: Name -> the name that the zip writes: some programs of Windows separate folders by backslashes there.
        self._written: dict[str, str] = {}
        if self._zip:
            self._written = {name.replace("\\", "/"): name for name in self._zip.namelist()}
            names = [name for name in self._written if not name.endswith("/")]
        else:
            names = [str(p.relative_to(self.root).as_posix()) for p in self.root.rglob("*") if p.is_file()]
        self.names = sorted(name for name in names if not is_clutter(name))
        self._known = frozenset(self.names)

    def read(self, name: str) -> bytes:
        """The file's bytes. Raises FileNotFoundError with the way to the set."""
        if name not in self._known:
            raise FileNotFoundError(f"{self.root} has no {name}. {HOW_TO_GET[self.set_name]}")
        return self._zip.read(self._written[name]) if self._zip else (self.root / name).read_bytes()

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def image(self, name: str) -> npt.NDArray[np.uint8]:
        """(H, W) where the file is grey, else (H, W, 3) RGB. Raises ValueError for a file that is no picture."""
        picture = cv2.imdecode(np.frombuffer(self.read(name), np.uint8), cv2.IMREAD_ANYCOLOR)
        if picture is None:
            raise ValueError(f"{self.root}: {name} is not a picture that OpenCV reads")
        if picture.ndim == 3:
            picture = cv2.cvtColor(picture[..., :3], cv2.COLOR_BGR2RGB)
        return np.asarray(picture, dtype=np.uint8)


@dataclass(frozen=True)
class FaceSet:
    """Pictures with labels. `labels` (N,) indexes `classes`, -1 where unlabelled; `groups` (N,) names the person or
    sequence, so that splits can keep each on one side ("" where the set does not say); `skipped` counts the rows whose
    label has no place in `classes`, by label."""

    name: str
    files: Files
    names: tuple[str, ...]
    labels: npt.NDArray[np.int64]
    classes: tuple[str, ...] = EXPRESSIONS
    groups: tuple[str, ...] = ()
    skipped: Mapping[str, int] | None = None

    def __post_init__(self) -> None:
        if not self.names:
            raise ValueError(f"{self.name} at {self.files.root}: no usable picture. {HOW_TO_GET[self.files.set_name]}")
        if len(self.names) != len(self.labels) or (self.groups and len(self.groups) != len(self.names)):
            raise ValueError(f"{self.name}: names, labels and groups differ in number")

    def __len__(self) -> int:
        return len(self.names)

    def image(self, index: int) -> npt.NDArray[np.uint8]:
        """Picture `index` as (H, W) or (H, W, 3) RGB uint8."""
        return self.files.image(self.names[index])

    def subset(self, indices: Sequence[int] | npt.NDArray[Any]) -> FaceSet:
        """The chosen pictures, in the given order."""
        chosen = [int(i) for i in indices]
        groups = tuple(self.groups[i] for i in chosen) if self.groups else ()
        names = tuple(self.names[i] for i in chosen)
        return FaceSet(self.name, self.files, names, self.labels[chosen], self.classes, groups, self.skipped)

    def split(self, share: float, seed: int = 0) -> tuple[FaceSet, FaceSet]:
        """(the rest, a held-out part of about `share`): whole groups where the set has them, else by class."""
        if not 0 < share < 1:
            raise ValueError(f"the held-out share lies between 0 and 1, got {share}")
        rng = np.random.default_rng(seed)
        keys = np.array(self.groups if self.groups else [str(label) for label in self.labels])
        held = np.zeros(len(self), dtype=bool)
        if self.groups:
            names = rng.permutation(np.unique(keys))
            held = np.isin(keys, names[: max(1, round(share * len(names)))])
        else:
            for key in np.unique(keys):
                members = rng.permutation(np.flatnonzero(keys == key))
                held[members[: round(share * len(members))]] = True
        return self.subset(np.flatnonzero(~held)), self.subset(np.flatnonzero(held))


def _face_set(
    name: str, files: Files, rows: Sequence[tuple[str, str]], label_map: str, classes: tuple[str, ...] = EXPRESSIONS,
    groups: Sequence[str] = (),
) -> FaceSet:  # fmt: skip
    """A set from (file, label as the set writes it) rows, dropping and counting labels that the map leaves out."""
    mapping = LABEL_MAPS[label_map]
    kept = [k for k, (_, label) in enumerate(rows) if label in mapping]
    skipped = Counter(label for _, label in rows if label not in mapping)
    labels = np.array([classes.index(mapping[rows[k][1]]) for k in kept], dtype=np.int64)
    return FaceSet(
        name, files, tuple(rows[k][0] for k in kept), labels, classes,
        tuple(groups[k] for k in kept) if groups else (), dict(skipped),
    )  # fmt: skip


def read_fer2013(root: str | Path, split: str) -> FaceSet:
    """`<split>/<label>/*.jpg`, split "train", "val" or "test", in a folder or zip."""
    files = Files(root, "fer2013")
    rows = []
    for name in files.names:
        parts = name.split("/")
        if len(parts) >= 3 and parts[-3] == split and Path(name).suffix.lower() in IMAGE_SUFFIXES:
            rows.append((name, parts[-2].lower()))
    if not rows:
        raise FileNotFoundError(f"{files.root} has no {split}/<label>/*.jpg. {HOW_TO_GET['fer2013']}")
    return _face_set(f"fer2013 {split}", files, rows, "folders")


def _rafdb(root: str | Path, split: str, part: str, classes: tuple[str, ...]) -> FaceSet:
    files = Files(root, "rafdb")
    listing = files.read(f"{part}/EmoLabel/list_patition_label.txt").decode("ascii")  # "patition" is the set's spelling
    rows = []
    for line in listing.splitlines():
        name, label = line.split()
        if name.startswith(f"{split}_"):
            rows.append((f"{part}/Image/aligned/{Path(name).stem}_aligned.jpg", label))
    if not rows:
        raise ValueError(f"{files.root} has no split {split!r}; RAF-DB has train and test")
    missing = next((name for name, _ in rows if name not in files), None)
    if missing:
        raise FileNotFoundError(f"{files.root} has no {missing}. {HOW_TO_GET['rafdb']}")
    return _face_set(f"rafdb-{part} {split}", files, rows, f"rafdb-{part}", classes)


def read_rafdb_basic(root: str | Path, split: str) -> FaceSet:
    """RAF-DB's basic part (aligned, 100 px), split "train" or "test". No identities are given."""
    return _rafdb(root, split, "basic", EXPRESSIONS)


def read_rafdb_compound(root: str | Path, split: str) -> FaceSet:
    """RAF-DB's compound part with labels in COMPOUNDS order; four of its eleven classes have no place there."""
    return _rafdb(root, split, "compound", COMPOUNDS)


def read_affectnet(root: str | Path, split: str) -> FaceSet:
    """AffectNet's `<split>_set/images/N.jpg` with `<split>_set/annotations/N_exp.npy`; split "train" or "val"."""
    files = Files(root, "affectnet")
    folder = f"{split}_set"
    rows = []
    for name in files.names:
        if name.startswith(f"{folder}/images/") and Path(name).suffix.lower() in IMAGE_SUFFIXES:
            label = np.load(io.BytesIO(files.read(f"{folder}/annotations/{Path(name).stem}_exp.npy")))
            rows.append((name, str(label)))
    if not rows:
        raise FileNotFoundError(f"{files.root} has no {folder}/images/*.jpg. {HOW_TO_GET['affectnet']}")
    return _face_set(f"affectnet {split}", files, rows, "affectnet")


def read_csv(root: str | Path, split: str) -> FaceSet:
    """`labels.csv` with columns image and emotion, pictures beside it or in `images/`.

    People are told apart by `group`, or by LFW's file names (`Name_Surname_0001`) in `source_file`. A `split` column,
    where there is one, is obeyed; else an eighth of the people (of the pictures, where people are not told apart),
    chosen by a checksum of the name, is "val" and the rest "train". Split "all" gives every picture.
    """
    files = Files(root, "csv")
    rows, groups, splits = [], [], set()
    for row in csv.DictReader(io.StringIO(files.read("labels.csv").decode("utf-8-sig"))):
        if "image" not in row or "emotion" not in row:
            raise ValueError(f"{files.root}: labels.csv needs the columns image and emotion, has {sorted(row)}")
        group = row.get("group") or Path(row.get("source_file") or "").stem.rpartition("_")[0]
        own = row.get("split") or ("val" if zlib.crc32((group or row["image"]).encode()) % 8 == 0 else "train")
        splits.add(own)
        if split not in (own, "all"):
            continue
        name = row["image"] if row["image"] in files else f"images/{row['image']}"
        if name not in files:
            raise FileNotFoundError(f"{files.root} has no {name}, which labels.csv lists. {HOW_TO_GET['csv']}")
        rows.append((name, row["emotion"].strip().lower()))
        groups.append(group)
    if not rows:
        raise ValueError(f"{files.root} has no split {split!r}; it has {', '.join(sorted(splits))} and all")
    return _face_set("csv", files, rows, "folders", groups=groups if all(groups) else ())


def read_cexpr(root: str | Path, split: str = "test") -> FaceSet:
    """C-EXPR-DB frames `<video>/<frame>.jpg`, without labels; the group is the video."""
    files = Files(root, "cexpr")
    names = tuple(
        name for name in files.names if len(Path(name).parts) == 2 and Path(name).suffix.lower() in IMAGE_SUFFIXES
    )
    groups = tuple(Path(name).parts[0] for name in names)
    return FaceSet("cexpr", files, names, np.full(len(names), -1), COMPOUNDS, groups)


READERS: Mapping[str, Callable[[str | Path, str], FaceSet]] = {
    "fer2013": read_fer2013,
    "rafdb-basic": read_rafdb_basic,
    "rafdb-compound": read_rafdb_compound,
    "affectnet": read_affectnet,
    "csv": read_csv,
    "cexpr": read_cexpr,
}


def read(spec: str) -> FaceSet:
    """ "READER:PATH[:SPLIT]", for example "fer2013:faces/fer2013.zip:train". SPLIT is "train" where left out."""
    reader, _, rest = spec.partition(":")
    path, _, split = rest.rpartition(":") if ":" in rest else (rest, "", "train")
    if reader not in READERS or not path:
        raise ValueError(f"a face set is READER:PATH[:SPLIT] with a reader of {', '.join(READERS)}; got {spec!r}")
    return READERS[reader](path, split)


def fingerprints(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """(N, H, W) grey -> (N, 256) unit vectors of the 16x16 thumbnails, contrast removed: near-copies have a dot product
    near 1."""
    small = np.stack([cv2.resize(image, (16, 16), interpolation=cv2.INTER_AREA) for image in images])
    rows = small.reshape(len(images), -1).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6))


def near_copies(
    images: npt.NDArray[np.uint8], of: npt.NDArray[np.uint8], similarity: float = 0.97
) -> npt.NDArray[np.bool_]:
    """(N,) which of `images` (N, H, W) also occur, mirrored or not, slightly changed or not, among `of` (M, H, W)."""
    others = np.concatenate([fingerprints(of), fingerprints(of[:, :, ::-1])])
    blocks = np.array_split(fingerprints(images), max(1, len(images) // 2048))
    return np.concatenate([(block @ others.T).max(axis=1) > similarity for block in blocks])


def merge_copies(images: npt.NDArray[np.uint8], similarity: float = 0.99) -> npt.NDArray[np.int64]:
    """(N,) for each image the index of the first near-copy of it in the set (itself where there is none before)."""
    prints = fingerprints(images)
    first = np.arange(len(images))
    for start in range(0, len(images), 2048):
        close = prints[start : start + 2048] @ prints.T > similarity
        first[start : start + 2048] = close.argmax(axis=1)
    return first
