"""Face sets in memory, ready for training: preprocessed pictures and soft targets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from perception.expression.data import FaceSet, merge_copies, near_copies, read
from perception.expression.preprocess import Preprocessing, check_crop, face_image

#: Grey levels' standard deviation under which a picture is blank.
BLANK = 3.0


@dataclass(frozen=True)
class Faces:
    """`images` (N, side, side) grey or (N, side, side, 3) uint8, preprocessed up to scaling; `targets` (N, classes)
    rows that sum to 1: more than one class where copies of a picture carry different labels."""

    images: npt.NDArray[np.uint8]
    targets: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        if len(self.images) != len(self.targets):
            raise ValueError(f"{len(self.images)} pictures but {len(self.targets)} targets")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """(N,) the likeliest class."""
        return np.asarray(self.targets.argmax(axis=1), dtype=np.int64)

    def take(self, indices: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Faces:
        return Faces(self.images[indices], self.targets[indices])


def in_memory(faces: FaceSet, how: Preprocessing) -> Faces:
    """Every labelled picture of a set, decoded and preprocessed."""
    chosen = np.flatnonzero(faces.labels >= 0)
    pictures = [
        face_image(check_crop(faces.image(i), int(i)), how)
        for i in tqdm(chosen.tolist(), desc=faces.name, unit="face", leave=False, disable=None)
    ]
    if not pictures:
        raise ValueError(f"{faces.name} at {faces.files.root} has no labelled picture")
    targets = np.eye(len(faces.classes), dtype=np.float32)[faces.labels[chosen]]
    return Faces(np.stack(pictures), targets)


def joined(parts: Sequence[Faces]) -> Faces:
    return Faces(np.concatenate([p.images for p in parts]), np.concatenate([p.targets for p in parts]))


def without_copies(train: Faces, validation: Faces) -> Faces:
    """The training faces without blank ones and without near-copies of validation faces; copies among themselves are
    merged into the first with the mean of their labels."""
    grey = train.images if train.images.ndim == 3 else train.images.mean(axis=3).astype(np.uint8)
    other = validation.images if validation.images.ndim == 3 else validation.images.mean(axis=3).astype(np.uint8)
    blank = grey.reshape(len(grey), -1).std(axis=1) < BLANK
    kept = np.flatnonzero(~blank & ~near_copies(grey, other))
    first = merge_copies(grey[kept])
    sums = np.zeros_like(train.targets[kept])
    np.add.at(sums, first, train.targets[kept])
    unique = np.unique(first)
    return Faces(train.images[kept][unique], sums[unique] / sums[unique].sum(axis=1, keepdims=True))


def load_training(specs: Iterable[str], validation: Faces, how: Preprocessing, seed: int) -> Faces:
    """The training sets of `specs`, cleaned. A spec is data.read's, with "@MOST" at its end for at most MOST faces a
    class of that set: a big set of few classes would otherwise drown the others."""
    rng = np.random.default_rng(seed)
    parts = []
    for spec in specs:
        place, _, most = spec.partition("@")
        part = in_memory(read(place), how)
        if most:
            classes = range(part.targets.shape[1])
            chosen = [rng.permutation(np.flatnonzero(part.labels == c))[: int(most)] for c in classes]
            part = part.take(np.sort(np.concatenate(chosen)))
        parts.append(part)
    return without_copies(joined(parts), validation)


def epoch_order(labels: npt.NDArray[np.int64], balance: float, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """A shuffled epoch in which a class with n pictures has a weight of n^-balance: 0 leaves the set as it is, 1 makes
    the classes equal. Its length is about the set's. Depends on seed and epoch only."""
    if not 0 <= balance <= 1:
        raise ValueError(f"balance lies between 0 (as the set is) and 1 (equal classes), got {balance}")
    rng = np.random.default_rng([seed, epoch])
    counts = np.bincount(labels)
    weight = counts[labels].astype(np.float64) ** -balance
    expected = weight / weight.mean()
    times = np.floor(expected + rng.random(len(labels))).astype(np.int64)  # on average as often as expected
    return rng.permutation(np.repeat(np.arange(len(labels)), times))
