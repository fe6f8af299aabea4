"""The encoder as a PyTorch network that can be trained, and its heads. Needs the extra `train`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from assistant.meaning.source import Encoder

WIDTH, HEADS, INNER = 384, 12, 1536
EPSILON = 1e-12  # of the layer norms, as in BERT


class Layer(nn.Module):  # type: ignore[misc]
    """One layer of a post-norm transformer (Devlin et al. 2019): attention, then two linear maps with GELU."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.ao = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.aln, self.oln = nn.LayerNorm(WIDTH, EPSILON), nn.LayerNorm(WIDTH, EPSILON)
        self.fi, self.fo = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """`x` [batch, length, 384]; `mask` [batch, 1, 1, length] is added to the attention (0 or a large negative)."""
        batch, length, _ = x.shape

        def split(made: Tensor) -> Tensor:
            return made.reshape(batch, length, HEADS, WIDTH // HEADS).transpose(1, 2)

        weights = split(self.q(x)) @ split(self.k(x)).transpose(-1, -2) * (WIDTH // HEADS) ** -0.5
        seen = torch.softmax(weights + mask, dim=-1) @ split(self.v(x))
        x = self.aln(x + self.ao(seen.transpose(1, 2).reshape(batch, length, WIDTH)))
        made: Tensor = self.oln(x + self.fo(nn.functional.gelu(self.fi(x))))
        return made


class Lower(nn.Module):  # type: ignore[misc]
    """Embeddings and the first layers: [batch, length] numbers of pieces to [batch, length, 384]."""

    def __init__(self, pieces: int, layers: int, positions: int) -> None:
        super().__init__()
        self.word, self.position = nn.Embedding(pieces, WIDTH), nn.Embedding(positions, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, EPSILON)
        self.layers = nn.ModuleList(Layer() for _ in range(layers))

    def forward(self, numbers: Tensor, mask: Tensor) -> Tensor:
        """The hidden state of each piece."""
        places = torch.arange(numbers.shape[1])
        x = self.norm(self.word(numbers) + self.position(places))
        for layer in self.layers:
            x = layer(x, mask)
        return x


class Upper(nn.Module):  # type: ignore[misc]
    """The layers that are trained, and the heads over the mean and the maximum of the pieces."""

    def __init__(self, layers: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer() for _ in range(layers))
        self.drop = nn.Dropout(0.1)
        self.heads = nn.Linear(2 * WIDTH, outputs)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Logits [batch, outputs]."""
        for layer in self.layers:
            x = layer(x, mask)
        return self.heads(self.drop(pooled(x, mask)))


def pooled(x: Tensor, mask: Tensor) -> Tensor:
    """Mean and maximum over the pieces that `mask` lets through, side by side: [batch, 768]."""
    kept = (mask[:, 0, 0, :, None] > -1.0).to(x.dtype)
    mean = (x * kept).sum(1) / kept.sum(1)
    return torch.cat([mean, (x + mask[:, 0, 0, :, None].to(x.dtype)).max(1).values], dim=1)


def padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[Tensor, Tensor]:
    """Rows of numbers to one length, and the mask for the attention."""
    length = max(map(len, rows))
    numbers = torch.full((len(rows), length), pad, dtype=torch.long)
    mask = torch.full((len(rows), 1, 1, length), -1e4)
    for at, row in enumerate(rows):
        numbers[at, : len(row)] = torch.as_tensor(row)
        mask[at, :, :, : len(row)] = 0.0
    return numbers, mask


def filled(encoder: Encoder, chosen: NDArray[np.int64], lower: int, upper: int, outputs: int,
           positions: int = 160) -> tuple[Lower, Upper]:  # fmt: skip
    """The network with the encoder's weights: its first `lower` layers, and its next `upper` to be trained.

    `chosen` are the rows of the vocabulary that stay, in ascending order.
    """
    base, top = Lower(len(chosen), lower, positions), Upper(upper, outputs)
    arrays = encoder.arrays
    with torch.no_grad():
        base.word.weight.copy_(torch.from_numpy(arrays["emb.word"][chosen]))
        base.position.weight.copy_(torch.from_numpy(arrays["emb.pos"][:positions] + arrays["emb.type"][:1]))
        base.norm.weight.copy_(torch.from_numpy(arrays["emb.ln.w"]))
        base.norm.bias.copy_(torch.from_numpy(arrays["emb.ln.b"]))
        for number, layer in enumerate([*base.layers, *top.layers]):
            for name, part in layer.named_children():
                part.weight.copy_(torch.from_numpy(arrays[f"l{number}.{name}.w"]))
                part.bias.copy_(torch.from_numpy(arrays[f"l{number}.{name}.b"]))
    return base, top
