"""Batched non-causal state-space duality and the choice of windows: two matrix products instead of a scan."""

from __future__ import annotations

from torch import Tensor


def scan(x: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """y (N, T, H, P) of `x` (N, T, H, P), `dt` (N, T, H), `a` (H,), `b` and `c` (N, T, S), `d` (H,); see
    `scan_reference`. The state is (N, S, H * P), so cost and memory are linear in T."""
    n, tokens, heads, width = x.shape
    values = (x * (dt * a.abs())[..., None]).reshape(n, tokens, heads * width)
    y = c @ (b.transpose(1, 2) @ values)
    return y.view(n, tokens, heads, width) + d[:, None] * x


def windows_of(tokens: Tensor, side: int, window: int) -> Tensor:
    """(N, side * side, C) row by row -> (N, windows, window * window, C)."""
    n, _, width = tokens.shape
    across = side // window
    cut = tokens.view(n, across, window, across, window, width).transpose(2, 3)
    return cut.reshape(n, across * across, window * window, width)


def tokens_of(windows: Tensor, side: int, window: int) -> Tensor:
    """The inverse of `windows_of`."""
    n, _, _, width = windows.shape
    across = side // window
    return windows.view(n, across, across, window, window, width).transpose(2, 3).reshape(n, side * side, width)


def keep_windows(windows: Tensor, ratio: float) -> Tensor:
    """(N, kept) numbers of the windows with the largest mean |value|; the share `ratio` of them is left out, at least
    one stays (SparseViT, arXiv 2303.17605)."""
    count = max(1, round(windows.shape[1] * (1 - ratio)))
    return windows.abs().mean(dim=(2, 3)).topk(count, dim=1).indices
