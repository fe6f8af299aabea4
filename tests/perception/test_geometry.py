"""Head pose, measures, action units and EMFACS on a real mesh that is turned and bent."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from perception.action_units import (
    PRIOR_CENTRE,
    PRIOR_SPREAD,
    RULES,
    activations,
    activations_reference,
    eyes_closed,
)
from perception.emfacs import AGAINST, PROTOTYPES, expressions_from, valence_arousal_from
from perception.geometry import INDEX, MEASURES, measure, measure_reference
from perception.pose import fit_head, pose_of, to_canonical
from perception.types import AUS, EXPRESSIONS, Face
from tests.perception.faces import BROWS, LIP_CORNERS, Points, bent, shift, smile


def rotation(pitch: float, yaw: float, roll: float) -> Points:
    """Rz(roll) Ry(-yaw) Rx(pitch) in picture axes (x right, y down, z away), angles in degrees."""
    a, b, c = math.radians(pitch), math.radians(-yaw), math.radians(roll)
    rx = np.array([[1, 0, 0], [0, math.cos(a), -math.sin(a)], [0, math.sin(a), math.cos(a)]])
    ry = np.array([[math.cos(b), 0, math.sin(b)], [0, 1, 0], [-math.sin(b), 0, math.cos(b)]])
    rz = np.array([[math.cos(c), -math.sin(c), 0], [math.sin(c), math.cos(c), 0], [0, 0, 1]])
    return np.asarray(rz @ ry @ rx)


@pytest.mark.parametrize(
    "angles", [(0, 0, 0), (25, 0, 0), (-25, 0, 0), (0, 35, 0), (0, -35, 0), (0, 0, 40), (10, -20, 15)]
)
def test_pose_is_the_rotation_that_was_applied(canonical: Points, angles: tuple[float, float, float]) -> None:
    turned = 130 * canonical @ rotation(*angles).T + [300, 200, 0]
    fit = fit_head(turned.astype(np.float32))
    pose = pose_of(fit)
    assert (pose.pitch, pose.yaw, pose.roll) == pytest.approx(angles, abs=0.1)
    assert fit.scale == pytest.approx(130, rel=1e-3)


def test_signs_of_the_pose_in_the_picture(canonical: Points) -> None:
    """Where the nose's tip (4) goes, and the eyes' line (33 to 263), when the head turns."""

    def at(pitch: float = 0, yaw: float = 0, roll: float = 0) -> Points:
        return np.asarray(canonical @ rotation(pitch, yaw, roll).T)

    assert at(pitch=20)[4, 1] > at()[4, 1], "looking down moves the nose down"
    assert at(yaw=20)[4, 0] > at()[4, 0], "the person's left is the picture's right"
    eyes = at(roll=20)
    assert eyes[263, 1] > eyes[33, 1], "clockwise: the right end of the eyes' line sinks"


def test_measures_do_not_change_with_pose_size_or_place(canonical: Points) -> None:
    straight = measure(canonical)
    turned = (57 * canonical @ rotation(15, -25, 20).T + [900, 40, 7]).astype(np.float32)
    again = measure(to_canonical(turned, fit_head(turned)))
    np.testing.assert_allclose(again, straight, atol=2e-3)


def test_landmarks_that_are_no_head_are_refused() -> None:
    with pytest.raises(ValueError, match="one place"):
        fit_head(np.zeros((478, 3), np.float32))
    with pytest.raises(ValueError, match="finite"):
        fit_head(np.full((478, 3), np.nan, np.float32))
    noise = np.random.default_rng(0).normal(size=(478, 3)).astype(np.float32)
    assert fit_head(noise).score < 0.01


@settings(max_examples=30, deadline=None)
@given(hnp.arrays(np.float64, (478, 3), elements=st.floats(-2, 2, width=32)))
def test_fast_measures_agree_with_the_reference(points: Points) -> None:
    fast, reference = measure(points), measure_reference(points)
    eye = INDEX["eye_open"]  # the reference takes each eye's width as positive; a crossed eye is no face
    keep = [i for i in range(len(MEASURES)) if i != eye]
    np.testing.assert_allclose(fast[keep], reference[keep], atol=1e-9)


def test_fast_measures_agree_on_a_face(canonical: Points) -> None:
    np.testing.assert_allclose(measure(canonical), measure_reference(canonical), atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(hnp.arrays(np.float64, len(MEASURES), elements=st.floats(-1, 1)))
def test_fast_action_units_agree_with_the_reference(change: Points) -> None:
    measures = PRIOR_CENTRE + change
    fast = activations(measures, PRIOR_CENTRE, PRIOR_SPREAD)
    reference = activations_reference(measures, PRIOR_CENTRE, PRIOR_SPREAD)
    assert list(reference) == list(AUS)
    np.testing.assert_allclose(fast, list(reference.values()), atol=1e-9)
    assert ((fast >= 0) & (fast <= 1)).all()


def units(neutral: Points, points: Points) -> dict[int, float]:
    """The action units of `points` for somebody whose usual face is `neutral`, with a steady baseline."""
    return activations_reference(measure(points), measure(neutral), 0.25 * PRIOR_SPREAD)


def test_a_face_at_rest_has_no_action_units(canonical: Points) -> None:
    assert max(units(canonical, canonical).values()) == 0.0


@pytest.mark.parametrize(("unit", "moves"), [
    (1, [shift((107, 55, 336, 285), y=-0.1)]),
    (2, [shift((70, 63, 300, 293), y=-0.09)]),
    (4, [shift(BROWS, y=0.06), shift((55, 107), x=0.02), shift((285, 336), x=-0.02)]),
    (6, [shift((50, 101, 118, 280, 330, 347), y=-0.06), shift((145, 153, 144, 374, 380, 373), y=-0.02)]),
    (7, [shift((159, 158, 160, 386, 385, 387), y=0.015), shift((145, 153, 144, 374, 380, 373), y=-0.02)]),
    (10, [shift((0, 37, 267), y=-0.06), shift((129, 358), y=-0.05)]),
    (12, [smile]),
    (15, [shift(LIP_CORNERS, y=0.06)]),
    (23, [shift((0, 37, 267), y=0.03), shift((17, 84, 314), y=-0.03), shift((61,), x=0.05), shift((291,), x=-0.05)]),
    (24, [shift((0, 37, 267), y=0.04), shift((17, 84, 314), y=-0.04)]),
    (25, [shift((14, 87, 317, 17, 84, 314), y=0.08)]),
    (26, [shift((14, 87, 317, 17, 84, 314), y=0.2), shift((152,), y=0.14)]),
])  # fmt: skip
def test_each_action_unit_answers_to_its_movement(canonical: Points, unit: int, moves: list[object]) -> None:
    active = units(canonical, bent(canonical, *moves))  # type: ignore[arg-type]
    assert active[unit] > 0.5, active


@pytest.mark.parametrize(
    ("unit", "move"),
    [
        (4, shift(BROWS, y=-0.06)),
        (12, shift(LIP_CORNERS, y=0.06)),
        (15, shift(LIP_CORNERS, y=-0.06)),
        (1, shift(BROWS, y=0.06)),
    ],
)
def test_the_opposite_movement_does_not(canonical: Points, unit: int, move: object) -> None:
    assert units(canonical, bent(canonical, move))[unit] == 0.0  # type: ignore[arg-type]


def test_opening_the_mouth_alone_is_no_frown(canonical: Points) -> None:
    """A falling jaw pulls the lip corners along; that is 25 and 26, not 15."""
    active = units(canonical, bent(canonical, shift((14, 87, 317, 17, 84, 314), y=0.2), shift(LIP_CORNERS, y=0.05)))
    assert active[15] < 0.2 < active[25]


def test_closed_eyes_are_not_narrowed_eyes(canonical: Points) -> None:
    closed = canonical.copy()
    for upper, lower in ((159, 145), (158, 153), (160, 144), (386, 374), (385, 380), (387, 373)):
        closed[upper, 1] = closed[lower, 1] - 0.002
    assert eyes_closed(measure(closed), measure(canonical))
    assert not eyes_closed(measure(canonical), measure(canonical))
    assert units(canonical, closed)[7] == 0.0


def test_every_rule_names_a_measure_and_a_unit() -> None:
    assert set(RULES) == set(AUS)
    for rule in RULES.values():
        assert all(name in MEASURES and full != 0 for name, _, full in rule)


@pytest.mark.parametrize("name", [name for name in EXPRESSIONS if name != "Neutral"])
def test_each_prototype_is_read_as_its_expression(name: str) -> None:
    aus = {au: 0.9 if au in PROTOTYPES[name] else 0.0 for au in AUS}
    expressions = expressions_from(aus)
    assert max(expressions, key=expressions.__getitem__) == name
    assert sum(expressions.values()) == pytest.approx(1.0)
    assert set(AGAINST[name]).isdisjoint(PROTOTYPES[name])


def test_no_action_unit_is_neutral_in_the_middle() -> None:
    expressions = expressions_from(dict.fromkeys(AUS, 0.0))
    assert expressions["Neutral"] > 0.8
    valence, arousal = valence_arousal_from(expressions)
    assert abs(valence) < 0.1 and abs(arousal) < 0.1


def test_pulling_the_lip_corners_up_raises_happiness_and_valence(canonical: Points) -> None:
    before = expressions_from(units(canonical, canonical))
    after = expressions_from(units(canonical, bent(canonical, smile)))
    assert after["Happiness"] > 0.9 > before["Happiness"] + 0.5
    assert valence_arousal_from(after)[0] > 0.6


def test_the_astronaut_smiles_against_a_strangers_neutral(astronaut_face: Face) -> None:
    points = to_canonical(astronaut_face.landmarks, fit_head(astronaut_face.landmarks))
    active = activations_reference(measure(points), PRIOR_CENTRE, PRIOR_SPREAD)
    expressions = expressions_from(active)
    assert active[12] > 0.5 and max(expressions, key=expressions.__getitem__) == "Happiness"
