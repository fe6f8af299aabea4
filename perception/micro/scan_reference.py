"""The non-causal state-space duality written out one token at a time, in plain numpy: what `scan` must equal."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def scan_reference(x: Array, dt: Array, a: Array, b: Array, c: Array, d: Array) -> Array:
    """y (T, H, P) of one sequence: every token adds to one state a head, then every token reads it.

    `x` (T, H, P) values, `dt` (T, H) steps at least 0, `a` (H,) decay rates below 0, `b` and `c` (T, S) what a token
    writes to and reads from the state, `d` (H,) the direct path. VSSD (arXiv 2407.18559): the order of tokens does
    not matter, each weighs dt * |a|.
    """
    tokens, heads, width = x.shape
    y = np.zeros_like(x)
    for head in range(heads):
        state = np.zeros((b.shape[1], width))
        for token in range(tokens):
            state += np.outer(b[token], x[token, head] * dt[token, head] * abs(a[head]))
        for token in range(tokens):
            y[token, head] = c[token] @ state + d[head] * x[token, head]
    return y


def keep_reference(values: Array, side: int, window: int, ratio: float) -> list[int]:
    """The windows of a (side * side, C) map that stay, in row order: the top share 1 - `ratio` by mean |value|."""
    across = side // window
    scores = []
    for row in range(across):
        for column in range(across):
            total = [
                np.abs(values[(row * window + i) * side + column * window + j]).mean()
                for i in range(window) for j in range(window)
            ]  # fmt: skip
            scores.append(float(np.mean(total)))
    count = max(1, round(len(scores) * (1 - ratio)))
    return sorted(sorted(range(len(scores)), key=lambda i: -scores[i])[:count])
