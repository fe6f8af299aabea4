"""Trains the reader's network on written lines: `python -m assistant train-reader`. Needs the extra `train`.

Upper layers and heads are trained; embeddings and lower layers stay as they came. The three kinds of lines are taught
side by side, a batch of one kind each. Each pass over the lines of danger also makes long messages in which one
sentence of danger hides between ordinary ones, and takes ordinary long ones apart, so that the network finds a sentence
and does not take length or sadness for danger. Resumable after each pass.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from assistant.meaning.lines import Line, Said, Sentence, Targets, Taught, joined, sentences
from assistant.meaning.losses import loss_of
from assistant.meaning.network import Lower, Upper, padded
from assistant.meaning.tokens import Tokens
from perception.files import whole

log = logging.getLogger(__name__)

LONGEST = 128  # pieces that the network reads at once, with the marks of start and end

#: Quiet kinds that read most like danger: each pass takes their lines twice.
TWICE = ("ordinary_distress_short", "past_recovered", "past_and_recovered", "bereaved_by_suicide",
         "bereavement_by_suicide_past", "panic_body", "panic_bodily_anxiety", "quotation_discussion")  # fmt: skip

Batch = list[tuple[list[int], Targets]]  # numbers of pieces with their marks, and what they teach


@dataclass(frozen=True, slots=True)
class Material:
    """What there is to learn from. `ordinary` and `spoken` are real quiet messages and real sentences of counsellors,
    of which each pass takes its share."""

    lines: Sequence[Line]
    said: Sequence[Said]
    sentences: Sequence[Sentence]
    ordinary: Sequence[Line] = ()
    spoken: Sequence[Sentence] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train. `hidden` and `parts` are how many made messages a pass has; `ordinary` and `spoken`
    how many real ones, `sentences` the share of the written sentences."""

    passes: int = 4
    pieces: int = 1400  # in a batch
    rate: float = 2e-4
    heads_rate: float = 1e-3
    hidden: int = 420
    parts: int = 250
    ordinary: int = 300
    sentences: float = 0.5
    spoken: int = 1200
    smoothing: float = 0.04
    average: float = 0.98  # of the running mean of the weights, which is what is kept
    seed: int = 7
    threads: int = 2
    bfloat16: bool = False  # where the processor has it: emulated it is many times slower


def hidden(long: Sequence[Line], dangers: Sequence[Line], rng: random.Random) -> Line:
    """An ordinary long message with a line of danger between its sentences."""
    around = rng.choice(long)
    chinese = around.lang != "en"
    inside = rng.choice([line for line in rng.sample(dangers, 40) if (line.lang != "en") == chinese] or dangers)
    parts = sentences(around.text)
    first = rng.randrange(max(1, len(parts) - 5))
    parts = parts[first : first + rng.randint(2, 7)]
    ended = inside.text.endswith(("。", ".", "!", "?", "！", "？"))
    parts.insert(rng.randint(0, len(parts)), inside.text if ended else inside.text + ("。" if chinese else "."))
    return Line(joined(parts), around.lang, inside.kind, inside.severity)


def part(long: Sequence[Line], rng: random.Random) -> Line:
    """A few sentences of an ordinary long message."""
    line = rng.choice(long)
    parts = sentences(line.text)
    first = rng.randrange(len(parts))
    return Line(joined(parts[first : first + rng.randint(1, 3)]), line.lang, line.kind, 0)


def one_pass(lines: Sequence[Line], ordinary: Sequence[Line], plan: Plan, rng: random.Random) -> list[Line]:
    """The messages of one pass. `ordinary` are real quiet messages, of which each pass takes its share."""
    dangers = [line for line in lines if line.danger and len(line.text) < 200]
    own = [line for line in lines if not line.danger and len(sentences(line.text)) > 3]
    long = own * 3 + [line for line in ordinary if len(sentences(line.text)) > 3]
    again = [line for line in lines if not line.danger and line.kind in TWICE]
    return [*lines, *again, *rng.sample(ordinary, min(plan.ordinary, len(ordinary))),
            *(hidden(long, dangers, rng) for _ in range(plan.hidden)),
            *(part(long, rng) for _ in range(plan.parts))]  # fmt: skip


def batches(lines: Sequence[Taught], tokens: Tokens, plan: Plan, rng: random.Random) -> list[Batch]:
    """The lines as numbers, in batches of about `plan.pieces` pieces of like length, in random order."""
    rows = [([0, *tokens.numbers(line.text)[: LONGEST - 2], 2], line.targets()) for line in lines]
    rows.sort(key=lambda row: len(row[0]) + rng.random() * 4)
    made: list[Batch] = [[]]
    for row in rows:
        if made[-1] and len(row[0]) * (len(made[-1]) + 1) > plan.pieces:
            made.append([])
        made[-1].append(row)
    rng.shuffle(made)
    return made


def mixed(material: Material, tokens: Tokens, plan: Plan, rng: random.Random) -> list[Batch]:
    """The batches of one pass, the three kinds in random order."""
    spoken = rng.sample(material.spoken, min(plan.spoken, len(material.spoken)))
    written = rng.sample(material.sentences, int(plan.sentences * len(material.sentences)))
    kinds: tuple[Sequence[Taught], ...] = (
        one_pass(material.lines, material.ordinary, plan, rng), material.said, [*written, *spoken],
    )  # fmt: skip
    made = [batch for lines in kinds if lines for batch in batches(lines, tokens, plan, rng)]
    rng.shuffle(made)
    return made


def train(base: Lower, top: Upper, tokens: Tokens, material: Material, state: Path, plan: Plan) -> None:
    """Train `top` in place; it ends with the running mean of its weights. `state` is written after each pass and
    continued from when it exists."""
    torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.seed)
    mean = {name: value.detach().clone() for name, value in top.state_dict().items()}
    heads = list(top.heads.parameters())
    groups = [{"params": list(top.layers.parameters()), "lr": plan.rate}, {"params": heads, "lr": plan.heads_rate}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    first = 0
    if state.is_file():
        kept = torch.load(state, weights_only=True)
        top.load_state_dict(kept["top"])
        optimizer.load_state_dict(kept["optimizer"])
        mean, first = kept["mean"], kept["passes"]
    base.eval()
    for number in range(first, plan.passes):
        rng = random.Random(plan.seed + number)
        made = mixed(material, tokens, plan, rng)
        top.train()
        losses = []
        for at, batch in enumerate(made):
            done = (number + at / len(made)) / plan.passes
            share = min(1.0, done * plan.passes / 0.3) * (1.0 - done) + 0.01
            for group, rate in zip(optimizer.param_groups, (plan.rate, plan.heads_rate), strict=True):
                group["lr"] = rate * share
            losses.append(step(base, top, optimizer, batch, plan))
            for name, value in top.state_dict().items():
                mean[name].lerp_(value, 1.0 - min(plan.average, (at + 1 + number * len(made)) / (at + 11)))
            if at % 25 == 24:
                log.info("pass %d, batch %d of %d: loss %.4f", number + 1, at + 1, len(made), np.mean(losses[-25:]))
        with whole(state) as path:
            torch.save({"top": top.state_dict(), "optimizer": optimizer.state_dict(), "mean": mean,
                        "passes": number + 1}, path)  # fmt: skip
    top.load_state_dict(mean)
    top.eval()


def step(base: Lower, top: Upper, optimizer: torch.optim.Optimizer, batch: Batch,
         plan: Plan) -> float:  # fmt: skip
    """One step of the optimizer; the loss of the batch."""
    numbers, mask = padded([row for row, _ in batch], 1)
    wanted = torch.from_numpy(np.stack([targets for _, targets in batch]))
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=plan.bfloat16):
        with torch.no_grad():
            x = base(numbers, mask)
        logits = top(x, mask)
    loss = loss_of(logits.float(), wanted, plan.smoothing)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(top.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())
