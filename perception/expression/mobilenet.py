"""MobileNetV1 (arXiv 1704.04861) as HSE_FaceRec trained it on faces; faceres.py has its pretrained weights."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from perception.expression.graph import same_padding

#: (channels out, stride) of the thirteen separable convolutions.
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *(((512, 1),) * 5), (1024, 2), (1024, 1))
STEM = 32
#: What the network was trained to have taken off each channel of a 0 to 255 picture.
CHANNEL_MEANS = (103.939, 116.779, 123.68)


def padded(x: Tensor, stride: int) -> Tensor:
    """(N, C, H, W) with the border that a 3x3 convolution of this stride needs in TensorFlow (SAME)."""
    top, bottom = same_padding(x.shape[2], 3, stride)
    left, right = same_padding(x.shape[3], 3, stride)
    return F.pad(x, (left, right, top, bottom))


class Separable(nn.Module):  # type: ignore[misc]
    """A depthwise 3x3 and a pointwise convolution, each with ReLU6."""

    def __init__(self, i: int, o: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.depthwise, self.pointwise = nn.Conv2d(i, i, 3, stride, groups=i), nn.Conv2d(i, o, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu6(self.pointwise(F.relu6(self.depthwise(padded(x, self.stride)))))


class FaceResNet(nn.Module):  # type: ignore[misc]
    """(N, 1, H, W) grey or (N, 3, H, W), 0 to 255 -> logits (N, classes), embedding (N, 1024).

    `front` is all that was pretrained: the stem, then thirteen blocks. There is no batch normalisation: the weights
    come with it folded in, and so stay close to what they were; a step costs less.
    """

    def __init__(self, classes: int = 7, dropout: float = 0.3) -> None:
        super().__init__()
        widths = (STEM, *(width for width, _ in BLOCKS))
        blocks = (Separable(i, o, stride) for i, (o, stride) in zip(widths, BLOCKS, strict=False))
        self.front = nn.Sequential(nn.Conv2d(3, STEM, 3, 2), *blocks)
        self.register_buffer("means", torch.tensor(CHANNEL_MEANS).view(1, 3, 1, 1), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(widths[-1], classes)

    def features(self, x: Tensor) -> Tensor:
        """(N, 1024): the mean of the last map."""
        x = F.relu6(self.front[0](padded(x - self.means, 2)))
        return self.front[1:](x).mean((2, 3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        embedding = self.features(x)
        return self.head(self.dropout(embedding)), embedding

    def depth_of(self, parameter: str) -> int:
        """How many layers lie behind a parameter: 0 for the head, 1 for the last block, 14 for the stem. Training moves
        deeper ones less (TrainConfig.layer_decay)."""
        parts = parameter.split(".")
        return len(self.front) - int(parts[1]) if parts[0] == "front" else 0
