"""The values of micro-expression analysis: a Clip becomes a Flow, a video becomes Events."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]
#: (N, H, W, 3) uint8: u (right positive), v (down positive), optical strain, each scaled to 0..255.
FlowImages = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float64]

#: The three classes of the MEGC2019 composite in their label order.
LABELS: tuple[str, ...] = ("negative", "positive", "surprise")
#: The five classes of CASME II.
LABELS_5: tuple[str, ...] = ("disgust", "happiness", "repression", "surprise", "others")

Region = Literal["brows", "eyes", "nose", "cheeks", "mouth", "chin"]


@dataclass(frozen=True, slots=True)
class Flow:
    """Motion from onset to apex. `u` (right positive) and `v` (down positive) are (H, W) float32 px of that picture,
    finite and of one shape."""

    u: Plane
    v: Plane

    def __post_init__(self) -> None:
        if self.u.shape != self.v.shape or self.u.ndim != 2:
            raise ValueError(f"a flow is two (H, W) planes of one shape, got {self.u.shape} and {self.v.shape}")
        if not (np.isfinite(self.u).all() and np.isfinite(self.v).all()):
            raise ValueError("a flow's planes hold finite numbers only")


@dataclass(frozen=True, slots=True)
class Clip:
    """One labelled micro-expression. Exactly one origin is given: `flow` (a file), `pictures` (onset and apex files) or
    `video` with `frames` (onset, apex, offset; 0-based, onset < apex <= offset)."""

    subject: str
    name: str
    label: str
    source: str = ""
    flow: Path | None = None
    pictures: tuple[Path, Path] | None = None
    video: Path | None = None
    frames: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        given = sum(origin is not None for origin in (self.flow, self.pictures, self.video))
        if given != 1:
            raise ValueError(f"clip {self.name!r}: give one of flow, onset and apex pictures, video; {given} are given")
        if not self.subject or not self.label:
            raise ValueError(f"clip {self.name!r}: subject and label may not be empty")
        if self.video is not None:
            if self.frames is None:
                raise ValueError(f"clip {self.name!r}: a video needs its onset, apex and offset frames")
            onset, apex, offset = self.frames
            if not 0 <= onset < apex <= offset:
                raise ValueError(
                    f"clip {self.name!r}: onset {onset}, apex {apex}, offset {offset}; the order is "
                    "0 <= onset < apex <= offset (a clip of one frame holds no motion)"
                )


@dataclass(frozen=True, slots=True)
class Dataset:
    """Clips as arrays, one row a clip: `flows` (N, H, W, 3) uint8, `labels` (N,) class numbers, `subjects` and
    `sources` (N,) names. A subject's name is unique over all sources."""

    flows: FlowImages
    labels: npt.NDArray[np.int64]
    subjects: npt.NDArray[np.str_]
    sources: npt.NDArray[np.str_]
    names: tuple[str, ...] = field(default=LABELS)

    def __post_init__(self) -> None:
        lengths = {len(self.flows), len(self.labels), len(self.subjects), len(self.sources)}
        if len(lengths) != 1:
            raise ValueError(f"a data set has one label, subject and source for each flow, got lengths {lengths}")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def digest(self) -> str:
        """12 hex digits of everything in it: what a kept result is only good for."""
        found = hashlib.sha256(repr((self.names, self.subjects.tolist(), self.sources.tolist())).encode())
        found.update(np.ascontiguousarray(self.labels).tobytes())
        found.update(np.ascontiguousarray(self.flows).tobytes())
        return found.hexdigest()[:12]

    def where(self, keep: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Dataset:
        """The chosen rows."""
        return Dataset(self.flows[keep], self.labels[keep], self.subjects[keep], self.sources[keep], self.names)


def joined(parts: Sequence[Dataset]) -> Dataset:
    """The data sets one after the other; classes are the first one's."""
    return Dataset(
        np.concatenate([part.flows for part in parts]), np.concatenate([part.labels for part in parts]),
        np.concatenate([part.subjects for part in parts]), np.concatenate([part.sources for part in parts]),
        parts[0].names,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """A brief movement of the face, not a claim about a feeling. Seconds with onset < apex < offset; `confidence` in
    (0, 1); `region` where the movement was strongest; `probs` negative, positive, surprise, or None where not asked."""

    onset_s: float
    apex_s: float
    offset_s: float
    region: Region
    confidence: float
    probs: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        if not self.onset_s < self.apex_s < self.offset_s:
            raise ValueError(f"an event's times increase, got {self.onset_s}, {self.apex_s}, {self.offset_s}")
