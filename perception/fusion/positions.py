"""Fixed positions for transformers over time (torch)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def sinusoids(length: int, width: int, base: float = 10_000.0) -> Tensor:
    """(length, width) fixed positions: sin on the even columns, cos on the odd (Vaswani et al. 2017)."""
    position = torch.arange(length)[:, None]
    rate = torch.exp(-math.log(base) * torch.arange(0, width, 2) / width)
    table = torch.zeros(length, width)
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate)[:, : width // 2]
    return table
