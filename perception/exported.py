"""What an exported network must not carry: where it was made."""

from __future__ import annotations

from typing import Any


def without_sources(model: Any) -> Any:
    """The onnx.ModelProto without what the exporter records beside the network: source paths and stack traces of this
    machine, which are up to half of the file. In place."""
    graph = model.graph
    values = (*graph.value_info, *graph.input, *graph.output, *graph.initializer)
    for part in (model, graph, *graph.node, *values):
        part.ClearField("metadata_props")
    for node in graph.node:
        node.ClearField("doc_string")
    return model
