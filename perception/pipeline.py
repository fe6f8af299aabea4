"""A video or photo -> one row per frame and face (the columns: `perception.table`).

    decode and shrink --thread--> find faces --thread--> who is who, expressions, rows

The three parts run beside each other, each up to eight frames ahead. Faces are looked for in the shrunk picture and
followed; the search for further faces runs where a track asks for it (`face.GroupMesh`). Reading the heads of several
frames in one batch was tried and brings nothing on a CPU (0.67 ms a head alone, 0.64 in batches of 16).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from perception.expression.live import face_crop
from perception.face import WORKING_SIDE_PX, GroupMesh, moved, working_scale
from perception.models import DEFAULT_EXPRESSION
from perception.quality import DARK_FRAME_LUMA, is_too_small, judge_face, luma
from perception.reader import FaceReader, StageHook, learned
from perception.table import Look, Row, row_of
from perception.track import MAX_GAP_S, Tracker, appearance_of
from perception.types import Face, Image, Quality
from perception.video import Decoded, decode_video, read_ahead

#: A network that reads crops of at most this side (px) is given them from the shrunk picture: a face that is read at
#: all is larger there.
SHRUNK_CROP_PX = 64


@dataclass(frozen=True, slots=True)
class SeeOptions:
    """`max_faces` followed at most; `model` reads the expressions: a card's name, or PATH.onnx with its card.
    `thorough` searches every frame for faces at the picture's full size, in one thread: some three times slower, and
    the reference. `on_stage` is called with (stage, ms)."""

    max_faces: int = 4
    model: str = DEFAULT_EXPRESSION
    thorough: bool = False
    on_stage: StageHook | None = None


@dataclass(slots=True)
class _People:
    """Each person in view: their own reader with their own neutral."""

    model: str
    tracker: Tracker = field(default_factory=Tracker)
    readers: dict[int, tuple[FaceReader, float]] = field(default_factory=dict)

    def reader_of(self, track: int, t_s: float) -> FaceReader:
        reader = self.readers[track][0] if track in self.readers else FaceReader(self.model, look_every_s=0.0)
        self.readers[track] = (reader, t_s)
        return reader

    def forget_who_left(self, t_s: float) -> None:
        self.readers = {track: pair for track, pair in self.readers.items() if t_s - pair[1] <= MAX_GAP_S}


def see(
    video: str | Path, max_faces: int = 4, model: str = DEFAULT_EXPRESSION, *, thorough: bool = False,
    on_stage: StageHook | None = None,
) -> Iterator[Row]:  # fmt: skip
    """The rows of a video or photo, in order: each maps `table.COLUMNS` to numbers or text, with "" for what was not
    measured. The options are those of `SeeOptions`.

    A frame without a face gives one row with success 0. Each person is read against their own running neutral; a face
    that looks like somebody else after a cut is a new person. Constant memory. Raises FileNotFoundError or ValueError
    as `video.read_video` and for a model file that cannot be used, KeyError for an unknown model.
    """
    for look in looks(video, SeeOptions(max_faces, model, thorough, on_stage)):
        yield row_of(look, Path(video).name)


def looks(video: str | Path, options: SeeOptions) -> Iterator[Look]:
    """What `see` makes rows of."""
    network = learned(options.model)  # what is wrong with it is told before the video is opened
    stage = options.on_stage or (lambda name, ms: None)
    whole_crops = options.thorough or (network is not None and network.side_px > SHRUNK_CROP_PX)
    people = _People(options.model)
    pictures = _timed(decode_video(video, None if options.thorough else WORKING_SIDE_PX), "decode", stage)
    with GroupMesh(options.max_faces) as mesh:
        if options.thorough:
            found = _found(pictures, mesh, stage, thorough=True)
        else:
            found = read_ahead(_found(read_ahead(pictures), mesh, stage))
        with closing(found):  # ends the threads when the reader stops early
            for picture, faces in found:
                start = time.perf_counter()
                yield from _read(picture, faces, people, whole_crops)
                stage("read", (time.perf_counter() - start) * 1e3)


def _timed(
    pictures: Generator[Decoded, None, None], name: str, stage: Callable[[str, float], None]
) -> Generator[Decoded, None, None]:
    with closing(pictures):
        while True:
            start = time.perf_counter()
            picture = next(pictures, None)
            if picture is None:
                return
            stage(name, (time.perf_counter() - start) * 1e3)
            yield picture


def _found(
    pictures: Generator[Decoded, None, None],
    mesh: GroupMesh,
    stage: Callable[[str, float], None],
    thorough: bool = False,
) -> Generator[tuple[Decoded, list[Face]], None, None]:
    """Each picture with its faces, in the px of the (shrunk) picture."""
    with closing(pictures):
        for picture in pictures:
            start = time.perf_counter()
            faces: list[Face] = []
            if not is_too_small(picture.image):
                faces = mesh.find(picture.image, None if thorough else picture.t_s, picture.whole)
            stage("faces", (time.perf_counter() - start) * 1e3)
            yield picture, faces


def _read(picture: Decoded, faces: list[Face], people: _People, whole_crops: bool) -> Iterator[Look]:
    """One look for each face, or one that says why there is none."""
    image, t_s = picture.image, picture.t_s
    size = (round(image.shape[1] / picture.scale), round(image.shape[0] / picture.scale))
    if not faces:
        yield Look(picture.index, t_s, size, _empty(image))
        return
    enlarged = [moved(face, 1.0 / picture.scale) if picture.scale < 1.0 else face for face in faces]
    if whole_crops and picture.scale < 1.0:
        whole = picture.whole()
        crops = [face_crop(whole, face.landmarks) for face in enlarged]
    else:
        crops = [face_crop(image, face.landmarks) for face in faces]
    tracks = people.tracker.assign(enlarged, t_s, [appearance_of(crop) for crop in crops])
    for face, large, crop, track in zip(faces, enlarged, crops, tracks, strict=True):
        reader = people.reader_of(track, t_s)
        quality = judge_face(image, face, working_scale(image))
        affect = reader.read(image, face, t_s, crop).affect if quality == "ok" else None
        yield Look(picture.index, t_s, size, quality, track, large, affect)
    people.forget_who_left(t_s)


def _empty(image: Image) -> Quality:
    if is_too_small(image):
        return "bad_frame"
    return "too_dark" if luma(image) < DARK_FRAME_LUMA else "no_face"
