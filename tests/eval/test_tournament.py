"""Swiss pairs and Elo ratings against known strengths."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from eval.tournament import Game, ratings, rounds_for, swiss_round


def games(strength: dict[str, float], each: int, seed: int = 1) -> list[Game]:
    """Planted games: the odds of a win are those of the strengths in Elo."""
    rng = np.random.default_rng(seed)
    found = []
    for a, b in itertools.combinations(strength, 2):
        chance = 1 / (1 + 10 ** ((strength[b] - strength[a]) / 400))
        found += [Game(a, b, float(rng.random() < chance), f"{n % 20}") for n in range(each)]
    return found


def test_planted_strengths_come_back_within_their_intervals() -> None:
    planted = {"weak": 1400.0, "middle": 1500.0, "strong": 1600.0}
    found = ratings(games(planted, 400), list(planted))
    assert list(found) == ["strong", "middle", "weak"]
    for name, value in planted.items():
        assert found[name].low <= value <= found[name].high and found[name].high - found[name].low < 120
    assert found["strong"].games == 800


def test_the_order_of_games_does_not_matter_and_equal_players_are_equal() -> None:
    played = games({"a": 1500.0, "b": 1550.0, "c": 1450.0}, 30)
    forward, backward = ratings(played, "abc"), ratings(played[::-1], "abc")
    assert all(forward[name].value == pytest.approx(backward[name].value) for name in "abc")
    tied = ratings([Game("a", "b", 0.5, str(n)) for n in range(30)], "ab")
    assert tied["a"].value == tied["b"].value == 1500 and tied["a"].low == tied["a"].high == 1500


def test_a_perfect_record_keeps_a_finite_rating() -> None:
    found = ratings([Game("a", "b", 1.0, str(n)) for n in range(14)], "ab")
    assert math.isfinite(found["a"].value) and found["a"].value > 1600 > found["b"].value
    assert found["a"].points == 14


def test_swiss_rounds_meet_nobody_twice_and_let_each_rest_once() -> None:
    names = "abcdefg"
    met: set[frozenset[str]] = set()
    points = dict.fromkeys(names, 0.0)
    rested = []
    for _ in range(rounds_for(len(names))):
        pairs = swiss_round(points, met)
        sets = [frozenset(pair) for pair in pairs]
        assert len(pairs) == 3 and not set(sets) & met
        (resting,) = set(names) - set().union(*sets)
        rested.append(resting)
        met |= {*sets, frozenset({resting})}
        for first, _second in pairs:
            points[min(first, _second)] += 1  # earlier letters are stronger
    assert len(set(rested)) == 3 and max(points, key=lambda n: points[n]) == "a"
    leaders = swiss_round({"a": 3.0, "b": 3.0, "c": 1.0, "d": 1.0}, set())
    assert leaders == [("a", "b"), ("c", "d")]


def test_two_players_meet_again_where_nobody_else_is_left() -> None:
    assert swiss_round({"a": 1.0, "b": 0.0}, {frozenset("ab")}) == [("a", "b")]
    with pytest.raises(ValueError, match="needs two players"):
        swiss_round({"a": 0.0}, set())
    with pytest.raises(ValueError, match="c plays and is not among a, b"):
        ratings([Game("a", "c", 1.0)], ["a", "b"])
    with pytest.raises(ValueError, match="score in"):
        Game("a", "b", 2.0)
