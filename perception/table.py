"""The table of `see`: one row per frame and face, its columns, and the same as CSV.

Which reader takes what (Py-Feat 2.1.5's `read_feat` and `read_openface`, read and tried):

    columns                       as in            difference
    frame                         all              counts from 0 as in Py-Feat; OpenFace counts from 1, and so does the
                                                   layout "openface"
    face_id, timestamp, success   OpenFace         face_id is a track's and never used again; seconds from the start
    confidence                    OpenFace         of the reading, not of the landmarks alone
    FaceRect*, FaceScore          Py-Feat          the box is that of the landmarks, px of the upright whole picture;
                                                   the score is how well the landmarks fit a head
    Pitch, Roll, Yaw              Py-Feat          degrees, the signs of `types.Pose`
    pose_Rx, pose_Ry, pose_Rz     OpenFace         the same angles in radians
    pose_Tx, pose_Ty, pose_Tz     OpenFace         mm from the camera, for a focal length of 500 px at 640x480, which
    and X, Y, Z                   Py-Feat          OpenFace assumes too, and eyes 90 mm apart, corner to corner
    AU01 ... AU26                 Py-Feat          0 to 1, twelve units; its 05, 09, 11, 14, 17, 20, 28, 43 are absent
    AU01_r ..., AU01_c ...        OpenFace         only in the layout "openface": 0 to 5, and 0 or 1; 24 is no unit of
                                                   OpenFace's. `read_feat` takes every column with AU in its name, so
                                                   the two scales cannot stand in one table
    anger ... neutral             Py-Feat 1        probabilities that sum to 1
    Neutral ... Anger             Py-Feat 2        the same numbers: a table with valence and arousal is taken for one
                                                   of Py-Feat 2, whose seven names these are
    valence, arousal              Py-Feat 2        -1 to 1
    quality, source               ours             why a face was not read; the model that read it
    input                         Py-Feat          the file's name

Gaze, 68 landmarks and identities are absent: `.aus` of `read_openface` asks for all of its 35 columns and raises
KeyError; single columns can be had by name. What was not measured is an empty cell, never 0.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from perception.files import whole
from perception.types import AUS, Affect, Face, Quality

Row = Mapping[str, object]
Layout = Literal["feat", "openface"]

#: Column -> our name, in Py-Feat 1's order.
EXPRESSION_COLUMNS: Mapping[str, str] = {
    "anger": "Anger", "disgust": "Disgust", "fear": "Fear", "happiness": "Happiness", "sadness": "Sadness",
    "surprise": "Surprise", "neutral": "Neutral",
}  # fmt: skip
#: The same for Py-Feat 2.
EXPRESSION_COLUMNS_2: Mapping[str, str] = {
    "Neutral": "Neutral", "Happy": "Happiness", "Sad": "Sadness", "Surprise": "Surprise", "Fear": "Fear",
    "Disgust": "Disgust", "Anger": "Anger",
}  # fmt: skip
_FRAME = ("frame", "face_id", "timestamp", "confidence", "success")
_BOX = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore")
_TURN = ("pose_Rx", "pose_Ry", "pose_Rz")
_PLACE = ("pose_Tx", "pose_Ty", "pose_Tz")
_TAIL = ("valence", "arousal", "quality", "source", "input")
#: The units that OpenFace has, too.
OPENFACE_AUS: tuple[int, ...] = tuple(au for au in AUS if au != 24)
LAYOUTS: Mapping[Layout, tuple[str, ...]] = {
    "feat": (
        *_FRAME, *_BOX, "Pitch", "Roll", "Yaw", *_TURN, *_PLACE, "X", "Y", "Z", *(f"AU{au:02d}" for au in AUS),
        *EXPRESSION_COLUMNS, *EXPRESSION_COLUMNS_2, *_TAIL,
    ),
    "openface": (
        *_FRAME, *_PLACE, *_TURN, *(f"AU{au:02d}_r" for au in OPENFACE_AUS), *(f"AU{au:02d}_c" for au in OPENFACE_AUS),
        *_BOX, *EXPRESSION_COLUMNS, *_TAIL,
    ),
}  # fmt: skip
COLUMNS = LAYOUTS["feat"]
#: OpenFace's intensity scale ends at 5.
OPENFACE_MAX = 5.0
#: For the distance from the camera: OpenFace's assumed focal length (px) at 640x480, and the outer corners of an
#: adult's eyes (mm).
FOCAL_PX, FOCAL_SIZE, EYES_MM = 500.0, (640.0, 480.0), 90.0
DECIMALS = 5


@dataclass(frozen=True, slots=True)
class Look:
    """One face of one frame, or that there was none: `face` in px of the whole upright picture of `size` (width,
    height) px; `affect` None where the quality is not "ok"."""

    frame: int
    t_s: float
    size: tuple[int, int]
    quality: Quality
    track: int | None = None
    face: Face | None = None
    affect: Affect | None = None


def row_of(look: Look, name: str) -> Row:
    """The row of the layout "feat" for a look at the file `name`."""
    row: dict[str, object] = dict.fromkeys(COLUMNS, "")
    row |= {"frame": look.frame, "timestamp": look.t_s, "success": int(look.affect is not None), "confidence": 0.0}
    row |= {"quality": look.quality, "input": name}
    if look.face is not None and look.track is not None:
        x0, y0, x1, y1 = look.face.box
        pose = look.face.pose
        row |= {"face_id": look.track, "FaceScore": look.face.score}
        row |= {"FaceRectX": x0, "FaceRectY": y0, "FaceRectWidth": x1 - x0, "FaceRectHeight": y1 - y0}
        row |= {"Pitch": pose.pitch, "Roll": pose.roll, "Yaw": pose.yaw}
        row |= {"pose_Rx": math.radians(pose.pitch), "pose_Ry": math.radians(pose.yaw)}
        row |= {"pose_Rz": math.radians(pose.roll)}
        for place, axis, value in zip(_PLACE, "XYZ", place_mm(look.face, look.size), strict=True):
            row[place] = row[axis] = value
    if look.affect is not None:
        affect = look.affect
        row |= {f"AU{au:02d}": value for au, value in affect.aus.items()}
        row |= {column: affect.expressions[ours] for column, ours in EXPRESSION_COLUMNS.items()}
        row |= {column: affect.expressions[ours] for column, ours in EXPRESSION_COLUMNS_2.items()}
        row |= {"valence": affect.valence, "arousal": affect.arousal}
        row |= {"confidence": affect.confidence, "source": affect.source}
    return {key: round(value, DECIMALS) if isinstance(value, float) else value for key, value in row.items()}


def place_mm(face: Face, size: tuple[int, int]) -> tuple[float, float, float]:
    """Where the middle of the eyes is, in mm to the right of, below, and away from the camera: a guess from the eyes'
    size in the picture (EYES_MM apart, FOCAL_PX)."""
    focal = FOCAL_PX * (size[0] / FOCAL_SIZE[0] + size[1] / FOCAL_SIZE[1]) / 2
    right, left = face.landmarks[33], face.landmarks[263]
    middle = (right + left) / 2
    away = focal * EYES_MM / max(float(math.dist(right.tolist(), left.tolist())), 1e-6)
    return (float(middle[0] - size[0] / 2) * away / focal, float(middle[1] - size[1] / 2) * away / focal, away)


def as_openface(row: Row) -> Row:
    """A row of the layout "feat" in OpenFace's: frames from 1, intensities 0 to 5, presence 0 or 1."""
    new = {column: row.get(column, "") for column in LAYOUTS["openface"]}
    new["frame"] = int(str(row["frame"])) + 1
    for au in OPENFACE_AUS:
        value = row[f"AU{au:02d}"]
        if isinstance(value, float | int):
            new |= {f"AU{au:02d}_r": round(OPENFACE_MAX * value, DECIMALS), f"AU{au:02d}_c": int(value > 0)}
    return new


def write_rows(rows: Iterable[Row], file: TextIO, layout: Layout = "feat") -> int:
    """Write a header and `rows` (of the layout "feat") as CSV, in the layout asked for; how many there were."""
    writer = csv.DictWriter(file, LAYOUTS[layout])
    writer.writeheader()
    written = 0
    for row in rows:
        writer.writerow(row if layout == "feat" else as_openface(row))
        written += 1
    return written


def write_csv(rows: Iterable[Row], path: str | Path, layout: Layout = "feat") -> int:
    """Write rows of `see` to `path` (UTF-8, header, decimal points in every locale) and return how many there were. The
    file appears when it is complete."""
    with whole(Path(path)) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        return write_rows(rows, file, layout)


def plot_csv(table: str | Path | TextIO, path: str | Path, title: str = "") -> None:
    """Draw valence and arousal, expressions and action units over time, of the face seen longest in a table of
    `write_csv` (layout "feat"; a file, or text open for reading), as a picture at `path` (the suffix names the format).
    Raises ValueError when the table has no face."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if isinstance(table, str | Path):
        with Path(table).open(newline="", encoding="utf-8") as file:
            return plot_csv(file, path, title or Path(table).name)
    track, times, columns = _longest_face(csv.DictReader(table), title)
    figure = Figure(figsize=(11, 9), layout="constrained")
    FigureCanvasAgg(figure)
    affect, expressions, units = figure.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": [2, 2, 3]})
    for name in ("valence", "arousal"):
        affect.plot(times, columns[name], label=name)
    affect.set(ylim=(-1, 1), ylabel="valence, arousal", title=f"{title}, face {track}")
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


def _longest_face(rows: Iterable[Mapping[str, str]], named: str) -> tuple[str, list[float], dict[str, list[float]]]:
    names = ("valence", "arousal", *EXPRESSION_COLUMNS, *(f"AU{au:02d}" for au in AUS))
    faces: dict[str, tuple[list[float], dict[str, list[float]]]] = {}
    for row in rows:
        if row["success"] == "1":
            times, columns = faces.setdefault(row["face_id"], ([], {name: [] for name in names}))
            times.append(float(row["timestamp"]))
            for name in names:
                columns[name].append(float(row[name]))
    if not faces:
        raise ValueError(f"{named}: no frame shows a readable face, so there is nothing to plot")
    track = max(faces, key=lambda face: len(faces[face][0]))
    return track, *faces[track]
