"""Milliseconds per face of the shipped networks on one thread, beside graphs of known size with random weights in the
same run: mini_XCEPTION's (58 k parameters, 64 px grey) and EfficientNet-B0's (4 M parameters, 224 px colour)."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from perception import models
from perception.expression.predictor import Predictor

REPEATS, WARM_UP = 200, 20
#: The repository's root: a fresh process is started there.
ROOT = Path(__file__).resolve().parents[3]


def mini_xception() -> Any:
    """A graph of mini_XCEPTION's size and kind (Arriaga et al., arXiv 1710.07557)."""
    from torch import nn

    class Separable(nn.Module):  # type: ignore[misc]
        def __init__(self, i: int, o: int) -> None:
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2d(i, i, 3, 1, 1, groups=i, bias=False), nn.Conv2d(i, o, 1, bias=False), nn.BatchNorm2d(o),
                nn.ReLU(), nn.Conv2d(o, o, 3, 1, 1, groups=o, bias=False), nn.Conv2d(o, o, 1, bias=False),
                nn.BatchNorm2d(o), nn.MaxPool2d(3, 2, 1),
            )  # fmt: skip
            self.shortcut = nn.Sequential(nn.Conv2d(i, o, 1, 2, bias=False), nn.BatchNorm2d(o))

        def forward(self, x: Any) -> Any:
            return self.body(x) + self.shortcut(x)

    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.ReLU(),
        Separable(8, 16), Separable(16, 32), Separable(32, 64), Separable(64, 128), nn.Conv2d(128, 7, 3, 1, 1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Softmax(1),
    )  # fmt: skip


def efficientnet_b0() -> Any:
    from perception.expression.networks import import_timm

    return import_timm().create_model("efficientnet_b0", pretrained=False, num_classes=8)


def session_of(network: Any, shape: tuple[int, ...], folder: Path, name: str) -> Callable[[], object]:
    """A call that runs the exported network once on one thread."""
    import onnxruntime
    import torch

    path = folder / f"{name}.onnx"
    torch.onnx.export(
        network.eval(), (torch.zeros(shape),), str(path), input_names=["x"], dynamo=True, external_data=False,
        verbose=False,
    )  # fmt: skip
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return lambda: session.run(None, {"x": x})


def median_ms(call: Callable[[], object]) -> float:
    """Median CPU milliseconds of one call: other programs on the machine then count little."""
    taken = []
    for _ in range(WARM_UP + REPEATS):
        start = time.process_time()
        call()
        taken.append((time.process_time() - start) * 1e3)
    return float(np.median(taken[WARM_UP:]))


def start_up(name: str) -> tuple[float, float]:
    """(seconds, MB) that a fresh process needs from nothing to its first reading, imports included."""
    code = (  # the peak comes from /proc, for getrusage's begins with the peak of the process that started this one
        "import re, time; t = time.perf_counter(); import numpy, perception; "
        f"perception.load({name!r}).predict([numpy.zeros((48, 48), numpy.uint8)]); "
        "peak = re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]; "
        "print(time.perf_counter() - t, int(peak) / 1024)"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    seconds, megabytes = map(float, out.split())
    return seconds, megabytes


def run() -> list[dict[str, object]]:
    """One row a network; `ratio` is its time over mini_XCEPTION's and over EfficientNet-B0's."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with tempfile.TemporaryDirectory() as folder:
        small = median_ms(session_of(mini_xception(), (1, 1, 64, 64), Path(folder), "mini"))
        big = median_ms(session_of(efficientnet_b0(), (1, 3, 224, 224), Path(folder), "b0"))
    rows: list[dict[str, object]] = []
    crop = np.random.default_rng(0).integers(0, 255, (120, 120, 3)).astype(np.uint8)
    for name in [name for name in models.CARDS if name.startswith("expression/")]:
        model: Predictor = models.load(name)
        batch = np.zeros((1, 1, model.how.side, model.how.side), np.float32)
        graph = median_ms(lambda model=model, batch=batch: model.logits(batch))  # type: ignore[misc]
        whole = median_ms(lambda model=model: model.predict([crop]))  # type: ignore[misc]
        seconds, megabytes = start_up(name)
        rows.append({
            "network": name, "graph ms": graph, "predict ms (crop, mirror)": whole, "x mini_XCEPTION": graph / small,
            "x EfficientNet-B0": graph / big, "start s": seconds, "process MB": megabytes,
        })  # fmt: skip
    blank = dict.fromkeys(list(rows[0])[2:], "")
    rows.append({"network": "mini_XCEPTION-sized, 64 px", "graph ms": small, **blank})
    rows.append({"network": "EfficientNet-B0-sized, 224 px", "graph ms": big, **blank})
    return rows
