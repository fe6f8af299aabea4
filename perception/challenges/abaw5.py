"""The frame-level model of arXiv 2303.09158 (ABAW5): affine module, transformer encoder, heads for VA, Expr or AU.

Structure and sizes follow the authors' released code: windows of 256 frames, 4 layers, 4 heads, feed-forward 2 x width,
dropout 0.2 in the encoder and 0.5 after the affine module, post-norm, sinusoidal positions of base 10000. The names of
the audio feature sets and the AU weights are not public; any widths can be given here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from perception.fusion.positions import sinusoids

Task = Literal["va", "expr", "au"]

#: task -> width of each affine projection, outputs, one head per output (True) or one for all (False).
AFFINE_WIDTH: dict[Task, int] = {"va": 512, "expr": 256, "au": 256}
OUTPUTS: dict[Task, int] = {"va": 2, "expr": 8, "au": 12}


class AffineModule(nn.Module):  # type: ignore[misc]
    """One linear projection for each feature set, to one common width; the projections are concatenated.

    (batch, time, sum(widths)) -> (batch, time, len(widths) * d_affine). No activation and no norm, as published.
    """

    def __init__(self, widths: Sequence[int], d_affine: int, dropout: float = 0.5) -> None:
        super().__init__()
        if not widths or min(widths) < 1:
            raise ValueError(f"widths are the sizes of the feature sets, at least one and all positive, got {widths}")
        self.widths = list(widths)
        self.project = nn.ModuleList(nn.Linear(width, d_affine) for width in widths)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor) -> Tensor:
        if features.shape[-1] != sum(self.widths):
            raise ValueError(f"features have {features.shape[-1]} channels, the sets add up to {sum(self.widths)}")
        parts = features.split(self.widths, dim=-1)
        joined = torch.cat([project(part) for project, part in zip(self.project, parts, strict=True)], dim=-1)
        return self.dropout(joined)


def head(width: int, outputs: int) -> nn.Sequential:
    """Linear to half the width, BatchNorm1d, linear: no activation between, as published."""
    return nn.Sequential(nn.Linear(width, width // 2), nn.BatchNorm1d(width // 2), nn.Linear(width // 2, outputs))


class Abaw5Model(nn.Module):  # type: ignore[misc]
    """The transformer-encoder model for one task.

    forward(features (B, T, sum(widths)), valid (B, T) bool or None) -> (B, T, outputs): valence and arousal in [-1, 1]
    (va), logits of the 8 expressions (expr; the authors end in a sigmoid, which is a loss option here), or
    probabilities of the 12 action units (au). Frames where `valid` is False influence no other frame. The published
    model has no mask; `valid=None` is the published model.
    """

    def __init__(
        self,
        task: Task,
        widths: Sequence[int],
        *,
        d_affine: int | None = None,
        layers: int = 4,
        heads: int = 4,
        dropout: float = 0.2,
        dropout_embed: float = 0.5,
        max_length: int = 1000,
    ) -> None:
        super().__init__()
        if task not in OUTPUTS:
            raise ValueError(f"no task is called {task!r}; choose from {', '.join(OUTPUTS)}")
        width = len(widths) * (d_affine or AFFINE_WIDTH[task])
        self.task = task
        self.affine = AffineModule(widths, d_affine or AFFINE_WIDTH[task], dropout_embed)
        self.register_buffer("positions", sinusoids(max_length, width), persistent=False)
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, dropout, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        shared = task == "expr"
        self.heads = nn.ModuleList([head(width, 8)] if shared else [head(width, 1) for _ in range(OUTPUTS[task])])

    def forward(self, features: Tensor, valid: Tensor | None = None) -> Tensor:
        batch, time = features.shape[:2]
        if time > len(self.positions):
            raise ValueError(f"a window of {time} frames is longer than the model's {len(self.positions)} positions")
        x = self.affine(features) + self.positions[:time]
        x = self.encoder(x, src_key_padding_mask=None if valid is None else ~valid)
        flat = x.reshape(batch * time, -1)
        if valid is None:
            out = torch.cat([one(flat) for one in self.heads], dim=-1)
        else:  # BatchNorm's statistics must not see the masked frames either
            seen = torch.cat([one(flat[valid.reshape(-1)]) for one in self.heads], dim=-1)
            out = seen.new_zeros(batch * time, seen.shape[-1]).index_put((valid.reshape(-1).nonzero()[:, 0],), seen)
        out = out.reshape(batch, time, -1)
        return {"va": torch.tanh, "expr": torch.clone, "au": torch.sigmoid}[self.task](out)
