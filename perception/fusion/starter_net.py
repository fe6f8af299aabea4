"""The starter fusion network (torch: training and export only): the papers' idea at the smallest size that serves.

An affine module aligns face readings (7 log-probabilities) and the voice's (8) to one width; a transformer encoder with
a class token, a voice token and one token a time step fuses them; linear heads read the class token. A direct path adds
the readings' own evidence, so that the encoder only has to learn what to change about it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from perception.fusion.circumplex import EMOTIONS, EXPRESSION_OF, FUSED_EXPRESSIONS
from perception.fusion.positions import sinusoids
from perception.fusion.starter import STEPS
from perception.types import EXPRESSIONS


class StarterNet(nn.Module):  # type: ignore[misc]
    """forward(faces (B, STEPS, 7), seen (B, STEPS), voice (B, 8), heard (B,)) -> logits of the expression (B, 8) and
    of the emotion (B, 8), and valence and arousal (B, 2) in [-1, 1]. `seen` and `heard` are 0 or 1."""

    def __init__(self, width: int = 48, heads: int = 4, layers: int = 2, dropout: float = 0.1) -> None:
        super().__init__()
        self.face = nn.Linear(len(EXPRESSIONS), width)
        self.voice = nn.Linear(len(EMOTIONS), width)
        self.start = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.silence = nn.Parameter(torch.randn(1, width) * 0.02)
        self.register_buffer("positions", sinusoids(STEPS, width))
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, dropout, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        self.direct = nn.Linear(
            2 * len(EXPRESSIONS) + len(EMOTIONS), len(FUSED_EXPRESSIONS) + len(EMOTIONS), bias=False
        )
        with torch.no_grad():
            self.direct.weight.copy_(_own_evidence())
        self.labels = nn.Linear(width, len(FUSED_EXPRESSIONS) + len(EMOTIONS))
        self.place = nn.Linear(width, 2)

    def forward(self, faces: Tensor, seen: Tensor, voice: Tensor, heard: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        here = heard[:, None]
        said = self.voice(voice) * here + self.silence * (1 - here)
        steps = self.face(faces) + self.positions
        tokens = torch.cat([self.start.expand(len(faces), -1, -1), said[:, None], steps], 1)
        never = torch.zeros_like(seen[:, :2])
        hidden = torch.cat([never, 1 - seen], 1) > 0.5
        first = self.encoder(tokens, src_key_padding_mask=hidden)[:, 0]
        count = seen.sum(1, keepdim=True).clamp(min=1)
        mean = (faces * seen[..., None]).sum(1) / count
        share = (faces.exp() * seen[..., None]).sum(1) / count
        logits = self.labels(first) + self.direct(torch.cat([mean, share, voice * here], 1))
        expression, emotion = logits.split([len(FUSED_EXPRESSIONS), len(EMOTIONS)], 1)
        return expression, emotion, torch.tanh(self.place(first))


def _own_evidence() -> Tensor:
    """The direct path at the start of training: each reading votes for its own label and for the label of the other
    kind that goes with it, so that one modality alone begins as good as it is."""
    faces, expressions = len(EXPRESSIONS), len(FUSED_EXPRESSIONS)
    weight = torch.zeros(expressions + len(EMOTIONS), 2 * faces + len(EMOTIONS))
    for k, name in enumerate(EMOTIONS):
        face = EXPRESSIONS.index(EXPRESSION_OF[name])
        weight[face, face] = weight[expressions + k, face] = 0.5
        weight[expressions + k, 2 * faces + k] = 1.0
        weight[face, 2 * faces + k] = 0.5
    return weight


class WithProbabilities(nn.Module):  # type: ignore[misc]
    """What is exported: probabilities instead of logits."""

    def __init__(self, net: StarterNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, faces: Tensor, seen: Tensor, voice: Tensor, heard: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        expression, emotion, place = self.net(faces, seen, voice, heard)
        return expression.softmax(1), emotion.softmax(1), place
