"""Every perception model on one folder of labelled data: which can read it, what it reaches, and why others cannot.

The layouts are those that `python -m perception evaluate` knows: face sets (`perception.expression.data.READERS`),
micro-expression sets (`perception.micro.layouts.LAYOUTS`, or an index.csv), and RAVDESS speech as a zip. A row of the
table of cards is run by what its `target` names; a new card of a known target needs nothing here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from llm.files import commit_of, whole
from perception.cards import ModelCard
from perception.models import CARDS, load

#: value, and the ends of its 95 % bootstrap interval.
Measure = tuple[float, float, float]
#: Face sets are judged on the first of these splits that they have; training faces are the last resort.
SPLITS = ("test", "val", "all", "train")
RESAMPLES = 500


@dataclass(frozen=True, slots=True)
class Labelled:
    """What was found in a folder. `kind` is faces, clips or voices; `name` says which layout and split, `count` how
    many labelled samples; `content` is a FaceSet, a micro Dataset, or (sounds, emotions as numbers)."""

    kind: str
    name: str
    count: int
    content: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model: what it reached, or `why` it was not run."""

    model: str
    measures: Mapping[str, Measure] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True)
class PerceptionTable:
    """A row for every card, in the order of the cards."""

    data: str
    count: int
    rows: tuple[ModelRow, ...]

    def text(self) -> str:
        lines = [f"{self.data}: {self.count} labelled samples"]
        for row in self.rows:
            said = "  ".join(f"{name} {v:.3f} [{low:.3f}, {high:.3f}]" for name, (v, low, high) in row.measures.items())
            lines.append(f"  {row.model:<20} {said or row.why}")
        return "\n".join(lines)


def find_labelled(path: Path, limit: int = 0) -> Labelled:
    """What `path`, a folder or zip, holds, in the first layout that fits; at most `limit` samples, spread evenly, where
    it is not 0. Raises FileNotFoundError for no such path, ValueError that lists the layouts where none fits."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such folder or zip")
    tried: list[str] = []
    for look in (_faces, _clips, _voices):
        if (found := look(path, limit, tried)) is not None:
            return found
    raise ValueError(f"{path} holds labelled data of no layout that is known here; tried {', '.join(tried)}")


def _every(count: int, limit: int) -> list[int]:
    """Places of `limit` samples, spread evenly; all where `limit` is 0."""
    return list(range(count)) if not limit or limit >= count else [count * n // limit for n in range(limit)]


def _faces(path: Path, limit: int, tried: list[str]) -> Labelled | None:
    from perception.expression.data import READERS

    for name, reader in READERS.items():
        tried.append(name)
        for split in SPLITS:
            try:
                found = reader(path, split)
            except (FileNotFoundError, ValueError):
                continue
            labelled = np.flatnonzero(found.labels >= 0)
            if len(labelled):
                chosen = found.subset(labelled[_every(len(labelled), limit)])
                return Labelled("faces", chosen.name, len(chosen), chosen)
    return None


def _clips(path: Path, limit: int, tried: list[str]) -> Labelled | None:
    from perception.micro.data import load_dataset, read_index
    from perception.micro.layouts import LAYOUTS, read_layout

    if not path.is_dir():
        return None
    tried += ["index.csv", *LAYOUTS]
    for name in ("index.csv", *LAYOUTS):
        try:
            clips = read_index(path / name) if name == "index.csv" else read_layout(name, path)
        except (FileNotFoundError, ValueError):
            continue
        data = load_dataset([clips[n] for n in _every(len(clips), limit)])
        return Labelled("clips", name, len(data), data)
    return None


def _voices(path: Path, limit: int, tried: list[str]) -> Labelled | None:
    if path.suffix != ".zip":
        return None
    from perception.fusion.train_voice import TEST_ACTORS, read_ravdess

    tried.append("RAVDESS zip")
    try:
        sounds, codes = read_ravdess(path)
    except ValueError:
        return None
    if not sounds:
        return None
    held = np.flatnonzero(np.isin(codes[:, 6], TEST_ACTORS))
    name = "ravdess held-out actors" if len(held) else "ravdess"
    places = held if len(held) else np.arange(len(sounds))
    chosen = places[_every(len(places), limit)]
    return Labelled("voices", name, len(chosen), ([sounds[n] for n in chosen], codes[chosen, 2] - 1))


def measure(labelled: Labelled, cards: Mapping[str, ModelCard] = CARDS) -> PerceptionTable:
    """Run every model of `cards` that reads this kind of data. Raises what a model raises that cannot be loaded."""
    rows = []
    for name, card in cards.items():
        kind, run = RUNNERS.get(card.target, ("", None))
        if run is None:
            rows.append(ModelRow(name, why="reads no labelled set by itself: see its card for what was measured"))
        elif kind != labelled.kind:
            rows.append(ModelRow(name, why=f"reads {kind}, not {labelled.kind}"))
        else:
            rows.append(ModelRow(name, run(load(name), labelled.content)))
    return PerceptionTable(labelled.name, labelled.count, tuple(rows))


def _read_faces(model: Any, faces: Any) -> dict[str, Measure]:
    from perception.expression.evaluate import evaluate

    return dict(evaluate(model, faces).quality)


def _read_clips(model: Any, data: Any) -> dict[str, Measure]:
    from perception.micro.protocol import score

    found = score(data, model.predict(data.flows).argmax(axis=1))
    return {"uf1": (found.uf1, *found.uf1_interval), "uar": (found.uar, *found.uar_interval)}


def _read_voices(model: Any, content: tuple[Sequence[Any], Any]) -> dict[str, Measure]:
    """Unweighted recall over the emotions; a sound in which no voice was heard counts as wrong."""
    from perception.features.sound import RATE
    from perception.fusion.circumplex import EMOTIONS
    from perception.fusion.recall import recall_unweighted

    sounds, truth = content
    readings = [model.predict(sound, RATE).log_probabilities for sound in sounds]
    said = np.array([-1 if found is None else int(found.argmax()) for found in readings])
    classes = range(len(EMOTIONS))
    draws = np.random.default_rng(0).integers(0, len(truth), (RESAMPLES, len(truth)))
    drawn = [recall_unweighted(truth[draw], said[draw], classes) for draw in draws]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return {"mean_recall": (recall_unweighted(truth, said, classes), float(low), float(high))}


#: A card's target -> the kind of data it reads, and what measures it.
RUNNERS: Mapping[str, tuple[str, Callable[[Any, Any], dict[str, Measure]]]] = {
    "perception.expression.predictor:load": ("faces", _read_faces),
    "perception.micro.predictor:load": ("clips", _read_clips),
    "perception.fusion.voice:load_voice": ("voices", _read_voices),
}


def write_table(out: Path, found: PerceptionTable) -> Path:
    """The table as JSON, with the commit; the file's path."""
    out.mkdir(parents=True, exist_ok=True)
    with whole(out / "perception.json") as part:
        told = {**asdict(found), "commit": commit_of()}
        part.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return out / "perception.json"
