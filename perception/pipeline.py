"""A video file -> one row per frame and face, in the column conventions of OpenFace and Py-Feat; CSV and plot.

Column names that the two share or that only one has are kept as they are there:

    OpenFace 2.2   frame, face_id, timestamp (s), confidence, success, pose_Rx/Ry/Rz (radians), AU01_r ... (0 to 5)
    Py-Feat 2      FaceRectX ... FaceScore, Pitch, Roll, Yaw (degrees), AU01 ... (0 to 1), anger ... neutral, input

and valence, arousal (-1 to 1), quality, source are ours. `frame` counts from 0, `face_id` is a track id that stays with
the person, angles have the signs of `types.Pose`. What was not measured is an empty cell, never 0.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from perception.face import FaceMesh, GroupMesh, working_scale
from perception.files import whole
from perception.quality import DARK_FRAME_LUMA, is_too_small, judge_face, luma
from perception.reader import FaceReader, learned
from perception.track import MAX_GAP_S, Tracker
from perception.types import AUS, Affect, Face, Frame, Quality
from perception.video import read_video

Row = Mapping[str, object]

#: Column -> our name, in Py-Feat's order.
EXPRESSION_COLUMNS: Mapping[str, str] = {
    "anger": "Anger", "disgust": "Disgust", "fear": "Fear", "happiness": "Happiness", "sadness": "Sadness",
    "surprise": "Surprise", "neutral": "Neutral",
}  # fmt: skip
COLUMNS: tuple[str, ...] = (
    "frame", "face_id", "timestamp", "confidence", "success",
    "FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore",
    "Pitch", "Roll", "Yaw", "pose_Rx", "pose_Ry", "pose_Rz",
    *(f"AU{au:02d}_r" for au in AUS), *(f"AU{au:02d}" for au in AUS),
    *EXPRESSION_COLUMNS, "valence", "arousal", "quality", "source", "input",
)  # fmt: skip
#: OpenFace's intensity scale ends at 5.
OPENFACE_MAX = 5.0
DECIMALS = 5


def see(video: str | Path, max_faces: int = 4, model: str = "expression/small") -> Iterator[Row]:
    """The rows of `video`, in order: each maps COLUMNS to numbers or text, with "" for what was not measured.

    A frame without a face gives one row with success 0. Each person is read against their own running neutral. Constant
    memory. `max_faces` 1 is the fastest. `model` reads the expressions of each frame: a card's name, or PATH.onnx with
    its card. Raises FileNotFoundError or ValueError as `video.read_video` and for a model file that cannot be used,
    KeyError for an unknown model.
    """
    learned(model)  # what is wrong with it is told before the video is opened
    readers: dict[int, tuple[FaceReader, float]] = {}
    tracker = Tracker()
    name = Path(video).name
    with FaceMesh() if max_faces == 1 else GroupMesh(max_faces) as mesh:
        for frame in read_video(video):
            faces = [] if is_too_small(frame.image) else mesh.find(frame.image)
            if not faces:
                yield _row(frame, name, quality=_empty(frame))
            for face, track in zip(faces, tracker.assign(faces, frame.t_s), strict=True):
                reader = readers[track][0] if track in readers else FaceReader(model, look_every_s=0.0)
                readers[track] = (reader, frame.t_s)
                quality = judge_face(frame.image, face, working_scale(frame.image))
                affect = reader.read(frame.image, face, frame.t_s).affect if quality == "ok" else None
                yield _row(frame, name, quality, track, face, affect)
            readers = {track: pair for track, pair in readers.items() if frame.t_s - pair[1] <= MAX_GAP_S}


def _empty(frame: Frame) -> Quality:
    if is_too_small(frame.image):
        return "bad_frame"
    return "too_dark" if luma(frame.image) < DARK_FRAME_LUMA else "no_face"


def _row(
    frame: Frame, name: str, quality: Quality, track: int | None = None, face: Face | None = None,
    affect: Affect | None = None,
) -> Row:  # fmt: skip
    row: dict[str, object] = dict.fromkeys(COLUMNS, "")
    row |= {"frame": frame.index, "timestamp": frame.t_s, "success": int(affect is not None), "confidence": 0.0}
    row |= {"quality": quality, "input": name}
    if face is not None and track is not None:
        x0, y0, x1, y1 = face.box
        pose = face.pose
        row |= {"face_id": track, "FaceScore": face.score}
        row |= {"FaceRectX": x0, "FaceRectY": y0, "FaceRectWidth": x1 - x0, "FaceRectHeight": y1 - y0}
        row |= {"Pitch": pose.pitch, "Roll": pose.roll, "Yaw": pose.yaw}
        for axis, degrees in (("x", pose.pitch), ("y", pose.yaw), ("z", pose.roll)):
            row[f"pose_R{axis}"] = math.radians(degrees)
    if affect is not None:
        row |= {f"AU{au:02d}": value for au, value in affect.aus.items()}
        row |= {f"AU{au:02d}_r": OPENFACE_MAX * value for au, value in affect.aus.items()}
        row |= {column: affect.expressions[ours] for column, ours in EXPRESSION_COLUMNS.items()}
        row |= {"valence": affect.valence, "arousal": affect.arousal}
        row |= {"confidence": affect.confidence, "source": affect.source}
    return {key: round(value, DECIMALS) if isinstance(value, float) else value for key, value in row.items()}


def write_csv(rows: Iterable[Row], path: str | Path) -> int:
    """Write rows of `see` to `path` (UTF-8, header, decimal points in every locale) and return how many there were. The
    file appears when it is complete."""
    written = 0
    with whole(Path(path)) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
            written += 1
    return written


def plot_csv(table: str | Path, path: str | Path) -> None:
    """Draw valence and arousal, expressions and action units over time, of the face seen longest in a table of
    `write_csv`, as a picture at `path` (the suffix names the format). Raises ValueError when the table has no face."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    track, times, columns = _longest_face(Path(table))
    figure = Figure(figsize=(11, 9), layout="constrained")
    FigureCanvasAgg(figure)
    affect, expressions, units = figure.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": [2, 2, 3]})
    for name in ("valence", "arousal"):
        affect.plot(times, columns[name], label=name)
    affect.set(ylim=(-1, 1), ylabel="valence, arousal", title=f"{Path(table).name}, face {track}")
    affect.axhline(0, color="grey", linewidth=0.5)
    for name in EXPRESSION_COLUMNS:
        expressions.plot(times, columns[name], label=name)
    expressions.set(ylim=(0, 1), ylabel="expressions")
    for row, au in enumerate(reversed(AUS)):
        values = columns[f"AU{au:02d}"]
        units.fill_between(times, row, [row + 0.9 * value for value in values], step="mid")
    units.set_yticks([row + 0.45 for row in range(len(AUS))], [f"AU{au}" for au in reversed(AUS)])
    units.set(xlabel="time (s)", ylabel="action units (0 to 1 each)")
    for axes in (affect, expressions):
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    with whole(Path(path)) as temporary:
        figure.savefig(temporary, dpi=110)


def _longest_face(table: Path) -> tuple[str, list[float], dict[str, list[float]]]:
    names = ("valence", "arousal", *EXPRESSION_COLUMNS, *(f"AU{au:02d}" for au in AUS))
    faces: dict[str, tuple[list[float], dict[str, list[float]]]] = {}
    with table.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["success"] == "1":
                times, columns = faces.setdefault(row["face_id"], ([], {name: [] for name in names}))
                times.append(float(row["timestamp"]))
                for name in names:
                    columns[name].append(float(row[name]))
    if not faces:
        raise ValueError(f"{table}: no frame shows a readable face, so there is nothing to plot")
    track = max(faces, key=lambda face: len(faces[face][0]))
    return track, *faces[track]
