"""The running neutral, and a window of samples becoming a state or an abstention."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.action_units import PRIOR_CENTRE, PRIOR_SPREAD
from perception.behaviours import MADE_OF
from perception.emfacs import expressions_from, valence_arousal_from
from perception.neutral import MAX_MOMENTS, PATIENCE_S, PRIOR_MOMENTS, STEP_S, NeutralFace
from perception.reader import SIGNALS, FaceReader, Sample
from perception.state import summarise
from perception.types import AUS, Affect, Behaviours, EmotionalState, Image, Quality
from tests.perception.faces import BROWS, Points, bent, face_of, people_in_general, shift, smile

FPS = 10.0
GREY: Image = np.full((480, 640, 3), 128, np.uint8)


def sample(t_s: float, quality: Quality = "ok", smiling: float = 0.0, confidence: float = 0.9) -> Sample:
    if quality != "ok":
        return Sample(t_s, quality)
    aus = dict.fromkeys(AUS, 0.0) | {6: smiling, 12: smiling}
    expressions = expressions_from(aus)
    valence, arousal = valence_arousal_from(expressions)
    affect = Affect(t_s, aus, expressions, valence, arousal, confidence, "geometry/emfacs")
    return Sample(t_s, "ok", np.zeros(len(SIGNALS)), affect)


def samples(seconds: float, start_s: float = 0.0, quality: Quality = "ok", smiling: float = 0.0) -> list[Sample]:
    return [sample(start_s + i / FPS, quality, smiling) for i in range(int(seconds * FPS))]


def test_a_well_seen_window_is_known() -> None:
    state = summarise(samples(20, smiling=0.9), 20.0)
    assert state.known and state.dominant == "Happiness" and state.valence > 0.5 and state.source == "geometry/emfacs"
    assert (state.t0_s, state.t1_s, state.coverage) == (10.0, 20.0, 1.0)
    assert state.change == Behaviours(), "without a baseline nothing is said about change"


@pytest.mark.parametrize(("seen", "now_s", "reason"), [
    ([], 5.0, "off"),
    (samples(1), 1.0, "warming_up"),
    (samples(10), 100.0, "no_frames"),
    (samples(10, quality="no_face"), 10.0, "no_face"),
    (samples(10, quality="several_faces"), 10.0, "several_faces"),
    (samples(10, quality="too_dark"), 10.0, "too_dark"),
    (samples(3) + samples(7, 3.0, "turned_away"), 10.0, "turned_away"),
    (samples(3), 9.0, "low_coverage"),
    ([replace(s, sureness=0.1) for s in samples(10)], 10.0, "low_confidence"),
])  # fmt: skip
def test_too_little_is_unknown_with_the_reason(seen: list[Sample], now_s: float, reason: str) -> None:
    state = summarise(seen, now_s, voice={"level_dbfs": -30.0})
    assert not state.known and state.reason == reason
    assert state.expressions == {} and state.dominant is None
    assert state.voice == {"level_dbfs": -30.0}, "the voice is known on its own"


def test_coverage_is_the_share_of_time_not_of_frames() -> None:
    dense = [sample(i / 100) for i in range(100)]  # 100 frames in the first second, none in the next nine
    assert summarise([*dense, sample(9.9)], 10.0).coverage == pytest.approx(0.15, abs=0.01)
    sparse = [sample(0.1 + i * 0.5) for i in range(20)]
    assert summarise(sparse, 10.1).coverage >= 0.9


def test_the_trend_is_the_change_of_valence_in_ten_seconds() -> None:
    rising = [sample(i / FPS) for i in range(101)]
    rising = [replace(s, affect=replace(s.affect, valence=0.03 * s.t_s)) for s in rising if s.affect]
    assert summarise(rising, 10.0).trend == pytest.approx(0.3, abs=1e-6)
    assert summarise(samples(10, smiling=0.5), 10.0).trend == pytest.approx(0.0, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 30), st.sampled_from(["ok", "no_face", "too_dark"]), st.floats(0, 1)), max_size=80),
    st.floats(0, 60),
)
def test_any_window_gives_a_lawful_state(seen: list[tuple[float, Quality, float]], now_s: float) -> None:
    state = summarise([sample(t, q, s) for t, q, s in sorted(seen)], now_s)
    assert isinstance(state, EmotionalState) and state.known == (state.reason == "")
    assert 0 <= state.coverage <= 1 and 0 <= state.confidence <= 1


# --- the neutral -----------------------------------------------------------------------------------------------------


def prior() -> NeutralFace:
    return NeutralFace(PRIOR_CENTRE, PRIOR_SPREAD)


OWN = PRIOR_CENTRE + 3 * PRIOR_SPREAD


def test_the_population_gives_way_to_the_person_over_minutes() -> None:
    neutral = prior()
    assert neutral.weight == 0.0 and not neutral.acquainted
    np.testing.assert_array_equal(neutral.centre, PRIOR_CENTRE)
    for i in range(PRIOR_MOMENTS):
        neutral.update(STEP_S * i, OWN, calm=True)
    assert neutral.weight == 0.5 and neutral.acquainted, "ten calm seconds"
    np.testing.assert_allclose(neutral.centre, PRIOR_CENTRE + 20 / 28 * 3 * PRIOR_SPREAD)
    for i in range(360):
        neutral.update(10 + STEP_S * i, OWN, calm=True)
    np.testing.assert_allclose(neutral.centre, OWN, atol=0.2 * float(PRIOR_SPREAD.max()))
    assert (neutral.spread > 0).all() and (neutral.spread < PRIOR_SPREAD).all(), "never zero, however still one sits"


def test_what_is_not_calm_does_not_become_the_neutral() -> None:
    neutral = prior()
    for i in range(int(PATIENCE_S) - 1):
        neutral.update(float(i), OWN, calm=False)
    np.testing.assert_array_equal(neutral.centre, PRIOR_CENTRE)
    assert neutral.weight == 0.0


def test_a_face_that_is_never_calm_for_minutes_is_the_persons_face() -> None:
    neutral = prior()
    for i in range(2 * int(PATIENCE_S)):
        neutral.update(float(i), OWN, calm=False)
    assert (neutral.centre > PRIOR_CENTRE + 2 * PRIOR_SPREAD).all()


def test_a_calm_moment_ends_the_patience() -> None:
    neutral = prior()
    for i in range(3 * int(PATIENCE_S)):
        neutral.update(float(i), OWN if i % 100 else PRIOR_CENTRE, calm=i % 100 == 0)
    np.testing.assert_allclose(neutral.centre, PRIOR_CENTRE)


def test_outliers_do_not_move_the_neutral() -> None:
    neutral = prior()
    for i in range(100):
        neutral.update(float(i), PRIOR_CENTRE + (50 * PRIOR_SPREAD if i % 4 == 0 else 0), calm=True)
    np.testing.assert_allclose(neutral.centre, PRIOR_CENTRE)


def test_memory_is_bounded_and_clocks_may_jump() -> None:
    neutral = prior()
    for i in range(2 * MAX_MOMENTS):
        neutral.update(1.0 * i, PRIOR_CENTRE, calm=True)
    assert len(neutral._moments) == MAX_MOMENTS
    neutral.update(-1000.0, PRIOR_CENTRE + 1, calm=True)
    assert neutral._moments[-1][0] == PRIOR_CENTRE[0] + 1


@pytest.mark.parametrize("values", [np.full(13, np.nan), np.zeros(3)])
def test_errors_never_become_neutral(values: Points) -> None:
    with pytest.raises(ValueError, match="finite"):
        prior().update(0.0, values, calm=True)
    with pytest.raises(ValueError, match="positive spread"):
        NeutralFace(PRIOR_CENTRE, np.zeros(13))


# --- a person in front of the camera ---------------------------------------------------------------------------------


def watch(reader: FaceReader, points: Points, start_s: float, seconds: float, seed: int = 0) -> list[Sample]:
    """The samples of a still face with the mesh's usual jitter."""
    random = np.random.default_rng(seed)
    return [
        reader.read(GREY, face_of(points + random.normal(scale=0.002, size=points.shape)), start_s + i / FPS)
        for i in range(int(seconds * FPS))
    ]


@pytest.fixture(scope="session")
def neutral(canonical: Points) -> Points:
    """The astronaut's head with people's average brows, eyes and mouth."""
    return people_in_general(canonical)


def test_naturally_low_brows_read_neutral_in_the_end(neutral: Points) -> None:
    low = bent(neutral, shift(BROWS, y=0.13))
    reader = FaceReader()
    first = watch(reader, low, 0.0, 1.0)[0].affect
    watch(reader, low, 1.0, PATIENCE_S)
    seen = watch(reader, low, 1.0 + PATIENCE_S, 60.0)
    last = seen[-1].affect
    assert first is not None and last is not None
    assert first.aus[4] > 0.5, "against a stranger's neutral the brows are lowered"
    assert last.aus[4] < 0.2 and max(last.expressions, key=last.expressions.__getitem__) == "Neutral"
    assert last.confidence > first.confidence
    assert abs(summarise(seen, seen[-1].t_s, reader.neutral).change.brow_lower) < 1.5


def behaviour_of(neutral: Points, *moves: object) -> EmotionalState:
    reader = FaceReader()
    watch(reader, neutral, 0.0, 15.0)
    moved = watch(reader, bent(neutral, *moves), 15.0, 10.0, seed=1)  # type: ignore[arg-type]
    return summarise(moved, moved[-1].t_s, reader.neutral)


@pytest.mark.parametrize(("behaviour", "moves"), [
    ("brow_raise", [shift(BROWS, y=-0.08)]),
    ("brow_lower", [shift(BROWS, y=0.06)]),
    ("smile", [smile]),
    ("lip_press", [shift((0, 37, 267), y=0.04), shift((17, 84, 314), y=-0.04)]),
    ("mouth_open", [shift((14, 87, 317, 17, 84, 314), y=0.15)]),
    ("lip_corner_down", [shift((61, 291), y=0.07)]),
    ("eye_narrow", [shift((159, 158, 160, 386, 385, 387), y=0.03)]),
])  # fmt: skip
def test_each_behaviour_is_named_when_it_changes(neutral: Points, behaviour: str, moves: list[object]) -> None:
    state = behaviour_of(neutral, *moves)
    assert state.known and set(MADE_OF) < set(state.change.as_dict())
    assert getattr(state.change, behaviour) > 2.0, state.change


def test_a_smile_after_the_neutral_raises_valence(neutral: Points) -> None:
    state = behaviour_of(neutral, smile)
    assert state.dominant == "Happiness" and state.valence > 0.4 and state.change.valence > 2.0


def test_nothing_changes_when_nothing_happens(neutral: Points) -> None:
    state = behaviour_of(neutral)
    assert state.dominant == "Neutral"
    assert all(abs(value) < 1.5 for value in state.change.as_dict().values()), state.change


def test_blinks_are_counted_and_are_no_narrow_eyes(neutral: Points) -> None:
    closed = neutral.copy()
    for upper, lower in ((159, 145), (158, 153), (160, 144), (386, 374), (385, 380), (387, 373)):
        closed[upper, 1] = closed[lower, 1] - 0.002
    reader = FaceReader()
    watch(reader, neutral, 0.0, 15.0)
    seen = [reader.read(GREY, face_of(closed if i % 10 == 5 else neutral), 15 + i / FPS) for i in range(100)]
    state = summarise(seen, seen[-1].t_s, reader.neutral)
    assert state.change.blink_rate == pytest.approx((60 * 10 / 9.9 - 15) / 12, abs=0.1)
    assert abs(state.change.eye_narrow) < 1.0
