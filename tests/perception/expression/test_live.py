"""The crop that the live path cuts, on drawn landmarks and on a real photo."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from perception.expression.live import EYES_AT, LiveExpressions, agreement, face_crop
from perception.types import EXPRESSIONS, Face, Pose

#: The mesh's corners of eyes and mouth on an upright face of outer eye distance 100 px, around (0, 0).
CORNERS = {33: (-50, 0), 133: (-18, 0), 362: (18, 0), 263: (50, 0), 61: (-28, 75), 291: (28, 75)}


def landmarks(centre: tuple[float, float], degrees: float = 0.0, scale: float = 1.0) -> np.ndarray:
    turn = np.radians(degrees)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * scale
    points = np.zeros((478, 3), np.float32)
    for index, place in CORNERS.items():
        points[index, :2] = rotation @ np.array(place) + centre
    return points


def face_of(points: np.ndarray) -> Face:
    return Face((0.0, 0.0, 1.0, 1.0), 1.0, points, Pose(0.0, 0.0, 0.0))


@pytest.mark.parametrize("degrees", [-25.0, 0.0, 25.0])
def test_eyes_and_mouth_come_to_lie_where_fer2013_has_them(degrees: float) -> None:
    points = landmarks((220.0, 180.0), degrees)
    image = np.zeros((400, 480, 3), np.uint8)
    for index in CORNERS:
        cv2.circle(image, (int(points[index, 0]), int(points[index, 1])), 4, (255, 255, 255), -1)
    crop = face_crop(image, points)
    assert crop.shape == (192, 192, 3)
    rows, columns = np.nonzero(crop[..., 0] > 128)
    upper = rows < 0.6 * 192
    assert rows[upper].mean() / 192 == pytest.approx(EYES_AT[1], abs=0.02)
    assert columns.mean() / 192 == pytest.approx(EYES_AT[0], abs=0.02)
    assert rows[~upper].mean() / 192 == pytest.approx(0.77, abs=0.05)  # FER2013's median is 0.767
    assert np.ptp(rows[~upper]) / 192 < 0.08  # the head's roll is gone


def test_a_far_face_gives_a_small_crop_and_an_edge_repeats_the_border() -> None:
    image = np.full((200, 200, 3), 90, np.uint8)
    assert face_crop(image, landmarks((100, 100), scale=0.4)).shape == (48, 48, 3)
    assert (face_crop(image, landmarks((5, 5))) == 90).all()


@pytest.mark.parametrize("points", [np.full((478, 3), np.nan, np.float32), np.zeros((478, 3), np.float32)])
def test_landmarks_that_are_no_face_are_refused(points: np.ndarray) -> None:
    with pytest.raises(ValueError, match="landmarks"):
        face_crop(np.zeros((100, 100, 3), np.uint8), points)


def test_agreement_is_the_overlap() -> None:
    one, other = (dict.fromkeys(EXPRESSIONS, 0.0) | {name: 1.0} for name in ("Anger", "Fear"))
    assert agreement(one, one) == 1.0 and agreement(one, other) == 0.0


def test_a_real_photo_is_read_alike_upright_and_turned(data: Path) -> None:
    mesh = pytest.importorskip("mediapipe.python.solutions.face_mesh")
    image = cv2.cvtColor(cv2.imread(str(data / "clips" / "single_face.jpg")), cv2.COLOR_BGR2RGB)
    height, width = image.shape[:2]
    turned = cv2.warpAffine(image, cv2.getRotationMatrix2D((width / 2, height / 2), 20, 0.9), (width, height))
    readings = []
    with mesh.FaceMesh(static_image_mode=True, refine_landmarks=True) as finder:
        for picture in (image, turned):
            found = finder.process(picture).multi_face_landmarks[0].landmark
            points = np.array([(p.x * width, p.y * height, p.z * width) for p in found], np.float32)
            readings.append(LiveExpressions().read(picture, face_of(points)))
    upright, other = readings
    assert sum(upright.basic.values()) == pytest.approx(1, abs=1e-5) and len(upright.compound) == 7
    assert agreement(upright.basic, other.basic) > 0.7
    assert upright.source == "expression/small"
