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


def normalised(convolution: nn.Conv2d) -> nn.Sequential:
    """A convolution with its batch normalisation, which begins as the identity."""
    norm = nn.BatchNorm2d(convolution.out_channels)
    norm.running_var.sub_(norm.eps)
    return nn.Sequential(convolution, norm)


class Separable(nn.Module):  # type: ignore[misc]
    """A depthwise 3x3 and a pointwise convolution, each with batch normalisation and ReLU6."""

    def __init__(self, i: int, o: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.depthwise = normalised(nn.Conv2d(i, i, 3, stride, groups=i))
        self.pointwise = normalised(nn.Conv2d(i, o, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu6(self.pointwise(F.relu6(self.depthwise(padded(x, self.stride)))))


class FaceResNet(nn.Module):  # type: ignore[misc]
    """(N, 1, H, W) grey or (N, 3, H, W), 0 to 255 -> logits (N, classes), embedding (N, 1024).

    `front` is all that was pretrained: the stem, then thirteen blocks. Its weights come with the batch normalisation
    folded in; `spread` takes it out again, so that training moves all layers alike.
    """

    def __init__(self, classes: int = 7, dropout: float = 0.3) -> None:
        super().__init__()
        widths = (STEM, *(width for width, _ in BLOCKS))
        blocks = (Separable(i, o, stride) for i, (o, stride) in zip(widths, BLOCKS, strict=False))
        self.front = nn.Sequential(normalised(nn.Conv2d(3, STEM, 3, 2)), *blocks)
        self.register_buffer("means", torch.tensor(CHANNEL_MEANS).view(1, 3, 1, 1), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(widths[-1], classes)

    def features(self, x: Tensor) -> Tensor:
        """(N, 1024): the mean of the last map."""
        return self.front[1:](self._stem(x)).mean((2, 3))

    def _stem(self, x: Tensor) -> Tensor:
        return F.relu6(self.front[0](padded(x - self.means, 2)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        embedding = self.features(x)
        return self.head(self.dropout(embedding)), embedding

    def depth_of(self, parameter: str) -> int:
        """How many layers lie behind a parameter: 0 for the head, 1 for the last block, 14 for the stem. Training moves
        deeper ones less (TrainConfig.layer_decay)."""
        parts = parameter.split(".")
        return len(self.front) - int(parts[1]) if parts[0] == "front" else 0

    def spread(self, faces: Tensor) -> None:
        """Put the spread of each channel over `faces` (N, 1 or 3, H, W) into its normalisation, and take it out of its
        convolution: the network computes what it did, and its weights are all of usual size (they came between .003
        and 8, where one step of an optimizer changes some beyond recognition and others not at all)."""
        with torch.no_grad():
            x = padded(faces - self.means, 2)
            _spread(self.front[0], x)
            x = self._stem(faces)
            for block in self.front[1:]:
                x = padded(x, block.stride)
                _spread(block.depthwise, x)
                x = F.relu6(block.depthwise(x))
                _spread(block.pointwise, x)
                x = F.relu6(block.pointwise(x))


#: A channel that spreads less than this over the faces does nothing there; its weights stay as they are.
STILL = 0.01


def _spread(pair: nn.Sequential, x: Tensor) -> None:
    convolution, norm = pair
    out = convolution(x)
    spread = out.std((0, 2, 3))
    spread[spread < STILL] = 1.0
    convolution.weight /= spread.view(-1, 1, 1, 1)
    convolution.bias /= spread
    norm.running_mean.copy_(out.mean((0, 2, 3)) / spread)
    norm.running_var.copy_(out.var((0, 2, 3)) / spread.square())
    norm.weight.copy_((norm.running_var + norm.eps).sqrt() * spread)
    norm.bias.copy_(norm.running_mean * spread)
