"""Flow, strain, encoding, and what the networks read of an 8-bit flow image."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from perception.micro.flow import clip_flow, dense_flow, encoded, mirrored, normalised, registered, registration, strain
from perception.micro.types import Flow
from perception.types import Face, Image


def bump(side: int = 64, u: float = 1.0, v: float = -2.0) -> Flow:
    ys, xs = np.mgrid[0:side, 0:side].astype(np.float32)
    weight = np.exp(-((xs - 40) ** 2 + (ys - 30) ** 2) / 60).astype(np.float32)
    return Flow(u * weight, v * weight)


@pytest.mark.parametrize("method", ["dis", "farneback", "tvl1"])
def test_flow_points_right_and_down(astronaut: Image, astronaut_face: Face, method: str) -> None:
    face = registered(astronaut, registration(astronaut_face.landmarks))
    moved = cv2.warpAffine(face, np.array([[1.0, 0, 0.8], [0, 1, 1.5]]), face.shape, borderMode=cv2.BORDER_REFLECT)
    flow = dense_flow(face, moved, method)  # type: ignore[arg-type]
    assert np.median(flow.u) == pytest.approx(0.8, abs=0.25)
    assert np.median(flow.v) == pytest.approx(1.5, abs=0.3)


def test_an_unknown_method_lists_the_choices() -> None:
    grey = np.zeros((32, 32), np.uint8)
    with pytest.raises(ValueError, match="choose from dis, farneback, tvl1"):
        dense_flow(grey, grey, "raft")  # type: ignore[arg-type]


def test_strain_of_a_linear_field_is_exact_and_of_a_shift_zero() -> None:
    ys, xs = np.mgrid[0:16, 0:16].astype(np.float32)
    assert strain(Flow(0.1 * xs, 0.2 * ys)) == pytest.approx(np.sqrt(0.05), abs=1e-5)
    assert strain(Flow(np.ones_like(xs), -np.ones_like(xs))).max() == 0


def test_registration_takes_the_head_motion_out(astronaut: Image, astronaut_face: Face) -> None:
    turn = cv2.getRotationMatrix2D((220, 120), 3, 1.02)
    moved = cv2.warpAffine(astronaut, turn, (512, 512))
    points = astronaut_face.landmarks.copy()
    points[:, :2] = points[:, :2] @ turn[:, :2].T + turn[:, 2]
    flow = clip_flow(astronaut, moved, astronaut_face.landmarks, points)
    assert np.percentile(np.hypot(flow.u, flow.v), 80) < 0.6
    unregistered = dense_flow(registered(astronaut, registration(astronaut_face.landmarks)),
                              registered(moved, registration(astronaut_face.landmarks)))  # fmt: skip
    assert np.median(np.hypot(unregistered.u, unregistered.v)) > 1.0


@pytest.mark.parametrize("reach", [None, 4.0])
def test_the_networks_input_does_not_depend_on_the_encoding(reach: float | None) -> None:
    plain = normalised(encoded(bump())[None])
    other = normalised(encoded(bump(), reach_px=reach)[None])
    for channel in range(2):
        assert np.corrcoef(plain[0, channel].ravel(), other[0, channel].ravel())[0, 1] > 0.99
    assert abs(float(np.median(plain[0, 0]))) < 1e-6


def test_signs_survive_and_mirroring_turns_u_only() -> None:
    inputs = normalised(encoded(bump())[None])
    row, column = np.unravel_index(np.abs(inputs[0, 0]).argmax(), (28, 28))
    assert inputs[0, 0, row, column] > 0 > inputs[0, 1, row, column]
    turned = mirrored(inputs)
    assert turned[0, 0, row, 27 - column] == -inputs[0, 0, row, column]
    assert turned[0, 1, row, 27 - column] == inputs[0, 1, row, column]
    assert (mirrored(turned) == inputs).all()


def test_no_motion_is_a_flat_image_and_finite_input() -> None:
    flat = encoded(Flow(np.zeros((40, 40), np.float32), np.zeros((40, 40), np.float32)))
    assert (flat[..., :2] == 128).all() and (flat[..., 2] == 0).all()
    assert np.isfinite(normalised(flat[None])).all()


@pytest.mark.parametrize(
    "bad", [np.zeros((2, 28, 28, 3)), np.zeros((28, 28, 3), np.uint8), np.zeros((1, 4, 4, 3), np.uint8)]
)
def test_wrong_arrays_are_refused(bad: np.ndarray) -> None:  # type: ignore[type-arg]
    with pytest.raises(ValueError, match="flows"):
        normalised(bad)
