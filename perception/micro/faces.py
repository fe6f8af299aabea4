"""Neutral faces for synthesis: grey pictures with the landmarks of our own pipeline and the person's name.

A source is a zip or a folder with `labels.csv` (columns image, emotion, source_file) and `images/`, as
muxspace/facial_expressions is packed here; the person is the file's name without its number.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from perception.face import FaceMesh
from perception.files import whole

SIDE_PX = 224
#: A face is searched in its picture with this border added, since crops are tighter than the detector likes.
BORDER = 0.25
_NUMBER = re.compile(r"_?\d+$")


@dataclass(frozen=True, slots=True)
class FaceSet:
    """Faces to move. `pictures` (N, SIDE_PX, SIDE_PX) uint8 grey; `landmarks` (N, 478, 2) float32 px of the pictures;
    `people` (N,) names. All three have one row a face."""

    pictures: npt.NDArray[np.uint8]
    landmarks: npt.NDArray[np.float32]
    people: npt.NDArray[np.str_]

    def __post_init__(self) -> None:
        if not len(self.pictures) == len(self.landmarks) == len(self.people):
            raise ValueError("a face set has one landmark row and one name for each picture")

    def of(self, people: frozenset[str]) -> FaceSet:
        """The faces of these people only."""
        keep = np.array([name in people for name in self.people], dtype=bool)
        return FaceSet(self.pictures[keep], self.landmarks[keep], self.people[keep])


def _reader(source: Path) -> Callable[[str], bytes]:
    if source.is_dir():
        return lambda name: (source / name).read_bytes()
    if not zipfile.is_zipfile(source):
        raise ValueError(f"{source}: neutral faces come from a zip or a folder with labels.csv and images/")
    return zipfile.ZipFile(source).read


def _neutral_pictures(source: Path, each: int) -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
    """(person, grey picture) of the pictures labelled neutral, at most `each` of a person."""
    read = _reader(source)
    try:
        table = read("labels.csv").decode("utf-8")
    except (KeyError, FileNotFoundError):
        raise ValueError(f"{source}: labels.csv (columns image, emotion, source_file) is missing") from None
    seen: Counter[str] = Counter()
    for row in csv.DictReader(io.StringIO(table)):
        person = _NUMBER.sub("", Path(row["source_file"]).stem)
        if row["emotion"] != "neutral" or seen[person] >= each:
            continue
        picture = cv2.imdecode(np.frombuffer(read(f"images/{row['image']}"), np.uint8), cv2.IMREAD_GRAYSCALE)
        if picture is not None:
            seen[person] += 1
            yield person, picture


def find_faces(source: Path, limit: int = 3000, each: int = 2) -> FaceSet:
    """Up to `limit` neutral faces with landmarks. Raises ValueError when the source holds none that the mesh finds."""
    pictures, landmarks, people = [], [], []
    with FaceMesh(still=True) as mesh:
        for person, picture in _neutral_pictures(source, each):
            large = cv2.resize(picture, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)
            edge = int(BORDER * SIDE_PX)
            framed = cv2.copyMakeBorder(large, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
            found = mesh.find(np.repeat(framed[:, :, None], 3, axis=2))
            if not found or found[0].score < 0.5 or abs(found[0].pose.yaw) > 25:
                continue
            pictures.append(large)
            landmarks.append(found[0].landmarks[:, :2] - edge)
            people.append(person)
            if len(people) == limit:
                break
    if not people:
        raise ValueError(f"{source}: no neutral face was found in it")
    return FaceSet(np.stack(pictures), np.stack(landmarks).astype(np.float32), np.array(people))


def cached_faces(source: Path, cache: Path, limit: int = 3000) -> FaceSet:
    """`find_faces`, kept in `cache` (.npz), which is read instead when it exists."""
    if cache.is_file():
        with np.load(cache) as stored:
            return FaceSet(stored["pictures"], stored["landmarks"], stored["people"])
    faces = find_faces(source, limit)
    with whole(cache) as part:
        np.savez_compressed(part, pictures=faces.pictures, landmarks=faces.landmarks, people=faces.people)
    return faces
