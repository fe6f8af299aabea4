"""Swiss tournaments and Elo ratings from pairwise results.

Ratings are those of the Bradley-Terry model on Elo's scale (400 points are odds of ten to one), fitted to all games at
once, so that the order of the games does not matter; a tie is half a win. Every player also has one tie against an
average player, so that a perfect record keeps a finite rating. Intervals: bootstrap over blocks (dialogues of one
person), because games about the same person are not independent.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CENTRE, SCALE = 1500.0, 400.0 / math.log(10.0)
#: Ties against an average player that every player starts with.
PRIOR = 1.0
RESAMPLES = 500
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Game:
    """`score` is the first player's: 1, 0.5 for a tie, 0. Games of one `block` are drawn together by the bootstrap."""

    first: str
    second: str
    score: float
    block: str = ""

    def __post_init__(self) -> None:
        if self.first == self.second or not 0 <= self.score <= 1:
            raise ValueError(f"a game has two players and a score in [0, 1], got {self}")


@dataclass(frozen=True, slots=True)
class Rating:
    """Elo with its 95 % interval; the mean of all players is 1500. `games` were played, `points` won."""

    value: float
    low: float
    high: float
    games: int
    points: float


def swiss_round(points: Mapping[str, float], met: Collection[frozenset[str]]) -> list[tuple[str, str]]:
    """The pairs of the next round: players of like points, nobody meets an opponent again while another is left. With
    an odd number the last one who has not sat out rests; who rested stands in `met` as a set of one. Raises ValueError
    for fewer than two players."""
    if len(points) < 2:
        raise ValueError(f"a round needs two players, got {', '.join(points) or 'none'}")
    order = sorted(points, key=lambda name: (-points[name], name))
    if len(order) % 2:
        resting = next((name for name in reversed(order) if frozenset({name}) not in met), order[-1])
        order.remove(resting)
    return _paired(order, met) or list(zip(order[::2], order[1::2], strict=True))


def _paired(order: Sequence[str], met: Collection[frozenset[str]]) -> list[tuple[str, str]]:
    """Pairs from the top down without a rematch, [] where there is no such way."""
    if not order:
        return []
    first, others = order[0], order[1:]
    for place, second in enumerate(others):
        if frozenset({first, second}) in met:
            continue
        left = [*others[:place], *others[place + 1 :]]
        rest = _paired(left, met)
        if rest or not left:
            return [(first, second), *rest]
    return []


def rounds_for(players: int) -> int:
    """Rounds after which a Swiss tournament has found its first: the binary logarithm, rounded up."""
    return max(1, math.ceil(math.log2(players)))


def ratings(games: Sequence[Game], players: Sequence[str], seed: int = 0) -> dict[str, Rating]:
    """Player -> rating, best first. Raises ValueError for no games, and for one of somebody not among `players`."""
    if not games:
        raise ValueError("no games, no ratings")
    places = {name: place for place, name in enumerate(players)}
    if strangers := sorted({name for game in games for name in (game.first, game.second)} - set(places)):
        raise ValueError(f"{strangers[0]} plays and is not among {', '.join(players)}")
    blocks: dict[str, list[Game]] = {}
    for game in games:
        blocks.setdefault(game.block, []).append(game)
    tables = np.array([_won(found, places) for found in blocks.values()])
    won = tables.sum(0)
    fitted = _fit(won[None])[0]
    weights = np.random.default_rng(seed).multinomial(len(tables), np.full(len(tables), 1 / len(tables)), RESAMPLES)
    drawn = _fit(np.tensordot(weights.astype(float), tables, 1))
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    found = {
        name: Rating(
            float(fitted[k]), float(low[k]), float(high[k]), round(won[k].sum() + won[:, k].sum()), float(won[k].sum())
        )
        for name, k in places.items()
    }  # fmt: skip
    return dict(sorted(found.items(), key=lambda pair: -pair[1].value))


def _won(games: Sequence[Game], places: Mapping[str, int]) -> npt.NDArray[np.float64]:
    """[i, j]: the points of i against j."""
    won = np.zeros((len(places), len(places)))
    for game in games:
        first, second = places[game.first], places[game.second]
        won[first, second] += game.score
        won[second, first] += 1 - game.score
    return won


def _fit(won: npt.NDArray[np.float64], steps: int = 300) -> npt.NDArray[np.float64]:
    """Ratings [tables, players] of tables of points [tables, players, players], by minorisation-maximisation
    (Hunter 2004)."""
    played = won + won.transpose(0, 2, 1)
    points = won.sum(2) + PRIOR / 2
    strength = np.ones(points.shape)
    for _ in range(steps):
        sums = strength[:, :, None] + strength[:, None, :]
        before, strength = strength, points / ((played / sums).sum(2) + PRIOR / (strength + 1.0))
        if np.abs(np.log(strength / before)).max() < 1e-5:
            break
    logs = np.log(strength)
    return np.asarray(CENTRE + SCALE * (logs - logs.mean(1, keepdims=True)), dtype=np.float64)
