"""Faces in a frame: MediaPipe detection and its 478-point mesh, at a bounded working size, in the frame's own
pixels."""

from __future__ import annotations

import math
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np

from perception.cards import ModelCard
from perception.pose import fit_head, pose_of
from perception.quality import MIN_SIDE_PX
from perception.track import THUMBNAIL_PX, Appearance, Box, alike, appearance_of, iou
from perception.types import Face, Image, Landmarks

#: Frames are shrunk to this longest side (px) before detection: the models look at 128 and 192 px crops anyway.
WORKING_SIDE_PX = 640
#: MediaPipe's own defaults.
MIN_DETECTION = 0.5
MIN_TRACKING = 0.5
#: A second face smaller than this share of the largest one's height is background (a poster, somebody far behind).
BACKGROUND_SHARE = 0.35
#: Boxes that overlap by this share (intersection over union) are one face.
SAME_FACE_IOU = 0.2
#: Recordings are searched for further faces this often (seconds): a face that comes in is found at most so much later.
SEARCH_EVERY_S = 0.25
#: A mesh that is given the same picture so many times more rests on a new face: of three, its box is then within .1 to
#: 1.5 % of where it stays (1.4 to 3.9 % at the first look).
SETTLING = 2
#: A close-up is this many times as wide as the face's box: what the mesh's own detector is used to.
CLOSE_UP = 2.5


def working_scale(image: Image) -> float:
    """Detector px per picture px, at most 1."""
    return float(min(1.0, WORKING_SIDE_PX / max(image.shape[:2])))


def working_copy(image: Image) -> Image:
    """The picture at the working size: the same array when it is small enough.

    Huge pictures are thinned by whole steps first, so that an 8K frame costs about as much as a 1080p one.
    """
    scale = working_scale(image)
    if scale == 1.0:
        return image
    height, width = image.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    step = max(1, int(0.5 / scale))
    return np.asarray(cv2.resize(image[::step, ::step], size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


#: What MediaPipe's native code prints at every start although nothing is wrong; it offers no switch for these.
_NOISE = re.compile(
    rb"^(INFO: Created TensorFlow Lite|WARNING: All log messages before absl|[WI]\d{4} .*(inference_feedback_manager|"
    rb"landmark_projection_calculator|gl_context)).*\n?", re.MULTILINE,
)  # fmt: skip
_quieting = threading.RLock()


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave MediaPipe's start-up noise out of standard error. Whatever else is written meanwhile follows at the end."""
    os.environ.setdefault("GLOG_minloglevel", "2")
    with _quieting, tempfile.TemporaryFile() as caught:
        stderr = os.dup(2)
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            caught.seek(0)
            if rest := _NOISE.sub(b"", caught.read()):
                os.write(2, rest)
            os.close(stderr)


class FaceMesh:
    """Finds up to `max_faces` faces and follows them from frame to frame. One instance per video or session: it holds
    the last faces' places. Not thread-safe. `still=True` searches each picture anew."""

    def __init__(self, max_faces: int = 1, still: bool = False) -> None:
        if max_faces < 1:
            raise ValueError(f"max_faces is at least 1, got {max_faces}")
        self._talks = True  # until it has found a face once
        with _quiet():
            from mediapipe.python.solutions import face_mesh

            self._mesh: Any = face_mesh.FaceMesh(
                static_image_mode=still, max_num_faces=max_faces, refine_landmarks=True,
                min_detection_confidence=MIN_DETECTION, min_tracking_confidence=MIN_TRACKING,
            )  # fmt: skip
            self._mesh.process(np.zeros((MIN_SIDE_PX, MIN_SIDE_PX, 3), dtype=np.uint8))  # the rest of it loads now

    def find(self, image: Image) -> list[Face]:
        """The faces of an (H, W, 3) uint8 RGB picture, largest first, in its own pixels. Face.score is the head fit's
        (`pose.HeadFit.score`): the mesh reports no probability of its own."""
        small = working_copy(image)
        with _quiet() if self._talks else nullcontext():
            found = self._mesh.process(small).multi_face_landmarks or []
        self._talks = self._talks and not found
        size = np.array([image.shape[1], image.shape[0], image.shape[1]], dtype=np.float32)
        faces = [face for points in found if (face := _face(points, size)) is not None]
        return sorted(faces, key=lambda face: face.box[1] - face.box[3])

    def close(self) -> None:
        """Free the native graph. The instance is of no use afterwards."""
        self._mesh.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def coordinates_reference(points: Any) -> Landmarks:
    """The (n, 3) x, y, z of a NormalizedLandmarkList, relative to the picture's width, height and width."""
    return np.array([(point.x, point.y, point.z) for point in points.landmark], dtype=np.float32)


def coordinates(points: Any) -> Landmarks:
    """The same, read off the serialised message: a twentieth of the time, which was a tenth of the whole path.

    Each landmark is 17 bytes (a two-byte header, then three fields of one tag byte and a little-endian float); a
    message of any other shape is read point by point.
    """
    message = np.frombuffer(points.SerializeToString(), dtype=np.uint8)
    if len(message) == 0 or len(message) % 17:
        return coordinates_reference(points)
    rows = message.reshape(-1, 17)
    if (rows[:, [0, 1, 2, 7, 12]] != (0x0A, 0x0F, 0x0D, 0x15, 0x1D)).any():
        return coordinates_reference(points)
    floats = np.concatenate([rows[:, 3:7], rows[:, 8:12], rows[:, 13:17]], axis=1)
    return np.ascontiguousarray(floats).view("<f4").astype(np.float32)


def _face(points: Any, size: np.ndarray[Any, Any]) -> Face | None:
    landmarks = coordinates(points) * size
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    try:
        fit = fit_head(landmarks)
    except ValueError:  # a collapsed mesh is no face
        return None
    box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    return Face(box=box, score=fit.score, landmarks=landmarks, pose=pose_of(fit))


class FaceDetector:
    """Boxes of all faces: up to about five metres away, or with `near` two metres at a fifth of the cost, which is what
    the mesh itself uses and which misses many faces of a group. Not thread-safe."""

    def __init__(self, near: bool = False) -> None:
        with _quiet():
            from mediapipe.python.solutions import face_detection

            self._detector: Any = face_detection.FaceDetection(
                model_selection=0 if near else 1, min_detection_confidence=MIN_DETECTION
            )
            self._detector.process(np.zeros((MIN_SIDE_PX, MIN_SIDE_PX, 3), dtype=np.uint8))

    def boxes(self, image: Image) -> list[Box]:
        """(x0, y0, x1, y1) px of each face, the surest first."""
        height, width = image.shape[:2]
        found = self._detector.process(working_copy(image)).detections or []
        boxes = [detection.location_data.relative_bounding_box for detection in found]
        return [
            (b.xmin * width, b.ymin * height, (b.xmin + b.width) * width, (b.ymin + b.height) * height) for b in boxes
        ]

    def count(self, image: Image) -> int:
        """How many people are in front of the camera: faces, those in the background left out."""
        heights = [box[3] - box[1] for box in self.boxes(image)]
        return sum(height >= BACKGROUND_SHARE * max(heights) for height in heights)

    def close(self) -> None:
        self._detector.close()


class GroupMesh:
    """Finds up to `max_faces` faces of any size for recordings. A mesh that follows just as many near faces as there
    are runs on every frame; the slower search for further faces runs every SEARCH_EVERY_S and when a face was lost;
    faces too small for the mesh's own detector are looked at closer in every frame. Not thread-safe."""

    def __init__(self, max_faces: int) -> None:
        self._max_faces = max_faces
        self._meshes = {1: FaceMesh()}  # by the number of faces that one follows
        self._near = 1
        self._detector = FaceDetector()
        self._close_up: FaceMesh | None = None  # loaded when the first small face is seen
        self._far: list[Box] = []
        self._followed = self._seen = 0
        self._places: list[tuple[Box, Appearance]] = []  # of the near faces in the picture before
        self._searched_s = -math.inf

    def find(self, image: Image, t_s: float | None = None, whole: Callable[[], Image] | None = None) -> list[Face]:
        """As `FaceMesh.find`. `t_s` is the picture's time in seconds; without it every picture is searched. `whole`
        gives the same picture at its full size where `image` is a shrunk copy: small faces are read from that."""
        near = self._follow(image)
        faces = list(near)
        for box in self._far:
            faces += self._look_closer(image, box, faces, whole)
        lost = len(faces) < self._seen
        if t_s is None or lost or not 0 <= t_s - self._searched_s < SEARCH_EVERY_S:
            self._searched_s = -math.inf if t_s is None else t_s
            faces = self._search(image, near, whole)
        self._seen = len(faces)
        return sorted(faces, key=lambda face: face.box[1] - face.box[3])

    def _follow(self, image: Image) -> list[Face]:
        """The near faces. A mesh that lost one looks for it in the next picture it is given: the same one again."""
        mesh = self._meshes[self._near]
        faces = mesh.find(image)
        if len(faces) < self._followed:
            again = mesh.find(image)
            faces = again if len(again) > len(faces) else faces
        if len(faces) > self._followed or not all(alike(_there(image, box), looked) for box, looked in self._places):
            faces = _settled(mesh, image, faces)
        self._followed = len(faces)
        self._places = [(face.box, _there(image, face.box)) for face in faces]
        return faces

    def _search(self, image: Image, near: list[Face], whole: Callable[[], Image] | None) -> list[Face]:
        boxes = self._detector.boxes(image)
        missing = _apart_from(boxes, near)
        if missing and len(near) < self._max_faces:
            count = min(self._max_faces, len(near) + len(missing))
            mesh = self._mesh_for(count)
            more = _settled(mesh, image, mesh.find(image))
            if len(more) > len(near):
                near, missing = more, _apart_from(boxes, more)
        self._near, self._followed = max(1, len(near)), len(near)
        self._mesh_for(self._near)
        faces = list(near)
        self._far = []
        for box in missing:
            if len(faces) < self._max_faces and (found := self._look_closer(image, box, faces, whole)):
                faces += found
                self._far += [face.box for face in found]
        return faces

    def _mesh_for(self, count: int) -> FaceMesh:
        if count not in self._meshes:
            self._meshes[count] = FaceMesh(count)
        return self._meshes[count]

    def _look_closer(self, image: Image, box: Box, known: list[Face], whole: Callable[[], Image] | None) -> list[Face]:
        side = CLOSE_UP * max(box[2] - box[0], box[3] - box[1])
        x0, y0 = (max(0, int((box[i] + box[i + 2] - side) / 2)) for i in (0, 1))
        picture = whole() if whole is not None else image
        scale = picture.shape[1] / image.shape[1]
        left, top, right, bottom = (int(scale * value) for value in (x0, y0, x0 + side, y0 + side))
        part = np.ascontiguousarray(picture[top : bottom + 1, left : right + 1])
        if min(part.shape[:2]) < MIN_SIDE_PX:
            return []
        if self._close_up is None:
            self._close_up = FaceMesh(still=True)
        found = [moved(face, 1.0 / scale, (left / scale, top / scale)) for face in self._close_up.find(part)]
        return [face for face in found if all(iou(face.box, other.box) < SAME_FACE_IOU for other in known)]

    def close(self) -> None:
        for part in (*self._meshes.values(), self._close_up, self._detector):
            if part is not None:
                part.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _settled(mesh: FaceMesh, image: Image, faces: list[Face]) -> list[Face]:
    """The faces, looked at again: a mesh begins at the detector's box, or after a cut at another's face, and comes to
    rest on a new one in SETTLING further looks."""
    for _ in range(SETTLING if faces else 0):
        again = mesh.find(image)
        faces = again if len(again) >= len(faces) else faces
    return faces


def _there(image: Image, box: Box) -> Appearance:
    """What stands in this place of the picture."""
    x0, y0, x1, y1 = (max(0, int(value)) for value in box)
    part = image[y0 : y1 + 1, x0 : x1 + 1]
    return appearance_of(part) if part.size else np.zeros(THUMBNAIL_PX**2, dtype=np.float32)


def _apart_from(boxes: list[Box], faces: list[Face]) -> list[Box]:
    return [box for box in boxes if all(iou(box, face.box) < SAME_FACE_IOU for face in faces)]


def moved(face: Face, scale: float, shift: tuple[float, float] = (0.0, 0.0)) -> Face:
    """The face in another picture's pixels: sizes times `scale`, then shifted by (x, y) px."""
    x, y = shift
    x0, y0, x1, y1 = (scale * value for value in face.box)
    landmarks = face.landmarks * np.float32(scale) + np.array([x, y, 0], dtype=np.float32)
    return replace(face, box=(x0 + x, y0 + y, x1 + x, y1 + y), landmarks=landmarks)


def load_mesh(card: ModelCard, path: Path | None) -> Callable[..., FaceMesh]:
    """What the card's `target` names: the maker of meshes, since each session needs its own (see FaceMesh)."""
    return FaceMesh
