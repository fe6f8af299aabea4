"""A case or an answered question -> a counselling dialogue whose every counsellor sentence is traced to its source.

Step 1 writes the dialogue, step 2 looks for the words of the source that support each counsellor sentence, step 3
rewrites what was found wanting; then the evidence is judged again on the new words, rules are applied, and a checker
decides. An attempt that fails is counted by its reason and made again with another seed, `retries` times.
(The three steps are those of PsycoLLM, arXiv 2407.05721; prompts, thresholds and retries are ours.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from assistant.language import language_of
from assistant.prompt import describe
from assistant.safety.reply import check_sentence
from assistant.types import Risk
from data_gen.controls import (
    BEHAVIOURS,
    NAMES,
    STATE_SCHEMA,
    Controls,
    controls_version,
    draw,
    levels,
    state_of,
    state_record,
)
from data_gen.evidence import SCHEMA as EVIDENCE_SCHEMA
from data_gen.evidence import judged, sentences, supported_share
from data_gen.sources import is_crisis
from data_gen.steps import ANY_TEXT, WORDS, Rejected, Steps, Unfit, chosen_from, listed, prompt_text, seed_of, strict
from data_gen.types import Evidence, Material
from llm.jobs.runner import Ask
from llm.types import Locale
from perception.types import EXPRESSIONS

#: Steps that have a prompt of their own.
STEPS = ("generate", "evidence", "refine", "check")
MARKS = ("empathy", "guidance", "wording", "ethics", "client")
_MARK = {"type": "integer", "minimum": 1, "maximum": 5}
CHECK_SCHEMA = strict(**dict.fromkeys(MARKS, _MARK), verdict=chosen_from(("accept", "reject")), reason=ANY_TEXT)
ROLES: Mapping[str, tuple[str, str]] = {"zh": ("来访者", "咨询师"), "en": ("Client", "Counsellor")}
NOTHING = {"zh": "（没有）", "en": "(none)"}


@dataclass(frozen=True, slots=True)
class DialogueOptions:
    """`judge` is the model of evidence and check ("" for the same). `support` is the least share of asserting
    counsellor sentences that need a source, `mark` the least mark of the checker, `turns` the range of exchanges,
    `retries` how often a chain may begin again. `versions` names the prompt of each step. `fixed` holds controlled
    variables to one value."""

    model: str
    judge: str = ""
    seed: int = 0
    samples: int = 1
    turns: tuple[int, int] = (4, 7)
    temperature: float = 0.8
    max_tokens: int = 2400
    support: float = 0.5
    mark: int = 3
    retries: int = 2
    versions: Mapping[str, str] | None = None
    fixed: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if not (1 <= self.turns[0] <= self.turns[1] and 0 <= self.support <= 1 and 1 <= self.mark <= 5):
            raise ValueError(f"turns rise from 1, support in [0, 1], mark in 1..5, got {self}")
        if self.samples < 1 or self.retries < 0:
            raise ValueError(f"samples >= 1 and retries >= 0, got {self.samples} and {self.retries}")
        if unknown := sorted(set(self.versions or {}) - set(STEPS)):
            raise ValueError(f"no step is called {unknown[0]!r}; choose from {', '.join(STEPS)}")
        for name, value in (self.fixed or {}).items():
            if value not in levels().get(name, {}):
                known = ", ".join(levels().get(name, {})) or f"the variables {', '.join(NAMES)}"
                raise ValueError(f"no {name} is called {value!r}; choose from {known}")

    def version(self, step: str) -> str:
        return (self.versions or {}).get(step, f"{step}.v1")


@dataclass(frozen=True, slots=True)
class Plan:
    """One dialogue to be made: from which material, and which of its samples it is."""

    material: Material
    sample: int = 0

    @property
    def id(self) -> str:
        return f"{self.material.id}/{self.sample}"


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the client says, in which state (as STATE_SCHEMA has it), and the counsellor's reply."""

    client: str
    state: Mapping[str, Any]
    counsellor: str


async def make_dialogue(plan: Plan, options: DialogueOptions, ask: Ask) -> dict[str, Any]:
    """The record of an accepted dialogue. Raises Rejected with everything that was tried; at once for words of
    danger, which are for people to read."""
    seed = seed_of(options.seed, plan.id)
    controls = draw(seed, options.turns)
    if options.fixed:
        controls = Controls(**{**controls.record(), **options.fixed})
    steps = Steps(ask, options.model, seed)
    reasons: list[str] = []
    for attempt in range(options.retries + 1):
        steps.attempt = attempt
        try:
            made = await _attempt(plan.material, controls, options, steps)
        except Unfit as unfit:
            reasons.append(unfit.reason)
            if unfit.reason == "crisis":
                break
            continue
        return _record(plan, controls, options, steps, reasons, seed, made)
    tried = _provenance(plan, options, steps, reasons, seed)
    raise Rejected(reasons[-1], {"id": plan.id, "reason": reasons[-1], "provenance": tried})


@dataclass(frozen=True, slots=True)
class Made:
    """An accepted dialogue with what was found out on the way."""

    draft: Sequence[Exchange]
    exchanges: Sequence[Exchange]
    before: Sequence[Evidence]
    after: Sequence[Evidence]
    suggestions: Sequence[str]
    check: Mapping[str, Any]


async def _attempt(material: Material, controls: Controls, options: DialogueOptions, steps: Steps) -> Made:
    draft = await _generate(material, controls, options, steps)
    before = await _evidence(material, draft, options, steps, "evidence")
    suggestions, refined = await _refine(material, draft, before, options, steps)
    after = await _evidence(material, refined, options, steps, "evidence_again")
    if fault := fault_of(refined, after, material.lang, options):
        raise Unfit(fault)
    values = {"source": material.whole, "dialogue": transcript(refined, material.lang)}
    check = await steps.step(
        "check", prompt_text(options.version("check"), material.lang), values, schema=CHECK_SCHEMA, temperature=0.0,
        max_tokens=300, model=options.judge,
    )  # fmt: skip
    if check["verdict"] != "accept" or min(check[mark] for mark in MARKS) < options.mark:
        raise Unfit("judged_low")
    return Made(draft, refined, before, after, suggestions, check)


async def _generate(material: Material, controls: Controls, options: DialogueOptions, steps: Steps) -> list[Exchange]:
    exchange = strict(client=WORDS, state=STATE_SCHEMA, counsellor=WORDS)
    schema = strict(turns=listed(exchange, controls.turns, controls.turns))
    values = {
        "source": material.whole, "turns": controls.turns, "expressions": ", ".join(EXPRESSIONS),
        "behaviours": ", ".join(BEHAVIOURS), **controls.words(material.lang),
    }  # fmt: skip
    answer = await steps.step(
        "generate", prompt_text(options.version("generate"), material.lang), values, schema=schema,
        temperature=options.temperature, max_tokens=options.max_tokens,
    )  # fmt: skip
    found = [Exchange(row["client"].strip(), row["state"], row["counsellor"].strip()) for row in answer["turns"]]
    if not all(one.client and one.counsellor for one in found):
        raise Unfit("blank")
    if is_crisis("\n".join(one.client for one in found)) or is_crisis("\n".join(one.counsellor for one in found)):
        raise Unfit("crisis")
    return found


async def _evidence(
    material: Material, exchanges: Sequence[Exchange], options: DialogueOptions, steps: Steps, name: str
) -> list[Evidence]:
    """Each reply is judged with the dialogue up to it, because "that" and "he" mean nothing alone."""
    prompt = prompt_text(options.version("evidence"), material.lang)
    found: list[Evidence] = []
    for turn, exchange in enumerate(exchanges):
        said = sentences(exchange.counsellor)
        if not said:
            continue
        values = {
            "source": material.whole, "dialogue": transcript(exchanges[: turn + 1], material.lang),
            "sentences": "\n".join(f"{number}. {sentence}" for number, sentence in enumerate(said, 1)),
        }  # fmt: skip
        answer = await steps.step(
            name, prompt, values, schema=EVIDENCE_SCHEMA, temperature=0.0, max_tokens=200 + 120 * len(said),
            model=options.judge,
        )  # fmt: skip
        found += judged(turn, said, answer, material.whole)
    return found


async def _refine(
    material: Material, draft: Sequence[Exchange], evidence: Sequence[Evidence], options: DialogueOptions, steps: Steps
) -> tuple[list[str], list[Exchange]]:
    unsupported = [f"- {one.sentence}" for one in evidence if one.asserts and not one.supported]
    values = {
        "source": material.whole, "dialogue": transcript(draft, material.lang), "turns": len(draft),
        "unsupported": "\n".join(unsupported) or NOTHING[material.lang],
    }  # fmt: skip
    schema = strict(suggestions=listed(WORDS, 1, 5), replies=listed(WORDS, len(draft), len(draft)))
    answer = await steps.step(
        "refine", prompt_text(options.version("refine"), material.lang), values, schema=schema,
        temperature=options.temperature, max_tokens=options.max_tokens,
    )  # fmt: skip
    replies = [reply.strip() for reply in answer["replies"]]
    if not all(replies):
        raise Unfit("blank")
    kept = zip(draft, replies, strict=True)
    return answer["suggestions"], [Exchange(old.client, old.state, reply) for old, reply in kept]


def fault_of(exchanges: Sequence[Exchange], evidence: Sequence[Evidence], lang: str, options: DialogueOptions) -> str:
    """The first rule that a dialogue breaks, or "": crisis, forbidden, language, repetitive, unsupported."""
    locale: Locale = "zh" if lang == "zh" else "en"
    replies = [one.counsellor for one in exchanges]
    if is_crisis("\n".join(replies)):
        return "crisis"
    spoken = [sentence for reply in replies for sentence in sentences(reply)]
    if any(check_sentence(sentence, Risk(), locale).reason for sentence in spoken):
        return "forbidden"
    if any(language_of(one.client, locale) != lang or language_of(one.counsellor, locale) != lang for one in exchanges):
        return "language"
    plain = [re.sub(r"[\W_]+", "", sentence.lower()) for sentence in spoken]
    if len(set(plain)) < len(plain):
        return "repetitive"
    return "unsupported" if supported_share(evidence) < options.support else ""


def transcript(exchanges: Sequence[Exchange], lang: str) -> str:
    """As it is shown to the models."""
    client, counsellor = ROLES[lang]
    colon = "：" if lang == "zh" else ": "
    lines = (f"{client}{colon}{one.client}\n{counsellor}{colon}{one.counsellor}" for one in exchanges)
    return "\n".join(lines)


def _record(
    plan: Plan,
    controls: Controls,
    options: DialogueOptions,
    steps: Steps,
    reasons: Sequence[str],
    seed: int,
    made: Made,
) -> dict[str, Any]:
    material = plan.material
    locale: Locale = "zh" if material.lang == "zh" else "en"
    turns = []
    for number, exchange in enumerate(made.exchanges):
        state = state_of(exchange.state, controls, seed, number)
        own = [one for one in made.after if one.turn == number]
        turns.append({
            "client": exchange.client, "state": state_record(state), "written_state": dict(exchange.state),
            "observation": describe(state, locale), "counsellor": exchange.counsellor,
            "evidence": [asdict(one) for one in own],
        })  # fmt: skip
    return {
        "id": plan.id, "kind": "dialogue", "lang": material.lang, "topic": material.topic,
        "controls": controls.record(), "turns": turns,
        "draft": [{"client": one.client, "counsellor": one.counsellor} for one in made.draft],
        "draft_evidence": [asdict(one) for one in made.before],
        "suggestions": list(made.suggestions), "check": dict(made.check),
        "support": {"draft": supported_share(made.before), "final": supported_share(made.after)},
        "provenance": _provenance(plan, options, steps, reasons, seed, made.after),
    }  # fmt: skip


def _provenance(
    plan: Plan,
    options: DialogueOptions,
    steps: Steps,
    reasons: Sequence[str],
    seed: int,
    evidence: Sequence[Evidence] = (),
) -> dict[str, Any]:
    material = plan.material
    spans = [[material.id, one.start, one.end] for one in evidence if one.supported]
    prompts = sorted({controls_version(), *(step.prompt for step in steps.records)})
    return {
        "sources": [source_record(material)], "spans": spans, "model": options.model,
        "judge": options.judge or options.model, "prompts": prompts,
        "sampling": {"temperature": options.temperature, "top_p": 0.95, "max_tokens": options.max_tokens},
        "seed": seed, "rejected_attempts": list(reasons), "tokens": steps.tokens(),
        "steps": [asdict(step) for step in steps.records],
    }  # fmt: skip


def source_record(material: Material) -> dict[str, str]:
    """What a record says of its source."""
    return {
        "id": material.id, "sha256": material.sha256, "group": material.group, "place": material.place,
        "licence": material.licence,
    }  # fmt: skip
