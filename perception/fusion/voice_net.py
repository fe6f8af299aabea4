"""The network for emotion from sound alone (torch: training and export only)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from perception.features.sound import N_FEATURES, N_MELS
from perception.fusion.circumplex import EMOTIONS

CHANNELS = (12, 24, 48, 64)
HIDDEN = 96
LOOKS = 4  # attention maps over time


def _square(inputs: int, outputs: int, kernel: int, stride: int | tuple[int, int]) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


def _line(inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    conv = nn.Conv1d(inputs, outputs, kernel, stride, dilation * (kernel // 2), dilation, bias=False)
    return nn.Sequential(conv, nn.BatchNorm1d(outputs), nn.ReLU())


class VoiceNet(nn.Module):  # type: ignore[misc]
    """forward(features (B, T, N_FEATURES), mask (B, T) of 0 and 1) -> logits (B, 8) over EMOTIONS. T: a multiple of 4.

    Two-dimensional convolutions over the mel bands after the recording's mean spectrum is taken off (a microphone's
    response and a speaker's timbre leave with it), one-dimensional ones over prosody, then statistics over time:
    attention-weighted means, mean, deviation and maximum, none of which knows where in the sentence it is.
    """

    def __init__(self, mean_removed: float = 1.0, dropout: float = 0.3) -> None:
        super().__init__()
        a, b, c, d = CHANNELS
        self.mean_removed = mean_removed
        self.mel = nn.Sequential(
            _square(1, a, 5, 2),
            _square(a, b, 3, 2),
            _square(b, c, 3, (2, 1)),
            _square(c, d, 3, (2, 1)),
            nn.Dropout2d(0.1),
        )
        self.prosody = nn.Sequential(_line(N_FEATURES - N_MELS + 1, 24, 9, 2), _line(24, 32, 5, 2))
        self.time = nn.Sequential(
            _line(d * (N_MELS // 16) + 32, HIDDEN, 1), nn.Dropout(dropout / 2), _line(HIDDEN, HIDDEN, 5, dilation=2)
        )
        self.look = nn.Conv1d(HIDDEN, LOOKS, 1)
        self.out = nn.Sequential(nn.Dropout(dropout), nn.Linear(HIDDEN * 4, len(EMOTIONS)))

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        seen = mask[:, :, None]
        mel = features[..., :N_MELS]
        mel = (mel - self.mean_removed * (mel * seen).sum(1, keepdim=True) / seen.sum(1, keepdim=True)) * seen
        z = self.mel(mel.transpose(1, 2)[:, None]).flatten(1, 2)
        energy = features[..., N_MELS : N_MELS + 1]
        rise = nn.functional.pad(energy[:, 1:] - energy[:, :-1], (0, 0, 1, 0))
        prosody = self.prosody((torch.cat([features[..., N_MELS:], rise], 2) * seen).transpose(1, 2))
        z = self.time(torch.cat([z, prosody], 1))
        return self.out(self._statistics(z, mask[:, None, ::4]))

    def _statistics(self, z: Tensor, seen: Tensor) -> Tensor:
        weight = self.look(z).masked_fill(seen < 0.5, -1e4).softmax(2)
        looked = [(part * weight[:, k : k + 1]).sum(2) for k, part in enumerate(z.chunk(LOOKS, 1))]
        count = seen.sum(2)
        mean = (z * seen).sum(2) / count
        deviation = (((z - mean[..., None]).square() * seen).sum(2) / count + 1e-4).sqrt()
        highest = z.masked_fill(seen < 0.5, -1e4).amax(2)
        return torch.cat([*looked, mean, deviation, highest], 1)
