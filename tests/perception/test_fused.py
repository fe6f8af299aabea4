"""Face and voice together in the state: what the fusion may say, what it must leave alone, and what if it breaks."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from perception import fused as module
from perception.fused import MAX_READINGS, MIN_FUSED_CONFIDENCE, MIN_VOICED_S, FaceVoiceJoin, TimedReading, with_fusion
from perception.fusion.live import LiveFusion
from perception.fusion.starter import FusionReading
from perception.perceiver import Perceiver, PerceiverOptions
from perception.reader import Sample
from perception.state import summarise
from perception.types import AUS, EXPRESSIONS, Affect, Behaviours, EmotionalState, Image
from tests.perception.sounds import voice

pytestmark = pytest.mark.usefixtures("loud_is_speech")

RATE = 16_000
SMALL = PerceiverOptions()  # expression/small
SPEECH = np.tile(voice(1.5), 12)
WINDOW_S = 10.0


def affect(t_s: float, name: str = "Neutral", source: str = "expression/small", confidence: float = 0.6) -> Affect:
    expressions = {one: 0.88 if one == name else 0.02 for one in EXPRESSIONS}
    return Affect(t_s, dict.fromkeys(AUS, 0.0), expressions, 0.0, 0.0, confidence, source)


def plain_state(seconds: float = 10.0) -> EmotionalState:
    return summarise([Sample(t / 10, "ok", None, affect(t / 10)) for t in range(int(seconds * 10) + 1)], seconds)


def reading(
    happiness: float = 0.8, other: float = 0.0, confidence: float = 0.7, faces: int = 40, voiced_s: float = 2.0
) -> FusionReading:
    shares = np.full(8, (1 - happiness - other) / 6)
    shares[EXPRESSIONS.index("Happiness")], shares[7] = happiness, other
    return FusionReading(shares, np.full(8, 0.125), 0.7, 0.4, confidence, faces, voiced_s)


def fused_of(
    readings: Sequence[FusionReading], step_s: float = 0.1, first_sound_s: float | None = 0.0
) -> FaceVoiceJoin:
    made = FaceVoiceJoin("fusion/starter")
    made.first_sound_s = first_sound_s
    made._readings.extend(TimedReading(step_s * k, one) for k, one in enumerate(readings))
    return made


def test_a_sure_reading_of_face_and_voice_is_the_state() -> None:
    plain = replace(
        plain_state(), change=Behaviours(smile=2.0), trend=0.1, compound={"Awed": 1.0}, voice={"pitch_hz": 150.0}
    )
    state = with_fusion(plain, fused_of([reading(other=0.1)] * 101), WINDOW_S)
    assert plain.dominant == "Neutral" and state.dominant == "Happiness" and state.known
    assert state.expressions["Happiness"] == pytest.approx(0.8 / 0.9), "Other is left out of the seven"
    assert (state.valence, state.arousal) == pytest.approx((0.7, 0.4))
    assert state.source == "fusion/starter (face and voice)" and state.modality == "both"
    for kept in ("coverage", "trend", "change", "compound", "voice", "t0_s", "t1_s"):
        assert getattr(state, kept) == getattr(plain, kept)
    silent = with_fusion(plain, fused_of([reading(voiced_s=0.0)] * 101), WINDOW_S)
    assert silent.source == "fusion/starter (face)"


def test_a_voice_makes_nobody_surer_of_a_face() -> None:
    plain = plain_state()
    assert with_fusion(plain, fused_of([reading(confidence=0.95)] * 101), WINDOW_S).confidence == plain.confidence
    assert with_fusion(plain, fused_of([reading(confidence=0.4)] * 101), WINDOW_S).confidence == pytest.approx(0.4)


@pytest.mark.parametrize("readings", [
    [], [reading(confidence=MIN_FUSED_CONFIDENCE - 0.01)] * 101, [reading(happiness=0.4, other=0.55)] * 101,
    [reading(faces=0)] * 101,
])  # fmt: skip
def test_without_a_sure_reading_of_the_face_the_plain_state_stays(readings: list[FusionReading]) -> None:
    plain = plain_state()
    assert with_fusion(plain, fused_of(readings), WINDOW_S) is plain


def test_readings_before_the_window_do_not_count() -> None:
    plain = plain_state(30.0)
    early = fused_of([reading()] * 150)  # until 15 s; the window starts at 20 s
    assert with_fusion(plain, early, WINDOW_S) is plain


def heard_only(now_s: float) -> EmotionalState:
    return summarise([], now_s, voice={"level_dbfs": -20.0, "speaking_share": 0.6})


def spoken(count: int, voiced_s: float = 2.0, confidence: float = 0.7, step_s: float = 0.1) -> FaceVoiceJoin:
    return fused_of([reading(faces=0, voiced_s=voiced_s, confidence=confidence)] * count, step_s)


def test_the_voice_alone_is_known_and_says_that_it_is_alone() -> None:
    state = with_fusion(heard_only(10.0), spoken(101), WINDOW_S)
    assert state.known and state.reason == "" and state.modality == "voice" and state.dominant == "Happiness"
    assert (state.coverage, state.change, state.trend) == (1.0, Behaviours(), 0.0)
    assert state.voice == {"level_dbfs": -20.0, "speaking_share": 0.6}
    half = with_fusion(heard_only(10.0), spoken(60), WINDOW_S)
    assert half.known and half.coverage == pytest.approx(0.6) and half.confidence == pytest.approx(0.42)


@pytest.mark.parametrize(("now_s", "made", "reason"), [
    (2.0, spoken(21), "little_voice"),  # listened for two seconds only
    (10.0, spoken(40), "little_voice"),  # four seconds of ten
    (10.0, spoken(101, voiced_s=MIN_VOICED_S - 0.1), "little_voice"),
    (10.0, spoken(0), "little_voice"),
    (10.0, spoken(101, confidence=0.2), "unsure_voice"),
])  # fmt: skip
def test_too_little_or_too_unsure_a_voice_is_unknown_with_the_reason(
    now_s: float, made: FaceVoiceJoin, reason: str
) -> None:
    state = with_fusion(heard_only(now_s), made, WINDOW_S)
    assert (state.known, state.reason) == (False, reason) and state.expressions == {}


def test_nothing_on_is_off_whatever_was_heard_before() -> None:
    assert with_fusion(summarise([], 60.0), spoken(101), WINDOW_S).reason == "off"


@pytest.mark.parametrize(("quality", "known"), [("no_face", True), ("too_dark", True), ("several_faces", False)])
def test_a_voice_speaks_where_no_face_is_seen_but_not_when_several_are(quality: Any, known: bool) -> None:
    plain = summarise([Sample(t / 10, quality) for t in range(101)], 10.0)
    state = with_fusion(plain, spoken(101), WINDOW_S)
    assert (state.known, state.reason) == (known, "" if known else quality)
    assert with_fusion(plain, spoken(3), WINDOW_S) is plain, "with a camera the reason stays the camera's"


# --- live, with the models that ship ----------------------------------------------------------------------------------


@pytest.fixture
def perceiver() -> Iterator[Perceiver]:
    with Perceiver(SMALL) as one:
        yield one


def speak(perceiver: Perceiver, seconds: float, start_s: float = 0.0, piece_s: float = 0.5) -> float:
    """Speech in pieces of `piece_s`; when it ended."""
    length = int(RATE * piece_s)
    for k in range(round(seconds / piece_s)):
        heard = perceiver.hear(SPEECH[length * k : length * (k + 1)], RATE, start_s + piece_s * (k + 1))
        assert heard.problem == ""
    return start_s + seconds


def watch(perceiver: Perceiver, picture: Image, seconds: float, start_s: float = 0.0) -> float:
    for k in range(int(10 * seconds)):
        assert perceiver.see(picture, start_s + k / 10).quality == "ok"
    return start_s + k / 10


def test_the_camera_alone_goes_through_the_fusion(perceiver: Perceiver, astronaut: Image) -> None:
    state = perceiver.state(watch(perceiver, astronaut, 5.0))
    assert state.known and state.source == "fusion/starter (face)" and state.dominant == "Happiness"
    with Perceiver(PerceiverOptions(model="expression/small", fusion="")) as without:
        plain = without.state(watch(without, astronaut, 5.0))
    assert plain.source == "expression/small" and plain.dominant == state.dominant
    assert state.confidence <= plain.confidence and state.coverage == plain.coverage


def test_the_microphone_alone_is_enough(perceiver: Perceiver) -> None:
    assert not perceiver.state(speak(perceiver, 2.0)).known
    state = perceiver.state(speak(perceiver, 6.0, start_s=2.0))
    assert (
        state.known and state.modality == "voice" and state.change == Behaviours() and state.voice["speaking_share"] > 0
    )
    assert perceiver.state(40.0).reason == "off", "and a silence later it is gone"
    perceiver.forget()
    assert (perceiver.state(8.0).reason, perceiver._fused.readings()) == ("off", ())
    with Perceiver(PerceiverOptions(fusion="")) as without:
        assert not without.state(speak(without, 8.0)).known


def test_face_and_voice_are_joined(perceiver: Perceiver, astronaut: Image) -> None:
    for k in range(50):
        perceiver.see(astronaut, k / 10)
        perceiver.hear(SPEECH[1600 * k : 1600 * (k + 1)], RATE, k / 10)
    state = perceiver.state(4.9)
    assert state.known and state.source == "fusion/starter (face and voice)" and state.voice["speaking_share"] > 0


def test_geometry_scores_are_not_fed_to_a_fusion_that_never_learned_them(astronaut: Image) -> None:
    with Perceiver(PerceiverOptions(model="geometry/emfacs")) as perceiver:
        state = perceiver.state(watch(perceiver, astronaut, 4.0))
        assert state.known and state.source == "geometry/emfacs" and perceiver._fused.readings() == ()


def test_the_fusion_gets_the_networks_own_probabilities_and_none_for_bad_frames(
    perceiver: Perceiver, astronaut: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    monkeypatch.setattr(LiveFusion, "see", lambda self, probabilities, t_s: given.append(probabilities))
    seen = perceiver.see(astronaut, 0.0)
    perceiver.see(np.zeros((480, 640, 3), np.uint8), 0.5)
    assert seen.affect is not None and given == [[seen.affect.expressions[name] for name in EXPRESSIONS], None]


def test_updates_come_ten_times_a_second_at_most_and_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[float] = []

    def update(self: LiveFusion, now_s: float) -> FusionReading:
        times.append(now_s)
        return reading()

    monkeypatch.setattr(LiveFusion, "update", update)
    made = FaceVoiceJoin("fusion/starter")
    made.start()
    for k in range(6000):
        made.see(affect(k / 60), k / 60)  # sixty frames a second
        if k % 30 == 0:
            made.hear(np.zeros(8000, np.float32), RATE, k / 60 + 0.001)
    assert 900 <= len(times) <= 1001 and min(np.diff(times)) >= 0.1 - 1e-5
    for k in range(6000):
        made.see(affect(100 + k / 10), 100 + k / 10)
    assert len(made.readings()) == MAX_READINGS
    made.see(affect(5.0), 5.0)
    assert len(made.readings()) == 1, "the clock was set back: everything starts over"


def test_sound_of_every_kind_that_prosody_takes_reaches_the_fusion(perceiver: Perceiver) -> None:
    stereo = np.stack([SPEECH, SPEECH], axis=1)
    for k in range(8):
        piece = stereo[8000 * k : 8000 * (k + 1)]
        sound = (piece * 32767).astype(np.int16) if k % 2 else piece
        assert perceiver.hear(sound, RATE, 0.5 * (k + 1)).problem == ""
    assert perceiver.hear(np.full(8000, np.nan), RATE, 5.0).problem
    assert perceiver.hear(SPEECH, RATE, 4.0).problem, "late: neither takes it"
    assert perceiver.fusion_problem == "" and perceiver._fused.readings()[-1].reading.voiced_s > 2
    assert perceiver.hear(np.tile(SPEECH, 20), RATE, 400.0).problem == "", "of a long piece the end counts"
    assert perceiver._fused.readings()[-1].reading.voiced_s < 4.5


# --- a fusion that breaks ---------------------------------------------------------------------------------------------


def test_weights_that_cannot_be_loaded_leave_the_plain_path_and_a_trace(
    perceiver: Perceiver, astronaut: Image, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(name: str) -> Any:
        raise FileNotFoundError(f"{name}: the weight file is missing")

    monkeypatch.setattr(module, "load", missing)
    with caplog.at_level(logging.ERROR):
        end_s = watch(perceiver, astronaut, 4.0)
    assert perceiver.state(end_s).source == "expression/small"
    assert "missing" in perceiver.fusion_problem
    assert [record.levelname for record in caplog.records] == ["ERROR"] and "fusion/starter" in caplog.text
    perceiver.forget()
    state = perceiver.state(speak(perceiver, 4.0))
    assert state.reason == "voice_broken" and state.voice


def test_a_fusion_that_breaks_on_the_way_is_switched_off_once(
    perceiver: Perceiver, astronaut: Image, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watch(perceiver, astronaut, 1.0)
    assert perceiver._fused.readings()

    def broken(self: LiveFusion, now_s: float) -> FusionReading:
        raise RuntimeError("the graph has gone")

    monkeypatch.setattr(LiveFusion, "update", broken)
    state = perceiver.state(watch(perceiver, astronaut, 4.0, start_s=1.0))
    assert state.known and state.source == "expression/small"
    assert perceiver.fusion_problem == "RuntimeError: the graph has gone" and len(caplog.records) == 1


def test_an_unknown_fusion_is_told_at_once() -> None:
    with pytest.raises(KeyError, match="choose from"):
        Perceiver(PerceiverOptions(fusion="fusion/nobody"))
