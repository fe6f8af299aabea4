"""The multi-task model of arXiv 2407.12258 (ABAW7): a transformer over feature tokens with a class token.

Sizes (width 384, 4 layers, 4 heads, MLP ratio 4, dropout 0.5, class token, linear heads), the four jointly trained
copies and the loss weights follow the authors' released trainer. RECONSTRUCTION, because the authors' class and
augmentation are unpublished: how tokens are made (one linear projection per feature set), the pre-norm layers, and
`perturb` (noise of scale 0.1 on a random half of the dimensions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from perception.challenges.losses import NO_EXPR, NO_VA, au_loss, ccc_loss, expression_loss, masked_mse


@dataclass(frozen=True, slots=True)
class MultiTask:
    """What the model says about n frames: valence and arousal (n,) in [-1, 1], expression logits (n, 8), action unit
    probabilities (n, 12)."""

    valence: Tensor
    arousal: Tensor
    expression: Tensor
    aus: Tensor


class TokenModel(nn.Module):  # type: ignore[misc]
    """One copy: each feature set becomes a token, a class token goes before them, linear heads read the class token."""

    def __init__(
        self,
        widths: Sequence[int],
        *,
        d_model: int = 384,
        mlp_ratio: int = 4,
        heads: int = 4,
        layers: int = 4,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.widths = list(widths)
        self.project = nn.ModuleList(nn.Linear(width, d_model) for width in widths)
        self.token = nn.Parameter(torch.zeros(1, 1, d_model))
        nn.init.trunc_normal_(self.token, std=0.02)
        layer = nn.TransformerEncoderLayer(
            d_model, heads, mlp_ratio * d_model, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(d_model), enable_nested_tensor=False)
        self.heads = nn.Linear(d_model, 1 + 1 + 8 + 12)

    def forward(self, features: Sequence[Tensor], missing: Tensor | None = None) -> MultiTask:
        """`features` holds one (n, width) tensor for each set; `missing` (n, sets) bool hides sets from attention."""
        tokens = [project(x)[:, None] for project, x in zip(self.project, features, strict=True)]
        x = torch.cat([self.token.expand(len(tokens[0]), -1, -1), *tokens], dim=1)
        hidden = None if missing is None else torch.cat([missing.new_zeros(len(x), 1), missing], dim=1)
        out = self.heads(self.encoder(x, src_key_padding_mask=hidden)[:, 0])
        return MultiTask(torch.tanh(out[:, 0]), torch.tanh(out[:, 1]), out[:, 2:10], torch.sigmoid(out[:, 10:]))


class Abaw7Model(nn.Module):  # type: ignore[misc]
    """Four copies trained jointly, each used for one output (valence, arousal, expression, AUs), as published; or, with
    `shared=True`, one copy for all four: a quarter of the cost. Report which one a number comes from."""

    def __init__(self, widths: Sequence[int], *, shared: bool = False, **options: Any) -> None:
        super().__init__()
        self.shared = shared
        self.copies = nn.ModuleList(TokenModel(widths, **options) for _ in range(1 if shared else 4))

    def forward(self, features: Sequence[Tensor], missing: Tensor | None = None) -> MultiTask:
        outs = [copy(features, missing) for copy in self.copies]
        v, a, e, u = outs * 4 if self.shared else outs
        return MultiTask(v.valence, a.arousal, e.expression, u.aus)


def perturb(features: Tensor, share: float = 0.5, scale: float = 0.1) -> Tensor:
    """Gaussian noise of `scale` on a random `share` of the dimensions, drawn anew for each row. Training only."""
    chosen = torch.rand_like(features) < share
    return features + chosen * torch.randn_like(features) * scale


def multitask_loss(out: MultiTask, va: Tensor, expression: Tensor, aus: Tensor, au_weight: Tensor) -> Tensor:
    """(L_V + L_A) / 2 + L_Expr + 2 L_AU, with L_V = 0.6 MSE + 0.4 (1 - CCC) and L_A = 0.5 MSE + 0.5 (1 - CCC).

    `va` is (n, 2) with -5, `expression` (n,) with -1, `aus` (n, 12) with -1 where there is no label.
    """
    seen = va != NO_VA
    parts = []
    for column, (predicted, mse) in enumerate(((out.valence, 0.6), (out.arousal, 0.5))):
        truth, valid = va[:, column], seen[:, column]
        parts.append(mse * masked_mse(predicted, truth, valid) + (1 - mse) * ccc_loss(predicted, truth, valid))
    labels = torch.where(expression < 0, torch.full_like(expression, NO_EXPR), expression)
    return (parts[0] + parts[1]) / 2 + expression_loss(out.expression, labels) + 2 * au_loss(out.aus, aus, au_weight)
