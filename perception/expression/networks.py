"""The networks. Each works on grey 48 px faces natively and gives (logits, embedding).

* `ResidualNet`: a plain residual network (He et al., arXiv 1512.03385) thin in front and wide behind.
* `LocalAttentionNet`: MA-Net's idea (Zhao et al., IEEE TIP 2021) written from its description: one shared front; a
  local branch of four patches, each with its own convolutional-attention blocks (CBAM, arXiv 1807.06521); a global
  branch of multi-scale blocks; the branches' logits are mixed 0.6 to 0.4.
* `FaceViT`: timm's transformer blocks (arXiv 2010.11929) on a convolutional stem (arXiv 2106.14881).
"""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from perception.expression.mobilenet import FaceResNet


def conv_bn(i: int, o: int, stride: int = 1, kernel: int = 3, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(i, o, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(o))


class BasicBlock(nn.Module):  # type: ignore[misc]
    """Two 3x3 convolutions around a shortcut."""

    def __init__(self, i: int, o: int, stride: int) -> None:
        super().__init__()
        self.first, self.second = conv_bn(i, o, stride), conv_bn(o, o)
        self.shortcut: nn.Module = nn.Identity() if stride == 1 and i == o else conv_bn(i, o, stride, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.shortcut(x) + self.second(F.relu(self.first(x))))


def stage(i: int, o: int, blocks: int, stride: int = 2) -> nn.Sequential:
    return nn.Sequential(*(BasicBlock(i if k == 0 else o, o, stride if k == 0 else 1) for k in range(blocks)))


def front_of(stem: int, widths: tuple[int, ...], blocks: tuple[int, ...]) -> nn.Sequential:
    """The first eighth: (N, 1, H, W) -> (N, widths[1], H/4, W/4). The same in all networks, so that one network's can
    start another's training."""
    return nn.Sequential(
        conv_bn(1, stem), nn.ReLU(), stage(stem, widths[0], blocks[0]), stage(widths[0], widths[1], blocks[1])
    )


class ResidualNet(nn.Module):  # type: ignore[misc]
    """(N, 1, H, W) -> logits (N, classes), embedding (N, widths[-1])."""

    def __init__(
        self,
        widths: tuple[int, int, int, int] = (32, 64, 160, 320),
        blocks: tuple[int, int, int, int] = (1, 2, 2, 1),
        stem: int = 16,
        classes: int = 7,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.front = front_of(stem, widths, blocks)
        self.body = nn.Sequential(stage(widths[1], widths[2], blocks[2]), stage(widths[2], widths[3], blocks[3]))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(widths[3], classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        embedding = self.body(self.front(x)).mean((2, 3))
        return self.head(self.dropout(embedding)), embedding


class Cbam(nn.Module):  # type: ignore[misc]
    """Channel attention, then spatial attention (arXiv 1807.06521); `reduction` as in MA-Net."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(channels // reduction, 4)
        self.channel = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))
        self.spatial = conv_bn(2, 1, kernel=7)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.channel(x.mean((2, 3))) + self.channel(x.amax((2, 3)))
        x = x * gate.sigmoid()[:, :, None, None]
        pooled = torch.cat((x.mean(1, keepdim=True), x.amax(1, keepdim=True)), 1)
        return x * self.spatial(pooled).sigmoid()


class AttentionBlock(BasicBlock):
    """A basic block whose residual passes through CBAM."""

    def __init__(self, i: int, o: int, stride: int) -> None:
        super().__init__(i, o, stride)
        self.cbam = Cbam(o)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.shortcut(x) + self.cbam(self.second(F.relu(self.first(x)))))


class MultiScaleBlock(nn.Module):  # type: ignore[misc]
    """Four channel splits with hierarchical convolutions in both directions, summed (MA-Net's global branch)."""

    def __init__(self, i: int, o: int, stride: int, splits: int = 4) -> None:
        super().__init__()
        self.splits, width = splits, o // splits
        self.first = conv_bn(i, o, stride)
        self.down = nn.ModuleList(conv_bn(width, width) for _ in range(splits))
        self.up = nn.ModuleList(conv_bn(width, width) for _ in range(splits))
        self.shortcut: nn.Module = nn.Identity() if stride == 1 and i == o else conv_bn(i, o, stride, 1)

    @staticmethod
    def _chain(parts: list[Tensor], convolutions: nn.ModuleList) -> list[Tensor]:
        out: list[Tensor] = []
        for part, convolution in zip(parts, convolutions, strict=True):
            out.append(F.relu(convolution(part if not out else part + out[-1])))
        return out

    def forward(self, x: Tensor) -> Tensor:
        parts = list(F.relu(self.first(x)).chunk(self.splits, 1))
        there = torch.cat(self._chain(parts, self.down), 1)
        back = torch.cat(self._chain(parts[::-1], self.up)[::-1], 1)
        return F.relu(self.shortcut(x) + there + back)


class LocalAttentionNet(nn.Module):  # type: ignore[misc]
    """(N, 1, H, W), H and W multiples of 8 -> logits, embedding (local and global, concatenated).

    With `branches` it gives (local logits, global logits), whose losses are mixed with the same 0.6 : 0.4 in training.
    """

    LOCAL_SHARE = 0.6  # beta of MA-Net, found there on RAF-DB

    def __init__(
        self,
        widths: tuple[int, int, int, int] = (32, 64, 128, 192),
        stem: int = 16,
        classes: int = 7,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        a, b, c, d = widths
        self.front = front_of(stem, (a, b), (1, 2))
        self.local = nn.ModuleList(
            nn.Sequential(AttentionBlock(b, c // 2, 2), AttentionBlock(c // 2, d // 2, 1)) for _ in range(4)
        )
        self.whole = nn.Sequential(
            MultiScaleBlock(b, c, 2), MultiScaleBlock(c, c, 1), MultiScaleBlock(c, d, 2), MultiScaleBlock(d, d, 1)
        )
        self.dropout = nn.Dropout(dropout)
        self.local_head = nn.Linear(4 * (d // 2), classes)
        self.global_head = nn.Linear(d, classes)

    def forward(self, x: Tensor, branches: bool = False) -> tuple[Tensor, Tensor]:
        front = self.front(x)
        h, w = front.shape[2] // 2, front.shape[3] // 2
        patches = (front[:, :, :h, :w], front[:, :, :h, w:], front[:, :, h:, :w], front[:, :, h:, w:])
        local = torch.cat([net(patch).mean((2, 3)) for net, patch in zip(self.local, patches, strict=True)], 1)
        whole = self.whole(front).mean((2, 3))
        local_logits, global_logits = self.local_head(self.dropout(local)), self.global_head(self.dropout(whole))
        if branches:
            return local_logits, global_logits
        mixed = self.LOCAL_SHARE * local_logits + (1 - self.LOCAL_SHARE) * global_logits
        return mixed, torch.cat((local, whole), 1)


def import_timm() -> Any:
    """timm, also where torchvision's compiled part cannot load.

    torchvision's wheel on PyPI is linked against CUDA; beside a CPU build of torch its operators are absent, and its
    import fails only because it describes one of them, `nms`, which nothing here calls. Declaring it is enough.
    """
    global _declared
    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        _declared = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            _declared.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import timm

    return timm


_declared: Any = None  # keeps the declaration alive


class FaceViT(nn.Module):  # type: ignore[misc]
    """(N, 1, H, W) -> logits, embedding (N, width). The front's map is cut into 2x2 tokens; positions are learned for
    48 px faces and interpolated for others."""

    GRID = 6

    def __init__(
        self, width: int = 160, depth: int = 4, heads: int = 5, stem: int = 16, classes: int = 7, dropout: float = 0.1
    ) -> None:
        super().__init__()
        block = import_timm().models.vision_transformer.Block
        self.front = front_of(stem, (32, 64), (1, 2))
        self.tokens = nn.Conv2d(64, width, 2, 2)
        self.positions = nn.Parameter(torch.randn(1, width, self.GRID, self.GRID) * 0.02)
        self.first = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.blocks = nn.Sequential(
            *(block(width, heads, qkv_bias=True, drop_path=0.1 * k / max(depth - 1, 1)) for k in range(depth))
        )
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        tokens = self.tokens(self.front(x))
        positions = self.positions
        if tokens.shape[2:] != positions.shape[2:]:
            positions = F.interpolate(positions, size=tokens.shape[2:], mode="bilinear", align_corners=False)
        sequence = (tokens + positions).flatten(2).transpose(1, 2)
        sequence = torch.cat((self.first.expand(x.shape[0], -1, -1), sequence), 1)
        embedding = self.norm(self.blocks(sequence))[:, 0]
        return self.head(self.dropout(embedding)), embedding


class TimmNet(nn.Module):  # type: ignore[misc]
    """Any timm classifier as (logits, embedding), at its own input size, 3 channels. `pretrained` asks a model hub and
    starts from random weights, with a warning, where none can be reached."""

    def __init__(self, name: str, classes: int = 7, pretrained: bool = False) -> None:
        super().__init__()
        timm = import_timm()
        try:
            self.model = timm.create_model(name, pretrained=pretrained, num_classes=classes)
        except (OSError, RuntimeError) as error:
            if not pretrained or "Unknown model" in str(error):
                raise ValueError(f"timm makes no {name!r}: {error}") from error
            warnings.warn(f"no pretrained weights for {name} ({error}); starting from scratch", stacklevel=2)
            self.model = timm.create_model(name, pretrained=False, num_classes=classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        embedding = self.model.forward_head(self.model.forward_features(x), pre_logits=True)
        return self.model.get_classifier()(embedding), embedding


class Ensemble(nn.Module):  # type: ignore[misc]
    """Late fusion: the mean of the members' probabilities, given as logits (its logarithm), and their embeddings side
    by side."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        if not members:
            raise ValueError("an ensemble needs at least one network")
        self.members = nn.ModuleList(members)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        outputs = [member(x) for member in self.members]
        mean = torch.stack([logits.float().softmax(1) for logits, _ in outputs]).mean(0)
        return mean.clamp_min(1e-8).log(), torch.cat([embedding for _, embedding in outputs], 1)


#: The names that `--network` takes, beside "timm:NAME" for any timm classifier.
NETWORKS: Mapping[str, Callable[[], nn.Module]] = {
    "cnn": ResidualNet,
    "local": LocalAttentionNet,
    "vit": FaceViT,
    "small": lambda: ResidualNet(widths=(32, 64, 108, 172), dropout=0.1),  # the front is the CNN's
    "faceres": FaceResNet,
}


def network_of(name: str, pretrained: bool = False) -> nn.Module:
    """A new network by its name. Raises ValueError that lists the names."""
    if name.startswith("timm:"):
        return TimmNet(name.removeprefix("timm:"), pretrained=pretrained)
    if name not in NETWORKS:
        raise ValueError(f"no network is called {name!r}; choose from {', '.join(NETWORKS)} or timm:NAME")
    return NETWORKS[name]()


def folded(network: nn.Module) -> nn.Module:
    """A copy for inference with each convolution's batch normalisation folded into it."""
    network = copy.deepcopy(network).eval()
    _fold(network)
    return network


def _fold(module: nn.Module) -> None:
    for name, child in module.named_children():
        parts = list(child.children())
        if isinstance(child, nn.Sequential) and [type(p) for p in parts] == [nn.Conv2d, nn.BatchNorm2d]:
            setattr(module, name, nn.Sequential(fuse_conv_bn_eval(parts[0], parts[1])))
        else:
            _fold(child)
