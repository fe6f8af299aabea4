"""A run is a folder: train one, score one or the mean of several, write a submission. What the commands call."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from perception.challenges import data, labels, metrics, tasks
from perception.challenges.abaw5 import Abaw5Model
from perception.challenges.abaw7 import Abaw7Model, MultiTask
from perception.challenges.postprocess import Array, ensemble, fill_gaps, moving_average
from perception.challenges.temma import Temma
from perception.challenges.training import Problem, Progress, fit
from perception.features.rates import rate_of, rates_beside


def train_run(
    task: str,
    root: Path,
    sets: Sequence[str],
    out: Path,
    *,
    seed: int | None = None,
    epochs: int | None = None,
    shared: bool = False,
    sigmoid_first: bool = False,
    separate: bool = False,
    **sizes: Any,
) -> Progress:
    """Train `task` by its paper's recipe on the data set at `root`, into the folder `out`. `sizes` go to the model."""
    if task not in tasks.RECIPES:
        raise KeyError(f"no task is called {task!r}; choose from {', '.join(tasks.RECIPES)}")
    recipe = tasks.RECIPES[task]
    recipe = replace(
        recipe,
        seed=recipe.seed if seed is None else seed,
        epochs=epochs or recipe.epochs,
        separate=("valence", "arousal") if separate and task == "va" else (),
    )
    torch.manual_seed(recipe.seed)
    problem, built = _problem(task, root, sets, shared=shared, sigmoid_first=sigmoid_first, sizes=sizes)
    config = {"task": task, "features": list(sets), "model": built, "sigmoid_first": sigmoid_first}
    return fit(problem, recipe, out, config)


def _problem(
    task: str, root: Path, sets: Sequence[str], *, shared: bool, sigmoid_first: bool, sizes: Mapping[str, Any]
) -> tuple[Problem, dict[str, Any]]:
    if task == "eri":
        train, val = data.hume_reaction(root, "train", sets), data.hume_reaction(root, "devel", sets)
        longest = max(train.real.shape[1], val.real.shape[1])
        train, val = (data.hume_reaction(root, part, sets, longest) for part in ("train", "devel"))
        built = {"widths": [f.shape[2] for f in train.features], "length": longest, **sizes}
        return tasks.reaction_problem(train, val, Temma(**built)), built
    if task == "mtl":
        rows, held = data.s_aff_wild2(root, "train", sets), data.s_aff_wild2(root, "val", sets)
        built = {"widths": [f.shape[1] for f in rows.features], "shared": shared, **sizes}
        return tasks.multitask_problem(rows, held, Abaw7Model(**built)), built
    videos, widths = data.aff_wild2(root, task, "train", sets)
    held_out, _ = data.aff_wild2(root, task, "val", sets)
    built = {"task": task, "widths": list(widths), **sizes}
    return tasks.frame_problem(task, videos, held_out, Abaw5Model(**built), sigmoid_first=sigmoid_first), built


def load_run(run: Path, weights: str = "best.pt") -> tuple[nn.Module, dict[str, Any]]:
    """The model of a run with its best weights, and its config. Raises FileNotFoundError that names the next step."""
    for name in ("config.json", weights):
        if not (run / name).is_file():
            raise FileNotFoundError(f"{run / name} is missing: {run} is no finished run of `train fusion`")
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    kind = {"eri": Temma, "mtl": Abaw7Model}.get(config["task"], Abaw5Model)
    model = kind(**config["model"])
    model.load_state_dict(torch.load(run / weights, weights_only=True))
    return model.eval(), config


def _same_task(runs: Sequence[Path]) -> tuple[list[nn.Module], list[dict[str, Any]], str]:
    models, configs = zip(*(load_run(run) for run in runs), strict=True)
    names = {config["task"] for config in configs}
    if len(names) != 1:
        raise ValueError(f"the runs are of different tasks: {', '.join(sorted(names))}")
    return list(models), list(configs), names.pop()


def evaluate_runs(runs: Sequence[Path], root: Path, *, smooth: int = 0) -> dict[str, Any]:
    """The validation score of one run, or of the mean of several; for frame tasks also with the moving average over
    +-`smooth` frames, and what that gains."""
    models, configs, task = _same_task(runs)
    if task == "eri":
        sets = [data.hume_reaction(root, "devel", c["features"], c["model"]["length"]) for c in configs]
        out = ensemble([tasks.predict_reactions(m, s) for m, s in zip(models, sets, strict=True)])
        return dict(metrics.eri_score(sets[0].rows.reactions, out))
    if task == "mtl":
        rows = [data.s_aff_wild2(root, "val", c["features"]) for c in configs]
        return dict(tasks.score_multitask(rows[0], _mean_multitask(models, rows)))
    per_run = [data.aff_wild2(root, task, "val", c["features"])[0] for c in configs]
    truth, plain, smoothed = [], [], []
    for videos in zip(*per_run, strict=True):
        mean = ensemble([_frames(model, video, task) for model, video in zip(models, videos, strict=True)])
        truth.append(videos[0].labels)
        plain.append(mean)
        smoothed.append(_smoothed(videos[0].frames, mean, smooth)[videos[0].frames - 1])
    score = dict(tasks.score_frames(task, np.concatenate(truth), np.concatenate(plain)))
    if smooth <= 0:
        return score
    after = tasks.score_frames(task, np.concatenate(truth), np.concatenate(smoothed))
    return {"plain": score, "smoothed": dict(after), "gain": after["score"] - score["score"]}


def _frames(model: nn.Module, video: data.Video, task: str) -> Array:
    """What is averaged over models and frames: values of va, probabilities of expr and au."""
    out: Array = tasks.predict_video(model, video)
    if task != "expr":
        return out
    powers = np.exp(out - out.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _smoothed(frames: data.Ints, values: Array, smooth: int, count: int | None = None) -> Array:
    return moving_average(fill_gaps(frames, values, count or int(frames[-1])), smooth)


def _mean_multitask(models: Sequence[nn.Module], rows: Sequence[data.MultiTaskSet]) -> MultiTask:
    outs = [tasks.predict_multitask(m, r) for m, r in zip(models, rows, strict=True)]
    mean = {name: torch.stack([getattr(out, name) for out in outs]).mean(0) for name in ("valence", "arousal", "aus")}
    return MultiTask(**mean, expression=torch.stack([out.expression.softmax(1) for out in outs]).mean(0))


def submit_runs(runs: Sequence[Path], root: Path, template: Path | None, out: Path, *, smooth: int = 0) -> int:
    """Predictions of one run or the mean of several in the challenge's format; returns the number of rows.

    Frame and multi-task submissions need `template`, the challenge's list of images; every image gets a row, those
    without a face by interpolation between their neighbours (frame tasks) or the nearest image with one (multi-task).
    """
    models, configs, task = _same_task(runs)
    if task == "eri":
        sets = [data.hume_reaction(root, "test", c["features"], c["model"]["length"]) for c in configs]
        mean = ensemble([tasks.predict_reactions(m, s) for m, s in zip(models, sets, strict=True)])
        return labels.write_reactions(out, zip(sets[0].rows.ids, mean.tolist(), strict=True))
    if template is None:
        raise ValueError("a submission of frames needs --list, the challenge's template of images")
    wanted = read_template(template)
    if task == "mtl":
        return labels.write_multitask(out, _multitask_rows(models, configs, root, wanted))
    return labels.write_frames(out, task, _frame_rows(models, configs, root, wanted, task, smooth))


def read_template(path: Path) -> dict[str, list[int]]:
    """video -> frame numbers, from a list whose lines start with `video/00001.jpg`."""
    wanted: dict[str, list[int]] = defaultdict(list)
    with path.open(encoding="utf-8-sig") as file:
        file.readline()
        for n, line in enumerate(file, start=2):
            image = line.split(",")[0].strip()
            video, _, name = image.rpartition("/")
            if image and (not video or not Path(name).stem.isdigit()):
                raise ValueError(f"{path}:{n}: expected video/00001.jpg, got {image[:60]!r}")
            if image:
                wanted[video].append(int(Path(name).stem))
    return dict(wanted)


def _unlabelled(root: Path, sets: Sequence[str], name: str, count: int) -> data.Video:
    fps = rate_of(rates_beside(root), name)
    features, there, _ = data.features_at(root, sets, name, np.arange(count) / fps)
    kept = np.flatnonzero(there)
    if not len(kept):
        raise ValueError(f"{root / 'features'}: no frame of {name} has a feature in every set (no face found in it?)")
    return data.Video(name, kept + 1, features[kept], np.zeros((len(kept), 0)))


def _frame_rows(
    models: Sequence[nn.Module],
    configs: Sequence[Mapping[str, Any]],
    root: Path,
    wanted: Mapping[str, list[int]],
    task: str,
    smooth: int,
) -> Iterator[tuple[str, list[float]]]:
    for name, frames in wanted.items():
        count, parts = max(frames), []
        for model, config in zip(models, configs, strict=True):
            video = _unlabelled(root, config["features"], name, count)
            parts.append(_smoothed(video.frames, _frames(model, video, task), smooth, count))
        mean = ensemble(parts)
        for frame in frames:
            row = mean[frame - 1]
            values = {"va": row.tolist(), "expr": [float(row.argmax())], "au": [float(v > 0.5) for v in row]}[task]
            yield f"{name}/{frame:05d}.jpg", values


def _multitask_rows(
    models: Sequence[nn.Module], configs: Sequence[Mapping[str, Any]], root: Path, wanted: Mapping[str, list[int]]
) -> Iterator[tuple[str, list[float]]]:
    rates = rates_beside(root)
    for name, frames in wanted.items():
        times = (np.array(frames) - 1) / rate_of(rates, name)
        rows = []
        for config in configs:
            parts = [
                data.features_at(root, [each], name, times, reach_s=float("inf"))[0] for each in config["features"]
            ]
            images = tuple(f"{name}/{frame:05d}.jpg" for frame in frames)
            empty = np.zeros((len(frames), 0))
            truth = labels.MultiTaskRows(images, empty, np.zeros(len(frames), np.int64), empty)
            rows.append(data.MultiTaskSet(truth, tuple(parts)))
        out = _mean_multitask(models, rows)
        for k, image in enumerate(rows[0].rows.images):
            units = [float(value > 0.5) for value in out.aus[k]]
            expression = float(out.expression[k].argmax())
            yield image, [float(out.valence[k]), float(out.arousal[k]), expression, *units]
