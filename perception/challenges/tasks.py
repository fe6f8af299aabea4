"""The papers' tasks as `Problem`s for the training loop, and prediction with what they have trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from perception.challenges import losses, metrics
from perception.challenges.abaw5 import Abaw5Model
from perception.challenges.abaw7 import Abaw7Model, MultiTask, multitask_loss, perturb
from perception.challenges.data import MultiTaskSet, ReactionSet, Video, windows
from perception.challenges.postprocess import Array
from perception.challenges.temma import Temma, eri_learning_rate
from perception.challenges.training import Problem, Recipe

#: Each paper's recipe for its task.
RECIPES: dict[str, Recipe] = {
    "va": Recipe(), "expr": Recipe(), "au": Recipe(),
    "eri": Recipe(batch=256, epochs=100, seed=101),
    "mtl": Recipe(batch=512, epochs=50, patience=50, seed=32, weight_decay=0.01),
}  # fmt: skip


def frame_problem(
    task: str,
    train: Sequence[Video],
    val: Sequence[Video],
    model: Abaw5Model,
    *,
    length: int = 256,
    sigmoid_first: bool = False,
) -> Problem:
    """VA, Expr or AU on windows of `length` frames. The repeated frames that fill a window are masked in the loss and
    in the attention; with `sigmoid_first` the expression loss is the authors' quirk."""
    data = windows(train, length, length)
    features, real = torch.from_numpy(data.features), torch.from_numpy(data.real)
    labels = torch.from_numpy(data.labels).float()
    weight = losses.au_weights(labels.flatten(0, 1)) if task == "au" else None

    def loss(rows: Tensor) -> Tensor:
        out, truth, seen = model(features[rows], real[rows]), labels[rows], real[rows]
        if task == "va":
            return losses.masked_mse(out, truth, seen[..., None].expand_as(out))
        if task == "expr":
            return losses.expression_loss(out[seen], truth[seen][:, 0].long(), sigmoid_first=sigmoid_first)
        assert weight is not None  # noqa: S101  (narrowing for the type checker)
        return losses.au_loss(out[seen], truth[seen], weight)

    def evaluate() -> Mapping[str, float]:
        predicted = np.concatenate([predict_video(model, video, length) for video in val])
        return score_frames(task, np.concatenate([video.labels for video in val]), predicted)

    return Problem(model, len(features), loss, evaluate)


def score_frames(task: str, labels: Array, predicted: Array) -> Mapping[str, float]:
    """The challenge's score of a frame task, `predicted` as the model gives it."""
    if task == "va":
        return metrics.va_score(labels, predicted)
    if task == "expr":
        return metrics.expr_score(labels[:, 0], predicted.argmax(axis=1))
    return metrics.au_score(labels, predicted)


@torch.no_grad()  # type: ignore[untyped-decorator]
def predict_video(model: Abaw5Model, video: Video, length: int = 256) -> Array:
    """(frames, outputs) for the kept frames of a video, windows side by side."""
    model.eval()
    data = windows([video], length, length)
    out = torch.cat([model(torch.from_numpy(f)[None], torch.from_numpy(r)[None])[0][r] for f, r in
                     zip(data.features, data.real, strict=True)])  # fmt: skip
    return np.asarray(out.double().numpy())


def reaction_problem(train: ReactionSet, val: ReactionSet, model: Temma, *, masked: bool = False) -> Problem:
    """ERI: mean squared error of seven reactions in [0, 1]. `masked` keeps the zero padding out (published: none)."""
    features = [torch.from_numpy(f) for f in train.features]
    real = torch.from_numpy(train.real) if masked else None
    labels = torch.from_numpy(train.rows.reactions).float()

    def loss(rows: Tensor) -> Tensor:
        out = model([f[rows] for f in features], None if real is None else real[rows])
        return torch.nn.functional.mse_loss(out, labels[rows])

    def evaluate() -> Mapping[str, float]:
        return metrics.eri_score(val.rows.reactions, predict_reactions(model, val, masked=masked))

    return Problem(model, len(labels), loss, evaluate, rate_at=eri_learning_rate)


@torch.no_grad()  # type: ignore[untyped-decorator]
def predict_reactions(model: Temma, data: ReactionSet, *, masked: bool = False, batch: int = 64) -> Array:
    """(clips, 7) in [0, 1]."""
    model.eval()
    parts = []
    for k in range(0, len(data.real), batch):
        real = torch.from_numpy(data.real[k : k + batch]) if masked else None
        parts.append(model([torch.from_numpy(f[k : k + batch]) for f in data.features], real))
    return np.asarray(torch.cat(parts).double().numpy())


def multitask_problem(train: MultiTaskSet, val: MultiTaskSet, model: Abaw7Model) -> Problem:
    """ABAW7's multi-task learning on single images."""
    features = [torch.from_numpy(f) for f in train.features]
    va, aus = torch.from_numpy(train.rows.va).float(), torch.from_numpy(train.rows.aus).float()
    expression, weight = torch.from_numpy(train.rows.expression), losses.au_weights(aus)

    def loss(rows: Tensor) -> Tensor:
        out = model([perturb(f[rows]) for f in features])
        return multitask_loss(out, va[rows], expression[rows], aus[rows], weight)

    return Problem(model, len(va), loss, lambda: score_multitask(val, predict_multitask(model, val)))


@torch.no_grad()  # type: ignore[untyped-decorator]
def predict_multitask(model: Abaw7Model, data: MultiTaskSet, batch: int = 512) -> MultiTask:
    """All rows of a set."""
    model.eval()
    count = len(data.rows.images)
    outs = [model([torch.from_numpy(f[k : k + batch]) for f in data.features]) for k in range(0, count, batch)]
    join: Callable[[str], Tensor] = lambda name: torch.cat([getattr(out, name) for out in outs])  # noqa: E731
    return MultiTask(join("valence"), join("arousal"), join("expression"), join("aus"))


def score_multitask(data: MultiTaskSet, out: MultiTask) -> Mapping[str, float]:
    """P of the multi-task challenge as `score`, and its three parts; rows without a label are left out."""
    place = torch.stack([out.valence, out.arousal], 1).double().numpy()
    has_va, has_au = (data.rows.va != losses.NO_VA).all(axis=1), (data.rows.aus != losses.NO_AU).all(axis=1)
    has_expression = data.rows.expression != losses.NO_EXPR
    va = metrics.va_score(data.rows.va[has_va], place[has_va])
    expr = metrics.expr_score(data.rows.expression[has_expression], out.expression.argmax(1).numpy()[has_expression])
    au = metrics.au_score(data.rows.aus[has_au], out.aus.double().numpy()[has_au])
    return {"va": va["score"], "expr": expr["score"], "au": au["score"], "score": metrics.mtl_score(va, expr, au)}
