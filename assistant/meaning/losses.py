"""What the reader's training minimises. Needs the extra `train`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from assistant.meaning.outputs import part

#: How much the parts count beside each other. Topics and feelings are rare: a mean over them would teach a no to all.
THOUGHT, SEVERE, KINDS, TOPICS, FEELINGS, FAULT_KINDS = 0.5, 0.5, 0.33, 40.0, 27.0, 0.3


def loss_of(logits: Tensor, wanted: Tensor, smoothing: float) -> Tensor:
    """The loss of a batch of lines of one kind: `logits` and `wanted` [batch, outputs], `wanted` NaN where a line
    teaches nothing. `smoothing` is the share that is taken from a certain yes or no."""
    total = logits.new_zeros(())
    for name, loss in (("danger", _danger), ("act", _one_of), ("fault", _fault), ("occasion", _one_of)):
        place = part(name)
        taught = ~wanted[:, place.start].isnan()
        if taught.any():
            total = total + loss(logits[taught, place], wanted[taught, place], smoothing)
    for name, weight in (("topics", TOPICS), ("feelings", FEELINGS)):
        place = part(name)
        taught = ~wanted[:, place.start].isnan()
        if taught.any():
            total = total + weight * _several(logits[taught, place], wanted[taught, place], smoothing).mean()
    return total


def _several(logits: Tensor, wanted: Tensor, smoothing: float) -> Tensor:
    """Binary cross-entropy by output, 0 where `wanted` is NaN."""
    soft = wanted.nan_to_num(0.0) * (1 - 2 * smoothing) + smoothing
    losses = nn.functional.binary_cross_entropy_with_logits(logits, soft, reduction="none")
    return torch.where(wanted.isnan(), torch.zeros_like(losses), losses)


def _one_of(logits: Tensor, wanted: Tensor, smoothing: float) -> Tensor:
    return nn.functional.cross_entropy(logits, wanted.argmax(1), label_smoothing=smoothing)


def _danger(logits: Tensor, wanted: Tensor, smoothing: float) -> Tensor:
    losses = _several(logits, wanted, smoothing)
    dangers = (wanted[:, 0] > 0).sum().clamp(min=1)
    grades = losses[:, 0].mean() + THOUGHT * losses[:, 1].mean() + SEVERE * losses[:, 2].mean()
    return grades + KINDS * losses[:, 3:].mean(1).sum() / dangers


def _fault(logits: Tensor, wanted: Tensor, smoothing: float) -> Tensor:
    losses = _several(logits, wanted, smoothing)
    bad = wanted[:, 0] > 0
    kinds = _one_of(logits[bad, 1:], wanted[bad, 1:], smoothing) if bad.any() else logits.new_zeros(())
    return losses[:, 0].mean() + FAULT_KINDS * kinds
