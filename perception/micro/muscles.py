"""Action units as muscles under the skin: a third source of displacement, made of pulls toward bone (Waters 1987).

The places and angles are muscles.toml's, written from anatomy; no number of the paper is used but its cosine shapes.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

TABLE = Path(__file__).with_name("muscles.toml")
Field = npt.NDArray[np.float32]
Rng = np.random.Generator


@cache
def muscles() -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Action unit -> its muscles, of muscles.toml."""
    found: Mapping[str, Sequence[Mapping[str, Any]]] = tomllib.loads(TABLE.read_text(encoding="utf-8"))["units"]
    return found


def pull(grid: Field, root: Field, end: Field, angle: float, past: float) -> Field:
    """(2, H, W) motion of the skin at `grid` (2, H, W) toward `root` (2,): 1 at `end` (2,), falling off with the cosine
    of the angle between the two within `angle` radians, with the distance toward the root and beyond the end."""
    away = grid - root[:, None, None]
    far = np.hypot(*away) + 1e-6
    axis = end - root
    length = float(np.hypot(*axis)) + 1e-6
    cosine = np.clip((away * (axis / length)[:, None, None]).sum(axis=0) / far, -1, 1)
    aside = np.arccos(cosine) / angle
    across = np.where(aside < 1, np.cos(np.clip(aside, 0, 1) * np.pi / 2), 0)
    ratio = far / length
    before = np.sin(np.clip(ratio, 0, 1) * np.pi / 2)
    beyond = np.cos(np.clip((ratio - 1) / max(past, 0.05), 0, 1) * np.pi / 2)
    return np.asarray(-away / far * (across * before * beyond), np.float32)


def ring(grid: Field, root: Field, radius: Sequence[float], low: bool) -> Field:
    """(2, H, W) motion toward `root` within the ellipse `radius`, strongest half-way out; `low`: not above it."""
    away = (grid - root[:, None, None]) / np.asarray(radius, np.float32)[:, None, None]
    far = np.hypot(*away) + 1e-6
    strength = np.where(far < 1, np.sin(np.clip(far, 0, 1) * np.pi), 0)
    if low:
        strength = strength / (1 + np.exp(-away[1] * 8))
    return np.asarray(-away / far * strength, np.float32)


def jaw(grid: Field, root: Field, chin: Field) -> Field:
    """(2, H, W) the lower face moves down, from nothing at `root` to 1 at `chin`, and inward a little at the sides."""
    depth = np.clip((grid[1] - root[1]) / max(float(chin[1] - root[1]), 1e-3), 0, 1.3)
    inside = np.exp(-(((grid[0] - root[0]) / 0.5) ** 4))
    down = np.minimum(depth, 1) * inside
    return np.stack([-(grid[0] - root[0]) * down * 0.25, down]).astype(np.float32)


def muscle_field(unit: int, points: Field, grid: Field, sides: tuple[float, float], rng: Rng) -> Field:
    """(2, H, W) motion of one action unit at full strength; `points` (478, 2) landmarks and `grid` (2, H, W) places in
    eye-corner distances, `sides` the strength right and left. Every muscle's place, opening and strength is varied."""
    field = np.zeros_like(grid)
    for row in muscles()[str(unit)]:
        scale, widen = rng.uniform(0.6, 1.4), rng.uniform(0.75, 1.35)
        shift = rng.normal(0, 0.025, (2, 2))
        middle = "mirror_root" not in row and "end_other" not in row
        for right in (True,) if middle else (True, False):
            flip = np.array([1 if right else -1, 1])
            root = points[row["root"] if right else row.get("mirror_root", row["root"])].mean(axis=0) + shift[0] * flip
            strength = scale * (max(sides) if middle else sides[0 if right else 1])
            if row["kind"] == "ring":
                field += strength * ring(grid, root, [r * widen for r in row["radius"]], row.get("part") == "low")
            elif row["kind"] == "jaw":
                field += strength * jaw(grid, root, points[152])
            else:
                ends = row["end"] if right else row.get("mirror_end", row.get("end_other"))
                end = points[ends].mean(axis=0) + shift[1] * flip
                field += strength * pull(grid, root, end, np.radians(row["angle"]) * widen, row["past"] * widen)
    return np.asarray(field, np.float32)
