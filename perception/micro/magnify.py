"""Adaptive motion magnification: a U-Net that takes a flow and a map of factors to the magnified flow.

After AMMSM (arXiv 2503.24057), whose code is not public: input, output and loss L1(output, alpha * flow) are theirs as
far as known; the sizes, the residual form and the noise added in training are reconstruction.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

#: The map of factors is learned on this grid over the face.
GRID = 4
#: Factors are kept in 1..MAX_ALPHA.
MAX_ALPHA = 16.0


def _pair(into: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(into, out, 3, padding=1), nn.GroupNorm(4, out), nn.GELU(),
                         nn.Conv2d(out, out, 3, padding=1), nn.GELU())  # fmt: skip


class Magnifier(nn.Module):  # type: ignore[misc]
    """(N, 2, S, S) flow and (N or 1, 1, S, S) factors -> (N, 2, S, S) magnified flow. S is a multiple of 4.

    The output is alpha * (flow + correction): without a correction it is the plain product, and what the U-Net learns
    is what must not be magnified.
    """

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.first, self.second, self.third = _pair(3, width), _pair(width, 2 * width), _pair(2 * width, 2 * width)
        self.up_second, self.up_first = _pair(4 * width, width), _pair(2 * width, width)
        self.out = nn.Conv2d(width, 2, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, flow: Tensor, alpha: Tensor) -> Tensor:
        alpha = alpha.expand(flow.shape[0], -1, -1, -1)
        first = self.first(torch.cat([flow, alpha.log2() / 4], dim=1))
        second = self.second(F.avg_pool2d(first, 2))
        third = self.third(F.avg_pool2d(second, 2))
        second = self.up_second(torch.cat([second, F.interpolate(third, scale_factor=2.0)], dim=1))
        first = self.up_first(torch.cat([first, F.interpolate(second, scale_factor=2.0)], dim=1))
        magnified: Tensor = alpha * (flow + self.out(first))
        return magnified


class AlphaMap(nn.Module):  # type: ignore[misc]
    """The learnable factors: a GRID x GRID map in 1..MAX_ALPHA, spread to (1, 1, side, side)."""

    def __init__(self, side: int, start: float = 4.0) -> None:
        super().__init__()
        if not 1.0 <= start <= MAX_ALPHA:
            raise ValueError(f"a magnification factor lies in 1..{MAX_ALPHA:g}, got {start}")
        self.side = side
        self.log_alpha = nn.Parameter(torch.full((1, 1, GRID, GRID), float(torch.tensor(start).log2())))

    def forward(self) -> Tensor:
        log_alpha = self.log_alpha.clamp(0.0, float(torch.tensor(MAX_ALPHA).log2()))
        return 2.0 ** F.interpolate(log_alpha, size=(self.side, self.side), mode="bilinear", align_corners=False)


def random_alpha(count: int, side: int, generator: torch.Generator) -> Tensor:
    """(count, 1, side, side) smooth maps of factors, 2^U(0, 4) on a coarse grid."""
    log_alpha = torch.rand(count, 1, 3, 3, generator=generator) * 4
    return 2.0 ** F.interpolate(log_alpha, size=(side, side), mode="bilinear", align_corners=False)


def magnification_loss(magnifier: Magnifier, flow: Tensor, generator: torch.Generator, noise: float = 0.3) -> Tensor:
    """Self-supervised: from the flow (N, 2, S, S) with white noise added, alpha times the flow without it; mean of
    |output - target| / alpha, so that large factors do not rule."""
    alpha = random_alpha(len(flow), flow.shape[-1], generator)
    level = noise * torch.rand(len(flow), 1, 1, 1, generator=generator)
    noisy = flow + level * torch.randn(flow.shape, generator=generator)
    return ((magnifier(noisy, alpha) - alpha * flow).abs() / alpha).mean()
