"""The losses of both papers. Every one knows which labels are valid and is 0, with a gradient, where none is."""

from __future__ import annotations

import torch
from torch import Tensor

#: Aff-Wild2's marks for "no label here".
NO_VA, NO_EXPR, NO_AU = -5.0, -1, -1.0


def masked_mse(predicted: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Mean squared error over the entries where `valid` is true. All three have one shape."""
    valid = valid.to(predicted.dtype)
    error = (predicted - torch.where(valid > 0, truth, predicted.detach())).square() * valid
    return error.sum() / valid.sum().clamp(min=1)


def ccc_loss(predicted: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """1 - CCC (Lin 1989) over all valid entries of a vector, population moments. In [0, 2].

    The denominator carries 1e-8, so that a batch of one value, whose CCC is undefined, gives 1 and no NaN.
    """
    p, t = predicted[valid], truth[valid]
    if p.numel() == 0:
        return predicted.sum() * 0.0
    mean_p, mean_t = p.mean(), t.mean()
    covariance = ((p - mean_p) * (t - mean_t)).mean()
    spread = (p - mean_p).square().mean() + (t - mean_t).square().mean() + (mean_p - mean_t).square()
    return 1 - 2 * covariance / (spread + 1e-8)


def expression_loss(logits: Tensor, label: Tensor, *, sigmoid_first: bool = False) -> Tensor:
    """Cross-entropy of (n, classes) logits against (n,) labels, the mean over labels that are not -1.

    `sigmoid_first=True` is the authors' quirk: cross-entropy applied to sigmoid outputs, which bounds the "logits" to
    [0, 1] and can therefore never become confident. It is here to reproduce them; the default is the sane one.
    """
    if not bool((label != NO_EXPR).any()):
        return logits.sum() * 0.0
    return torch.nn.functional.cross_entropy(logits.sigmoid() if sigmoid_first else logits, label, ignore_index=NO_EXPR)


def au_loss(probability: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Weighted asymmetric loss over (n, units) probabilities, entries with truth -1 left out (ME-GraphAU style):

        -w_k [ y log p + (1 - y) sg(p) log(1 - p) ],  sg(p) = p without gradient, p clamped at 1e-8

    so that easy negatives, most of all frames, hardly count. `weight` is (units,).
    """
    p = probability.clamp(1e-8, 1 - 1e-7)  # float32 has no 1 - 1e-8: the upper clamp is the next it can hold
    valid = (truth != NO_AU).to(p.dtype)
    y = truth.clamp(min=0)
    each = -(y * p.log() + (1 - y) * p.detach() * (1 - p).log()) * weight * valid
    return each.sum() / valid.sum().clamp(min=1)


def au_weights(truth: Tensor) -> Tensor:
    """(units,) weights proportional to the inverse rate of positives, mean 1; reconstruction: the authors' file is not
    public. `truth` is (n, units) of 0, 1 and -1; a unit without positives counts as having one."""
    valid = truth != NO_AU
    rate = (truth == 1).sum(0).clamp(min=1) / valid.sum(0).clamp(min=1)
    return (1 / rate) / (1 / rate).mean()
