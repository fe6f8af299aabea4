"""From label files and feature tables to what the models train on: one `Video` each, cut into windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from perception.challenges.labels import (
    MultiTaskRows,
    ReactionRows,
    is_valid,
    label_files,
    read_frame_labels,
    read_multitask,
    read_reactions,
)
from perception.features.rates import FPS, rate_of, rates_beside
from perception.features.table import FeatureTable, Floats, align, load_table

Ints = npt.NDArray[np.int64]
#: How far (seconds) a feature may lie from its frame. Sets of sound reach half way to their next row if that is more.
REACH_S = 0.5 / FPS


@dataclass(frozen=True, slots=True)
class Video:
    """`frames` (n,) frame numbers from 1, `features` (n, sum of widths), `labels` (n, k): only frames with both."""

    name: str
    frames: Ints
    features: Floats
    labels: npt.NDArray[np.float64]


def features_at(
    root: Path, sets: Sequence[str], name: str, times_s: npt.NDArray[np.float64], reach_s: float | None = None
) -> tuple[Floats, npt.NDArray[np.bool_], tuple[int, ...]]:
    """All sets' rows of recording `name` at the times, joined; which times every set has; the sets' widths."""
    parts, there = [], np.ones(len(times_s), bool)
    for each in sets:
        table = load_table(root / "features" / each / f"{name}.npz")
        values, here = align(table, times_s, _reach(table, each) if reach_s is None else reach_s)
        parts.append(values)
        there &= here
    return np.concatenate(parts, axis=1), there, tuple(part.shape[1] for part in parts)


def _reach(table: FeatureTable, each: str) -> float:
    if each.startswith(FRAME_SETS) or len(table.times_s) < 2:
        return REACH_S
    return max(REACH_S, float(np.median(np.diff(table.times_s))) / 2)


def aff_wild2(root: Path, task: str, split: str, sets: Sequence[str]) -> tuple[list[Video], tuple[int, ...]]:
    """The videos of a split and the widths of their feature sets; frame rates as in `root`/fps.csv. Frames without a
    face, a feature or a label are left out; a video that has none left, or whose labels end before its features, is an
    error that names the file."""
    videos: list[Video] = []
    widths: tuple[int, ...] = ()
    rates = rates_beside(root)
    for path in label_files(root, task, split):
        labels, fps = read_frame_labels(path, task), rate_of(rates, path.stem)
        for each in sets:
            last = load_table(root / "features" / each / f"{path.stem}.npz").times_s
            beyond = round(float(last[-1]) * fps) + 1 if len(last) and each.startswith(FRAME_SETS) else 0
            if beyond > len(labels):
                raise ValueError(
                    f"{path}:{len(labels) + 1}: the labels end at frame {len(labels)}, the features of "
                    f"{each} go on to frame {beyond}"
                )
        features, there, widths = features_at(root, sets, path.stem, np.arange(len(labels)) / fps)
        kept = np.flatnonzero(there & is_valid(labels, task))
        if not len(kept):
            raise ValueError(f"{path}: no frame of this video has both a label and a feature (no face found in it?)")
        videos.append(Video(path.stem, kept + 1, features[kept], labels[kept]))
    return videos, widths


#: Feature sets with one row a frame start with these; sets of sound may run on after the last labelled frame.
FRAME_SETS = ("expression", "timm", "geometry", "frame")


@dataclass(frozen=True, slots=True)
class Windows:
    """`features` (n, length, width), `labels` (n, length, k), `real` (n, length): False where the last frame was
    repeated to fill the window."""

    features: Floats
    labels: npt.NDArray[np.float64]
    real: npt.NDArray[np.bool_]


def windows(videos: Sequence[Video], length: int = 256, step: int = 256) -> Windows:
    """Windows of each video's kept frames; the last one is filled by repeating its last frame, as published."""
    rows, real = [], []
    for video in videos:
        count = len(video.frames)
        for start in range(0, max(1, count - length + step), step):
            at = np.arange(start, start + length)
            rows.append((video, at.clip(max=count - 1)))
            real.append(at < count)
    features = np.stack([video.features[at] for video, at in rows])
    return Windows(features, np.stack([video.labels[at] for video, at in rows]), np.stack(real))


@dataclass(frozen=True, slots=True)
class MultiTaskSet:
    """s-Aff-Wild2: rows and, for each, one vector per feature set."""

    rows: MultiTaskRows
    features: tuple[Floats, ...]


def s_aff_wild2(root: Path, split: str, sets: Sequence[str]) -> MultiTaskSet:
    """The annotated images of a split ("train", "val") that every set has a feature for."""
    name = {"train": "training_set_annotations.txt", "val": "validation_set_annotations.txt"}[split]
    path = root / "Annotations" / name
    rows = read_multitask(path)
    videos = np.array([image.split("/")[0] for image in rows.images])
    rates = rates_beside(root)
    times = np.array(
        [(int(Path(image).stem) - 1) / rate_of(rates, video) for image, video in zip(rows.images, videos, strict=True)]
    )
    values: list[Floats] = []
    there = np.ones(len(videos), bool)
    for each in sets:
        tables = {video: load_table(root / "features" / each / f"{video}.npz") for video in dict.fromkeys(videos)}
        table = [align(found, times[videos == video], _reach(found, each)) for video, found in tables.items()]
        out = np.zeros((len(videos), table[0][0].shape[1]), np.float32)
        for video, (found, here) in zip(dict.fromkeys(videos), table, strict=True):
            out[videos == video], there[videos == video] = found, there[videos == video] & here
        values.append(out)
    kept = np.flatnonzero(there)
    if not len(kept):
        raise ValueError(f"{path}: none of its images has a feature in every set of {', '.join(sets)}")
    chosen = MultiTaskRows(tuple(rows.images[i] for i in kept), rows.va[kept], rows.expression[kept], rows.aus[kept])
    return MultiTaskSet(chosen, tuple(value[kept] for value in values))


@dataclass(frozen=True, slots=True)
class ReactionSet:
    """Hume-Reaction: rows and, per feature set, (n, length, width) zero-padded at the end; `real` (n, length)."""

    rows: ReactionRows
    features: tuple[Floats, ...]
    real: npt.NDArray[np.bool_]


def hume_reaction(root: Path, partition: str, sets: Sequence[str], length: int | None = None) -> ReactionSet:
    """The clips of a partition with the MuSe layout's `features/<set>/<id>.csv`; all sets of a clip have one length."""
    rows = read_reactions(root)
    chosen = [i for i, part in enumerate(rows.partition) if part == partition]
    if not chosen:
        raise ValueError(f"{root / 'partition.csv'}: no clip in partition {partition!r} (train, devel, test)")
    tables = [[_muse_table(root / "features" / each / f"{rows.ids[i]}.csv") for i in chosen] for each in sets]
    counts = [min(len(table[k]) for table in tables) for k in range(len(chosen))]
    longest = length or max(counts)
    real = np.arange(longest)[None] < np.array(counts)[:, None]
    padded = tuple(_padded(table, counts, longest) for table in tables)
    picked = ReactionRows(tuple(rows.ids[i] for i in chosen), (partition,) * len(chosen), rows.reactions[chosen])
    return ReactionSet(picked, padded, real)


def _padded(tables: Sequence[Floats], counts: Sequence[int], longest: int) -> Floats:
    out = np.zeros((len(tables), longest, tables[0].shape[1]), np.float32)
    for k, (table, count) in enumerate(zip(tables, counts, strict=True)):
        used = min(count, longest)
        out[k, :used] = table[:used]
    return out


def _muse_table(path: Path) -> Floats:
    """(rows, width): the file's columns after its two leading ones (timestamp and segment)."""
    rows: list[list[float]] = []
    with path.open(encoding="utf-8-sig") as file:
        width = len(file.readline().split(",")) - 2
        for n, line in enumerate(file, start=2):
            parts = line.strip().split(",")
            if len(parts) != width + 2:
                raise ValueError(
                    f"{path}:{n}: {len(parts)} columns, the header has {width + 2} (is the file truncated?)"
                )
            try:
                rows.append([float(part) for part in parts[2:]])
            except ValueError:
                raise ValueError(f"{path}:{n}: not a number in {line.strip()[:60]!r}") from None
            if not np.isfinite(rows[-1]).all():
                raise ValueError(f"{path}:{n}: holds a value that is not finite")
    if not rows:
        raise ValueError(f"{path}: no row of features (no face in the clip?)")
    return np.array(rows, np.float32)
