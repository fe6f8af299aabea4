"""A small face set of the astronaut, and a small data set of many subjects."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from perception.micro.faces import SIDE_PX, FaceSet
from perception.micro.synthesis import GENERATORS, Generator, make_corpus
from perception.micro.types import Dataset
from perception.types import Face, Image

DIRECT = Generator("direct", methods={"direct": 1.0}, amplitude=(0.02, 0.04), head=(0.0, 0.004), stray=0.0, weak=0.0)


@pytest.fixture(scope="session")
def face_set(astronaut: Image, astronaut_face: Face) -> FaceSet:
    """One face under twelve names."""
    x0, y0, x1, y1 = astronaut_face.box
    side = int(1.5 * max(x1 - x0, y1 - y0))
    left, top = int((x0 + x1 - side) / 2), max(0, int((y0 + y1 - side) / 2))
    part = astronaut[top : top + side, left : left + side]
    scale = SIDE_PX / side
    grey = cv2.resize(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    points = ((astronaut_face.landmarks[:, :2] - [left, top]) * scale).astype(np.float32)
    return FaceSet(np.repeat(grey[None], 12, axis=0), np.repeat(points[None], 12, axis=0),
                   np.array([f"person {i}" for i in range(12)]))  # fmt: skip


@pytest.fixture(scope="session")
def small(face_set: FaceSet) -> Dataset:
    """120 easy clips of twelve subjects."""
    return make_corpus(face_set, 120, DIRECT, seed=1)


@pytest.fixture(scope="session")
def varied(face_set: FaceSet) -> Dataset:
    """60 clips as the shipped model was trained on, of a face that it never saw."""
    return make_corpus(face_set, 60, GENERATORS["varied"], seed=2)
