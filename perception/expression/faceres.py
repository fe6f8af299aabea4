"""The pretrained weights of FaceResNet, out of the graph model of the front `faceres` (fronts.toml)."""

from __future__ import annotations

import torch
from torch import Tensor

from perception.expression.fronts import checked, front_of
from perception.expression.graph import Graph, read_graph
from perception.expression.mobilenet import BLOCKS, STEM, FaceResNet

#: The node of the graph where the features leave: (N, 1024).
FEATURES = "global_pooling/Mean"


def weights_from(graph: Graph) -> dict[str, Tensor]:
    """The graph's convolutions under the names that FaceResNet has for them. Raises ValueError for a graph
    that lacks one."""

    def tensor(name: str, shape: tuple[int, ...]) -> Tensor:
        found = graph.weights.get(name)
        if found is None or found.shape != shape:
            has = "lacks it" if found is None else f"has {found.shape}"
            raise ValueError(f"{graph.name} is no FaceRes graph: {name} of shape {shape} is needed, the graph {has}")
        return torch.from_numpy(found)

    out = {
        "front.0.0.weight": tensor("conv1/convolution/merged_input", (3, 3, 3, STEM)).permute(3, 2, 0, 1),
        "front.0.0.bias": tensor("conv1_bn/batchnorm_1/sub", (STEM,)),
    }
    i = STEM
    for k, (o, _) in enumerate(BLOCKS, 1):
        depthwise = tensor(f"conv_dw_{k}/depthwise_kernel", (3, 3, i, 1)).permute(2, 3, 0, 1)
        scale = tensor(f"conv_dw_{k}_bn/batchnorm_1/mul", (i,))
        out[f"front.{k}.depthwise.0.weight"] = depthwise * scale.view(-1, 1, 1, 1)
        out[f"front.{k}.depthwise.0.bias"] = tensor(f"conv_dw_{k}_bn/batchnorm_1/sub", (i,))
        pointwise = tensor(f"conv_pw_{k}/convolution/merged_input", (1, 1, i, o))
        out[f"front.{k}.pointwise.0.weight"] = pointwise.permute(3, 2, 0, 1)
        out[f"front.{k}.pointwise.0.bias"] = tensor(f"conv_pw_{k}_bn/batchnorm_1/sub", (o,))
        i = o
    return {name: value.contiguous() for name, value in out.items()}


def pretrained(network: FaceResNet) -> None:
    """Give `network` the fetched front's weights; its head stays as it is. Raises FileNotFoundError or ValueError where
    the front is not here or damaged."""
    network.load_state_dict(weights_from(read_graph(checked(front_of("faceres")))), strict=False)
