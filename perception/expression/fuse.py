"""Late fusion of exported networks that read faces of different sizes and scalings, as one ONNX file.

The mean of the members' probabilities, weighted (Kittler et al., On combining classifiers, PAMI 1998: the sum rule).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import compose, helper, numpy_helper

from perception.exported import without_sources
from perception.expression.data import read
from perception.expression.distill import teacher_of
from perception.expression.export import OPSET, card_of_measured
from perception.expression.faces import in_memory
from perception.expression.predictor import OutputRule, Predictor
from perception.expression.preprocess import Preprocessing
from perception.files import whole
from perception.types import EXPRESSIONS

#: A probability is not taken for less than this before its logarithm becomes a logit.
LEAST = 1e-8


def fuse(members: Sequence[str], weights: Sequence[float], validation: str, out: Path) -> Path:
    """Fuse `members` (models' names, or PATH.onnx with a card) to `out` (PATH.onnx), calibrated on `validation`
    (READER:PATH:SPLIT); returns the path of the card beside it.

    The file reads grey, equalised faces of the largest member's side; smaller members get them scaled down inside.
    Each member's weight is positive; they are divided by their sum. Raises ValueError for fewer than two members, for
    weights that do not fit them, and for members that read colour, do not equalise, or have another label order.
    """
    if len(members) < 2 or len(weights) != len(members) or min(weights) <= 0:
        raise ValueError(f"a fusion takes two or more networks and a positive weight of each, got {weights}")
    found = [teacher_of(name) for name in members]
    for name, (predictor, _) in zip(members, found, strict=True):
        how = predictor.how
        if how.colour != "grey" or not how.equalise or predictor.rule.labels != EXPRESSIONS:
            raise ValueError(
                f"{name} reads {how.colour} faces (equalised: {how.equalise}), labels {predictor.rule.labels}; "
                f"only grey, equalised ones in the order {EXPRESSIONS} fuse"
            )
    how = Preprocessing(side=max(predictor.how.side for predictor, _ in found))
    shares = [weight / sum(weights) for weight in weights]
    graph = _fused([(onnx.load(str(file)), one.how) for one, file in found], shares, how)
    out.parent.mkdir(parents=True, exist_ok=True)
    with whole(out) as part:
        onnx.save(graph, str(part))
    predictor = Predictor(out, how, OutputRule(), out.stem)
    return card_of_measured(predictor, in_memory(read(validation), how), out, how)


def _fused(members: Sequence[tuple[Any, Preprocessing]], shares: Sequence[float], how: Preprocessing) -> Any:
    """The model of models: members' nodes with a prefix each, their inputs made of the one input."""
    nodes: list[Any] = []
    constants: list[Any] = []
    parts, embeddings = [], []
    for at, ((model, own), share) in enumerate(zip(members, shares, strict=True)):
        prefix = f"member{at}."
        member = compose.add_prefix(model, prefix).graph
        constants += [*member.initializer, *_scaling(prefix, how, own, share)]
        nodes += [*_input(prefix, member.input[0].name, how, own), *member.node]
        logits, embedding = (output.name for output in member.output)
        nodes.append(helper.make_node("Softmax", [logits], [prefix + "p"], axis=1))
        nodes.append(helper.make_node("Mul", [prefix + "p", prefix + "share"], [prefix + "part"]))
        parts.append(prefix + "part")
        embeddings.append(embedding)
    constants.append(numpy_helper.from_array(np.float32(LEAST), "least"))
    nodes.append(helper.make_node("Sum", parts, ["mean"]))
    nodes.append(helper.make_node("Max", ["mean", "least"], ["clamped"]))
    nodes.append(helper.make_node("Log", ["clamped"], ["logits"]))
    nodes.append(helper.make_node("Concat", embeddings, ["embedding"], axis=1))
    real = onnx.TensorProto.FLOAT
    inputs = [helper.make_tensor_value_info("faces", real, ["n", 1, how.side, how.side])]
    outputs = [helper.make_tensor_value_info(name, real, ["n", None]) for name in ("logits", "embedding")]
    graph = helper.make_graph(nodes, "fused", inputs, outputs, initializer=constants)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=members[0][0].ir_version
    )
    onnx.checker.check_model(without_sources(model))
    return model


def _scaling(prefix: str, how: Preprocessing, own: Preprocessing, share: float) -> list[Any]:
    """Constants: input * gain + shift is the member's own scaling of the same grey levels; its size; its share."""
    gain = how.std[0] / own.std[0]
    shift = (how.mean[0] - own.mean[0]) / own.std[0]
    values = {"gain": gain, "shift": shift, "share": share}
    constants = [numpy_helper.from_array(np.float32(value), prefix + name) for name, value in values.items()]
    size = np.array([own.side / how.side] * 2, dtype=np.float32)
    return [*constants, numpy_helper.from_array(np.concatenate([np.ones(2, np.float32), size]), prefix + "size")]


def _input(prefix: str, name: str, how: Preprocessing, own: Preprocessing) -> list[Any]:
    """Nodes from the one input to the member's: scaled down without aliasing, then to its own range."""
    source, nodes = "faces", []
    if own.side != how.side:
        source = prefix + "resized"
        attributes = {"mode": "linear", "antialias": 1, "coordinate_transformation_mode": "half_pixel"}
        nodes.append(helper.make_node("Resize", ["faces", "", prefix + "size"], [source], **attributes))
    nodes.append(helper.make_node("Mul", [source, prefix + "gain"], [prefix + "scaled"]))
    nodes.append(helper.make_node("Add", [prefix + "scaled", prefix + "shift"], [name]))
    return nodes
