"""Graph models of TensorFlow.js as data: MODEL.json with its weight files -> nodes and arrays, and a slow reference
that runs them. Nothing of a package is executed, only JSON and numbers are read.

    graph = read_graph(Path("faceres.json"))
    out = run(graph, {"input_1": faces}, "global_pooling/Mean")        # faces (N, H, W, 3), as in TensorFlow
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

Arrays = dict[str, npt.NDArray[Any]]
#: The number formats of weight files. What is stored as float16 is float32 once read.
FORMATS: Mapping[str, str] = {"float32": "<f4", "float16": "<f2", "int32": "<i4"}


@dataclass(frozen=True)
class Node:
    """One operation: its `inputs` are names of nodes; `attributes` as in the file, `s` parts still in base64."""

    name: str
    operation: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    def text(self, attribute: str, default: str = "") -> str:
        """An attribute that is a word, for example padding: SAME."""
        found = self.attributes.get(attribute, {}).get("s")
        return base64.b64decode(found).decode("ascii") if found else default

    def words(self, attribute: str) -> tuple[str, ...]:
        """An attribute that lists words, for example fused_ops."""
        found = self.attributes.get(attribute, {}).get("list", {}).get("s", [])
        return tuple(base64.b64decode(word).decode("ascii") for word in found)

    def numbers(self, attribute: str) -> tuple[int, ...]:
        """An attribute that lists whole numbers, for example strides."""
        return tuple(int(n) for n in self.attributes.get(attribute, {}).get("list", {}).get("i", []))

    def flag(self, attribute: str) -> bool:
        return bool(self.attributes.get(attribute, {}).get("b", False))


@dataclass(frozen=True)
class Graph:
    """`nodes` by name in the file's order; `weights` by the name of their Const node, float32 or int32, in TensorFlow's
    layouts: a convolution (H, W, in, out), a depthwise one (H, W, channels, 1), a matrix (in, out)."""

    name: str
    nodes: Mapping[str, Node]
    weights: Arrays


def read_graph(path: Path) -> Graph:
    """Read MODEL.json and the weight files that it names, which lie beside it. Raises FileNotFoundError, and ValueError
    that names the file for what is no graph model, is cut short, or holds an operation that `run` does not know."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rows = content["modelTopology"]["node"]
        manifest = content["weightsManifest"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path.name}: this is no TensorFlow.js graph model ({type(error).__name__}: {error}); it needs "
            "modelTopology.node and weightsManifest"
        ) from error
    nodes = {}
    for row in rows:
        inputs = tuple(name.partition(":")[0] for name in row.get("input", []) if not name.startswith("^"))
        nodes[row["name"]] = Node(row["name"], row["op"], inputs, row.get("attr", {}))
    _check_nodes(path.name, nodes)
    weights: Arrays = {}
    for group in manifest:
        blob = b"".join(_bytes(path.parent / Path(part).name) for part in group["paths"])
        weights.update(_weights(path.name, group["weights"], blob))
    absent = [name for name, node in nodes.items() if node.operation == "Const" and name not in weights]
    if absent:
        raise ValueError(f"{path.name}: no weights for {', '.join(absent[:3])} ({len(absent)} in all)")
    return Graph(path.stem, nodes, weights)


def _bytes(path: Path) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: the graph model's weight file is missing; fetch the package again")
    return path.read_bytes()


def _check_nodes(name: str, nodes: Mapping[str, Node]) -> None:
    for node in nodes.values():
        if node.operation not in OPERATIONS and node.operation not in ("Const", "Placeholder"):
            raise ValueError(
                f"{name}: node {node.name} is an operation {node.operation!r} that is not known here; known are "
                f"{', '.join(sorted(OPERATIONS))}. Add it to perception/expression/graph.py, with a test"
            )
        for source in node.inputs:
            if source not in nodes:
                raise ValueError(f"{name}: node {node.name} reads {source!r}, which the graph does not hold")


def _weights(name: str, rows: list[dict[str, Any]], blob: bytes) -> Arrays:
    found: Arrays = {}
    place = 0
    for row in rows:
        stored = row.get("quantization", {}).get("dtype", row["dtype"])
        if stored not in FORMATS:
            raise ValueError(f"{name}: weight {row['name']} is stored as {stored}; known are {', '.join(FORMATS)}")
        kind = np.dtype(FORMATS[stored])
        count = math.prod(row["shape"])
        if place + count * kind.itemsize > len(blob):
            raise ValueError(f"{name}: the weight file ends within {row['name']} ({len(blob)} bytes); fetch it again")
        values = np.frombuffer(blob, kind, count, place).reshape(row["shape"])
        found[row["name"]] = values.astype(np.int32 if stored == "int32" else np.float32)
        place += count * kind.itemsize
    if place != len(blob):
        raise ValueError(f"{name}: the weight file holds {len(blob)} bytes, the list of weights {place}: not a pair")
    return found


def run(graph: Graph, inputs: Mapping[str, npt.NDArray[np.float32]], wanted: str) -> npt.NDArray[np.float32]:
    """The value of node `wanted` for placeholders (N, H, W, C), in float32. A reference for tests and peers: nothing is
    optimised. Raises KeyError for a placeholder that was not given, ValueError for an unknown `wanted`."""
    if wanted not in graph.nodes:
        raise ValueError(f"{graph.name} has no node {wanted!r}; its last are {', '.join(list(graph.nodes)[-3:])}")
    values: dict[str, Tensor] = {}
    with torch.no_grad():
        for name in _needed(graph, wanted):
            node = graph.nodes[name]
            if node.operation == "Const":
                values[name] = torch.from_numpy(np.array(graph.weights[name]))
            elif node.operation == "Placeholder":
                if name not in inputs:
                    raise KeyError(f"{graph.name}: the placeholder {name} was not given")
                values[name] = torch.from_numpy(np.ascontiguousarray(inputs[name]))
            else:
                values[name] = OPERATIONS[node.operation](node, *(values[source] for source in node.inputs))
    return np.asarray(values[wanted].numpy())


def _needed(graph: Graph, wanted: str) -> list[str]:
    """The nodes that `wanted` depends on, each after those that it reads."""
    order: list[str] = []
    done: set[str] = set()
    stack = [(wanted, False)]
    while stack:
        name, ready = stack.pop()
        if ready:
            order.append(name)
        elif name not in done:
            done.add(name)
            stack.append((name, True))
            stack += [(source, False) for source in graph.nodes[name].inputs]
    return order


def same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's padding SAME along one axis: (before, after) px; where it is odd, the end gets more."""
    total = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


def _padded(node: Node, x: Tensor, kernel: tuple[int, int], fill: float = 0.0) -> Tensor:
    """(N, H, W, C) -> (N, C, H', W'), padded as the node says."""
    x = x.permute(0, 3, 1, 2)
    if node.text("padding") != "SAME":
        return x
    _, down, right, _ = node.numbers("strides")
    top, bottom = same_padding(x.shape[2], kernel[0], down)
    left, far = same_padding(x.shape[3], kernel[1], right)
    return F.pad(x, (left, far, top, bottom), value=fill)


def _convolution(node: Node, x: Tensor, kernel: Tensor, *more: Tensor) -> Tensor:
    stride = node.numbers("strides")[1:3]
    found = F.conv2d(_padded(node, x, (kernel.shape[0], kernel.shape[1])), kernel.permute(3, 2, 0, 1), stride=stride)
    return _fused(node, found.permute(0, 2, 3, 1), *more)


def _depthwise(node: Node, x: Tensor, kernel: Tensor, *more: Tensor) -> Tensor:
    height, width, channels, times = kernel.shape
    if times != 1:
        raise ValueError(f"node {node.name}: a depthwise convolution with {times} filters a channel is not known here")
    found = F.conv2d(
        _padded(node, x, (height, width)), kernel.permute(2, 3, 0, 1), stride=node.numbers("strides")[1:3],
        groups=channels,
    )  # fmt: skip
    return _fused(node, found.permute(0, 2, 3, 1), *more)


def _matrix(node: Node, x: Tensor, matrix: Tensor, *more: Tensor) -> Tensor:
    first = x.T if node.flag("transpose_a") else x
    return _fused(node, first @ (matrix.T if node.flag("transpose_b") else matrix), *more)


def _fused(node: Node, x: Tensor, *more: Tensor) -> Tensor:
    """What the converter drew into one node: a bias, then an activation."""
    rest = list(more)
    for word in node.words("fused_ops"):
        if word == "BiasAdd":
            x = x + rest.pop(0)
        elif word in ("Relu", "Relu6"):
            x = x.clamp(0, 6) if word == "Relu6" else x.relu()
        else:
            raise ValueError(f"node {node.name}: the fused operation {word!r} is none of BiasAdd, Relu, Relu6")
    return x


def _max_pool(node: Node, x: Tensor) -> Tensor:
    _, height, width, _ = node.numbers("ksize")
    padded = _padded(node, x, (height, width), fill=-math.inf)
    return F.max_pool2d(padded, (height, width), node.numbers("strides")[1:3]).permute(0, 2, 3, 1)


def _mean(node: Node, x: Tensor, axes: Tensor) -> Tensor:
    return x.mean(axes.reshape(-1).tolist(), keepdim=node.flag("keep_dims"))


#: TensorFlow's name of an operation -> what it does to tensors in TensorFlow's layouts.
OPERATIONS: Mapping[str, Callable[..., Tensor]] = {
    "Conv2D": _convolution,
    "_FusedConv2D": _convolution,
    "DepthwiseConv2dNative": _depthwise,
    "MatMul": _matrix,
    "_FusedMatMul": _matrix,
    "MaxPool": _max_pool,
    "Mean": _mean,
    "Add": lambda node, a, b: a + b,
    "AddV2": lambda node, a, b: a + b,
    "BiasAdd": lambda node, a, b: a + b,
    "Mul": lambda node, a, b: a * b,
    "Sub": lambda node, a, b: a - b,
    "Minimum": lambda node, a, b: torch.minimum(a, b),
    "Maximum": lambda node, a, b: torch.maximum(a, b),
    "Relu": lambda node, x: x.relu(),
    "Relu6": lambda node, x: x.clamp(0, 6),
    "Sigmoid": lambda node, x: x.sigmoid(),
    "Softmax": lambda node, x: x.softmax(-1),
    "Identity": lambda node, x: x,
}
