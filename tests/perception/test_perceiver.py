"""A session in front of the camera: from frames and sound to a state, and everything that can come instead."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from perception import perceiver as module
from perception.perceiver import MAX_SAMPLES, MAX_TIMELINE, Perceiver, PerceiverOptions
from perception.types import AUS, EXPRESSIONS, Image
from perception.video import read_video

GREY: Image = np.full((480, 640, 3), 128, np.uint8)


@pytest.fixture
def perceiver() -> Iterator[Perceiver]:
    """By the geometry alone; test_fused.py has the networks."""
    with Perceiver(PerceiverOptions(model="geometry/emfacs")) as one:
        yield one


def moved(picture: Image, i: int) -> Image:
    """The picture, shifted a little: a person who sits there."""
    matrix = np.array([[1, 0, 60 + 3 * np.sin(i / 3)], [0, 1, -20 + 2 * np.cos(i / 4)]])
    return np.asarray(cv2.warpAffine(picture, matrix, (640, 480)), dtype=np.uint8)


def test_from_unknown_to_known_to_gone(perceiver: Perceiver, astronaut: Image) -> None:
    assert perceiver.state().reason == "off" and perceiver.last_seen() is None
    reasons = []
    for i in range(80):
        seen = perceiver.see(moved(astronaut, i), 100 + i / 10)
        assert seen.quality == "ok" and len(seen.faces) == 1 and seen.affect is not None
        reasons.append(perceiver.state(seen.t_s).reason)
    assert reasons[0] == "warming_up" and reasons[-1] == "" and reasons.index("") == 30
    state = perceiver.state(108.0)
    assert set(state.expressions) == set(EXPRESSIONS) and set(seen.affect.aus) == set(AUS)
    assert state.coverage > 0.9 and state.source == "geometry/emfacs"
    assert perceiver.last_seen() == seen
    assert len(perceiver.timeline()) == pytest.approx(16, abs=1)
    assert perceiver.state(200.0).reason == "no_frames"
    for i in range(60):
        perceiver.see(GREY, 109 + i / 10)
    assert perceiver.state(115.0).reason == "no_face"


def test_a_real_clip_smiles(perceiver: Perceiver, data: Path) -> None:
    for round_ in range(3):
        for frame in read_video(data / "clips" / "single_face.mp4"):
            seen = perceiver.see(frame.image, frame.t_s + 2.4 * round_)
            assert seen.quality == "ok"
    state = perceiver.state(seen.t_s)
    assert state.known and state.dominant == "Happiness"
    frames = perceiver.timeline()
    assert max(a.expressions["Happiness"] for a in frames) > 0.9 > 0.3 > min(a.expressions["Happiness"] for a in frames)


def test_nobody_and_several(perceiver: Perceiver, data: Path) -> None:
    for frame in read_video(data / "clips" / "no_face.mp4"):
        assert perceiver.see(frame.image, frame.t_s).quality in ("no_face", "too_dark")
    assert not perceiver.state(frame.t_s).known
    group = cv2.cvtColor(cv2.imread(str(data / "clips" / "multi_face.jpg")), cv2.COLOR_BGR2RGB)
    for i in range(120):
        seen = perceiver.see(group, 50 + i / 10)
        assert seen.affect is None, "nobody is read while there are several"
    assert seen.quality == "several_faces" and perceiver.state(seen.t_s).reason == "several_faces"


def test_a_ghost_costs_one_frame(perceiver: Perceiver, astronaut: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second-face detector errs in single frames: it is asked again in the next one."""
    assert perceiver.see(astronaut, 0.0).quality == "ok"
    counts = iter([2, 1, 1, 2, 2, 2, 1, 1])
    monkeypatch.setattr(module.FaceDetector, "count", lambda self, picture: next(counts))
    qualities = [perceiver.see(astronaut, 1.0 + i / 10).quality for i in range(8)]
    assert qualities == ["several_faces"] + ["ok"] * 6 + ["several_faces"]


def test_dark_far_and_away(perceiver: Perceiver, astronaut: Image) -> None:
    assert perceiver.see(np.zeros((480, 640, 3), np.uint8), 0.0).quality == "too_dark"
    assert perceiver.see(astronaut // 6, 1.0).quality == "too_dark"
    far = np.full((480, 640, 3), 128, np.uint8)
    far[100:228, 200:328] = cv2.resize(astronaut, (128, 128), interpolation=cv2.INTER_AREA)
    assert perceiver.see(far, 2.0).quality in ("too_far", "no_face")


@pytest.mark.parametrize(("frame", "says"), [
    (np.zeros((1, 1, 3), np.uint8), "1x1"), (np.zeros((31, 900, 3), np.uint8), "900x31"), (None, "NoneType"),
    (np.zeros((480, 640, 5), np.uint8), r"(480, 640, 5)"), (np.full((480, 640, 3), np.nan), "NaN"),
    (np.zeros((480, 640, 3), np.int32), "int32"), (np.zeros((0, 0, 3), np.uint8), "empty"), ("frame", "str"),
])  # fmt: skip
def test_a_bad_frame_is_named_and_nothing_breaks(perceiver: Perceiver, astronaut: Image, frame: Any, says: str) -> None:
    seen = perceiver.see(frame, 1.0)
    assert seen.quality == "bad_frame" and says in seen.problem and seen.affect is None
    assert perceiver.see(astronaut, float("nan")).quality == "bad_frame"
    assert perceiver.see(astronaut, 2.0).quality == "ok"


def test_pictures_of_any_size_and_kind(perceiver: Perceiver, astronaut: Image) -> None:
    huge = cv2.resize(astronaut, (7680, 4320), interpolation=cv2.INTER_NEAREST)
    seen = perceiver.see(huge, 1.0)
    assert seen.quality == "ok" and seen.faces[0].box[2] > 2000, "coordinates are the picture's own"
    assert perceiver.see(np.dstack([astronaut, astronaut[..., :1]]), 2.0).quality == "ok"
    assert perceiver.see(astronaut.astype(np.float32) / 255, 3.0).quality == "ok"
    assert perceiver.see(cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY), 4.0).quality == "ok"
    assert perceiver.see(np.zeros((40, 8000, 3), np.uint8), 5.0).quality == "too_dark"


def test_late_and_repeated_frames_are_dropped_and_clocks_may_jump(perceiver: Perceiver, astronaut: Image) -> None:
    assert perceiver.see(astronaut, 10.0).dropped == 0
    for late in (10.0, 9.5, 8.5):
        seen = perceiver.see(astronaut, late)
        assert seen.affect is None and "older or repeated" in seen.problem
    assert perceiver.see(astronaut, 10.1).dropped == 3
    for i in range(50):  # the clock was set back by an hour: a new window begins
        assert perceiver.see(astronaut, -3590 + i / 10).quality == "ok"
    assert perceiver.state(-3585.0).known
    assert perceiver.see(astronaut, 1e9).quality == "ok"  # and far forward
    assert perceiver.state(1e9).reason == "warming_up" or not perceiver.state(1e9).known


def test_a_busy_worker_drops_stale_frames(
    perceiver: Perceiver, astronaut: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    perceiver.see(astronaut, 0.0)
    seen: list[float] = []
    first, go, done = threading.Event(), threading.Event(), threading.Event()

    def slow(image: Image, *rest: Any) -> str:
        first.set()
        assert go.wait(30)
        seen.append(float(image[0, 0, 0]))
        if len(seen) == 2:
            done.set()
        return "no_face"

    monkeypatch.setattr(module, "judge", slow)
    for i in range(10):
        frame = GREY.copy()
        frame[0, 0] = i
        perceiver.offer(frame, 1.0 + i)
        if i == 0:
            assert first.wait(30)
    go.set()
    assert done.wait(30)
    assert seen == [0.0, 9.0], "the first, which was at work already, and the newest"
    deadline = time.monotonic() + 30
    while (last := perceiver.last_seen()) is None or last.t_s != 10.0:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert last.dropped == 8


def test_forgetting_leaves_nothing(perceiver: Perceiver, astronaut: Image) -> None:
    for i in range(60):
        perceiver.see(moved(astronaut, i), i / 10)
    perceiver.hear(np.full(16_000, 0.1, np.float32), 16_000, 6.0)
    assert perceiver.state(6.0).known and perceiver.timeline()
    perceiver.forget()
    state = perceiver.state(6.0)
    assert (state.reason, dict(state.voice), perceiver.timeline(), perceiver.last_seen()) == ("off", {}, (), None)
    assert perceiver._reader.neutral.weight == 0.0
    assert perceiver.see(astronaut, 1.0).quality == "ok", "and it can begin again, at any time"


def test_no_pixels_are_kept(perceiver: Perceiver, astronaut: Image) -> None:
    import gc

    for i in range(10):
        perceiver.see(moved(astronaut, i), i / 10)
    perceiver.offer(moved(astronaut, 1), 5.0)
    deadline = time.monotonic() + 30
    while (last := perceiver.last_seen()) is None or last.t_s != 5.0:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.05)
    gc.collect()
    seen: set[int] = set()
    waiting: list[object] = [perceiver]
    while waiting:  # everything that hangs on the Perceiver
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type):
            continue
        seen.add(id(one))
        if isinstance(one, np.ndarray):
            assert one.dtype != np.uint8 and one.size < 2000, one.shape
            continue
        if type(one).__module__.startswith(("perception", "builtins", "collections")) and not callable(one):
            waiting += gc.get_referents(one)


def test_memory_is_bounded_over_hours(perceiver: Perceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Perceiver, "_find", lambda self, picture, now: ([], False))
    for i in range(MAX_SAMPLES + 50):
        perceiver.see(GREY[:64, :64], float(i))
    assert len(perceiver._samples) == MAX_SAMPLES
    assert perceiver._timeline.maxlen == MAX_TIMELINE


def test_sound_alone_is_heard(perceiver: Perceiver) -> None:
    time_s = np.arange(16_000) / 16_000
    for i in range(3):
        heard = perceiver.hear((0.2 * np.sin(2 * np.pi * 180 * time_s)).astype(np.float32), 16_000, 1.0 + i)
        assert heard.problem == ""
    state = perceiver.state(3.0)
    assert state.reason == "little_voice", "a tone is no voice"
    assert state.voice["speaking_share"] == 0 and state.voice["level_dbfs"] == pytest.approx(-17, abs=0.1)
    bad = perceiver.hear(np.full(16_000, np.nan, np.float32), 16_000, 4.0)
    assert "NaN" in bad.problem
    assert "8000" in perceiver.hear(np.zeros(100, np.float32), 1, 4.0).problem
    assert perceiver.state(3.0).voice == state.voice


def test_many_threads(astronaut: Image) -> None:
    """Frames, sound, readers and forgetting at once: no exception, no deadlock."""
    stop = threading.Event()
    problems: list[Exception] = []

    def loop(work: Any) -> None:
        i = 0
        try:
            while not stop.is_set():
                work(i)
                i += 1
        except Exception as error:  # noqa: BLE001 - a thread's problem, whatever it is, is this test's
            problems.append(error)

    with Perceiver() as perceiver:
        works = (
            lambda i: perceiver.offer(astronaut), lambda i: perceiver.see(astronaut), lambda i: perceiver.state(),
            lambda i: perceiver.hear(np.zeros(1600, np.float32), 16_000), lambda i: perceiver.timeline(),
            lambda i: (perceiver.forget(), time.sleep(0.05)),
        )  # fmt: skip
        threads = [threading.Thread(target=loop, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        time.sleep(1.0)
        stop.set()
        for thread in threads:
            thread.join(30)
        assert not problems and not any(thread.is_alive() for thread in threads)


def test_a_closed_perceiver_says_so(astronaut: Image) -> None:
    perceiver = Perceiver()
    perceiver.offer(astronaut)
    perceiver.close()
    perceiver.close()
    for call in (perceiver.see, perceiver.offer):
        with pytest.raises(RuntimeError, match="closed"):
            call(astronaut)
    with pytest.raises(RuntimeError, match="closed"):
        perceiver.hear(np.zeros(100), 16_000)
    assert perceiver.state().reason == "off"


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="1 to 60"):
        PerceiverOptions(window_s=0)
    with pytest.raises(KeyError, match="choose from"):
        Perceiver(PerceiverOptions(model="nobody"))


def test_stages_are_timed(astronaut: Image) -> None:
    stages: list[str] = []
    with Perceiver(PerceiverOptions(on_stage=lambda name, ms: stages.append(name))) as perceiver:
        perceiver.see(astronaut, 0.0)
        perceiver.state(0.0)
    assert {"detection and landmarks", "quality", "geometry", "action units", "expression", "state"} <= set(stages)
