"""The file that the ABAW compound-expression challenge asks for."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from perception.expression.data import FaceSet
from perception.expression.labels import COMPOUNDS
from perception.expression.predictor import BATCH, Predictor
from perception.files import whole

#: The challenge's header.
HEADER: tuple[str, ...] = ("image_location", *(name.replace(" ", "_") for name in COMPOUNDS))


def smoothed(probabilities: npt.NDArray[Any], frames: int) -> npt.NDArray[Any]:
    """(N, 7) over one video's frames -> each the mean of itself and up to `frames` neighbours on either side."""
    if frames < 0:
        raise ValueError(f"the number of neighbours is 0 or more, got {frames}")
    sums = np.concatenate([np.zeros((1, probabilities.shape[1])), probabilities.cumsum(axis=0)])
    place = np.arange(len(probabilities))
    low, high = np.maximum(place - frames, 0), np.minimum(place + frames + 1, len(probabilities))
    return np.asarray((sums[high] - sums[low]) / (high - low)[:, None])


def template_rows(template: Path) -> list[str]:
    """The frames that the challenge's template (CER.txt) lists, in its order."""
    with template.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    if not rows or tuple(cell.strip() for cell in rows[0]) != HEADER:
        raise ValueError(f"{template} does not begin with the challenge's header: {','.join(HEADER)}")
    return [row[0].strip() for row in rows[1:] if row and row[0].strip()]


def _videos(faces: FaceSet) -> Iterator[list[int]]:
    """The frames of each video, in order."""
    video: list[int] = []
    for index in range(len(faces)):
        if video and faces.groups[index] != faces.groups[video[-1]]:
            yield video
            video = []
        video.append(index)
    if video:
        yield video


def submit_cexpr(predictor: Predictor, faces: FaceSet, out: Path, template: Path | None = None, smooth: int = 0) -> int:
    """Write a row `video/frame.jpg,class` for each frame (of the template where given), classes 0 to 6 in COMPOUNDS
    order, and return their number. The file appears when it is complete.

    Raises FileNotFoundError for a frame that the template lists and the folder lacks, ValueError for one that cannot
    be read: a guess would be counted as an answer.
    """
    wanted = template_rows(template) if template else list(faces.names)
    if missing := sorted(set(wanted) - set(faces.names)):
        raise FileNotFoundError(f"{faces.files.root} lacks {len(missing)} frames of {template}, first {missing[0]}")
    chosen: dict[str, int] = {}
    with tqdm(total=len(faces), desc="frames", unit="frame", leave=False, disable=None) as bar:
        for video in _videos(faces):
            parts = []
            for start in range(0, len(video), BATCH):
                pictures = [faces.image(i) for i in video[start : start + BATCH]]
                parts.append(predictor.predict(pictures).compound)
                bar.update(len(pictures))
            best = smoothed(np.concatenate(parts), smooth).argmax(axis=1)
            chosen.update({faces.names[i]: int(k) for i, k in zip(video, best, strict=True)})
    with whole(out) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows((name, chosen[name]) for name in wanted)
    return len(wanted)
