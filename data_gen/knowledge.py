"""A passage -> a question with an answer that cites it, or an examination item.

A question is written about a passage; one student answers from memory, another from passages that a search finds, and
a teacher who holds the text merges both and must quote it. Quotations are looked up: an answer without one that is
there is rejected. (The roles are those of PsycoLLM, arXiv 2407.05721; prompts and rules are ours.)
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from data_gen.dialogues import source_record
from data_gen.evidence import locate
from data_gen.sources import grams, is_crisis
from data_gen.steps import ANY_TEXT, Rejected, Steps, Unfit, chosen_from, listed, prompt_text, seed_of, strict
from data_gen.types import Material
from llm.jobs.runner import Ask

Form = Literal["open", "choice", "short"]
FORMS: tuple[Form, ...] = ("open", "choice", "short")
LETTERS = "ABCD"
#: Width of the vectors of hashed character n-grams, and the n-grams' lengths: a Chinese word has two characters.
WIDTH, HAN_GRAM, LATIN_GRAM = 4096, 2, 4
_HAN = re.compile(r"[\u3400-\u9fff]")
#: A question that speaks of "the text" cannot be asked without it.
_POINTS_AT_TEXT = re.compile(r"文中|本文|本段|这段|上述|上文|the (?:passage|text|author|above)|this passage", re.I)
_OPTIONS = strict(**dict.fromkeys(LETTERS, ANY_TEXT))
SCHEMAS: Mapping[Form, Mapping[str, Any]] = {
    "open": strict(usable={"type": "boolean"}, question=ANY_TEXT, quote=ANY_TEXT),
    "choice": strict(
        usable={"type": "boolean"}, question=ANY_TEXT, options=_OPTIONS,
        key=listed(chosen_from(LETTERS)), explanation=ANY_TEXT, quote=ANY_TEXT,
    ),
    "short": strict(usable={"type": "boolean"}, question=ANY_TEXT, answer=ANY_TEXT, quote=ANY_TEXT),
}  # fmt: skip
TEACHER_SCHEMA = strict(
    answer=ANY_TEXT,
    citations=listed(strict(passage={"type": "integer"}, quote=ANY_TEXT)),
    basis=chosen_from(("closed", "open", "merged", "teacher")),
)


@dataclass(frozen=True, slots=True)
class KnowledgeOptions:
    """`forms` are the kinds of item made of every passage, `found` the passages that the second student gets."""

    model: str
    judge: str = ""
    seed: int = 0
    forms: tuple[Form, ...] = ("open",)
    found: int = 3
    temperature: float = 0.7
    max_tokens: int = 800
    retries: int = 1

    def __post_init__(self) -> None:
        if wrong := [form for form in self.forms if form not in FORMS]:
            raise ValueError(f"no form is called {wrong[0]!r}; choose from {', '.join(FORMS)}")
        if self.found < 1 or self.retries < 0 or not self.forms:
            raise ValueError(f"found >= 1, retries >= 0 and at least one form, got {self}")


@dataclass(frozen=True, slots=True)
class ItemPlan:
    """One item to be made: from which passage, and in which form."""

    material: Material
    form: Form

    @property
    def id(self) -> str:
        return f"{self.material.id}/{self.form}"


class PassageIndex:
    """Search by cosine similarity of hashed character n-grams, (N, WIDTH) float32 in faiss: no encoder is needed."""

    def __init__(self, materials: Sequence[Material]) -> None:
        import faiss

        self.materials = materials
        self._index: Any = faiss.IndexFlatIP(WIDTH)
        for start in range(0, len(materials), 1024):
            self._index.add(np.stack([_vector(one.whole) for one in materials[start : start + 1024]]))

    def search(self, text: str, count: int) -> list[Material]:
        """The `count` most similar passages, the best first."""
        _, places = self._index.search(_vector(text)[None], min(count, len(self.materials)))
        return [self.materials[place] for place in places[0] if place >= 0]


def _vector(text: str) -> npt.NDArray[np.float32]:
    found = np.zeros(WIDTH, np.float32)
    parts = {gram for gram in grams(text, HAN_GRAM) if _HAN.search(gram)}
    for gram in parts | {gram for gram in grams(text, LATIN_GRAM) if not _HAN.search(gram)}:
        found[int.from_bytes(hashlib.blake2b(gram.encode(), digest_size=4).digest(), "big") % WIDTH] += 1
    return found / max(1.0, float(np.linalg.norm(found)))


async def make_item(plan: ItemPlan, index: PassageIndex, options: KnowledgeOptions, ask: Ask) -> dict[str, Any]:
    """The record of one item. Raises Rejected with what was tried."""
    seed = seed_of(options.seed, plan.id)
    steps = Steps(ask, options.model, seed)
    reasons: list[str] = []
    for attempt in range(options.retries + 1):
        steps.attempt = attempt
        try:
            asked = await _question(plan, options, steps)
            body, used, spans = (
                await _answered(plan, asked, index, options, steps) if plan.form == "open" else _item(plan, asked)
            )
        except Unfit as unfit:
            reasons.append(unfit.reason)
            if unfit.reason in {"crisis", "unusable"}:
                break
            continue
        said = _provenance(plan, used, spans, options, steps, reasons, seed)
        material = plan.material
        return {
            "id": plan.id, "kind": "knowledge", "form": plan.form, "lang": material.lang, "topic": material.topic,
            **body, "provenance": said,
        }  # fmt: skip
    tried = _provenance(plan, [plan.material], [], options, steps, reasons, seed)
    raise Rejected(reasons[-1], {"id": plan.id, "reason": reasons[-1], "provenance": tried})


async def _question(plan: ItemPlan, options: KnowledgeOptions, steps: Steps) -> Mapping[str, Any]:
    material = plan.material
    asked: Mapping[str, Any] = await steps.step(
        "question", prompt_text(f"question_{plan.form}.v1", material.lang), {"passage": material.whole},
        schema=SCHEMAS[plan.form], temperature=options.temperature, max_tokens=options.max_tokens,
    )  # fmt: skip
    if not asked["usable"]:
        raise Unfit("unusable")
    if not asked["question"].strip():
        raise Unfit("blank")
    if is_crisis(asked["question"]):
        raise Unfit("crisis")
    if _POINTS_AT_TEXT.search(asked["question"]):
        raise Unfit("points_at_text")
    if locate(asked["quote"], material.whole) is None:
        raise Unfit("quote_not_found")
    return asked


Spans = list[tuple[str, int, int]]


def _item(plan: ItemPlan, asked: Mapping[str, Any]) -> tuple[dict[str, Any], list[Material], Spans]:
    """The body of a choice or short-answer item. Raises Unfit for one that has no clear key."""
    material = plan.material
    span = locate(asked["quote"], material.whole) or (0, 0)
    body: dict[str, Any] = {"question": asked["question"].strip()}
    if plan.form == "choice":
        texts = [asked["options"][letter].strip() for letter in LETTERS]
        key = sorted(set(asked["key"]))
        if not all(texts) or len({re.sub(r"[\W_]+", "", text.lower()) for text in texts}) < len(texts):
            raise Unfit("options_alike")
        if not 1 <= len(key) < len(LETTERS):
            raise Unfit("no_key")
        body |= {"options": dict(zip(LETTERS, texts, strict=True)), "key": key, "explanation": asked["explanation"]}
    else:
        if not asked["answer"].strip():
            raise Unfit("blank")
        body["answer"] = asked["answer"].strip()
    return body, [material], [(material.id, *span)]


async def _answered(
    plan: ItemPlan, asked: Mapping[str, Any], index: PassageIndex, options: KnowledgeOptions, steps: Steps
) -> tuple[dict[str, Any], list[Material], Spans]:
    """The body of an open question: both students' answers, the teacher's, and what it cites."""
    lang, question = plan.material.lang, asked["question"].strip()
    ranked = index.search(question, options.found)
    # Only passages of the same document: a record belongs to one source, so that it can be split by source.
    group = plan.material.group
    found = [plan.material, *(one for one in ranked if one.group == group and one.id != plan.material.id)]

    async def student(name: str, values: Mapping[str, str]) -> str:
        said: str = await steps.step(
            name, prompt_text(f"{name}.v1", lang), values, schema=None, temperature=options.temperature,
            max_tokens=options.max_tokens,
        )  # fmt: skip
        return said

    closed = await student("closed_book", {"question": question})
    searched = "\n\n".join(f"[{n}] {one.whole}" for n, one in enumerate(ranked, 1))
    opened = await student("open_book", {"question": question, "passages": searched})
    passages = "\n\n".join(f"[{n}] {one.whole}" for n, one in enumerate(found, 1))
    answer = await steps.step(
        "teacher", prompt_text("teacher.v1", lang),
        {"passages": passages, "question": question, "closed": closed, "open": opened}, schema=TEACHER_SCHEMA,
        temperature=0.0, max_tokens=options.max_tokens, model=options.judge,
    )  # fmt: skip
    if not answer["answer"].strip():
        raise Unfit("no_answer")
    if is_crisis(answer["answer"]):
        raise Unfit("crisis")
    spans: Spans = []
    for cited in answer["citations"]:
        material = found[cited["passage"] - 1] if 1 <= cited["passage"] <= len(found) else None
        if material and (span := locate(cited["quote"], material.whole)):
            spans.append((material.id, *span))
    if not spans:
        raise Unfit("no_citation")
    cited_ids = {name for name, _, _ in spans}
    used = [one for one in found if one.id in cited_ids or one is plan.material]
    body = {
        "question": question, "answer": answer["answer"].strip(), "basis": answer["basis"],
        "closed_book": closed, "open_book": opened, "claimed_citations": len(answer["citations"]),
    }  # fmt: skip
    return body, used, spans


def _provenance(
    plan: ItemPlan,
    used: Sequence[Material],
    spans: Spans,
    options: KnowledgeOptions,
    steps: Steps,
    reasons: Sequence[str],
    seed: int,
) -> dict[str, Any]:
    return {
        "sources": [source_record(one) for one in used], "spans": [list(span) for span in spans],
        "model": options.model, "judge": options.judge or options.model,
        "prompts": sorted({step.prompt for step in steps.records}),
        "sampling": {"temperature": options.temperature, "top_p": 0.95, "max_tokens": options.max_tokens},
        "seed": seed, "rejected_attempts": list(reasons), "tokens": steps.tokens(),
        "steps": [asdict(step) for step in steps.records],
    }  # fmt: skip
