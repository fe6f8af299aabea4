"""The gate: is what the server answers what was tuned? transformers + peft on one side, the server on the other.

For the base and every adapter, greedy: the prompt's token ids (so the chat template), each answer token, and each
token's log-probability. First one request at a time, then all at once, base and adapters mixed: vLLM's CPU build, with
as many adapter slots as adapters or fewer, answers for the base with an adapter's weights, silently, and only in mixed
batches.

Two computations of one network differ by rounding. A different token is accepted only where the reference itself is
undecided: its best two tokens lie within `tie`. Everything before must agree within `tolerance`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm.serving.routes import GATE_HEADER, GATE_WORD
from llm.tuning.stack import load_base, load_tokenizer

#: Allowed difference of a log-probability, in nats, by data type. float32: measured 5e-7 on a toy model, 1000 times
#: that allowed; bfloat16 has 8 bits of mantissa: 2^-8 of logits around 10.
TOLERANCE = {"float32": 5e-4, "bfloat16": 8e-2, "float16": 2e-2}
#: How many mixed batches are sent, and how many requests each holds per model and prompt.
ROUNDS, COPIES = 2, 2
TIMEOUT_S = 300.0

QUESTIONS = (
    "Hello, how can I help?",
    "最近总是睡不好，白天也没有精神。",
    "I have an exam next week and I keep worrying.",
    "和朋友吵架了，不知道该怎么开口。",
    "What could I try tonight?",
)
SYSTEM = "Listen first. Answer in two or three sentences. 请先倾听，再用两三句话回答。"


@dataclass(frozen=True, slots=True)
class Answer:
    """One greedy answer: the prompt's ids, the answer's ids, their log-probabilities and, in the reference, how far the
    best token lay before the second best, in nats."""

    prompt_ids: tuple[int, ...]
    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    margins: tuple[float, ...] = ()
    finish: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A comparison that was made: where, whether it passed, and what was seen."""

    check: str
    model: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class ParityReport:
    findings: tuple[Finding, ...]
    tolerance: float
    largest_difference: float

    @property
    def passed(self) -> bool:
        return all(finding.passed for finding in self.findings)

    def text(self) -> str:
        """For people: one line per check and model, failures with their detail."""
        lines = [
            f"parity: {'PASSED' if self.passed else 'FAILED'}; largest difference of a log-probability "
            f"{self.largest_difference:.2e}, allowed {self.tolerance:.0e}"
        ]
        lines += [f"  {'ok  ' if f.passed else 'FAIL'} {f.check:<14} {f.model:<28} {f.detail}" for f in self.findings]
        return "\n".join(lines) + "\n"


def conversations(tokenizer: Any, limit: int) -> list[list[dict[str, str]]]:
    """The questions: single ones, one with a system message and a past, and one that fills most of the context."""
    asked = [[{"role": "user", "content": text}] for text in QUESTIONS]
    past = [
        {"role": "system", "content": SYSTEM},
        *asked[1],
        {"role": "assistant", "content": "听起来你很累。"},
        *asked[4],
    ]
    sentence = QUESTIONS[1] + QUESTIONS[2]
    room = max(1, (limit * 3 // 4) // max(1, len(tokenizer(sentence)["input_ids"])))
    return [*asked, past, [{"role": "user", "content": sentence * min(room, 200)}]]


def reference(
    model: Any, tokenizer: Any, messages: list[dict[str, str]], tokens: int, stop_ids: Sequence[int]
) -> Answer:
    """A greedy answer by transformers, token by token, ended by a stop id (which is counted as the server counts
    it).
    """
    import torch

    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    prompt = tokenizer(text, add_special_tokens=False)["input_ids"]
    step, cache = torch.tensor([prompt], device=model.device), None
    ids: list[int] = []
    logprobs: list[float] = []
    margins: list[float] = []
    with torch.inference_mode():
        while len(ids) < tokens and not (ids and ids[-1] in stop_ids):
            out = model(input_ids=step, past_key_values=cache, use_cache=True, logits_to_keep=1)
            cache = out.past_key_values
            best = out.logits[0, -1].float().log_softmax(-1).topk(2)
            ids.append(int(best.indices[0]))
            logprobs.append(float(best.values[0]))
            margins.append(float(best.values[0] - best.values[1]))
            step = best.indices[:1][None]
    finish = "stop" if ids[-1] in stop_ids else "length"
    return Answer(tuple(prompt), tuple(ids), tuple(logprobs), tuple(margins), finish)


@dataclass(frozen=True, slots=True)
class Reference:
    """What is expected: `answers[model]` has one answer per conversation of `asked`; `stops` end an answer."""

    asked: tuple[list[dict[str, str]], ...]
    answers: Mapping[str, tuple[Answer, ...]]
    stops: tuple[int, ...]


def references(
    base: str, adapters: Mapping[str, Path], served_name: str, tokens: int, dtype: str, limit: int, device: str
) -> Reference:
    """Answer every conversation with the base and with each adapter, by transformers and peft."""
    tokenizer = load_tokenizer(base)
    from peft import PeftModel  # after load_tokenizer, see llm/stack.py

    asked = tuple(conversations(tokenizer, limit - tokens))
    found: dict[str, tuple[Answer, ...]] = {}
    stops: list[int] = []
    for name, folder in {served_name: None, **adapters}.items():
        # A fresh base each time: an adapter that was unloaded may leave traces, the very thing that is tested.
        model = load_base(base, dtype).to(device)
        stops = stop_ids_of(model, tokenizer)
        if folder is not None:
            model = PeftModel.from_pretrained(model, str(folder), autocast_adapter_dtype=dtype == "float32").eval()
        found[name] = tuple(reference(model, tokenizer, messages, tokens, stops) for messages in asked)
        del model
    return Reference(asked, found, tuple(stops))


def stop_ids_of(model: Any, tokenizer: Any) -> list[int]:
    """What ends an answer: the tokenizer's end token and those of the generation configuration."""
    configured = model.generation_config.eos_token_id
    listed = configured if isinstance(configured, list) else [configured]
    return sorted({i for i in (*listed, tokenizer.eos_token_id) if i is not None})


def _post(url: str, body: dict[str, Any]) -> Any:
    import httpx

    headers = {GATE_HEADER.decode(): os.environ.get(GATE_WORD, "")}
    answer = httpx.post(f"{url}/v1/chat/completions", json=body, timeout=TIMEOUT_S, headers=headers, trust_env=False)
    answer.raise_for_status()
    return answer.json()


def ask(url: str, model: str, messages: list[dict[str, str]], tokens: int) -> Answer:
    """The server's greedy answer through the route that the app uses. Raises httpx.HTTPError."""
    body = {"model": model, "messages": messages, "max_tokens": tokens, "temperature": 0.0}
    found = _post(url, body | {"logprobs": True, "top_logprobs": 1, "return_token_ids": True})
    choice = found["choices"][0]
    logprobs = tuple(float(entry["logprob"]) for entry in choice["logprobs"]["content"])
    return Answer(tuple(found["prompt_token_ids"]), tuple(choice["token_ids"]), logprobs, (), choice["finish_reason"])


def stops_at(url: str, model: str, messages: list[dict[str, str]], stop_id: int) -> bool:
    """Does an answer end where the model is made to say this token first?"""
    body = {
        "model": model,
        "messages": messages,
        "max_tokens": 3,
        "temperature": 0.0,
        "logit_bias": {str(stop_id): 100},
    }
    found = _post(url, body)
    return bool(found["choices"][0]["finish_reason"] == "stop" and found["usage"]["completion_tokens"] == 1)


def compare(expected: Answer, got: Answer, tolerance: float) -> tuple[str, float]:
    """("" or what differs, largest difference of a log-probability up to there)."""
    if expected.prompt_ids != got.prompt_ids:
        return (
            f"the prompts differ: {len(expected.prompt_ids)} token ids against {len(got.prompt_ids)} (chat template)",
            0.0,
        )
    largest = 0.0
    for place, (ours, theirs) in enumerate(zip(expected.ids, got.ids, strict=False)):
        if ours != theirs:
            if expected.margins[place] <= 2 * tolerance:
                return "", largest  # undecided in the reference too: from here on both are right
            return f"token {place} is {theirs}, expected {ours} (ahead by {expected.margins[place]:.3f} nats)", largest
        if place < min(len(expected.logprobs), len(got.logprobs)):
            largest = max(largest, abs(expected.logprobs[place] - got.logprobs[place]))
            if largest > tolerance:
                return f"log-probability of token {place} differs by {largest:.2e}", largest
    if (len(expected.ids), expected.finish) != (len(got.ids), got.finish):
        return (
            f"it ended after {len(got.ids)} tokens ({got.finish}), expected {len(expected.ids)} ({expected.finish})",
            largest,
        )
    return "", largest


def _judge(check: str, model: str, pairs: Sequence[tuple[Answer, Answer]], tolerance: float) -> tuple[Finding, float]:
    results = [compare(expected, got, tolerance) for expected, got in pairs]
    wrong = [problem for problem, _ in results if problem]
    detail = f"{len(pairs) - len(wrong)} of {len(pairs)} answers equal" + (f"; {wrong[0]}" if wrong else "")
    return Finding(check, model, not wrong, detail), max((difference for _, difference in results), default=0.0)


def _tells_apart(base: Sequence[Answer], adapter: Sequence[Answer], name: str, tolerance: float) -> Finding:
    """An adapter that answers like the base everywhere would hide a mix-up, so it cannot be proven."""
    differs = any(compare(a, b, 4 * tolerance)[0] for a, b in zip(base, adapter, strict=True))
    alike = f"answers like the base within {4 * tolerance:.0e}, so a mix-up would not be seen; float32 sees less"
    return Finding("tells apart", name, differs, "differs from the base" if differs else alike)


def parity(
    base: str,
    adapters: Mapping[str, Path],
    url: str,
    served_name: str,
    tokens: int = 24,
    dtype: str = "float32",
    limit: int = 512,
    device: str = "cpu",
    tolerance: float | None = None,
) -> ParityReport:
    """Run all checks against a running server; `adapters` maps served names to folders.

    `limit` is the context in tokens that the long prompt may use. Raises httpx.HTTPError where the server does not
    answer.
    """
    allowed = TOLERANCE[dtype] if tolerance is None else tolerance
    expected = references(base, adapters, served_name, tokens, dtype, limit, device)
    findings = [_tells_apart(expected.answers[served_name], expected.answers[name], name, allowed) for name in adapters]
    differences: list[float] = []

    def judge(check: str, model: str, got: Sequence[Answer], wanted: Sequence[Answer]) -> None:
        finding, difference = _judge(check, model, list(zip(wanted, got, strict=True)), allowed)
        findings.append(finding)
        differences.append(difference)

    for name, wanted in expected.answers.items():
        judge("one at a time", name, [ask(url, name, messages, tokens) for messages in expected.asked], wanted)
        missed = [stop for stop in expected.stops if not stops_at(url, name, expected.asked[0], stop)]
        findings.append(
            Finding("stop tokens", name, not missed, f"{len(expected.stops)} known, not stopping: {missed}")
        )
    places = list(range(len(expected.asked))) * COPIES
    jobs = [(name, place) for place in places for name in expected.answers]
    for turn in range(ROUNDS):
        with ThreadPoolExecutor(max_workers=len(jobs)) as pool:
            got = list(pool.map(lambda job: ask(url, job[0], expected.asked[job[1]], tokens), jobs))
        for name, wanted in expected.answers.items():
            mine = [answer for (model, _), answer in zip(jobs, got, strict=True) if model == name]
            judge(f"mixed, round {turn + 1}", name, mine, [wanted[place] for place in places])
    return ParityReport(tuple(findings), allowed, max(differences))
