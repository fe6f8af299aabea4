"""What a predictor is worth on a face set: quality with intervals, robustness, plots."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from perception.expression.data import FaceSet
from perception.expression.metrics import METRICS, accuracy, calibration_bins, confusion, interval, recalls
from perception.expression.predictor import Predictor
from perception.types import EXPRESSIONS

Picture = npt.NDArray[np.uint8]
Change = Callable[[Picture, np.random.Generator], Picture]


def _resized(side: int) -> Change:
    def change(face: Picture, rng: np.random.Generator) -> Picture:
        shrinks = side < face.shape[0]
        return np.asarray(cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC))

    return change


def _blurred(face: Picture, rng: np.random.Generator) -> Picture:
    return np.asarray(cv2.GaussianBlur(face, (0, 0), face.shape[0] * 0.03))


def _dark(face: Picture, rng: np.random.Generator) -> Picture:
    """A sixth of the light, with sensor noise of two grey levels."""
    noisy = face.astype(np.float32) / 6 + rng.normal(0, 2, face.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _equalised(face: Picture, rng: np.random.Generator) -> Picture:
    return np.asarray(cv2.equalizeHist(face)) if face.ndim == 2 else face


def _jpeg(face: Picture, rng: np.random.Generator) -> Picture:
    _, coded = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, 20])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_UNCHANGED))


def _covered(top: float, bottom: float) -> Change:
    def change(face: Picture, rng: np.random.Generator) -> Picture:
        face = face.copy()
        side = face.shape[0]
        face[int(top * side) : int(bottom * side)] = 0
        return face

    return change


def _rotated(face: Picture, rng: np.random.Generator) -> Picture:
    height, width = face.shape[:2]
    angle = 20.0 * rng.choice([-1, 1])
    turn = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), angle, 1.0)
    return np.asarray(cv2.warpAffine(face, turn, (width, height), borderMode=cv2.BORDER_REPLICATE))


def _tight(face: Picture, rng: np.random.Generator) -> Picture:
    edge = round(face.shape[0] * 0.1)
    return face[edge:-edge, edge:-edge]


def _loose(face: Picture, rng: np.random.Generator) -> Picture:
    edge = round(face.shape[0] * 0.15)
    return np.asarray(cv2.copyMakeBorder(face, edge, edge, edge, edge, cv2.BORDER_REPLICATE))


#: Name -> change of a face. Eyes and mouth lie at 25-52 % and 65-95 % of FER2013's crops.
CHANGES: Mapping[str, Change] = {
    "24 px": _resized(24), "48 px": _resized(48), "96 px": _resized(96), "192 px": _resized(192),
    "blur": _blurred, "dark": _dark, "equalised": _equalised, "JPEG 20": _jpeg, "rotated 20 degrees": _rotated,
    "tight crop": _tight, "loose crop": _loose, "eyes covered": _covered(0.25, 0.52),
    "mouth covered": _covered(0.65, 0.95),
}  # fmt: skip


@dataclass(frozen=True)
class Report:
    """`quality` maps a metric to (value, low, high) with 95 % bootstrap bounds; `recall` a class to its recall;
    `robustness` a change to (accuracy, drop in points against clean)."""

    model: str
    data: str
    faces: int
    quality: dict[str, tuple[float, float, float]]
    recall: dict[str, float]
    robustness: dict[str, tuple[float, float]] = field(default_factory=dict)

    def text(self) -> str:
        """The tables for a terminal."""
        lines = [f"{self.model} on {self.data} ({self.faces} faces)"]
        lines += [f"  {name:12s} {v:.3f}  [{low:.3f}, {high:.3f}]" for name, (v, low, high) in self.quality.items()]
        lines += ["  recall       " + "  ".join(f"{name} {value:.2f}" for name, value in self.recall.items())]
        lines += [f"  {name:20s} {value:.3f}  {-drop:+.1f} points" for name, (value, drop) in self.robustness.items()]
        return "\n".join(lines)


def with_report(quality: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """A card's `quality` with what the report measured: its own rows of the same data are replaced, others stay."""
    of = f"{report.data}, {report.faces} faces"
    new: dict[str, Any] = {
        f"{of}: {name} [95 % bootstrap]": [round(number, 3) for number in values]
        for name, values in report.quality.items()
    }
    new[f"{report.data}: recall"] = {name: round(value, 2) for name, value in report.recall.items()}
    if report.robustness:
        drops = {name: round(drop, 1) for name, (_, drop) in report.robustness.items()}
        new[f"{report.data}: points of accuracy lost when changed"] = drops
    kept = {name: value for name, value in quality.items() if name not in new and not name.startswith(f"{of}:")}
    return {**new, **kept}


def _pictures(faces: FaceSet) -> tuple[list[Picture], npt.NDArray[np.int64]]:
    chosen = np.flatnonzero(faces.labels >= 0)
    bar = tqdm(chosen.tolist(), desc="reading", unit="face", leave=False, disable=None)
    return [faces.image(i) for i in bar], faces.labels[chosen]


def probabilities(predictor: Predictor, pictures: list[Picture], compound: bool) -> npt.NDArray[np.float64]:
    """(N, 7) basic or compound probabilities."""
    found = predictor.predict(pictures)
    return np.asarray(found.compound if compound else found.basic, dtype=np.float64)


def evaluate(predictor: Predictor, faces: FaceSet, robustness: bool = False, out: Path | None = None) -> Report:
    """Measure `predictor` on a labelled set; with `out` also write report.json and the plots there.

    A set labelled with compound expressions is judged on the compound probabilities. Raises ValueError for a set
    without labels.
    """
    pictures, labels = _pictures(faces)
    if not pictures:
        raise ValueError(f"{faces.name} has no labels to judge by")
    compound = faces.classes != EXPRESSIONS
    found = probabilities(predictor, pictures, compound)
    clean = accuracy(found, labels)
    table: dict[str, tuple[float, float]] = {}
    for name, change in CHANGES.items() if robustness else ():
        rng = np.random.default_rng(0)
        changed = accuracy(probabilities(predictor, [change(p, rng) for p in pictures], compound), labels)
        table[name] = (changed, 100 * (clean - changed))
    report = Report(
        predictor.name, faces.name, len(labels),
        {name: interval(metric, found, labels) for name, metric in METRICS.items()},
        dict(zip(faces.classes, map(float, recalls(found, labels)), strict=True)), table,
    )  # fmt: skip
    if out:
        out.mkdir(parents=True, exist_ok=True)
        (out / "report.json").write_text(json.dumps(asdict(report), indent=2), encoding="utf-8")
        plot_confusion(found, labels, faces.classes, out / "confusion.png")
        plot_reliability(found, labels, out / "reliability.png")
        plot_recall(report.recall, out / "recall.png")
    return report


def _figure() -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 5), layout="constrained")
    return figure, figure.subplots()


def plot_confusion(found: npt.NDArray[Any], labels: npt.NDArray[Any], classes: tuple[str, ...], path: Path) -> None:
    """The confusion matrix in shares of each true class."""
    figure, axes = _figure()
    counts = confusion(found, labels)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row in range(len(classes)):
        for column in range(len(classes)):
            value = shares[row, column]
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color="white" if value > 0.5 else "black")
    axes.set_xticks(range(len(classes)), classes, rotation=40, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="predicted", ylabel="true")
    figure.savefig(path)


def plot_reliability(found: npt.NDArray[Any], labels: npt.NDArray[Any], path: Path) -> None:
    """Accuracy against confidence; on the diagonal, the probabilities mean what they say."""
    figure, axes = _figure()
    count, sure, right = calibration_bins(found, labels)
    some = count > 0
    axes.plot([0, 1], [0, 1], "--", color="grey", linewidth=1)
    axes.plot(sure[some], right[some], "o-")
    axes.bar(sure[some], count[some] / count.sum(), width=0.03, color="lightgrey", label="share of faces")
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    axes.legend()
    figure.savefig(path)


def plot_recall(recall: Mapping[str, float], path: Path) -> None:
    """Recall of each class."""
    figure, axes = _figure()
    axes.barh(list(recall)[::-1], list(recall.values())[::-1])
    axes.set(xlabel="recall", xlim=(0, 1))
    figure.savefig(path)
