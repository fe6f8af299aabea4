"""Faces found, followed and judged in real pictures."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest

from perception.face import FaceDetector, FaceMesh, GroupMesh, coordinates, coordinates_reference, working_copy
from perception.quality import eyes_px, judge, luma
from perception.track import MAX_GAP_S, Tracker, iou
from perception.types import Face, Image
from tests.perception.faces import Points, face_of


def resized(picture: Image, width: int, height: int) -> Image:
    return np.asarray(cv2.resize(picture, (width, height)), dtype=np.uint8)


def test_landmarks_come_back_in_the_pictures_own_pixels(astronaut: Image, astronaut_face: Face) -> None:
    assert astronaut_face.landmarks.shape == (478, 3) and astronaut_face.score > 0.8
    with FaceMesh(still=True) as mesh:
        large = mesh.find(resized(astronaut, 4096, 4096))[0]
    scaled = astronaut_face.landmarks[:, :2] * 8
    assert np.abs(large.landmarks[:, :2] - scaled).mean() < 0.04 * eyes_px(large)
    assert working_copy(astronaut) is astronaut
    assert max(working_copy(np.zeros((4320, 7680, 3), np.uint8)).shape) == 640


def test_several_faces_and_none(data: Path) -> None:
    picture = cv2.cvtColor(cv2.imread(str(data / "clips" / "multi_face.jpg")), cv2.COLOR_BGR2RGB)
    with GroupMesh(max_faces=8) as mesh:
        faces = mesh.find(picture)
        assert len(faces) == 5, "three in front, two behind"
        assert all(iou(a.box, b.box) < 0.2 for a, b in combinations(faces, 2))
        heights = [face.box[3] - face.box[1] for face in faces]
        assert heights == sorted(heights, reverse=True)
        assert mesh.find(np.full((480, 640, 3), 128, np.uint8)) == []
    for near in (True, False):
        detector = FaceDetector(near)
        assert detector.count(picture) > 1
        assert detector.count(np.full((480, 640, 3), 128, np.uint8)) == 0
        detector.close()
    assert judge(picture, faces) == "several_faces"


def test_coordinates_read_from_the_message_agree_with_the_reference() -> None:
    from mediapipe.framework.formats import landmark_pb2

    points = landmark_pb2.NormalizedLandmarkList()
    random = np.random.default_rng(0)
    for x, y, z in random.normal(size=(478, 3)):
        points.landmark.add(x=x, y=y, z=z)
    points.landmark[7].z = 0.0
    np.testing.assert_array_equal(coordinates(points), coordinates_reference(points))
    points.landmark[3].visibility = 0.5  # another layout
    np.testing.assert_array_equal(coordinates(points), coordinates_reference(points))
    assert coordinates(points).shape == (478, 3)


def test_a_mesh_needs_at_least_one_face() -> None:
    with pytest.raises(ValueError, match="got 0"):
        FaceMesh(max_faces=0)


def test_quality_names_the_reason(astronaut: Image, astronaut_face: Face, canonical: Points) -> None:
    assert judge(astronaut, [astronaut_face]) == "ok"
    assert judge(astronaut // 10, [astronaut_face]) == "too_dark"
    assert judge(astronaut, [astronaut_face], several=True) == "several_faces"
    assert judge(astronaut, []) == "no_face"
    assert judge(np.zeros((480, 640, 3), np.uint8), []) == "too_dark"
    assert judge(np.zeros((1, 1, 3), np.uint8), []) == "bad_frame"
    assert judge(astronaut, [face_of(canonical, size_px=20)]) == "too_far"
    turned = canonical @ np.array([[0.6, 0, 0.8], [0, 1, 0], [-0.8, 0, 0.6]]).T
    assert judge(astronaut, [face_of(turned)]) == "turned_away"


def test_luma_is_the_mean_brightness_of_the_box() -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[:, 50:] = 200
    assert luma(picture) == pytest.approx(100, abs=5)
    assert luma(picture, (60, 10, 90, 90)) == pytest.approx(200, abs=1)
    assert luma(picture, (-500, -500, 1000, 1000)) == pytest.approx(100, abs=5)
    assert luma(picture, (300, 300, 400, 400)) == pytest.approx(200, abs=1), "outside: the nearest pixels"


def test_a_track_stays_with_the_person(canonical: Points) -> None:
    tracker = Tracker()
    for i in range(20):  # two people who walk past each other's places, listed in changing order
        left, right = face_of(canonical, 40, (100 + 6 * i, 200)), face_of(canonical, 40, (400 - 2 * i, 220))
        faces, wanted = ([left, right], [0, 1]) if i % 2 == 0 else ([right, left], [1, 0])
        assert tracker.assign(faces, 0.1 * i) == wanted


def test_a_face_that_comes_back_late_is_somebody_new(canonical: Points) -> None:
    tracker, face = Tracker(), face_of(canonical)
    assert tracker.assign([face], 0.0) == [0]
    assert tracker.assign([], 0.5) == []
    assert tracker.assign([face], 0.9) == [0]
    assert tracker.assign([face], 0.9 + MAX_GAP_S + 0.1) == [1]
    assert tracker.assign([face_of(canonical, shift_px=(3000, 200))], 2.1) == [2], "too far to be the same face"
    assert tracker.assign([face], -50.0) == [3], "the clock jumped back"


def test_overlap_of_boxes() -> None:
    assert iou((0, 0, 10, 10), (0, 0, 10, 10)) == 1.0
    assert iou((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert iou((0, 0, 10, 10), (10, 10, 20, 20)) == 0.0
