"""TEMMA: the clip-level model of arXiv 2303.09158 for emotional reaction intensity (Chen et al., IEEE TMM 2020).

Per modality a temporal convolutional network (Bai et al. 2018) embeds the features; each block attends over modalities
at every time step, then over time within each modality, then applies a feed-forward network per modality. Sizes follow
the original's defaults: 4 blocks, width 128, feed-forward 256, 4 heads, 5 TCN levels of kernel 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from perception.fusion.positions import sinusoids


class SampleNorm(nn.Module):  # type: ignore[misc]
    """LayerNorm as TEMMA has it: divided by the sample standard deviation + eps, not by the root of variance + eps."""

    def __init__(self, width: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.gain, self.bias, self.eps = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width)), eps

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        # The square root of exactly zero has no finite gradient (zero-padded frames), hence the clamp under it.
        spread = (centred.square().sum(-1, keepdim=True) / (x.shape[-1] - 1)).clamp(min=1e-12).sqrt()
        return self.gain * centred / (spread + self.eps) + self.bias


class TemporalBlock(nn.Module):  # type: ignore[misc]
    """Two causal dilated convolutions with weight norm, ReLU and dropout, and a residual (1x1 where widths differ)."""

    def __init__(self, inputs: int, width: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.past = (kernel - 1) * dilation
        self.first = weight_norm(nn.Conv1d(inputs, width, kernel, padding=self.past, dilation=dilation))
        self.second = weight_norm(nn.Conv1d(width, width, kernel, padding=self.past, dilation=dilation))
        self.dropout = nn.Dropout(dropout)
        self.residual = nn.Conv1d(inputs, width, 1) if inputs != width else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        time = x.shape[-1]  # what the padding added on the right would be the future: it is cut off
        y = self.dropout(torch.relu(self.first(x)[..., :time]))
        y = self.dropout(torch.relu(self.second(y)[..., :time]))
        return torch.relu(y + self.residual(x))


def tcn(inputs: int, width: int, levels: int = 5, kernel: int = 3, dropout: float = 0.2) -> nn.Sequential:
    """(B, inputs, T) -> (B, width, T), level i dilated by 2^i."""
    return nn.Sequential(
        *(TemporalBlock(inputs if i == 0 else width, width, kernel, 2**i, dropout) for i in range(levels))
    )


def attention(q: Tensor, k: Tensor, v: Tensor, heads: int, dropout: nn.Dropout, allowed: Tensor | None) -> Tensor:
    """Scaled dot-product attention over the second last axis; (..., n, d) each; `allowed` (..., n, n) bool or None.
    A row that may look at nothing gives zeros."""

    def split(x: Tensor) -> Tensor:
        return x.unflatten(-1, (heads, -1)).transpose(-2, -3)

    score = split(q) @ split(k).transpose(-1, -2) / math.sqrt(q.shape[-1] / heads)
    if allowed is not None:
        score = score.masked_fill(~allowed.unsqueeze(-3), -1e9)
    weight = dropout(score.softmax(-1))
    if allowed is not None:
        weight = weight * allowed.unsqueeze(-3)
    return (weight @ split(v)).transpose(-2, -3).flatten(-2)


class ModalityAttention(nn.Module):  # type: ignore[misc]
    """At each time step, every modality attends over all modalities, with its own projections. (B, T, M, d) -> same."""

    def __init__(self, modalities: int, width: int, heads: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.heads, self.dropout = heads, nn.Dropout(dropout)
        self.qkv = nn.ModuleList(nn.Linear(width, 3 * width) for _ in range(modalities))
        self.out = nn.ModuleList(nn.Linear(width, width) for _ in range(modalities))
        self.norm = nn.ModuleList(SampleNorm(width) for _ in range(modalities))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = torch.stack([one(x[:, :, m]) for m, one in enumerate(self.qkv)], dim=2).chunk(3, dim=-1)
        y = attention(q, k, v, self.heads, self.dropout, None)
        each = [norm(out(y[:, :, m])) for m, (out, norm) in enumerate(zip(self.out, self.norm, strict=True))]
        return torch.stack(each, dim=2)


class TemporalAttention(nn.Module):  # type: ignore[misc]
    """Self-attention over time for one modality. (B, T, d) -> same; `allowed` (B, T, T) bool or None."""

    def __init__(self, width: int, heads: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.heads, self.dropout = heads, nn.Dropout(dropout)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor, allowed: Tensor | None) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        return self.out(attention(q, k, v, self.heads, self.dropout, allowed))


class TemmaBlock(nn.Module):  # type: ignore[misc]
    """Pre-norm residual: attention over modalities, over time, feed-forward."""

    def __init__(self, modalities: int, width: int, heads: int, feed_forward: int, dropout: float) -> None:
        super().__init__()
        each = range(modalities)
        self.across_norm = SampleNorm(modalities * width)
        self.across = ModalityAttention(modalities, width, heads)
        self.time_norm = nn.ModuleList(SampleNorm(width) for _ in each)
        self.time = nn.ModuleList(TemporalAttention(width, heads, dropout) for _ in each)
        self.feed_norm = nn.ModuleList(SampleNorm(width) for _ in each)
        self.feed = nn.ModuleList(
            nn.Sequential(
                nn.Linear(width, feed_forward), nn.ReLU(), nn.Dropout(dropout), nn.Linear(feed_forward, width)
            )
            for _ in each
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, allowed: Tensor | None) -> Tensor:
        x = x + self.dropout(self.across(self.across_norm(x.flatten(2)).view_as(x)))
        over_time = [
            time(norm(x[:, :, m]), allowed)
            for m, (time, norm) in enumerate(zip(self.time, self.time_norm, strict=True))
        ]
        x = x + self.dropout(torch.stack(over_time, dim=2))
        fed = [feed(norm(x[:, :, m])) for m, (feed, norm) in enumerate(zip(self.feed, self.feed_norm, strict=True))]
        return x + self.dropout(torch.stack(fed, dim=2))


class Temma(nn.Module):  # type: ignore[misc]
    """(features per modality (B, T, width_m), valid (B, T) or None) -> (B, outputs) in [0, 1].

    `length` is the longest sequence of the data: the head flattens all of it, shorter clips are padded with zeros.
    `valid` (optional; the published ERI model has none) keeps padded frames out of everything; `band` restricts the
    attention over time to (past, future) frames, (50, 10) in the original TEMMA.
    """

    def __init__(
        self,
        widths: Sequence[int],
        length: int,
        *,
        outputs: int = 7,
        width: int = 128,
        blocks: int = 4,
        heads: int = 4,
        feed_forward: int = 256,
        levels: int = 5,
        dropout: float = 0.2,
        band: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        m = len(widths)
        self.length, self.band, self.width = length, band, width
        self.embed = nn.ModuleList(tcn(w, width, levels, dropout=dropout) for w in widths)
        self.register_buffer("positions", sinusoids(length, width, base=1000.0), persistent=False)
        self.dropout, self.dropout_embed = nn.Dropout(dropout), nn.Dropout(dropout)
        self.blocks = nn.ModuleList(TemmaBlock(m, width, heads, feed_forward, dropout) for _ in range(blocks))
        self.norm = nn.ModuleList(SampleNorm(width) for _ in widths)
        self.head = nn.Sequential(
            nn.Linear(length * width * m, width * m // 2), nn.ReLU(), nn.Linear(width * m // 2, outputs)
        )

    def forward(self, features: Sequence[Tensor], valid: Tensor | None = None) -> Tensor:
        batch, time = features[0].shape[:2]
        if time > self.length:
            raise ValueError(
                f"a clip of {time} frames is longer than the model's {self.length}; build it for the longest"
            )
        shown = None if valid is None else valid[..., None].to(features[0].dtype)
        embedded = []
        for embed, x in zip(self.embed, features, strict=True):
            # The convolutions run across the frames, so that masked ones must be zero before them, not after.
            x = x if valid is None else torch.where(valid[..., None], x, torch.zeros_like(x))
            y = embed(x.transpose(1, 2)).transpose(1, 2) * math.sqrt(self.width)
            embedded.append(self.dropout(y + self.positions[:time]))
        h = self.dropout_embed(torch.stack(embedded, dim=2))
        allowed = self._allowed(time, valid, h.device)
        for block in self.blocks:
            h = block(h, allowed)
        h = torch.stack([norm(h[:, :, m]) for m, norm in enumerate(self.norm)], dim=2).flatten(2)
        h = h if shown is None else h * shown
        padded = nn.functional.pad(h, (0, 0, 0, self.length - time))
        return self.head(padded.reshape(batch, -1)).sigmoid()

    def _allowed(self, time: int, valid: Tensor | None, device: torch.device) -> Tensor | None:
        allowed = None if valid is None else valid[:, None, :].expand(-1, time, -1)
        if self.band is not None:
            step = torch.arange(time, device=device)
            ahead = step[None, :] - step[:, None]
            near = ((ahead >= -self.band[0]) & (ahead <= self.band[1]))[None]
            allowed = near if allowed is None else allowed & near
        return allowed


def eri_learning_rate(epoch: int, base: float = 1e-4, floor: float = 1e-5) -> float:
    """Constant until epoch 40, then halved every 5 epochs, never below `floor` (the released schedule jumps to 10 x
    the base there: a slip that is not reproduced)."""
    return base if epoch < 40 else max(floor, base * 0.5 ** (1 + (epoch - 40) // 5))
