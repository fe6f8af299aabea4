"""The classifier: magnified flow, a sparse non-causal state-space backbone, classes. And a plain network beside it.

Reconstruction of AMMSM (arXiv 2503.24057) at the size of 28 px flows. From VSSD (arXiv 2407.18559): the block's
projections, gate and MLP; from SparseViT: window ranking once a stage, bypass through the residual. Ours: the
depthwise convolution runs once a stage over the whole map instead of in every block, so that blocks see kept windows
only, and places are learned, since the face is registered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from perception.micro.flow import SIDE_PX
from perception.micro.magnify import AlphaMap, Magnifier
from perception.micro.scan import keep_windows, scan, tokens_of, windows_of
from perception.micro.types import LABELS

STATE, HEAD = 16, 16


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """`kind`: "ammsm" or "ststnet" (the plain network). `ratios`: share of windows left out at the two stages, each in
    [0, 0.9]. `alpha`: start of the learned factors, or their fixed value with `learn_alpha` off. `magnify` off feeds
    the flow as it is. `classes` is the number of outputs."""

    kind: str = "ammsm"
    width: int = 32
    depths: tuple[int, int] = (1, 2)
    ratios: tuple[float, float] = (0.25, 0.0)
    alpha: float = 4.0
    learn_alpha: bool = True
    magnify: bool = True
    dropout: float = 0.2
    classes: int = len(LABELS)

    def __post_init__(self) -> None:
        if self.kind not in ("ammsm", "ststnet"):
            raise ValueError(f"no network is called {self.kind!r}; choose ammsm or ststnet")
        if not all(0.0 <= ratio <= 0.9 for ratio in self.ratios):
            raise ValueError(f"the shares of windows left out lie in 0..0.9, got {self.ratios}")


class Block(nn.Module):  # type: ignore[misc]
    """One state-space block over tokens (N, T, C), pre-norm, with gate and MLP."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.heads = width // HEAD
        self.norm, self.norm_out, self.norm_mlp = (nn.LayerNorm(width) for _ in range(3))
        self.into = nn.Linear(width, 2 * width + 2 * STATE + self.heads)
        self.out = nn.Linear(width, width)
        self.a_log = nn.Parameter(torch.zeros(self.heads))
        self.direct = nn.Parameter(torch.ones(self.heads))
        self.dt_bias = nn.Parameter(torch.full((self.heads,), -4.0))  # about 1 / T: a mean at first
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(dropout),
                                 nn.Linear(2 * width, width))  # fmt: skip

    def forward(self, tokens: Tensor) -> Tensor:
        n, count, width = tokens.shape
        z, x, b, c, dt = self.into(self.norm(tokens)).split([width, width, STATE, STATE, self.heads], dim=-1)
        x, b, c = F.silu(x), F.silu(b), F.silu(c)
        dt, a = F.softplus(dt + self.dt_bias), -self.a_log.exp()
        y = scan(x.view(n, count, self.heads, HEAD), dt, a, b, c, self.direct)
        tokens = tokens + self.out(self.norm_out(y.reshape(n, count, width)) * F.silu(z))
        mixed: Tensor = tokens + self.mlp(self.norm_mlp(tokens))
        return mixed


class Stage(nn.Module):  # type: ignore[misc]
    """Blocks over the kept windows of a (N, C, side, side) map; the rest passes by. `ratio` may be changed."""

    def __init__(self, width: int, depth: int, side: int, window: int, ratio: float, dropout: float) -> None:
        super().__init__()
        self.side, self.window, self.ratio = side, window, ratio
        self.near = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.place = nn.Parameter(torch.zeros(1, side * side, width))
        nn.init.normal_(self.place, std=0.02)
        self.blocks = nn.ModuleList(Block(width, dropout) for _ in range(depth))

    def forward(self, maps: Tensor) -> Tensor:
        n, width = maps.shape[:2]
        tokens = (maps + self.near(maps)).flatten(2).transpose(1, 2) + self.place
        windows = windows_of(tokens, self.side, self.window)
        if self.ratio == 0.0:
            for block in self.blocks:
                tokens = block(tokens)
        else:
            kept = keep_windows(windows, self.ratio)[:, :, None, None].expand(-1, -1, *windows.shape[2:])
            chosen = windows.gather(1, kept)
            flat = chosen.reshape(n, -1, width)
            for block in self.blocks:
                flat = block(flat)
            tokens = tokens_of(windows.scatter(1, kept, flat.view(chosen.shape)), self.side, self.window)
        return tokens.transpose(1, 2).reshape(n, width, self.side, self.side)


class Ammsm(nn.Module):  # type: ignore[misc]
    """(N, 3, 28, 28) normalised u, v, strain -> logits (N, classes) and embedding (N, 2 * width)."""

    def __init__(self, options: NetworkOptions) -> None:
        super().__init__()
        self.options = options
        width, side = options.width, SIDE_PX // 2
        self.magnifier = Magnifier()
        self.alpha = AlphaMap(SIDE_PX, options.alpha)
        self.alpha.log_alpha.requires_grad_(options.learn_alpha)
        self.stem = nn.Sequential(nn.Conv2d(5, width, 5, 2, 2), nn.BatchNorm2d(width), nn.GELU())
        self.first = Stage(width, options.depths[0], side, 2, options.ratios[0], options.dropout)
        self.down = nn.Sequential(nn.Conv2d(width, 2 * width, 3, 2, 1), nn.BatchNorm2d(2 * width))
        self.second = Stage(2 * width, options.depths[1], side // 2, 1, options.ratios[1], options.dropout)
        self.norm = nn.LayerNorm(2 * width)
        self.weigh = nn.Linear(2 * width, 1)
        self.drop = nn.Dropout(options.dropout)
        self.head = nn.Linear(2 * width, options.classes)

    def magnified(self, inputs: Tensor) -> Tensor:
        """(N, 5, S, S): the magnified u and v, compressed by asinh, beside the inputs."""
        flow = inputs[:, :2]
        if self.options.magnify:
            flow = self.magnifier(flow, self.alpha())
        return torch.cat([torch.asinh(flow), inputs], dim=1)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.second(self.down(self.first(self.stem(self.magnified(inputs)))))
        tokens = self.norm(maps.flatten(2).transpose(1, 2))
        embedding = (self.weigh(tokens).softmax(dim=1) * tokens).sum(dim=1)
        return self.head(self.drop(embedding)), embedding


class Ststnet(nn.Module):  # type: ignore[misc]
    """A shallow network of the STSTNet kind (Liong et al. 2019): three streams of one convolution each."""

    def __init__(self, options: NetworkOptions) -> None:
        super().__init__()
        self.options = options
        self.streams = nn.ModuleList(
            nn.Sequential(nn.Conv2d(3, width, 3, padding=2), nn.ReLU(), nn.BatchNorm2d(width), nn.MaxPool2d(3, 3, 1),
                          nn.Dropout(0.5))
            for width in (3, 5, 8)
        )  # fmt: skip
        self.pool = nn.AvgPool2d(2)
        self.head = nn.Linear(16 * 5 * 5, options.classes)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        embedding = self.pool(torch.cat([stream(inputs) for stream in self.streams], dim=1)).flatten(1)
        return self.head(embedding), embedding


def options_from(fields: Mapping[str, Any]) -> NetworkOptions:
    """The options stored as JSON or in a checkpoint, where tuples have become lists."""
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    return NetworkOptions(**values)


def network_of(options: NetworkOptions) -> nn.Module:
    """A new network with random weights."""
    return Ammsm(options) if options.kind == "ammsm" else Ststnet(options)


def options_of(network: nn.Module) -> NetworkOptions:
    """What a network of this module was made with."""
    if not isinstance(network, Ammsm | Ststnet):
        raise ValueError(f"{type(network).__name__} is no network of perception.micro")
    return network.options
