"""Leave one subject out, nested: a recipe sees the training subjects only, and what it returns sees flows only.

The test subject's clips and labels are in no object that a recipe receives, so no epoch, factor or threshold can be
chosen on them: a recipe takes a Dataset of the other subjects and returns a function from flows to probabilities.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from perception.files import whole
from perception.micro.same import same_inputs
from perception.micro.types import Dataset, FlowImages, Probabilities

Predict = Callable[[FlowImages], Probabilities]
#: From the training clips and a seed to a predictor. Pickled for the folds' processes.
Recipe = Callable[[Dataset, int], Predict]
Ints = npt.NDArray[np.int64]
BOOTSTRAPS = 1000


@dataclass(frozen=True, slots=True)
class Scores:
    """Pooled over all folds: UF1 = mean of 2 TP / (2 TP + FP + FN), UAR = mean recall, accuracy; all in [0, 1]. The
    intervals are 95 % bootstrap intervals over subjects. `confusion` counts rows true, columns answered."""

    uf1: float
    uar: float
    accuracy: float
    uf1_interval: tuple[float, float]
    uar_interval: tuple[float, float]
    f1: dict[str, float]
    recall: dict[str, float]
    confusion: list[list[int]]
    clips: int
    subjects: int


def confusion_of(labels: Ints, answers: Ints, classes: int) -> Ints:
    """(classes, classes) counts, rows true."""
    return np.bincount(labels * classes + answers, minlength=classes**2).reshape(classes, classes)


def f1_of(confusion: Ints) -> npt.NDArray[np.float64]:
    hits, wanted, answered = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    return np.asarray(2 * hits / np.maximum(wanted + answered, 1))


def recall_of(confusion: Ints) -> npt.NDArray[np.float64]:
    return np.asarray(np.diag(confusion) / np.maximum(confusion.sum(axis=1), 1))


def score(data: Dataset, answers: Ints, seed: int = 0) -> Scores:
    """The scores of one answer a clip. Classes that a source lacks are left out of its means."""
    classes = len(data.names)
    people = sorted(set(data.subjects))
    each = np.stack([
        confusion_of(data.labels[data.subjects == name], answers[data.subjects == name], classes) for name in people
    ])  # fmt: skip
    total = each.sum(axis=0)
    there = total.sum(axis=1) > 0
    rng = np.random.default_rng(seed)
    drawn = each[rng.integers(len(people), size=(BOOTSTRAPS, len(people)))].sum(axis=1)
    f1s = [float(f1_of(table)[there].mean()) for table in drawn]
    recalls = [float(recall_of(table)[there].mean()) for table in drawn]

    def interval(values: list[float]) -> tuple[float, float]:
        low, high = np.percentile(values, [2.5, 97.5])
        return round(float(low), 4), round(float(high), 4)

    return Scores(
        float(f1_of(total)[there].mean()), float(recall_of(total)[there].mean()), float(np.trace(total) / total.sum()),
        interval(f1s), interval(recalls),
        dict(zip(data.names, map(float, f1_of(total)), strict=True)),
        dict(zip(data.names, map(float, recall_of(total)), strict=True)), total.tolist(), len(data), len(people),
    )  # fmt: skip


def split(data: Dataset, subject: str) -> tuple[Dataset, FlowImages, npt.NDArray[np.intp]]:
    """Training clips without `subject`, the flows of `subject`, and their row numbers. Labels of the test do not leave
    this function. Raises ValueError for an unknown subject or one that is alone."""
    test = data.subjects == subject
    if not test.any():
        raise ValueError(f"the data has no subject {subject!r}")
    if test.all():
        raise ValueError("leave-one-subject-out needs two subjects or more")
    return data.where(~test), data.flows[test], np.flatnonzero(test)


def inner_folds(data: Dataset, count: int, seed: int) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """(training rows, validation rows) of `count` folds that share no subject, for choices inside a recipe."""
    people = np.array(sorted(set(data.subjects)))
    np.random.default_rng(seed).shuffle(people)
    for part in np.array_split(people, min(count, len(people))):
        held = np.isin(data.subjects, part)
        yield np.flatnonzero(~held), np.flatnonzero(held)


def _fold(data: Dataset, subject: str, recipe: Recipe, seed: int) -> tuple[str, list[int], list[list[float]]]:
    train, flows, rows = split(data, subject)
    return subject, rows.tolist(), recipe(train, seed)(flows).tolist()


def leave_one_subject_out(data: Dataset, recipe: Recipe, out: Path | None = None, workers: int = 1, seed: int = 0,
                          progress: Callable[[int, int], None] | None = None,
                          name: str = "") -> Probabilities:  # fmt: skip
    """(N, classes) probabilities, each clip's by a predictor trained without its subject.

    With `out` each fold is kept in out/fold_*.json, and a broken-off run goes on from there. The result does not
    depend on `workers`. Raises ValueError where `out` holds folds of other data, another seed or another recipe, which
    `name` tells apart.
    """
    if out is not None:
        same_inputs(out / "folds_of.json", {"recipe": name, "seed": seed, "data": data.digest})
    people = sorted(set(data.subjects))
    probs = np.full((len(data), len(data.names)), np.nan)
    todo = []
    for number, subject in enumerate(people):
        kept = None if out is None else out / f"fold_{number:03d}_{re.sub(r'[^A-Za-z0-9]+', '-', subject)}.json"
        if kept is not None and kept.is_file():
            stored = json.loads(kept.read_text(encoding="utf-8"))
            probs[stored["rows"]] = stored["probs"]
        else:
            todo.append((subject, kept))
    done = len(people) - len(todo)
    for subject, rows, answers in _run_folds(data, [name for name, _ in todo], recipe, workers, seed):
        probs[rows] = answers
        kept = dict(todo)[subject]
        if kept is not None:
            with whole(kept) as part:
                part.write_text(json.dumps({"subject": subject, "rows": rows, "probs": answers}), encoding="utf-8")
        done += 1
        if progress is not None:
            progress(done, len(people))
    return probs


def _run_folds(data: Dataset, people: list[str], recipe: Recipe, workers: int,
               seed: int) -> Iterator[tuple[str, list[int], list[list[float]]]]:  # fmt: skip
    if workers <= 1:
        for subject in people:
            yield _fold(data, subject, recipe, seed)
        return
    with ProcessPoolExecutor(workers) as pool:
        jobs = [pool.submit(_fold, data, subject, recipe, seed) for subject in people]
        for job in as_completed(jobs):
            yield job.result()


def transfer(data: Dataset, source: str, recipe: Recipe, seed: int = 0) -> dict[str, Scores]:
    """Trained on `source` alone, tested on every other source: source -> scores. Raises ValueError when a subject is
    in both, or the source does not exist."""
    train = data.where(data.sources == source)
    if not len(train) or len(train) == len(data):
        raise ValueError(f"transfer needs the source {source!r} and another; there are {sorted(set(data.sources))}")
    predict = recipe(train, seed)
    scores = {}
    for other in sorted(set(data.sources) - {source}):
        test = data.where(data.sources == other)
        if both := set(train.subjects) & set(test.subjects):
            raise ValueError(f"the subject(s) {', '.join(sorted(both))} are in training and in test")
        scores[other] = score(test, predict(test.flows).argmax(axis=1), seed)
    return scores


def report(data: Dataset, probs: Probabilities, seed: int = 0) -> dict[str, object]:
    """Pooled scores and scores per source, ready for JSON."""
    answers = probs.argmax(axis=1)
    sources = sorted(set(data.sources)) if len(set(data.sources)) > 1 else []
    each = {name: asdict(score(data.where(data.sources == name), answers[data.sources == name], seed))
            for name in sources}  # fmt: skip
    return {"pooled": asdict(score(data, answers, seed)), "sources": each}
