"""The one place where ONNX Runtime sessions are made: on the CPU, with a known number of threads."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def onnx_session(network: Path | bytes, name: str, threads: int = 1) -> Any:
    """A session for a file or its bytes. `threads` is what one call may use. Raises ValueError that names `name`."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    given = network if isinstance(network, bytes) else str(network)
    try:
        return onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises types of its own that share no base class
        raise ValueError(f"{name}: ONNX Runtime cannot read this network: {error}") from error
