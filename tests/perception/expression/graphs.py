"""A tiny graph model of TensorFlow.js on disk, and the same network in plain PyTorch."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

Rows = list[dict[str, Any]]


def _word(text: str) -> dict[str, str]:
    return {"s": base64.b64encode(text.encode()).decode()}


def _list(*numbers: int) -> dict[str, Any]:
    return {"list": {"i": [str(n) for n in numbers]}}


class TinyModel:
    """A convolution of stride 2, a depthwise one, and a matrix, with padding SAME; `write` puts it into a folder as
    float16, `torch` computes it by hand."""

    def __init__(self) -> None:
        rng = np.random.default_rng(5)
        shapes = {"conv": (3, 3, 3, 4), "deep": (3, 3, 4, 1), "scale": (4,), "matrix": (4, 2), "bias": (2,)}
        self.weights = {k: (rng.normal(0, 0.5, s)).astype(np.float16).astype(np.float32) for k, s in shapes.items()}
        self.axes = np.array([1, 2], dtype=np.int32)
        two, one = {"strides": _list(1, 2, 2, 1)}, {"strides": _list(1, 1, 1, 1)}
        same = {"padding": _word("SAME")}
        fused = {"fused_ops": {"list": {"s": [_word("BiasAdd")["s"], _word("Relu")["s"]]}}}
        self.nodes: Rows = [
            *({"name": name, "op": "Const"} for name in (*shapes, "axes")),
            {"name": "faces", "op": "Placeholder"},
            {"name": "a", "op": "Conv2D", "input": ["faces", "conv"], "attr": {**two, **same}},
            {"name": "b", "op": "DepthwiseConv2dNative", "input": ["a", "deep"], "attr": {**one, **same}},
            {"name": "c", "op": "Mul", "input": ["b:0", "scale"]},
            {"name": "d", "op": "Relu", "input": ["c"]},
            {"name": "e", "op": "Mean", "input": ["d", "axes"], "attr": {"keep_dims": {"b": False}}},
            {"name": "out", "op": "_FusedMatMul", "input": ["e", "matrix", "bias"], "attr": fused},
        ]

    def write(self, folder: Path, cut: int = 0) -> Path:
        """MODEL.json and its weights, the last `cut` bytes left out."""
        half = {"quantization": {"dtype": "float16", "original_dtype": "float32"}, "dtype": "float32"}
        rows: Rows = [{"name": name, "shape": list(w.shape), **half} for name, w in self.weights.items()]
        rows.append({"name": "axes", "shape": [2], "dtype": "int32"})
        blob = b"".join(w.astype("<f2").tobytes() for w in self.weights.values()) + self.axes.tobytes()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tiny.bin").write_bytes(blob[: len(blob) - cut])
        content = {"modelTopology": {"node": self.nodes}, "weightsManifest": [{"paths": ["tiny.bin"], "weights": rows}]}
        path = folder / "tiny.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    def torch(self, faces: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(N, H, W, 3) with even H and W -> (N, 2)."""
        w = {name: torch.from_numpy(value) for name, value in self.weights.items()}
        x = F.pad(torch.from_numpy(faces).permute(0, 3, 1, 2), (0, 1, 0, 1))  # SAME of stride 2 pads the end
        x = F.conv2d(x, w["conv"].permute(3, 2, 0, 1), stride=2)
        x = F.conv2d(x, w["deep"].permute(2, 3, 0, 1), padding=1, groups=4) * w["scale"].view(1, -1, 1, 1)
        return np.asarray((x.relu().mean((2, 3)) @ w["matrix"] + w["bias"]).relu().numpy())
