"""A shipped reader's network as one that can be trained further: `train-reader --start`. Needs the extra `train`."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from assistant.meaning.network import Lower, Upper


def weights_of(network: bytes) -> dict[str, torch.Tensor]:
    """The tensors of a reader's ONNX network (export.network_bytes) under their names in Lower ("base.") and Upper
    ("top."); matrices come back from 8 bits as [out, in]. The exporter renames a matrix but not its bias, so each is
    found by the sum that follows it."""
    graph: Any = onnx.load_from_string(network).graph
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    plain = {n: v for n, v in held.items() if n.startswith(("base.", "top.")) and n.endswith((".weight", ".bias"))}
    found = {name: torch.from_numpy(value.copy()) for name, value in plain.items()}
    for node in graph.node:
        if node.op_type != "MatMulInteger" or node.input[1] not in held:
            continue
        bias = _bias_after(node, readers, held)
        stem = node.input[1].removesuffix("_quantized")
        steps, zero = held[stem + "_scale"], held[stem + "_zero_point"].astype(np.float32)
        matrix = (held[node.input[1]].astype(np.float32) - zero) * steps
        found[bias.removesuffix(".bias") + ".weight"] = torch.from_numpy(np.ascontiguousarray(matrix.T))
    return found


def _bias_after(node: Any, readers: dict[str, list[Any]], held: dict[str, Any]) -> str:
    """The name of the bias that is added to what `node` gives, three or fewer steps on. Raises ValueError."""
    for _ in range(4):
        (node, *_) = readers.get(node.output[0], [None])
        if node is None:
            break
        if node.op_type == "Add":
            for name in node.input:
                if name in held and name.endswith(".bias"):
                    return str(name)
    raise ValueError("this is no network of a reader: a matrix in it has no bias after it")


def take_over(network: bytes, base: Lower, top: Upper) -> None:
    """Give `base` and `top` a shipped reader's weights; the word vectors stay, and so do the outputs that were added at
    the end since. Raises ValueError where the names differ: the same number of layers is needed."""
    found = weights_of(network)
    parts: tuple[tuple[str, nn.Module], ...] = (("base.", base), ("top.", top))
    for prefix, module in parts:
        given = {name.removeprefix(prefix): value for name, value in found.items() if name.startswith(prefix)}
        wanted = module.state_dict()
        missing = sorted(name for name in wanted.keys() - given.keys() if name != "word.weight")
        if missing or given.keys() - wanted.keys():
            names = missing or sorted(given.keys() - wanted.keys())
            raise ValueError(
                f"the reader to start from has other layers ({names[0]}); give the same --lower and --upper"
            )
        for name in ("heads.weight", "heads.bias"):
            if name in given and len(given[name]) < len(wanted[name]):
                given[name] = torch.cat([given[name], wanted[name][len(given[name]) :]])
        module.load_state_dict(given, strict=False)
