"""Brief movements watched for live: only when asked, only with enough frames, kept for a minute, forgotten at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from perception import moments
from perception.moments import KEPT_S, Moments, MomentWatch
from perception.perceiver import Perceiver, PerceiverOptions
from perception.types import Face, Image


def shown(watch: MomentWatch, image: Image, face: Face, fps: float, seconds: float, first_s: float = 0.0) -> None:
    for number in range(int(fps * seconds)):
        watch.see(image, face, first_s + number / fps)


def test_nothing_is_watched_for_until_asked(astronaut: Image, astronaut_face: Face) -> None:
    watch = MomentWatch()
    shown(watch, astronaut, astronaut_face, 30, 1)
    assert watch.told() == Moments()
    watch.turn(True)
    shown(watch, astronaut, astronaut_face, 30, 1.5, 5)
    assert watch.told().enough and watch.told().fps == pytest.approx(30, abs=1)
    watch.turn(False)
    assert watch.told() == Moments()


def test_a_slow_camera_is_told_and_a_lost_face_begins_anew(astronaut: Image, astronaut_face: Face) -> None:
    watch = MomentWatch()
    watch.turn(True)
    shown(watch, astronaut, astronaut_face, 14, 2)
    told = watch.told()
    assert told.watching and not told.enough and told.fps == pytest.approx(14, abs=0.5)
    watch.see(astronaut, None, 2.1)
    assert watch.told().fps == 0
    watch.see(astronaut, astronaut_face, 1.0)  # the clock jumped back
    assert watch.told().watching


def test_what_was_found_goes_after_a_minute(
    monkeypatch: pytest.MonkeyPatch, astronaut: Image, astronaut_face: Face
) -> None:
    from perception.micro.types import Event

    class Finds(moments.Spotter):
        def add(self, image: Image, landmarks: np.ndarray, t_s: float) -> list[Event]:
            return [Event(t_s - 0.3, t_s - 0.2, t_s - 0.1, "brows", 0.8)] if t_s in (5.0, 30.0) else []

    monkeypatch.setattr(moments, "Spotter", Finds)
    watch = MomentWatch()
    watch.turn(True)
    for t_s in (5.0, 30.0, 31.0):
        watch.see(astronaut, replace(astronaut_face), t_s)
    assert [event.apex_s for event in watch.told().events] == [4.8, 29.8]
    watch.see(astronaut, astronaut_face, 6.0 + KEPT_S)
    assert [event.apex_s for event in watch.told().events] == [29.8]
    fresh = watch.anew()
    assert fresh.told().events == () and fresh.told().watching and not MomentWatch().anew().told().watching


def test_a_frame_under_way_at_forget_is_forgotten(monkeypatch: pytest.MonkeyPatch, astronaut: Image) -> None:
    """Its picture, seen before, reaches the watch only after: that of then, not the one that goes on."""
    with Perceiver(PerceiverOptions(model="geometry/emfacs", fusion="")) as perceiver:
        perceiver.watch_moments(True)
        read = perceiver._reader.read

        def forgetting(*given: Any) -> Any:
            perceiver.forget()
            return read(*given)

        monkeypatch.setattr(perceiver._reader, "read", forgetting)
        perceiver.see(astronaut, 0.0)
        perceiver.see(astronaut, 0.04)  # the reader of now, and the first frame of the watch of now
        assert perceiver.moments().watching and perceiver.moments().fps == 0.0


def test_moments_change_no_state(astronaut: Image) -> None:
    states = []
    for asked in (False, True):
        with Perceiver(PerceiverOptions(model="geometry/emfacs", fusion="")) as perceiver:
            perceiver.watch_moments(asked)
            for number in range(40):
                perceiver.see(astronaut, number / 10)
            assert perceiver.moments().watching is asked
            states.append(perceiver.state(4.0))
    assert states[0] == states[1]
