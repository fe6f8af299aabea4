"""Labelled clips: the index file, and from clips to arrays of flow images."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from perception.face import FaceMesh
from perception.micro.flow import SIDE_PX, Method, clip_flow, encoded
from perception.micro.types import LABELS, LABELS_5, Clip, Dataset, Flow
from perception.types import Image
from perception.video import as_rgb, read_video

#: Emotion -> class of the MEGC2019 composite; "" leaves the clip out. CASME II and SAMM differ on fear and sadness.
THREE: dict[str, dict[str, str]] = {
    "casme2": {"happiness": "positive", "disgust": "negative", "repression": "negative", "surprise": "surprise",
               "fear": "", "sadness": "", "others": ""},
    "": {"happiness": "positive", "surprise": "surprise", "other": "", "others": "",
         **dict.fromkeys(("anger", "contempt", "disgust", "fear", "sadness", "repression"), "negative")},
}  # fmt: skip
_NUMBERS = {str(number): name for number, name in enumerate(LABELS)}


def class_of(label: str, source: str = "", names: Sequence[str] = LABELS) -> str | None:
    """The class that a clip's label means, or None where the protocol leaves the clip out. Raises ValueError."""
    word = label.strip().lower()
    if word in names:
        return word
    if tuple(names) == LABELS:
        word = _NUMBERS.get(word, word)
        found = word if word in LABELS else THREE.get(source, THREE[""]).get(word)
        if found is not None:
            return found or None
    elif word in THREE[""]:
        return None
    raise ValueError(f"the label {label!r} is unknown; choose from {', '.join((*names, *THREE['']))} or 0, 1, 2")


def read_index(path: Path) -> list[Clip]:
    """The clips of an index CSV: `subject,clip,label` and either `flow`, or `onset,apex` (pictures), or
    `video,onset,apex,offset` (frame numbers from 0); `source` is optional. Paths are relative to the index.

    Raises FileNotFoundError, and ValueError that names the line.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such index; its columns are subject,clip,label and flow, "
                                "or onset,apex, or video,onset,apex,offset")  # fmt: skip
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if missing := {"subject", "clip", "label"} - set(reader.fieldnames or ()):
            raise ValueError(f"{path}: the column(s) {', '.join(sorted(missing))} are missing")
        clips = []
        for number, row in enumerate(reader, start=2):
            try:
                clips.append(_clip(row, path.parent))
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {error}") from None
    if not clips:
        raise ValueError(f"{path}: the index holds no clip")
    return clips


def _clip(row: dict[str, str], root: Path) -> Clip:
    given = {key: (value or "").strip() for key, value in row.items() if key}
    source = given.get("source", "")
    subject = f"{source}/{given['subject']}" if source and given["subject"] else given["subject"]
    flow = video = pictures = frames = None
    if given.get("flow"):
        flow = root / given["flow"]
    elif given.get("video"):
        video = root / given["video"]
        names = [given.get(key, "") for key in ("onset", "apex", "offset")]
        if not all(name.isdigit() for name in names):
            raise ValueError(f"onset, apex and offset are frame numbers, got {', '.join(map(repr, names))}")
        frames = (int(names[0]), int(names[1]), int(names[2]))
    elif given.get("onset") and given.get("apex"):
        pictures = (root / given["onset"], root / given["apex"])
        if pictures[0] == pictures[1]:
            raise ValueError(f"onset and apex are one picture, {given['onset']}: a clip of one frame has no motion")
    return Clip(subject, given["clip"], given["label"], source, flow, pictures, video, frames)


def read_picture(path: Path) -> Image:
    """An image file as (H, W, 3) RGB. Raises FileNotFoundError or ValueError that names the file."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such picture")
    picture = cv2.imdecode(np.frombuffer(path.read_bytes() or b"\0", np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError(f"{path}: this picture is damaged or of an unknown format")
    return as_rgb(picture, order="bgr")


def read_flow(path: Path) -> Image:
    """A flow file as the (28, 28, 3) uint8 image of u, v, strain: a picture with red u, green v, blue strain, or an
    .npy array (H, W, 3), or (H, W, 2) of u and v in px. Raises FileNotFoundError or ValueError."""
    if path.suffix != ".npy":
        image = read_picture(path)
    else:
        if not path.is_file():
            raise FileNotFoundError(f"{path}: there is no such flow array")
        array = np.load(path, allow_pickle=False)
        if array.ndim != 3 or array.shape[2] not in (2, 3):
            raise ValueError(f"{path}: a flow array is (H, W, 3) u, v, strain or (H, W, 2) u, v; got {array.shape}")
        if array.dtype != np.uint8:
            return encoded(Flow(array[..., 0].astype(np.float32), array[..., 1].astype(np.float32)))
        image = array
    if image.shape[:2] != (SIDE_PX, SIDE_PX):
        image = np.asarray(cv2.resize(image, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return image


def _video_pictures(video: Path, onset: int, apex: int) -> tuple[Image, Image]:
    wanted: dict[int, Image] = {}
    for frame in read_video(video):
        if frame.index in (onset, apex):
            wanted[frame.index] = frame.image
        if len(wanted) == 2:
            return wanted[onset], wanted[apex]
    raise ValueError(f"{video}: frames {onset} and {apex} are wanted, the video ends before; "
                     "check that the index counts the frames of this file (another frame rate?)")  # fmt: skip


def clip_image(clip: Clip, mesh: FaceMesh, method: Method = "dis") -> Image:
    """The (28, 28, 3) uint8 flow image of one clip. Raises ValueError where no face is found or nothing can be read."""
    if clip.flow is not None:
        return read_flow(clip.flow)
    if clip.video is not None and clip.frames is not None:
        onset, apex = _video_pictures(clip.video, *clip.frames[:2])
    else:
        onset, apex = (read_picture(path) for path in clip.pictures or ())
    if onset.shape != apex.shape:
        raise ValueError(f"clip {clip.name!r}: onset and apex differ in size, {onset.shape} and {apex.shape}")
    faces = [mesh.find(picture) for picture in (onset, apex)]
    if not all(faces):
        raise ValueError(f"clip {clip.name!r} of {clip.subject!r}: no face was found in its onset or apex picture")
    return encoded(clip_flow(onset, apex, faces[0][0].landmarks, faces[1][0].landmarks, method))


def load_dataset(clips: Sequence[Clip], names: Sequence[str] = LABELS, method: Method = "dis",
                 progress: Callable[[int], None] | None = None) -> Dataset:  # fmt: skip
    """The clips as arrays; those that the protocol leaves out are left out. Raises ValueError where none is left."""
    flows, labels, subjects, sources = [], [], [], []
    with FaceMesh(still=True) as mesh:
        for number, clip in enumerate(clips):
            label = class_of(clip.label, clip.source, names)
            if label is not None:
                flows.append(clip_image(clip, mesh, method))
                labels.append(list(names).index(label))
                subjects.append(clip.subject)
                sources.append(clip.source or "all")
            if progress is not None:
                progress(number + 1)
    if not flows:
        raise ValueError(f"no clip is left of {len(clips)}: none has one of the classes {', '.join(names)}")
    return Dataset(np.stack(flows), np.array(labels, np.int64), np.array(subjects), np.array(sources), tuple(names))


def classes_of(count: int) -> tuple[str, ...]:
    """The class names of a 3-class or 5-class protocol. Raises ValueError."""
    if count not in (3, 5):
        raise ValueError(f"protocols have 3 or 5 classes, got {count}")
    return LABELS if count == 3 else LABELS_5
