"""Synthetic micro-expressions from neutral faces: action units move a face a little, and the flow is measured.

A clip is made in one of two ways. Measured: the face is warped by the displacement field, head motion, light and sensor
noise are added, and optical flow is computed between the two pictures. Direct: the field itself, blurred and with
structured noise. Labels follow the units' combinations in synthesis.toml.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from perception.micro.faces import FaceSet
from perception.micro.flow import dense_flow, encoded
from perception.micro.muscles import muscle_field
from perception.micro.sculpted import side_moves, spread
from perception.micro.types import LABELS, Dataset, Flow, Plane, joined

TABLE = Path(__file__).with_name("synthesis.toml")
Rng = np.random.Generator
#: How a unit moves the skin: by bumps of three shapes, as sculpted on a head, or as muscles that pull.
Kernel = Literal["gauss", "cauchy", "plate", "sculpted", "muscles"]
BUMPS: tuple[Kernel, ...] = ("gauss", "cauchy", "plate")
THRICE: tuple[Kernel, ...] = ("sculpted", "sculpted", "sculpted", "muscles", "muscles", "muscles")
Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Generator:
    """How clips vary. Amplitudes are displacements at full unit strength in eye-corner distances (0.01 is about one
    px in a face 250 px wide); shares are probabilities; noise is in grey levels; head motion in eye-corner distances.
    """

    name: str
    amplitude: Range = (0.006, 0.045)
    kernels: tuple[Kernel, ...] = BUMPS  # one a clip, all equally often
    methods: Mapping[str, float] | None = None  # flow method -> share; "direct" makes no pictures
    noise: Range = (0.3, 3.5)
    head: Range = (0.0, 0.02)
    side: tuple[int, int] = (64, 128)
    blink: float = 0.25
    gaze: float = 0.2
    one_sided: float = 0.25
    stray: float = 0.25  # share of clips with a weak unit that is no part of the class
    weak: float = 0.25  # chance that a unit of a combination is nearly missing

    def shares(self) -> Mapping[str, float]:
        return self.methods or {"tvl1": 0.35, "farneback": 0.2, "dis": 0.2, "direct": 0.25}


#: The sources of displacement, one generator each: `across_generators` holds out one after the other.
FAMILIES = ("bumps", "sculpted", "muscles")
#: `varied` trains the shipped model, a third of it from each family; `other`: smaller amplitudes, flat bumps, TV-L1.
GENERATORS: dict[str, Generator] = {
    "varied": Generator("varied", kernels=(*BUMPS, *THRICE)),
    "bumps": Generator("bumps"),
    "sculpted": Generator("sculpted", kernels=("sculpted",)),
    "muscles": Generator("muscles", kernels=("muscles",)),
    "other": Generator("other", amplitude=(0.006, 0.025), kernels=("plate",), methods={"tvl1": 1.0}, noise=(0.5, 2.5),
                       head=(0.0, 0.012), side=(96, 128), blink=0.35, gaze=0.35, one_sided=0.35),
}  # fmt: skip


@cache
def table() -> Mapping[str, Any]:
    """synthesis.toml."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def draw_units(label: str, rng: Rng) -> tuple[int, ...]:
    """A combination of action units of this class, drawn by the table's frequencies."""
    combinations = table()["classes"][label]
    weights = np.array(list(combinations.values()), dtype=float)
    drawn = rng.choice(list(combinations), p=weights / weights.sum())
    return tuple(int(unit) for unit in str(drawn).split("+"))


@dataclass(frozen=True, slots=True)
class View:
    """The crop of one clip: `matrix` (2, 3) takes output px to px of the face picture; `grid` (2, side, side) are the
    output px in eye-corner distances from the middle of the eyes; `points` the landmarks likewise; `unit` (2,) output
    px of one eye-corner distance in x and y."""

    matrix: npt.NDArray[np.float64]
    grid: npt.NDArray[np.float32]
    points: npt.NDArray[np.float32]
    unit: npt.NDArray[np.float64]
    side: int


def view_of(landmarks: npt.NDArray[np.float32], side: int) -> View:
    """A whole (side, side) picture as it is."""
    right, left = landmarks[33], landmarks[263]
    middle, eye = (right + left) / 2, float(np.hypot(*(left - right)))
    ys, xs = np.mgrid[0:side, 0:side].astype(np.float32)
    grid = np.stack([(xs - middle[0]) / eye, (ys - middle[1]) / eye]).astype(np.float32)
    return View(np.eye(2, 3), grid, ((landmarks - middle) / eye).astype(np.float32), np.array([eye, eye]), side)


def _view(landmarks: npt.NDArray[np.float32], config: Generator, rng: Rng) -> View:
    right, left = landmarks[33], landmarks[263]
    axis = left - right
    eye = float(np.hypot(*axis))
    angle = np.arctan2(axis[1], axis[0]) + rng.normal(0, 0.03)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * eye
    middle = (right + left) / 2
    points = (landmarks - middle) @ np.linalg.inv(turn).T
    half = rng.uniform(0.62, 0.98)
    top, bottom = rng.uniform(-0.75, -0.32), float(points[152, 1]) + rng.uniform(-0.12, 0.25)
    shift = rng.normal(0, 0.04)
    side = int(rng.integers(config.side[0], config.side[1] + 1))
    step = np.array([2 * half / side, (bottom - top) / side])
    origin = np.array([shift - half, top])
    ys, xs = np.mgrid[0:side, 0:side].astype(np.float32)
    grid = np.stack([xs * step[0] + origin[0], ys * step[1] + origin[1]]).astype(np.float32)
    matrix = np.column_stack([turn @ np.diag(step), turn @ origin + middle])
    return View(matrix, grid, points.astype(np.float32), 1 / step, side)


def _fall(far: Plane, kernel: Kernel) -> Plane:
    """Weight 0..1 of a bump at squared distance `far` in radii."""
    if kernel == "gauss":
        return np.asarray(np.exp(-far / 2), np.float32)
    return np.asarray(1 / (1 + far) ** 1.5 if kernel == "cauchy" else np.exp(-((far / 2.5) ** 2)), np.float32)


def _sculpted_field(unit: int, view: View, sides: tuple[float, float], rng: Rng) -> npt.NDArray[np.float32]:
    """`unit_field` from the sculpted table: strength by place, direction and reach are varied."""
    right, left = side_moves(tuple(table()["sculpted"][str(unit)]))
    uneven = np.exp(rng.normal(0, 0.3, (3, 3))).astype(np.float32)
    uneven = cv2.resize(uneven, (view.side, view.side), interpolation=cv2.INTER_CUBIC)
    angle = rng.normal(0, 0.15)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (right @ turn * sides[0] + left @ turn.T * sides[1]).astype(np.float32)
    field = spread(moved, view.points, view.grid, rng.uniform(0.6, 1.5)) * uneven
    peak = float(np.hypot(field[0], field[1]).max()) + 1e-6  # averaging takes some of it away
    return np.asarray(field * (max(sides) * rng.uniform(0.6, 1.4) / peak), np.float32)


def unit_field(unit: int, view: View, sides: tuple[float, float], kernel: Kernel,
                rng: Rng) -> npt.NDArray[np.float32]:  # fmt: skip
    """(2, side, side) displacement of one unit at full strength in eye-corner distances. `sides`: strength right, left.
    Every bump's place, size, strength and direction is varied."""
    if kernel == "sculpted":
        return _sculpted_field(unit, view, sides, rng)
    if kernel == "muscles":
        return muscle_field(unit, view.points, view.grid, sides, rng)
    field = np.zeros_like(view.grid)
    for bump in table()["units"][str(unit)]:
        scale, angle = rng.uniform(0.6, 1.4), rng.normal(0, 0.22)
        radius = np.array(bump["radius"]) * rng.uniform(0.75, 1.5, 2)
        jitter = rng.normal(0, 0.025, 2)
        middle = "mirror" not in bump
        places = ((bump["points"], 1.0, max(sides) if middle else sides[0]), (bump.get("mirror"), -1.0, sides[1]))
        for points, sign, strength in places[: 1 if middle else 2]:
            x, y = view.points[points].mean(axis=0) + jitter * [sign, 1]
            far = ((view.grid[0] - x) / radius[0]) ** 2 + ((view.grid[1] - y) / radius[1]) ** 2
            weight = _fall(far, kernel)
            dx, dy = bump["move"]
            turned = (dx * np.cos(angle) - dy * np.sin(angle), dx * np.sin(angle) + dy * np.cos(angle))
            field[0] += weight * (sign * turned[0] * scale * strength)
            field[1] += weight * (turned[1] * scale * strength)
    return field


def _expression(label: str, view: View, config: Generator, rng: Rng) -> npt.NDArray[np.float32]:
    """(2, side, side) displacement of the whole expression, blinks and gaze in eye-corner distances."""
    field = np.zeros_like(view.grid)
    units, kernel = draw_units(label, rng), config.kernels[int(rng.integers(len(config.kernels)))]
    one_sided, right = rng.random() < config.one_sided, rng.random() < 0.5
    spared = int(rng.integers(len(units)))  # this unit keeps its strength
    for place, unit in enumerate(units):
        strength = rng.uniform(0.5, 1.0)
        if place != spared and rng.random() < config.weak:
            strength *= rng.uniform(0.0, 0.4)
        low = rng.uniform(0.0, 0.4) if one_sided else rng.uniform(0.65, 1.0)
        field += unit_field(unit, view, (strength, strength * low) if right else (strength * low, strength),
                             kernel, rng)  # fmt: skip
    if rng.random() < config.stray:
        unit = int(
            rng.choice([int(name) for name in table()["sculpted" if kernel in ("sculpted", "muscles") else "units"]])
        )
        strength = rng.uniform(0.05, 0.3)
        field += unit_field(unit, view, (strength, strength * rng.random()), kernel, rng)
    field *= np.exp(rng.uniform(*np.log(config.amplitude)))
    if rng.random() < config.blink:  # lids move with amplitudes of their own, either way
        strength = np.exp(rng.uniform(*np.log(config.amplitude))) * rng.choice([1.0, -1.0], p=[0.65, 0.35])
        field += unit_field(45, view, (strength, strength), kernel, rng)
    if rng.random() < config.gaze:
        iris = unit_field(61, view, (1.0, 1.0), "gauss", rng)[1]
        turn = np.exp(rng.uniform(*np.log(config.amplitude))) * 3 * rng.normal(0, 1, 2)
        field += np.stack([iris * turn[0], iris * turn[1] * 0.4]).astype(np.float32)
    return field


def _head(view: View, config: Generator, rng: Rng) -> npt.NDArray[np.float32]:
    """Head motion left over after registration, (2, side, side) in eye-corner distances: shift, rotation, scale, and
    the parallax of a small turn (near the nose more than at the cheeks); the background may stand still."""
    x, y = view.grid[0], view.grid[1] - 0.4
    size = rng.uniform(*config.head)
    a, b, c, d, yaw, pitch = rng.normal(0, size, 6) * [1, 1, 0.4, 0.4, 0.6, 0.6]
    depth = np.exp(-(x**2) / 0.18 - y**2 / 0.5)
    field = np.stack([a + c * x - d * y + yaw * depth, b + c * y + d * x + pitch * depth])
    if rng.random() < 0.4:
        inside = 1 / (1 + np.exp(((x / 0.72) ** 2 + (y / 0.95) ** 2 - 1) / rng.uniform(0.03, 0.15)))
        field = field * inside
    return field.astype(np.float32)


def _picture(face: npt.NDArray[np.uint8], view: View, moved: npt.NDArray[np.float32]) -> Plane:
    """The crop after `moved` (2, side, side) output px; small displacements, so backward warping stands for forward."""
    ys, xs = np.mgrid[0 : view.side, 0 : view.side].astype(np.float32)
    x, y = xs - moved[0], ys - moved[1]
    m = view.matrix
    map_x = (m[0, 0] * x + m[0, 1] * y + m[0, 2]).astype(np.float32)
    map_y = (m[1, 0] * x + m[1, 1] * y + m[1, 2]).astype(np.float32)
    return np.asarray(cv2.remap(face, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _sensor(picture: Plane, noise: float, rng: Rng) -> npt.NDArray[np.uint8]:
    """The picture through a camera: light, gradient, grain, blur and, at times, JPEG."""
    side = len(picture)
    slope = np.linspace(-1, 1, side, dtype=np.float32)
    light = 1 + rng.normal(0, 0.015) + rng.normal(0, 0.012) * slope + rng.normal(0, 0.012) * slope[:, None]
    grain = rng.normal(0, noise, picture.shape).astype(np.float32)
    lit = np.clip(picture * light + rng.normal(0, 1.0) + grain + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < 0.2:
        ok, code = cv2.imencode(".jpg", lit, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 96))])
        lit = cv2.imdecode(code, cv2.IMREAD_GRAYSCALE) if ok else lit
    return np.asarray(lit, dtype=np.uint8)


def _measured(face: npt.NDArray[np.uint8], view: View, moved: npt.NDArray[np.float32], method: str,
              config: Generator, rng: Rng) -> Flow:  # fmt: skip
    noise = rng.uniform(*config.noise)
    blur = rng.uniform(0.3, 1.0)
    contrast, level = rng.uniform(0.5, 1.1), rng.uniform(-15, 25)
    shots = []
    for displacement in (np.zeros_like(moved), moved):
        picture = cv2.GaussianBlur(_picture(face, view, displacement), (0, 0), blur) * contrast + level
        shots.append(_sensor(picture, noise, rng))
    return dense_flow(shots[0], shots[1], method)  # type: ignore[arg-type]


def _direct(moved: npt.NDArray[np.float32], rng: Rng) -> Flow:
    """The field itself, blurred as a regularised flow would be, with smooth and patchy noise."""
    planes = []
    spread = float(np.abs(moved).max()) + 1e-6
    blur, coarse = rng.uniform(0.5, 4.0), rng.uniform(2, 10)
    level, outliers = rng.uniform(0.02, 0.15), rng.random() < 0.3
    for plane in moved:
        noise = cv2.GaussianBlur(rng.normal(0, 1, plane.shape).astype(np.float32), (0, 0), coarse)
        plane = cv2.GaussianBlur(plane, (0, 0), blur) + noise / (noise.std() + 1e-6) * spread * level
        if outliers:
            x, y = rng.integers(0, len(plane), 2)
            width = int(rng.integers(3, max(4, len(plane) // 6)))
            plane[y : y + width, x : x + width] += rng.normal(0, 0.5) * spread
        planes.append(cv2.medianBlur(plane.astype(np.float32), 5) if rng.random() < 0.5 else plane.astype(np.float32))
    return Flow(planes[0], planes[1])


def make_clip(face: npt.NDArray[np.uint8], landmarks: npt.NDArray[np.float32], label: str, config: Generator,
              rng: Rng) -> tuple[npt.NDArray[np.uint8], Flow]:  # fmt: skip
    """One clip of class `label`: its (28, 28, 3) uint8 flow image and the full flow in px of the crop."""
    view = _view(landmarks, config, rng)
    shares = config.shares()
    method = str(rng.choice(list(shares), p=list(shares.values())))
    moved = (_expression(label, view, config, rng) + _head(view, config, rng)) * view.unit[:, None, None]
    pixels = np.asarray(moved, dtype=np.float32)
    flow = _direct(pixels, rng) if method == "direct" else _measured(face, view, pixels, method, config, rng)
    if rng.random() < 0.4:  # some pipelines take the median motion out before scaling
        flow = Flow(flow.u - np.median(flow.u), flow.v - np.median(flow.v))
    reach = None
    if rng.random() < 0.2:
        reach = float(np.percentile(np.hypot(flow.u, flow.v), 99) * rng.uniform(1.0, 3.0)) + 1e-3
    return encoded(flow, reach_px=reach), flow


def _make_share(faces: FaceSet, count: int, config: Generator, seed: int) -> Dataset:
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed)
    flows, labels, subjects = [], [], []
    for _ in range(count):
        person, label = int(rng.integers(len(faces.people))), int(rng.integers(len(LABELS)))
        image, _flow = make_clip(faces.pictures[person], faces.landmarks[person], LABELS[label], config, rng)
        flows.append(image)
        labels.append(label)
        subjects.append(str(faces.people[person]))
    return Dataset(np.stack(flows), np.array(labels, np.int64), np.array(subjects), np.array([config.name] * count))


def make_corpus(faces: FaceSet, count: int, config: Generator, seed: int = 0, workers: int = 1) -> Dataset:
    """`count` clips with even classes, the same for the same seed whatever `workers` is."""
    shares = [count // 8 + (i < count % 8) for i in range(8)]
    jobs = [(faces, share, config, seed * 1000 + i) for i, share in enumerate(shares) if share]
    if workers > 1:
        with ProcessPoolExecutor(workers) as pool:
            parts = list(pool.map(_make_share, *zip(*jobs, strict=True)))
    else:
        parts = [_make_share(*job) for job in jobs]
    return joined(parts)
