"""One training loop for all tasks: early stopping on one honest score, every epoch resumable to the same result."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from perception.files import commit_of, whole


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train. The defaults are ABAW5's; `gamma` is the exponential decay of the rate per epoch, `patience` the
    epochs without an improvement of more than `threshold`. `separate` names outputs whose best epochs are also kept
    each for itself, as the papers do for valence and arousal: the score of such a pair is reached by no one model."""

    rate: float = 1e-4
    gamma: float = 0.9
    batch: int = 128
    epochs: int = 999
    patience: int = 15
    threshold: float = 1e-4
    seed: int = 0
    weight_decay: float | None = None  # a number: AdamW instead of Adam
    separate: tuple[str, ...] = ()


@dataclass(slots=True)
class Problem:
    """A model, its number of training rows, the loss of some of them, and the score on validation data (`score`, larger
    is better, and its parts). `rate_at` may replace the exponential decay."""

    model: nn.Module
    rows: int
    loss: Callable[[Tensor], Tensor]
    evaluate: Callable[[], Mapping[str, float]]
    rate_at: Callable[[int], float] | None = None


@dataclass(slots=True)
class Progress:
    """What a checkpoint knows besides weights. `best` and `best_epoch` hold one entry for the score and one for each
    separate output."""

    epoch: int = 0
    waited: int = 0
    best: dict[str, float] = field(default_factory=dict)
    best_epoch: dict[str, int] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)


def fit(problem: Problem, recipe: Recipe, folder: Path, config: Mapping[str, Any] | None = None) -> Progress:
    """Train until the score stops rising; continue from `folder`/last.pt where that exists.

    `folder` then holds best.pt (the weights of the best single epoch), best-<output>.pt for each separate output,
    last.pt, and config.json (recipe, `config`, commit). Raises ValueError when the loss is not finite.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_config(folder, recipe, config or {})
    kind = torch.optim.Adam if recipe.weight_decay is None else torch.optim.AdamW
    decay = {} if recipe.weight_decay is None else {"weight_decay": recipe.weight_decay}
    optimiser = kind(problem.model.parameters(), lr=recipe.rate, **decay)
    progress = _resume(folder / "last.pt", problem.model, optimiser)
    bar = tqdm(total=recipe.epochs, initial=progress.epoch, desc=folder.name)
    while progress.epoch < recipe.epochs and progress.waited < recipe.patience:
        rate = problem.rate_at(progress.epoch) if problem.rate_at else recipe.rate * recipe.gamma**progress.epoch
        for group in optimiser.param_groups:
            group["lr"] = rate
        loss = _epoch(problem, recipe, optimiser, progress.epoch)
        problem.model.eval()
        with torch.no_grad():
            scores = dict(problem.evaluate())
        _judge(problem.model, scores, progress, recipe, folder)
        progress.history.append({"loss": loss, **scores})
        progress.epoch += 1
        saved = {"model": problem.model.state_dict(), "optimiser": optimiser.state_dict(), "progress": asdict(progress)}
        _save(saved, folder / "last.pt")
        bar.update()
        bar.set_postfix(loss=f"{loss:.4f}", score=f"{scores['score']:.4f}")
    bar.close()
    return progress


def _epoch(problem: Problem, recipe: Recipe, optimiser: torch.optim.Optimizer, epoch: int) -> float:
    # Dropout and order are drawn by epoch number, so that a resumed run draws what an uninterrupted one would have.
    torch.manual_seed(recipe.seed * 100_003 + epoch)
    order = torch.randperm(problem.rows)
    problem.model.train()
    total = 0.0
    batches = [part for part in order.split(recipe.batch) if len(part) > 1 or problem.rows == 1]  # BatchNorm needs two
    for rows in batches:
        loss = problem.loss(rows)
        if not math.isfinite(loss.item()):
            raise ValueError(f"the loss is {loss.item()} in epoch {epoch}; are there features that are not finite?")
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total += loss.item()
    return total / len(batches)


def _judge(model: nn.Module, scores: Mapping[str, float], progress: Progress, recipe: Recipe, folder: Path) -> None:
    progress.waited += 1
    for name in ("score", *recipe.separate):
        if scores[name] > progress.best.get(name, -math.inf) + recipe.threshold:
            progress.best[name], progress.best_epoch[name], progress.waited = scores[name], progress.epoch, 0
            _save(model.state_dict(), folder / ("best.pt" if name == "score" else f"best-{name}.pt"))


def _resume(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer) -> Progress:
    if not path.exists():
        return Progress()
    saved = torch.load(path, weights_only=True)
    model.load_state_dict(saved["model"])
    optimiser.load_state_dict(saved["optimiser"])
    return Progress(**saved["progress"])


def _save(value: Any, path: Path) -> None:
    with whole(path) as part:
        torch.save(value, part)


def _write_config(folder: Path, recipe: Recipe, config: Mapping[str, Any]) -> None:
    text = json.dumps({**config, "recipe": asdict(recipe), "commit": commit_of()}, indent=1, default=str)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")
