"""From a checkpoint to an ONNX file with a card beside it, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from perception.exported import without_sources
from perception.expression.config import input_of
from perception.expression.data import read
from perception.expression.faces import Faces, in_memory
from perception.expression.metrics import METRICS, cross_calibrated, fit_temperature, interval
from perception.expression.networks import Ensemble, folded, network_of
from perception.expression.predictor import BATCH, OutputRule, Predictor, softmax
from perception.expression.preprocess import Preprocessing
from perception.expression.train import as_batch, scaled
from perception.files import sha256_of, whole
from perception.types import EXPRESSIONS

OPSET = 18
#: Tensors with fewer values than this stay in full precision: they cost nothing and biases matter.
SMALL_TENSOR = 256
#: The largest difference between torch's logits and ONNX Runtime's that is let through.
MAX_DIFFERENCE = 1e-4
#: How much rare classes are made up for: on FER2013's val, accuracy stays and mean recall gains some points up to here.
EVEN = 0.4


def halved(network: nn.Module) -> nn.Module:
    """The network with its larger tensors rounded to what half precision can hold; they stay float32 in memory."""
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.numel() >= SMALL_TENSOR:
                parameter.copy_(parameter.half().float())
    return network


def evened(network: nn.Module, priors: npt.NDArray[np.float64], share: float) -> nn.Module:
    """The network with rare classes made up for: `share` times the logarithm of the classes' `priors` is taken off the
    logits (Menon et al., arXiv 2007.07314), in the biases of its last layers. 0 changes nothing, 1 answers as if all
    classes were equally frequent. In place."""
    shift = torch.from_numpy(share * np.log(priors)).float()
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.Linear) and layer.out_features == len(priors):
                layer.bias -= shift
    return network


def load_network(name: str, checkpoint: Path) -> nn.Module:
    """The averaged weights of a run, ready for inference."""
    network = network_of(name)
    network.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)["ema"])
    return network.eval()


def prepare(networks: Sequence[nn.Module], half: bool = True) -> nn.Module:
    """What is exported: one network, or several fused late; `half` stores the weights in half precision."""
    parts = [folded(network) for network in networks]
    network = parts[0] if len(parts) == 1 else Ensemble(parts)
    return (halved(network) if half else network).eval()


def export(network: nn.Module, path: Path, how: Preprocessing, half: bool = True) -> None:
    """Write `network` (from `prepare`) with input "faces" (N, C, side, side), outputs "logits" and "embedding"."""
    channels = 1 if how.colour == "grey" else 3
    faces = torch.zeros(2, channels, how.side, how.side)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        network, (faces,), str(path), input_names=["faces"], output_names=["logits", "embedding"], dynamo=True,
        opset_version=OPSET, dynamic_shapes=({0: torch.export.Dim("n", min=1, max=4096)},), external_data=False,
        verbose=False,
    )  # fmt: skip
    model = onnx.load(str(path))
    if half:
        _store_half(model)
    onnx.checker.check_model(without_sources(model))
    with whole(path) as part:
        onnx.save(model, str(part))


def _store_half(model: Any) -> None:
    """Keep large weights in half precision with a cast behind each, which ONNX Runtime undoes once, on loading."""
    casts = []
    for tensor in list(model.graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size >= SMALL_TENSOR:
            stored = numpy_helper.from_array(values.astype(np.float16), tensor.name + ".half")
            model.graph.initializer.remove(tensor)
            model.graph.initializer.append(stored)
            casts.append(onnx.helper.make_node("Cast", [stored.name], [tensor.name], to=onnx.TensorProto.FLOAT))
    for cast in reversed(casts):
        model.graph.node.insert(0, cast)


def write_card(path: Path, how: Preprocessing, settings: Mapping[str, Any]) -> Path:
    """PATH.card.json beside PATH.onnx, as predictor.load_custom reads it."""
    card = {
        "name": path.stem, "labels": list(EXPRESSIONS), "side": how.side, "colour": how.colour,
        "equalise": how.equalise, "mean": list(how.mean), "std": list(how.std), "flip": True, **settings,
        "sha256": sha256_of(path),
    }  # fmt: skip
    target = path.with_suffix(".card.json")
    target.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return target


def largest_difference(network: nn.Module, predictor: Predictor, faces: Faces) -> float:
    """The largest absolute difference between the logits of torch and of ONNX Runtime on these faces."""
    worst = 0.0
    for start in range(0, len(faces), 100):
        x = scaled(as_batch(faces.images[start : start + 100]), predictor.how).contiguous()
        with torch.no_grad():
            expected = network(x)[0].numpy()
        worst = max(worst, float(np.abs(predictor.logits(x.numpy()) - expected).max()))
    return worst


def export_runs(
    names: Sequence[str], checkpoints: Sequence[Path], validation: str, out: Path, even: float = EVEN, side: int = 48
) -> Path:
    """Export one run, or several fused late, to `out` (PATH.onnx) with a card; returns the card's path. `side` is the
    input side in px: that of the last epochs serves best.

    The file is checked against torch on 1,000 faces of `validation`, on which the temperature is also fitted and whose
    class frequencies serve for `even` (see `evened`; it applies to networks trained on data of like frequencies). The
    card's quality numbers are on those faces; its calibration error is cross-fitted by halves. Raises ValueError where
    ONNX Runtime and torch differ by more than 1e-4.
    """
    if len(names) != len(checkpoints):
        raise ValueError(f"{len(names)} networks but {len(checkpoints)} checkpoints; give one of each, in order")
    networks = [load_network(name, file) for name, file in zip(names, checkpoints, strict=True)]
    how = input_of(names[0], side)
    faces = in_memory(read(validation), how)
    priors = np.maximum(np.bincount(faces.labels, minlength=len(EXPRESSIONS)), 1) / len(faces)
    network = prepare([evened(part, priors, even) for part in networks])
    export(network, out, how)
    predictor = Predictor(out, how, OutputRule(), out.stem)
    worst = largest_difference(network, predictor, faces.take(np.arange(min(1000, len(faces)))))
    if not worst <= MAX_DIFFERENCE:
        raise ValueError(f"{out.name}: ONNX Runtime and torch differ by {worst:.2g}, more than {MAX_DIFFERENCE}")
    return card_of_measured(predictor, faces, out, how)


def card_of_measured(predictor: Predictor, faces: Faces, out: Path, how: Preprocessing) -> Path:
    """Write the card of the file `out`: its temperature, fitted on `faces` with their mirror images, and its quality on
    them (the calibration error cross-fitted by halves). Returns the card's path."""
    views = np.concatenate([faces.images, faces.images[:, :, ::-1]])
    found = np.concatenate([
        softmax(predictor.logits(scaled(as_batch(views[start : start + BATCH]), how).numpy()))
        for start in range(0, len(views), BATCH)
    ])  # fmt: skip
    found = found.reshape(2, len(faces), -1).mean(axis=0).astype(np.float64)
    temperature = fit_temperature(found, faces.labels)
    calibrated = cross_calibrated(found, faces.labels)
    quality = {
        name: [round(v, 4) for v in interval(metric, calibrated if name == "ece" else found, faces.labels)]
        for name, metric in METRICS.items()
    }
    return write_card(out, how, {"temperature": round(temperature, 4), "quality": quality})
