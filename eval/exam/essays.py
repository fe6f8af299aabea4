"""Essays: the points of the key are the rubric, each graded with a quoted span; and the published overlap scores.

A key carries its marks ("（2分）", "(2 marks)"): each marked piece is a point. A judge model says for every
point whether the reply makes it and quotes the words; a quotation that is not in the reply earns nothing.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.exam.prompts import judging
from eval.exam.types import Item, normalised
from llm.jobs.runner import Ask
from llm.jobs.types import ChainFailed, Request
from llm.types import Message, Sampling

_MARKS = re.compile(r"\(\s*(?:共|各)?\s*(\d+(?:\.\d+)?)\s*(?:分|marks?)\s*\)")
_PIECES = re.compile(r"(?:^|\n|(?<=[;。]))\s*(?:\(?\d{1,2}[.、)]|[①②③④⑤⑥⑦⑧⑨⑩])?\s*")
#: A point shorter than this (normalised characters) is a heading.
SHORTEST_POINT = 4

JUDGE_SCHEMA: Mapping[str, Any] = {
    "type": "object", "required": ["points"], "additionalProperties": False,
    "properties": {"points": {"type": "array", "items": {
        "type": "object", "required": ["number", "made", "quote"], "additionalProperties": False,
        "properties": {"number": {"type": "integer"}, "made": {"type": "boolean"}, "quote": {"type": "string"}},
    }}},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Point:
    """A piece of the key and its marks."""

    text: str
    marks: float


@dataclass(frozen=True, slots=True)
class EssayScore:
    """`earned` of `possible` marks; `quotes` has the words that earned each point, "" where it was not made."""

    earned: float
    possible: float
    quotes: tuple[str, ...]

    @property
    def share(self) -> float:
        return self.earned / self.possible if self.possible else 0.0


def rubric(reference: str) -> tuple[Point, ...]:
    """The points of a key. Pieces with marks in the text have those; where no piece has any, each counts 1."""
    text = unicodedata.normalize("NFKC", reference)
    pieces = [piece.strip() for piece in _PIECES.split(text) if piece and piece.strip()]
    found = []
    for piece in pieces:
        marks = sum(float(number) for number in _MARKS.findall(piece))
        words = _MARKS.sub("", piece).strip()
        if len(normalised(words)) >= SHORTEST_POINT:
            found.append(Point(words, marks))
    marked = [point for point in found if point.marks]
    return tuple(marked) if marked else tuple(Point(point.text, 1.0) for point in found)


async def judge(item: Item, reply: str, model: str, ask: Ask, seed: int = 0) -> EssayScore:
    """Grade `reply` point by point with a judge model. Raises ChainFailed when it gives no readable grades."""
    points = rubric(item.reference)
    listed = "\n".join(f"{number}. {point.text}" for number, point in enumerate(points, 1))
    text = judging(item, listed, reply)
    sampling = Sampling(0.0, 1.0, 1500, seed)
    answer = await ask(Request((Message("user", text),), model, sampling, JUDGE_SCHEMA))
    if answer.kind != "ok":
        raise ChainFailed(f"judge {answer.kind}")
    return graded(points, reply, answer.data["points"])


def graded(points: Sequence[Point], reply: str, grades: Sequence[Mapping[str, Any]]) -> EssayScore:
    """Marks for the points that are said to be made and whose quotation stands in the reply."""
    said = {int(grade["number"]): grade for grade in grades}
    plain = normalised(reply)
    quotes = []
    for number in range(1, len(points) + 1):
        grade = said.get(number, {})
        quote = str(grade.get("quote", "")) if grade.get("made") else ""
        quotes.append(quote if quote.strip() and normalised(quote) in plain else "")
    earned = sum(point.marks for point, quote in zip(points, quotes, strict=True) if quote)
    return EssayScore(earned, sum(point.marks for point in points), tuple(quotes))


def overlap(reply: str, reference: str) -> dict[str, float]:
    """ROUGE-1, -2, -L (F) and BLEU-4 at word level with jieba, as published; the share of distinct 1- and 2-grams."""
    import jieba
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
    from rouge_score.rouge_scorer import RougeScorer

    jieba.setLogLevel(60)
    ours, theirs = ([word for word in jieba.lcut(text) if word.strip()] for text in (reply, reference))
    if not ours or not theirs:
        return dict.fromkeys(("rouge1", "rouge2", "rougeL", "bleu4", "distinct1", "distinct2"), 0.0)
    scores = RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=_Words()).score(" ".join(theirs), " ".join(ours))
    bleu = sentence_bleu([theirs], ours, smoothing_function=SmoothingFunction().method1)
    return {
        **{name: float(score.fmeasure) for name, score in scores.items()},
        "bleu4": float(bleu),
        "distinct1": len(set(ours)) / len(ours),
        "distinct2": len(set(itertools.pairwise(ours))) / max(1, len(ours) - 1),
    }


class _Words:
    """For rouge_score, whose own tokenizer drops everything that is not Latin."""

    def tokenize(self, text: str) -> list[str]:
        return text.split()
