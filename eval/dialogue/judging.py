"""A judge model compares two assistants on the same person: twice, with the positions swapped; ties are allowed.

A side wins where both readings prefer it; everything else is a tie, so that a judge that likes the first place gives
nobody a point. Both readings are kept, and the share of swapped pairs that disagreed is reported.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eval.dialogue.personas import VERSION, prompt_text
from eval.dialogue.talk import Dialogue, transcript
from eval.tournament import Game, Rating, ratings, rounds_for, swiss_round
from llm.jobs.progress import Counts
from llm.jobs.runner import Ask, run
from llm.jobs.types import ChainFailed, JobOptions, Request
from llm.types import Locale, Message, Sampling

_SIDE = {"enum": ["A", "B", "tie"]}


@cache
def dimensions() -> Mapping[str, Mapping[str, str]]:
    """Dimension, such as "shared.alliance" -> language -> what it means."""
    tables = tomllib.loads(Path(__file__).with_name("dimensions.toml").read_text(encoding="utf-8"))
    return {f"{group}.{name}": said for group, rows in tables.items() for name, said in rows.items()}


def schema() -> dict[str, Any]:
    """What the judge's answer must be."""
    compared = {name: _SIDE for name in dimensions()}
    return {
        "type": "object", "required": ["dimensions", "winner", "reason"], "additionalProperties": False,
        "properties": {
            "dimensions": {
                "type": "object", "required": list(compared), "additionalProperties": False, "properties": compared,
            },
            "winner": _SIDE, "reason": {"type": "string"},
        },
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    """Two dialogues of one person. Raises ValueError where they are not."""

    first: Dialogue
    second: Dialogue

    def __post_init__(self) -> None:
        if self.first.plan.persona.name != self.second.plan.persona.name:
            raise ValueError(f"{self.first.plan.name} and {self.second.plan.name} are not of one person")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`score` is the first one's: 1, 0.5 or 0, and so are the `dimensions`. `agreed`: both readings said the same.
    `reasons` are the judge's, of both readings."""

    first: str
    second: str
    person: str
    score: float
    dimensions: Mapping[str, float]
    agreed: bool
    reasons: tuple[str, str]


def judge_all(
    pairs: Sequence[Pair], model: str, jobs: JobOptions, journal: Path, seed: int = 0, shown: bool | None = None
) -> tuple[list[Verdict | None], Counts]:
    """The verdicts in the order of `pairs`; None where the judge gave no readable answer. Run again, it goes on.

    Raises llm.jobs' ServerBroken or JobError."""
    found: list[Verdict | None] = [None] * len(pairs)

    def keep(place: int, pair: Pair, record: Verdict | ChainFailed) -> None:
        found[place] = None if isinstance(record, ChainFailed) else record

    async def chain(pair: Pair, ask: Ask) -> Verdict:
        return await _judge(pair, model, seed, ask)

    journal.parent.mkdir(parents=True, exist_ok=True)
    counts = run(pairs, chain, keep, jobs, journal, total=len(pairs), shown=shown)
    return found, counts


async def _judge(pair: Pair, model: str, seed: int, ask: Ask) -> Verdict:
    readings = []
    for shown_first, shown_second in ((pair.first, pair.second), (pair.second, pair.first)):
        request = Request(_messages(shown_first, shown_second), model, Sampling(0.0, 1.0, 500, seed), schema())
        answer = await ask(request)
        if answer.kind != "ok":
            raise ChainFailed(f"judge {answer.kind}")
        readings.append(answer.data)
    one, other = readings
    sides = {name: (one["dimensions"][name], other["dimensions"][name]) for name in dimensions()}
    score = _both(one["winner"], other["winner"])
    return Verdict(
        pair.first.plan.name, pair.second.plan.name, pair.first.plan.persona.name, score,
        {name: _both(*said) for name, said in sides.items()}, one["winner"] == _swapped(other["winner"]),
        (one["reason"], other["reason"]),
    )  # fmt: skip


def _swapped(side: str) -> str:
    return {"A": "B", "B": "A"}.get(side, side)


def _both(one: str, other: str) -> float:
    """The first one's score of two readings, in the second of which the places are changed."""
    return {"A": 1.0, "B": 0.0}.get(one, 0.5) if one == _swapped(other) else 0.5


def _messages(first: Dialogue, second: Dialogue) -> tuple[Message, ...]:
    person = first.plan.persona
    lang: Locale = person.lang
    listed = "\n".join(f"- {name}: {said[lang]}" for name, said in dimensions().items())
    shape = ", ".join(f'"{name}": "..."' for name in dimensions())
    system, asked = prompt_text(
        f"judge.{VERSION}", lang, about=person.about, problem=person.problem, first=transcript(first),
        second=transcript(second), dimensions=listed, shape=shape,
    )  # fmt: skip
    return Message("system", system), Message("user", asked)


@dataclass(frozen=True, slots=True)
class Standings:
    """`elo` maps an assistant to its rating, best first; `disagreed` is the share of pairs whose two readings differ,
    `unjudged` counts pairs without a readable verdict; `skills` maps an assistant and dimension to its mean score."""

    elo: Mapping[str, Rating]
    skills: Mapping[str, Mapping[str, float]]
    verdicts: tuple[Verdict, ...]
    disagreed: float
    unjudged: int
    rounds: int

    def record(self) -> dict[str, Any]:
        """For result.json; the verdicts stand in a file of their own."""
        return {
            "elo": {name: asdict(rating) for name, rating in self.elo.items()}, "skills": dict(self.skills),
            "judged": len(self.verdicts), "disagreed": self.disagreed, "unjudged": self.unjudged, "rounds": self.rounds,
        }  # fmt: skip


def tournament(
    dialogues: Sequence[Dialogue],
    model: str,
    jobs: JobOptions,
    journal: Path,
    *,
    rounds: int = 0,
    seed: int = 0,
    shown: bool | None = None,
) -> Standings:
    """A Swiss tournament of the assistants in `dialogues`: in a round each pair is compared on every person and repeat
    that both have. `rounds` is 0 for as many as are needed. Raises ValueError where no pair could be judged."""
    by_name: dict[str, dict[str, Dialogue]] = {}
    for held in dialogues:
        key = f"{held.plan.persona.name}.{held.plan.repeat}"
        by_name.setdefault(held.plan.assistant, {})[key] = held
    points = dict.fromkeys(by_name, 0.0)
    met: set[frozenset[str]] = set()
    verdicts: list[Verdict] = []
    games: list[Game] = []
    unjudged, wanted = 0, rounds or rounds_for(len(by_name))
    for _ in range(wanted):
        chosen = swiss_round(points, met)
        met |= {frozenset(pair) for pair in chosen}
        met |= {frozenset({name}) for name in set(by_name) - {name for pair in chosen for name in pair}}
        shared = [(a, b, key) for a, b in chosen for key in by_name[a] if key in by_name[b]]
        pairs = [Pair(by_name[a][key], by_name[b][key]) for a, b, key in shared]
        found, _counts = judge_all(pairs, model, jobs, journal, seed, shown)
        for (a, b, _key), verdict in zip(shared, found, strict=True):
            if verdict is None:
                unjudged += 1
                continue
            verdicts.append(verdict)
            games.append(Game(a, b, verdict.score, verdict.person))
            points[a] += verdict.score
            points[b] += 1 - verdict.score
    if not games:
        raise ValueError(f"{model} gave no readable verdict on {unjudged} pairs; look into {journal}")
    disagreed = sum(not verdict.agreed for verdict in verdicts) / len(verdicts) if verdicts else 0.0
    elo = ratings(games, list(by_name), seed)
    return Standings(elo, _skills(games, verdicts), tuple(verdicts), disagreed, unjudged, wanted)


def _skills(games: Sequence[Game], verdicts: Sequence[Verdict]) -> dict[str, dict[str, float]]:
    sums: dict[str, dict[str, float]] = {}
    played = Counter[str]()
    for game, verdict in zip(games, verdicts, strict=True):
        for name, sign in ((game.first, 1), (game.second, -1)):
            played[name] += 1
            for dimension, score in verdict.dimensions.items():
                own = sums.setdefault(name, dict.fromkeys(dimensions(), 0.0))
                own[dimension] += score if sign > 0 else 1 - score
    return {name: {dim: total / played[name] for dim, total in found.items()} for name, found in sums.items()}
