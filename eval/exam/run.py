"""Take an exam: every item one chain of requests, every answer kept, every failure its own outcome.

Modes: `generate` (a reply, read by the grammar), `logprob` (the first token's log-probabilities over the option
letters; several right letters are those above a threshold), `choice` (structured output), `vote` (self-consistency:
the majority of several sampled replies).
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from eval.exam.audit import edition
from eval.exam.grammar import extract
from eval.exam.prompts import Asking, messages
from eval.exam.scoring import RULES, by_cell, cell, credit, mean_of_cells
from eval.exam.types import Extraction, Item, Scored
from eval.statistics import calibration_error
from llm.files import commit_of, whole
from llm.jobs.progress import Counts
from llm.jobs.runner import Ask, run
from llm.jobs.types import Answer, ChainFailed, JobOptions, Request
from llm.types import Sampling

Mode = Literal["generate", "logprob", "choice", "vote"]
MODES: tuple[Mode, ...] = ("generate", "logprob", "choice", "vote")
#: In `logprob` mode a letter of a multiple choice is taken when it has at least this share of the best letter's
#: probability. Ours, not published; chosen before any run.
SHARE_OF_BEST = 0.25
VOTES = 5
#: Log-probabilities asked for: servers give at most 20.
TOP = 20


@dataclass(frozen=True, slots=True)
class ExamOptions:
    """`rotate` shifts the options by so many places (position bias); `samples` is the number of votes."""

    model: str
    mode: Mode = "generate"
    asking: Asking = field(default_factory=Asking)
    max_tokens: int = 0
    temperature: float = 0.0
    seed: int = 0
    rotate: int = 0
    samples: int = VOTES

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"no mode is called {self.mode!r}; choose from {', '.join(MODES)}")

    @property
    def tokens(self) -> int:
        if self.max_tokens:
            return self.max_tokens
        return 1 if self.mode == "logprob" else 600 if self.asking.reasoning or self.asking.style == "authors" else 32


def rotated(item: Item, places: int) -> Item:
    """The same item with its options moved on by `places` letters, and the key with them."""
    if item.kind == "essay" or not places:
        return item
    letters, texts = list(item.options), list(item.options.values())
    moved = {letters[(n + places) % len(letters)]: text for n, text in enumerate(texts)}
    there = {letter: letters[(n + places) % len(letters)] for n, letter in enumerate(letters)}
    return replace(item, options=dict(sorted(moved.items())), key=frozenset(there[letter] for letter in item.key))


def take(
    items: Sequence[Item], options: ExamOptions, jobs: JobOptions, out: Path, shown: bool | None = None
) -> tuple[list[Scored], Counts]:
    """Ask every sound item and write items.jsonl, result.json and journal.jsonl into `out`; run again, it goes on.

    Raises llm.jobs' ServerBroken or JobError. Items whose request failed have that as their outcome and no credit; they
    are missing from the answered, not from the count.
    """
    asked = asked_of(items, options)
    scored: dict[str, Scored] = {}

    def keep(place: int, item: Item, record: Scored | ChainFailed) -> None:
        scored[item.item_id] = _nothing(item, record.reason) if isinstance(record, ChainFailed) else record

    async def chain(item: Item, ask: Ask) -> Scored:
        return await _answer(item, options, ask)

    out.mkdir(parents=True, exist_ok=True)
    counts = run(asked, chain, keep, jobs, out / "journal.jsonl", total=len(asked), shown=shown)
    rows = [scored[item.item_id] for item in asked]
    write_run(out, rows, summary(items, asked, rows, options, jobs.url, counts))
    return rows, counts


def asked_of(items: Sequence[Item], options: ExamOptions) -> list[Item]:
    """The items that can be asked and scored, as they are asked. Raises ValueError where there is none."""
    asked = [rotated(item, options.rotate) for item in items if item.is_sound and item.kind != "essay"]
    if not asked:
        raise ValueError("no item of this exam can be asked")
    return asked


def write_run(out: Path, rows: Sequence[Scored], result: Mapping[str, Any]) -> None:
    """items.jsonl and result.json in the folder `out`."""
    with whole(out / "items.jsonl") as part:
        part.write_text("".join(row.record() + "\n" for row in rows), encoding="utf-8")
    with whole(out / "result.json") as part:
        part.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _nothing(item: Item, outcome: str, reply: str = "") -> Scored:
    return Scored(item.item_id, outcome, "", dict.fromkeys(RULES, 0.0), reply)


async def _answer(item: Item, options: ExamOptions, ask: Ask) -> Scored:
    sampling = Sampling(options.temperature, 1.0, options.tokens, options.seed)
    request = Request(messages(item, options.asking), options.model, sampling, may_be_cut=True)
    if options.mode == "logprob":
        answer = await ask(replace(request, extra={"logprobs": True, "top_logprobs": TOP}))
        return _by_probability(item, answer)
    if options.mode == "choice":
        return _by_choice(item, await ask(replace(request, schema=_choice_schema(item))))
    if options.mode == "vote":
        return await _by_vote(item, request, options, ask)
    answer = await ask(request)
    return read_reply(item, answer.kind, answer.text)


def read_reply(item: Item, kind: str, reply: str) -> Scored:
    """Score one reply of mode `generate`; `kind` is what became of the request (see `llm.jobs.types.AnswerKind`).

    A reply that ran into its token limit may have said its answer before: it is read, and counted as cut if not."""
    if kind not in {"ok", "cut"}:
        return _nothing(item, kind, reply)
    found = extract(reply, item.options, item.kind)
    if kind == "cut" and found.found == "unparsed":
        return _nothing(item, "cut", reply)
    return _scored(item, found, reply)


def _scored(item: Item, found: Extraction, reply: str, confidence: float | None = None) -> Scored:
    letters = "".join(sorted(found.letters))
    return Scored(item.item_id, found.found, letters, credit(item, found), reply, confidence)


def _by_probability(item: Item, answer: Answer) -> Scored:
    """The letters by the probability of being the first token, among the options."""
    if not answer.top_logprobs:
        return _nothing(item, answer.kind if answer.kind not in {"ok", "cut"} else "no_logprobs", answer.text)
    found: dict[str, float] = {}
    for token, value in answer.top_logprobs[0].items():
        letter = token.strip().upper()
        if letter in item.options:
            found[letter] = found.get(letter, 0.0) + math.exp(value)
    if not found:
        return _nothing(item, "unparsed", answer.text)
    best = max(found.values())
    single = item.kind == "single"
    letters = {letter for letter, p in found.items() if (p == best if single else p >= SHARE_OF_BEST * best)}
    letters = {min(letters)} if single else letters
    return _scored(item, Extraction("answered", frozenset(letters)), answer.text, best / sum(found.values()))


def _choice_schema(item: Item) -> Mapping[str, Any]:
    one = {"enum": list(item.options)}
    many = {"type": "array", "items": one, "minItems": 1, "uniqueItems": True}
    return {
        "type": "object", "required": ["answer"], "additionalProperties": False,
        "properties": {"answer": one if item.kind == "single" else many},
    }  # fmt: skip


def _by_choice(item: Item, answer: Answer) -> Scored:
    if answer.kind != "ok":
        return _nothing(item, "unparsed" if answer.kind == "unparsable" else answer.kind, answer.text)
    given = answer.data["answer"]
    return _scored(item, Extraction("answered", frozenset([given] if isinstance(given, str) else given)), answer.text)


async def _by_vote(item: Item, request: Request, options: ExamOptions, ask: Ask) -> Scored:
    votes: Counter[frozenset[str]] = Counter()
    replies = []
    for number in range(options.samples):
        sampling = replace(request.sampling, temperature=max(options.temperature, 0.7), seed=options.seed + number)
        answer = await ask(replace(request, sampling=sampling))
        replies.append(answer.text)
        if answer.kind in {"ok", "cut"}:
            votes[extract(answer.text, item.options, item.kind).letters] += 1
    votes.pop(frozenset(), None)
    if not votes:
        return _nothing(item, "unparsed", "\n---\n".join(replies))
    letters, count = max(votes.items(), key=lambda vote: (vote[1], sorted(vote[0])))
    return _scored(item, Extraction("answered", letters), "\n---\n".join(replies), count / options.samples)


def summary(
    items: Sequence[Item],
    asked: Sequence[Item],
    rows: Sequence[Scored],
    options: ExamOptions,
    server: str,
    counts: Counts,
) -> dict[str, Any]:
    """Everything that somebody needs to judge or to repeat the run. `server` is its address, or what asked instead."""
    named = {item.item_id: item for item in asked}
    cells = by_cell(named, rows)
    sure = [(row.confidence, row.credits["strict"]) for row in rows if row.confidence is not None]
    average = {rule: mean_of_cells({name: c.credits[rule].value for name, c in cells.items()}) for rule in RULES}
    return {
        "edition": edition(items), "items": len(asked), "left_out": len(items) - len(asked),
        "prompt": options.asking.name, "mode": options.mode, "model": options.model, "server": server,
        "settings": {**asdict(options), "asking": options.asking.name}, "commit": commit_of(),
        "all": asdict(cell(rows)), "cells": {"/".join(name): asdict(c) for name, c in cells.items()},
        "average_of_six": average,
        "calibration_error": calibration_error([c for c, _ in sure], [r for _, r in sure]) if sure else None,
        "outcomes": dict(Counter(row.outcome for row in rows)), "faults": dict(counts.faults),
        "tokens": {"prompt": counts.prompt_tokens, "completion": counts.completion_tokens},
        "seconds": round(counts.seconds, 2),
    }  # fmt: skip


def complete(rows: Iterable[Scored]) -> bool:
    """Whether every item got an answer of the model, right, wrong or unreadable."""
    return all(row.outcome in {"answered", "none", "unparsed"} for row in rows)
