"""A real face to bend: scikit-image's astronaut (public domain) and its landmarks."""

from __future__ import annotations

import pytest

from perception.face import FaceMesh
from perception.pose import fit_head, to_canonical
from perception.types import Face, Image
from tests.perception.faces import Points


@pytest.fixture(scope="session")
def astronaut() -> Image:
    """A smiling portrait, 512x512."""
    from skimage import data

    picture: Image = data.astronaut()
    return picture


@pytest.fixture(scope="session")
def astronaut_face(astronaut: Image) -> Face:
    with FaceMesh(still=True) as mesh:
        faces = mesh.find(astronaut)
    assert len(faces) == 1
    return faces[0]


@pytest.fixture(scope="session")
def canonical(astronaut_face: Face) -> Points:
    """The astronaut's landmarks, upright and in eye-corner distances."""
    return to_canonical(astronaut_face.landmarks, fit_head(astronaut_face.landmarks))
