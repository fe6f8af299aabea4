"""Spotting on paths and on a made video, the refusals, and the measures."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from perception.micro.flow import registration
from perception.micro.movement import BOXES, region_motion
from perception.micro.spot import Spotter, find_events, interval_f1, matches, strs
from perception.micro.types import Event, Flow
from perception.types import Face, Image

AREAS = sum(2 if box[1] > 0 else 1 for box in BOXES)
BROW, EYES, MOUTH = 0, (4, 5), 10


def paths(seconds: float = 10, fps: float = 100) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    times = np.arange(int(seconds * fps)) / fps
    noise = np.random.default_rng(0).normal(0, 0.0005, (len(times), AREAS, 2))
    return times, noise


def bump(times: npt.NDArray[np.float64], at: float, width: float, height: float) -> npt.NDArray[np.float64]:
    return np.asarray(height * np.exp(-(((times - at) / width) ** 2)))


def test_a_brief_bump_is_found_where_and_when_it_is() -> None:
    times, moved = paths()
    moved[:, MOUTH, 1] -= bump(times, 4.0, 0.1, 0.03)
    (event,) = find_events(times, moved)
    assert event.region == "mouth"
    assert event.apex_s == pytest.approx(4.0, abs=0.05)
    assert 0.1 < event.offset_s - event.onset_s < 0.5


def test_slow_movements_blinks_and_rest_are_no_events() -> None:
    times, moved = paths()
    assert find_events(times, moved) == []
    moved[:, MOUTH, 1] -= bump(times, 3.0, 0.5, 0.04)  # a smile of a second
    for eye in EYES:
        moved[:, eye, 1] += bump(times, 7.0, 0.08, 0.06)  # a blink, which moves the brows a little
    moved[:, BROW, 1] += bump(times, 7.0, 0.08, 0.012)
    assert find_events(times, moved) == []


def test_head_motion_is_taken_out() -> None:
    shift = np.ones((112, 112), np.float32)
    assert np.abs(region_motion(Flow(2 * shift, -shift))).max() < 1e-9


def frames(image: Image, face: Face, count: int) -> list[Image]:
    """The astronaut with a brow that rises for a fifth of a second in the middle, at 60 frames a second."""
    matrix = np.linalg.inv(np.vstack([registration(face.landmarks), [0, 0, 1]]))
    x, y = (matrix @ [56 - 18, 20, 1])[:2]
    ys, xs = np.mgrid[0:512, 0:512].astype(np.float32)
    weight = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 220).astype(np.float32)
    rng, made = np.random.default_rng(1), []
    for i in range(count):
        lift = 3.0 * np.exp(-(((i - count / 2) / 60 / 0.08) ** 2)) * weight
        moved = cv2.remap(image, xs, (ys + lift).astype(np.float32), cv2.INTER_LINEAR)
        made.append(np.clip(moved + rng.normal(0, 1, moved.shape), 0, 255).astype(np.uint8))
    return made


def test_a_video_gives_its_one_event(astronaut: Image, astronaut_face: Face) -> None:
    spotter = Spotter()
    events: list[Event] = []
    for i, frame in enumerate(frames(astronaut, astronaut_face, 150)):
        events += spotter.add(frame, astronaut_face.landmarks, i / 60)
    events += spotter.finish()
    (event,) = events
    assert event.region == "brows"
    assert event.apex_s == pytest.approx(75 / 60, abs=0.06)


def test_a_slow_camera_is_refused_in_words(astronaut: Image, astronaut_face: Face) -> None:
    spotter = Spotter()
    assert spotter.refusal is not None and "second of video" in spotter.refusal
    for i in range(40):
        assert spotter.add(astronaut, astronaut_face.landmarks, i / 15) == []
    assert spotter.refusal == "The camera delivers 15 frames a second; brief movements need at least 25."
    with pytest.raises(ValueError, match="order of time"):
        spotter.add(astronaut, astronaut_face.landmarks, 0.0)


def test_measures_by_hand() -> None:
    assert matches([(0.0, 1.0), (5.0, 6.0)], [(0.1, 1.1), (5.9, 7.0)]) == [(0, 0)]
    assert interval_f1(1, 2, 2) == 0.5
    assert strs(0.5, 0.4) == pytest.approx(0.2)
    with pytest.raises(ValueError, match="times increase"):
        Event(1.0, 0.5, 2.0, "mouth", 0.5)
