"""Training of the networks and their export. Resumable: a run's folder holds its last epoch."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from perception.commands import say
from perception.exported import without_sources
from perception.files import whole
from perception.micro.flow import SIDE_PX, normalised
from perception.micro.magnify import magnification_loss
from perception.micro.network import Ammsm, NetworkOptions, network_of, options_from
from perception.micro.types import Dataset

OPSET = 18
#: The shares of windows left out that training draws from, so that any of them works afterwards.
RATIOS = (0.0, 0.1, 0.25, 0.5)


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How a network is trained. `magnify_weight` is lambda of L = L_cls + lambda * L_mag; `sparse` draws the shares of
    windows left out anew in each step (the sparsity-aware warm-up of the search); `threads` of the processor."""

    network: NetworkOptions = field(default_factory=NetworkOptions)
    epochs: int = 12
    batch: int = 64
    rate: float = 2e-3
    decay: float = 0.05
    smoothing: float = 0.1
    magnify_weight: float = 1.0
    sparse: bool = True
    seed: int = 0
    threads: int = 1


def varied(inputs: Tensor, generator: torch.Generator) -> Tensor:
    """(N, 3, S, S) normalised flows, each moved, scaled and mirrored a little, with other gains, zeros and noise."""
    n = len(inputs)

    def draw(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    flip = (draw(n) < 0.5).float() * -2 + 1
    scale = 1 + (draw(n, 2) - 0.5) * 0.24
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = scale[:, 0] * flip, scale[:, 1]
    theta[:, 0, 1], theta[:, 1, 0] = ((draw(n) - 0.5) * 0.1, (draw(n) - 0.5) * 0.1)
    theta[:, :, 2] = (draw(n, 2) - 0.5) * 0.24
    moved = F.grid_sample(inputs, F.affine_grid(theta, list(inputs.shape), align_corners=False),
                          padding_mode="border", align_corners=False)  # fmt: skip
    gain = torch.exp((draw(n, 3) - 0.5) * 0.8)
    gain[:, 0] = gain[:, 0] * flip
    zero = (draw(n, 3) - 0.5) * torch.tensor([0.6, 0.6, 0.3])
    moved = moved * gain[:, :, None, None] + zero[:, :, None, None]
    moved = moved + torch.randn(moved.shape, generator=generator) * draw(n, 1, 1, 1) * 0.25
    quiet = (draw(n) < 0.15).float()[:, None, None]  # strain missing or measured otherwise
    moved[:, 2] = moved[:, 2] * (1 - quiet)
    return moved


def _set_ratios(network: nn.Module, ratios: tuple[float, float]) -> None:
    if isinstance(network, Ammsm):
        network.first.ratio, network.second.ratio = ratios


def _resume(path: Path | None, network: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    if path is None or not path.is_file():
        return 0
    stored = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict(stored["network"])
    optimiser.load_state_dict(stored["optimiser"])
    return int(stored["epoch"])


def train_network(data: Dataset, options: TrainOptions, out: Path | None = None, start: nn.Module | None = None,
                  quiet: bool = False) -> nn.Module:  # fmt: skip
    """A network trained on all of `data`, in evaluation mode. Nothing is selected: the last epoch counts.

    `start` gives the first weights (it is not changed); with `out` each epoch is kept in out/last.pt and a broken-off
    run goes on from there. Classes weigh equally.
    """
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    network = network_of(options.network)
    if start is not None:
        network.load_state_dict(start.state_dict())
    inputs, labels = torch.from_numpy(normalised(data.flows)), torch.from_numpy(data.labels)
    counts = torch.bincount(labels, minlength=options.network.classes).clamp(min=1).float()
    weights = counts.sum() / counts / len(counts)
    optimiser = torch.optim.AdamW((p for p in network.parameters() if p.requires_grad), options.rate,
                                  weight_decay=options.decay)  # fmt: skip
    last = None if out is None else out / "last.pt"
    steps = max(1, math.ceil(len(labels) / options.batch))
    for epoch in range(_resume(last, network, optimiser), options.epochs):
        generator = torch.Generator().manual_seed(options.seed * 10_000 + epoch)
        network.train()
        total = 0.0
        for step, rows in enumerate(torch.randperm(len(labels), generator=generator).split(options.batch)):
            done = (epoch * steps + step) / (options.epochs * steps)
            for group in optimiser.param_groups:
                group["lr"] = options.rate * min(1.0, done * 20 + 0.02) * 0.5 * (1 + math.cos(math.pi * done))
            if len(rows) > 1:
                total += _step(network, optimiser, inputs[rows], labels[rows], weights, options, generator)
        if not quiet:
            say(f"epoch {epoch + 1} of {options.epochs}: loss {total / steps:.3f}")
        if last is not None:
            with whole(last) as part:
                torch.save({"network": network.state_dict(), "optimiser": optimiser.state_dict(),
                            "epoch": epoch + 1, "options": asdict(options.network)}, part)  # fmt: skip
    _set_ratios(network, options.network.ratios)
    return network.eval()


def _step(network: nn.Module, optimiser: torch.optim.Optimizer, inputs: Tensor, labels: Tensor, weights: Tensor,
          options: TrainOptions, generator: torch.Generator) -> float:  # fmt: skip
    if options.sparse and isinstance(network, Ammsm):
        drawn = torch.randint(len(RATIOS), (2,), generator=generator)
        _set_ratios(network, (RATIOS[int(drawn[0])], RATIOS[int(drawn[1])] / 2))
    inputs = varied(inputs, generator)
    logits, _ = network(inputs)
    loss = F.cross_entropy(logits, labels, weights, label_smoothing=options.smoothing)
    if options.magnify_weight and isinstance(network, Ammsm) and network.options.magnify:
        part = inputs[:16, :2]  # enough for a mean, at a quarter of the cost
        loss = loss + options.magnify_weight * magnification_loss(network.magnifier, part, generator)
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 2.0)
    optimiser.step()
    return float(loss.detach())


def load_network(path: Path, **changes: Any) -> nn.Module:
    """The network of a run's `last.pt`, in evaluation mode; `changes` replace fields of its options."""
    stored = torch.load(path, map_location="cpu", weights_only=True)
    network = network_of(replace(options_from(stored["options"]), **changes))
    network.load_state_dict(stored["network"])
    return network.eval()


class Averaged(nn.Module):  # type: ignore[misc]
    """Several networks as one: mean log-probabilities, and their embeddings side by side."""

    def __init__(self, networks: list[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        outputs = [network(inputs) for network in self.networks]
        logits = torch.stack([logits.log_softmax(dim=1) for logits, _ in outputs]).mean(dim=0)
        return logits, torch.cat([embedding for _, embedding in outputs], dim=1)


def export(networks: list[nn.Module], path: Path) -> float:
    """Write the networks' average as ONNX: input "flows" (N, 3, 28, 28), outputs "logits" and "embedding". Returns the
    largest difference of the logits from torch's. Raises ValueError where it exceeds 1e-3."""
    from perception.session import onnx_session

    model = Averaged(networks).eval()
    example = torch.randn(2, 3, SIDE_PX, SIDE_PX, generator=torch.Generator().manual_seed(0))
    with whole(path) as part:
        made = torch.onnx.export(model, (example,), input_names=["flows"], output_names=["logits", "embedding"],
                          dynamo=True, opset_version=OPSET, external_data=False, verbose=False,
                          dynamic_shapes=({0: torch.export.Dim("n", min=1, max=4096)},))  # fmt: skip
        part.write_bytes(without_sources(made.model_proto).SerializeToString())
    many = torch.randn(64, 3, SIDE_PX, SIDE_PX, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = model(many)[0].numpy()
    (found,) = onnx_session(path, path.name).run(["logits"], {"flows": many.numpy()})
    difference = float(np.abs(found - wanted).max())
    if difference > 1e-3:
        raise ValueError(f"{path}: the exported network differs from torch's by {difference:.2g} (at most 1e-3)")
    return difference
