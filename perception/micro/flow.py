"""From two pictures to what the networks read: registration, dense optical flow, strain, 8-bit images, and back."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from perception.canonical import RIGID, RIGID_POINTS
from perception.micro.types import Flow, FlowImages, Plane
from perception.types import Image, Landmarks

Method = Literal["dis", "farneback", "tvl1"]
Grey = npt.NDArray[np.uint8]

#: Side of the registered face, px, on which flow is measured.
WORK_PX = 112
#: Side of the networks' input, px.
SIDE_PX = 28
#: The registered face in eye-corner distances: half width, top and bottom below the line of the eyes.
HALF_WIDTH, TOP, BOTTOM = 0.80, -0.50, 1.20
#: Normalised values beyond this many root mean squares are cut.
LIMIT = 6.0


def registration(landmarks: Landmarks, side: int = WORK_PX) -> npt.NDArray[np.float64]:
    """The (2, 3) matrix that takes a picture's px to the registered (side, side) face: the similarity between the
    rigid landmarks and the canonical head, then the crop. Raises ValueError where the landmarks lie in one place."""
    canonical = RIGID_POINTS[:, :2].astype(np.float32)
    fit, _ = cv2.estimateAffinePartial2D(np.asarray(landmarks)[RIGID, :2].astype(np.float32), canonical,
                                         method=cv2.LMEDS)  # fmt: skip
    if fit is None:
        raise ValueError("the face cannot be registered: its rigid landmarks lie in one place")
    crop = np.array([[side / (2 * HALF_WIDTH), 0, side / 2], [0, side / (BOTTOM - TOP), -TOP * side / (BOTTOM - TOP)]])
    together: npt.NDArray[np.float64] = crop @ np.vstack([fit, [0, 0, 1]])
    return together


def registered(image: Image, matrix: npt.NDArray[np.float64], side: int = WORK_PX) -> Grey:
    """The (side, side) grey face of an RGB or grey picture."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    face: Grey = cv2.warpAffine(grey, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return face


@cache
def dis(preset: int) -> Any:
    """OpenCV's DIS flow with a preset (0 ultrafast, 1 fast, 2 medium); one object a process."""
    maker: Any = cv2
    return maker.DISOpticalFlow_create(preset)


@cache
def _tvl1() -> Any:
    if not hasattr(cv2, "optflow"):
        raise ValueError("TV-L1 flow needs OpenCV's contrib modules: opencv-contrib-python-headless")
    maker: Any = cv2.optflow
    return maker.DualTVL1OpticalFlow_create(0.25, 0.15, 0.3, 2, 3, 0.02, 1, 30, 0.7)


def dense_flow(before: Grey, after: Grey, method: Method = "dis") -> Flow:
    """Motion from `before` to `after`, (H, W) uint8 grey of one size, in px. Raises ValueError."""
    if before.shape != after.shape or before.ndim != 2:
        raise ValueError(f"flow is measured between two grey pictures of one size, got {before.shape}, {after.shape}")
    if method == "dis":
        field = dis(2).calc(before, after, None)
    elif method == "farneback":
        field = cv2.calcOpticalFlowFarneback(before, after, None, 0.5, 3, 15, 3, 5, 1.1, 0)
    elif method == "tvl1":
        field = _tvl1().calc(before, after, None)
    else:
        raise ValueError(f"no flow method is called {method!r}; choose from dis, farneback, tvl1")
    return Flow(np.ascontiguousarray(field[..., 0]), np.ascontiguousarray(field[..., 1]))


def strain(flow: Flow) -> Plane:
    """Magnitude of the infinitesimal strain tensor, (H, W), at least 0: sqrt(exx^2 + eyy^2 + 2 exy^2)
    (Shreve et al. 2011)."""
    uy, ux = np.gradient(flow.u)
    vy, vx = np.gradient(flow.v)
    return np.asarray(np.sqrt(ux**2 + vy**2 + 0.5 * (uy + vx) ** 2), dtype=np.float32)


def clip_flow(onset: Image, apex: Image, at_onset: Landmarks, at_apex: Landmarks, method: Method = "dis") -> Flow:
    """Flow of the registered face, each picture registered by its own landmarks; the median motion is taken out."""
    flow = dense_flow(registered(onset, registration(at_onset)), registered(apex, registration(at_apex)), method)
    return Flow(flow.u - np.median(flow.u), flow.v - np.median(flow.v))


def encoded(flow: Flow, side: int = SIDE_PX, reach_px: float | None = None) -> npt.NDArray[np.uint8]:
    """The flow as the 8-bit (side, side, 3) image of u, v, strain. Each channel is scaled by its own minimum and
    maximum, or with `reach_px` from -reach..reach (strain 0..reach / 8). A channel without motion is 128 (strain 0)."""
    planes = [cv2.resize(plane, (side, side), interpolation=cv2.INTER_AREA) for plane in (flow.u, flow.v, strain(flow))]
    image = np.empty((side, side, 3), dtype=np.uint8)
    for channel, plane in enumerate(planes):
        low, high = float(plane.min()), float(plane.max())
        if reach_px is not None:
            low, high = (0.0, reach_px / 8) if channel == 2 else (-reach_px, reach_px)
        if high - low < 1e-9:
            image[..., channel] = 0 if channel == 2 else 128
            continue
        image[..., channel] = np.clip((plane - low) / (high - low) * 255 + 0.5, 0, 255)
    return image


def checked(flows: FlowImages) -> FlowImages:
    """The same array. Raises ValueError unless it is (N, H, W, 3) uint8 with sides of 8 px or more."""
    if not isinstance(flows, np.ndarray) or flows.dtype != np.uint8 or flows.ndim != 4 or flows.shape[3] != 3:
        got = f"{getattr(flows, 'dtype', type(flows).__name__)} {getattr(flows, 'shape', '')}"
        raise ValueError(f"flows are (N, H, W, 3) uint8 of u, v, strain; got {got}")
    if len(flows) and min(flows.shape[1:3]) < 8:
        raise ValueError(f"flows have sides of at least 8 px (28 is usual), got {flows.shape[1:3]}")
    return flows


def normalised(flows: FlowImages, side: int = SIDE_PX) -> npt.NDArray[np.float32]:
    """What the networks read: (N, 3, side, side) float32 from (N, H, W, 3) uint8.

    The zero of u and v is unknown after min-max scaling: it is the channel's median, since most of a face rests; the
    strain's is its 5th percentile. Then each channel is divided by its root mean square, since its gain is unknown
    too, and cut at LIMIT.
    """
    flows = checked(flows)
    if flows.shape[1:3] != (side, side) and len(flows):
        shrink = cv2.INTER_AREA if min(flows.shape[1:3]) > side else cv2.INTER_LINEAR
        flows = np.stack([cv2.resize(image, (side, side), interpolation=shrink) for image in flows])
    values = flows.astype(np.float32).reshape(len(flows), side * side, 3)
    zero = np.median(values, axis=1, keepdims=True) if len(flows) else np.zeros((0, 1, 3), np.float32)
    if len(flows):
        zero[..., 2] = np.percentile(values[..., 2], 5, axis=1)[:, None]
    values = values - zero
    values /= np.sqrt((values**2).mean(axis=1, keepdims=True)) + 1.0
    maps = np.clip(values, -LIMIT, LIMIT).reshape(len(flows), side, side, 3)
    return np.ascontiguousarray(maps.transpose(0, 3, 1, 2), dtype=np.float32)


def mirrored(inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The flows (N, 3, H, W) of the mirrored faces: left and right change places and u its sign."""
    turned = inputs[..., ::-1].copy()
    turned[:, 0] *= -1
    return turned
