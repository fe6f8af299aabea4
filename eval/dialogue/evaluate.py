"""Assistants talk to the same persons: the safety of each is counted by rules, and a judge compares their skills."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assistant.guided import Guided
from assistant.meaning.base import Reader, understanding
from eval.dialogue.judging import tournament
from eval.dialogue.personas import Client, Persona
from eval.dialogue.rules import DIMENSIONS, caught, findings, table
from eval.dialogue.talk import Dialogue, Plan, hold
from eval.statistics import share_interval
from llm.base import ChatModel
from llm.client.models import load_chat_model
from llm.client.scripted import Scripted
from llm.files import commit_of, sha256_of, whole
from llm.jobs.types import JobOptions


@dataclass(frozen=True, slots=True)
class Judge:
    """A judge model: its name, and how it is asked."""

    model: str
    jobs: JobOptions


@dataclass(frozen=True, slots=True)
class DialogueOptions:
    """Exchanges of a dialogue, dialogues with each person, dialogues at once, rounds of the tournament (0: as many as
    are needed), and the seed of judge and resampling."""

    turns: int = 8
    repeats: int = 1
    workers: int = 8
    rounds: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.turns, self.repeats, self.workers) < 1 or self.rounds < 0:
            raise ValueError(f"turns, repeats and workers are at least 1, rounds at least 0, got {self}")


def assistant_of(spec: str, reader: Reader | None = None) -> Callable[[], ChatModel]:
    """What gives the chat model of "guided", "scripted:FILE" (a reply a line, in turn) or "URL[#MODEL]", one for each
    dialogue; the companion understands by `reader`, as on the page. Raises ValueError that names the choices."""
    if spec == "guided":
        return lambda: Guided(reader=understanding(reader))
    if spec.startswith("scripted:"):
        path = Path(spec.removeprefix("scripted:"))
        replies = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        name = f"scripted@{sha256_of(path)[:12]}"
        return lambda: Scripted(replies, name=name)
    url, _, model = spec.partition("#")
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"no assistant is called {spec!r}; choose from guided, scripted:FILE, URL, URL#MODEL")
    one = load_chat_model(url, model or None)
    return lambda: one


def evaluate(
    personas: Sequence[Persona],
    client: Client,
    models: Mapping[str, Callable[[], ChatModel]],
    options: DialogueOptions,
    out: Path,
    *,
    reader: Reader | None = None,
    judge: Judge | None = None,
    shown: bool | None = None,
) -> dict[str, Any]:
    """Hold the dialogues, judge them, and write dialogues/, findings.jsonl, verdicts.jsonl and result.json into `out`;
    run again, it goes on. Returns what result.json holds.

    Raises ValueError for a judge with fewer than two assistants, llm.jobs' errors where the judge's server fails.
    """
    if judge and len(models) < 2:
        raise ValueError(f"a judge compares at least two assistants, got {', '.join(models)}")
    plans = [Plan(name, person, n) for name in models for person in personas for n in range(options.repeats)]
    out.mkdir(parents=True, exist_ok=True)
    held = hold(
        plans, client, models, options.turns, out / "dialogues", reader=reader, workers=options.workers, shown=shown
    )
    whole_ones = [one for one in held if one.turns and not one.broken]
    _lines(out / "findings.jsonl", [_finding_row(one) for one in whole_ones])
    standings = None
    if judge:
        standings = tournament(
            whole_ones, judge.model, judge.jobs, out / "journal.jsonl", rounds=options.rounds, seed=options.seed,
            shown=shown,
        )  # fmt: skip
        _lines(out / "verdicts.jsonl", [asdict(verdict) for verdict in standings.verdicts])
    result = {
        "clients": client.name, "personas": [person.name for person in personas], "settings": asdict(options),
        "assistants": {name: models[name]().name for name in models}, "reader": reader is not None,
        "judge": judge.model if judge else None, "commit": commit_of(),
        "safety": {name: _safety([one for one in whole_ones if one.plan.assistant == name]) for name in models},
        "broken": {one.plan.name: one.broken or "the client said nothing" for one in held if one not in whole_ones},
        "tournament": standings.record() if standings else None,
    }  # fmt: skip
    with whole(out / "result.json") as part:
        part.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return result


def _finding_row(held: Dialogue) -> dict[str, Any]:
    return {
        "dialogue": held.plan.name, "levels": [turn.risk.name for turn in held.turns],
        **{name: asdict(finding) for name, finding in findings(held).items()}, "caught": caught(held),
    }  # fmt: skip


def _safety(dialogues: Sequence[Dialogue]) -> dict[str, Any]:
    """For each dimension its verdicts and the share of passes with its 95 % interval, None where it never applied."""
    rows: dict[str, Any] = {}
    for name, counted in table(dialogues).items():
        applied = counted["pass"] + counted["fail"]
        rows[name] = {**counted, "share": asdict(share_interval(counted["pass"], applied)) if applied else None}
    return {**rows, "dialogues": len(dialogues), "caught": sum(map(caught, dialogues))}


def _lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with whole(path) as part:
        part.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def summary_text(result: Mapping[str, Any]) -> str:
    """A result in a few lines for the terminal."""
    lines = [f"{len(result['personas'])} persons, {result['settings']['turns']} turns, clients {result['clients']}"]
    for name, rows in result["safety"].items():
        lines.append(f"{name}: {rows['dialogues']} dialogues, {rows['caught']} sentences stopped")
        for dimension in DIMENSIONS:
            share, row = rows[dimension]["share"], rows[dimension]
            said = f"{share['value']:.2f} [{share['low']:.2f}, {share['high']:.2f}]" if share else "-"
            lines.append(f"  {dimension:<13} {said:<19} {row['pass']} pass, {row['fail']} fail, {row['n/a']} n/a")
    if found := result["tournament"]:
        lines.append(
            f"{found['judged']} comparisons in {found['rounds']} rounds, {found['unjudged']} unjudged; "
            f"in {found['disagreed']:.0%} the judge changed its mind with the places"
        )
        for name, row in found["elo"].items():
            ends = f"[{row['low']:.0f}, {row['high']:.0f}]"
            lines.append(f"  {name:<20} Elo {row['value']:.0f} {ends}  {row['points']:g} of {row['games']}")
    lines += [f"broken: {name}: {why}" for name, why in result["broken"].items()]
    return "\n".join(lines)
