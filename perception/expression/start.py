"""Starting a network from another's weights: the same tensors, a wider network's channels, or an exported file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from perception.expression.networks import folded


def weights_of(path: Path) -> dict[str, Tensor]:
    """The weights in an exported .onnx by the names that they had in the network (export.prepare): a file can be
    checked against its network, or trained further, without the checkpoint."""
    found = {}
    for tensor in onnx.load(str(path)).graph.initializer:
        values = np.array(numpy_helper.to_array(tensor))
        if values.dtype in (np.float16, np.float32):
            found[tensor.name.removesuffix(".half")] = torch.from_numpy(values.astype(np.float32))
    return found


def _fit(own: Tensor, other: Tensor) -> Tensor | None:
    """`other` cut down to the shape of `own` (leading channels), or None where it is too small."""
    if other.ndim != own.ndim or any(o < n for o, n in zip(other.shape, own.shape, strict=True)):
        return None
    return other[tuple(slice(0, n) for n in own.shape)]


def take_over(network: nn.Module, start: Path, faces: Tensor) -> int:
    """Copy into `network` the tensors of `start`, a checkpoint (its averaged weights) or an exported .onnx, that it has
    by name; a wider network's are cut to the leading channels, which training then has to mend. Returns how many.

    `faces` (N, C, H, W) is a batch of inputs, used for an .onnx (see `unfolded`), of which the linear layers inside a
    transformer are not found, for the export renames them. Raises ValueError where nothing fits.
    """
    if start.suffix == ".onnx":
        known = unfolded(network, weights_of(start), faces)
    else:
        known = torch.load(start, map_location="cpu", weights_only=True)["ema"]
    own = network.state_dict()
    fitting = {k: part for k, v in known.items() if k in own and (part := _fit(own[k], v)) is not None}
    if not fitting:
        raise ValueError(f"{start} shares no tensor with this {type(network).__name__}")
    network.load_state_dict(fitting, strict=False)
    return len(fitting)


def unfolded(network: nn.Module, weights: dict[str, Tensor], faces: Tensor) -> dict[str, Tensor]:
    """Exported weights of `network` with the batch normalisation, which export folds into the convolutions, beside them
    again: each gets the mean and spread that its convolution shows on `faces`, and a scale and shift that undo them.
    The function stays the same, and training can go on."""
    plain = folded(network)
    plain.load_state_dict(weights, strict=False)
    shown: dict[str, tuple[Tensor, Tensor]] = {}

    def watch(name: str, part: nn.Module) -> Any:
        def note(_: nn.Module, __: Any, out: Tensor) -> None:
            shown[name] = (out.mean((0, 2, 3)), out.var((0, 2, 3)))

        return part.register_forward_hook(note)

    hooks = [
        watch(name, part)
        for name, part in plain.named_modules()
        if isinstance(part, nn.Sequential) and len(part) == 1 and isinstance(part[0], nn.Conv2d)
    ]
    with torch.no_grad():
        plain(faces)
    for hook in hooks:
        hook.remove()
    out = dict(weights)
    for name, (mean, variance) in shown.items():
        bias = out.pop(f"{name}.0.bias", torch.zeros_like(mean))
        out[f"{name}.1.running_mean"], out[f"{name}.1.running_var"] = mean - bias, variance
        out[f"{name}.1.weight"], out[f"{name}.1.bias"] = (variance + 1e-5).sqrt(), mean
    return out
