"""Miniature copies of the face sets' on-disk layouts, filled with drawn patterns instead of people."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from perception.types import EXPRESSIONS


def pattern(label: int, seed: int, side: int = 48) -> npt.NDArray[np.uint8]:
    """A noisy picture whose class is how fine its stripes are, mirrored or not: what a network can learn in seconds."""
    rng = np.random.default_rng([label, seed])
    y, x = np.mgrid[:side, :side] / side
    angle = rng.uniform(0, np.pi)
    wave = np.sin(2 * np.pi * (1.5 * 1.35**label * (x * np.cos(angle) + y * np.sin(angle)) + rng.random()))
    clouds = cv2.resize(rng.normal(0, 45, (6, 6)), (side, side), interpolation=cv2.INTER_CUBIC)  # no two look alike
    return np.clip(128 + 60 * wave + clouds + rng.normal(0, 15, (side, side)), 0, 255).astype(np.uint8)


def write_picture(path: Path, label: int, seed: int, side: int = 48, colour: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = pattern(label, seed, side)
    assert cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR) if colour else picture)


def fer2013(root: Path, each: int = 3) -> Path:
    for split in ("train", "val"):
        for label, name in enumerate(EXPRESSIONS):
            for k in range(each):
                write_picture(root / split / name.lower() / f"{k}.jpg", label, k + 1000 * (split == "val"))
    return root


def zipped(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    return path


def rafdb(root: Path) -> Path:
    for part, classes in (("basic", 7), ("compound", 11)):
        lines = []
        for split, count in (("train", 2), ("test", 1)):
            for label in range(1, classes + 1):
                for k in range(count):
                    name = f"{split}_{label * 10 + k:05d}"
                    lines.append(f"{name}.jpg {label}")
                    write_picture(root / part / "Image" / "aligned" / f"{name}_aligned.jpg", label % 7, k, 100, True)
        (root / part / "EmoLabel").mkdir(parents=True)
        (root / part / "EmoLabel" / "list_patition_label.txt").write_text("\n".join(lines) + "\n", encoding="ascii")
    return root


def affectnet(root: Path) -> Path:
    for split in ("train", "val"):
        annotations = root / f"{split}_set" / "annotations"
        annotations.mkdir(parents=True)
        for label in range(8):
            write_picture(root / f"{split}_set" / "images" / f"{label}.jpg", label % 7, label, 224, True)
            np.save(annotations / f"{label}_exp.npy", np.array(str(label)))
            np.save(annotations / f"{label}_val.npy", np.array("0.1"))
    return root


def csv_set(root: Path) -> Path:
    people = ("Ada_Example", "Bo_Example", "Cy_Example", "Kay_Example")
    rows = []
    for k in range(12):
        write_picture(root / "images" / f"{k:05d}.jpg", k % 7, k, 112)
        rows.append((f"{k:05d}.jpg", EXPRESSIONS[k % 7].lower(), f"{people[k % 4]}_{k:04d}.jpg"))
    rows.append(("00000.jpg", "contempt", "Ada_Example_0099.jpg"))
    with (root / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("image", "emotion", "source_file"), *rows])
    return root


def cexpr(root: Path) -> Path:
    for video in ("01", "02"):
        for k in range(1, 5):
            write_picture(root / video / f"{k:05d}.jpg", k, int(video), 112, True)
    return root
