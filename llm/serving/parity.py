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

from llm.serving.reference import Answer, Reference, references
from llm.serving.routes import GATE_HEADER, GATE_WORD

#: Allowed difference of a log-probability, in nats, by data type. float32: measured 5e-7 on a toy model, 1000 times
#: that allowed; bfloat16 has 8 bits of mantissa: 2^-8 of logits around 10.
TOLERANCE = {"float32": 5e-4, "bfloat16": 8e-2, "float16": 2e-2}
#: For llama.cpp, by its file's weights: it keeps keys and values in 16 bits (float weights: measured 1.7e-3), and on
#: 4-bit weights it also computes with 8-bit activations.
LLAMACPP_TOLERANCE = {"float": 1e-2, "4-bit": 0.2}
#: An adapter is told apart from its base where they differ by this many times the allowed difference.
APART = 4.0
#: How many mixed batches are sent, and how many requests each holds per model and prompt.
ROUNDS, COPIES = 2, 2
TIMEOUT_S = 300.0


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


def _post(url: str, body: dict[str, Any], word: str = "") -> Any:
    import httpx

    headers = {GATE_HEADER.decode(): word or os.environ.get(GATE_WORD, "")}
    answer = httpx.post(f"{url}/v1/chat/completions", json=body, timeout=TIMEOUT_S, headers=headers, trust_env=False)
    answer.raise_for_status()
    return answer.json()


def ask(url: str, model: str, messages: list[dict[str, str]], tokens: int, word: str = "") -> Answer:
    """The server's greedy answer through the route that the app uses. Raises httpx.HTTPError."""
    body = {"model": model, "messages": messages, "max_tokens": tokens, "temperature": 0.0}
    found = _post(url, body | {"logprobs": True, "top_logprobs": 1, "return_token_ids": True}, word)
    choice = found["choices"][0]
    logprobs = tuple(float(entry["logprob"]) for entry in choice["logprobs"]["content"])
    return Answer(tuple(found["prompt_token_ids"]), tuple(choice["token_ids"]), logprobs, (), choice["finish_reason"])


def stops_at(url: str, model: str, messages: list[dict[str, str]], stop_id: int, word: str = "") -> bool:
    """Does an answer end where the model is made to say this token first?"""
    body = {
        "model": model,
        "messages": messages,
        "max_tokens": 3,
        "temperature": 0.0,
        "logit_bias": {str(stop_id): 100},
    }
    found = _post(url, body, word)
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


def _tells_apart(base: Sequence[Answer], adapter: Sequence[Answer], name: str, distance: float) -> Finding:
    """An adapter that answers like the base everywhere would hide a mix-up, so it cannot be proven."""
    differs = any(compare(a, b, distance)[0] for a, b in zip(base, adapter, strict=True))
    alike = f"answers like the base within {distance:.0e}, so a mix-up would not be seen; float32 sees less"
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
    """Compute the reference and run all checks against a running server; `adapters` maps served names to folders.

    `limit` is the context in tokens that the long prompt may use. Raises httpx.HTTPError where the server does not
    answer.
    """
    expected = references(base, adapters, served_name, tokens, dtype, limit, device)
    return against(expected, url, served_name, TOLERANCE[dtype] if tolerance is None else tolerance)


def against(
    expected: Reference, url: str, base: str, allowed: float, rounds: int = ROUNDS, copies: int = COPIES,
    word: str = "", apart: float = APART,
) -> ParityReport:  # fmt: skip
    """Run all checks: one request at a time, the stop tokens, and `rounds` of requests all at once, `copies` of each,
    for base and adapters mixed. `allowed` is in nats; `word` opens a server whose gate is shut; `apart` as
    APART. Raises httpx.HTTPError where the server does not answer."""
    tokens = max(len(answer.ids) for each in expected.answers.values() for answer in each)
    findings = [
        _tells_apart(expected.answers[base], each, name, apart * allowed)
        for name, each in expected.answers.items()
        if name != base
    ]
    differences: list[float] = []

    def judge(check: str, model: str, got: Sequence[Answer], wanted: Sequence[Answer]) -> None:
        finding, difference = _judge(check, model, list(zip(wanted, got, strict=True)), allowed)
        findings.append(finding)
        differences.append(difference)

    for name, wanted in expected.answers.items():
        judge("one at a time", name, [ask(url, name, messages, tokens, word) for messages in expected.asked], wanted)
        missed = [stop for stop in expected.stops if not stops_at(url, name, expected.asked[0], stop, word)]
        findings.append(
            Finding("stop tokens", name, not missed, f"{len(expected.stops)} known, not stopping: {missed}")
        )
    places = list(range(len(expected.asked))) * copies
    jobs = [(name, place) for place in places for name in expected.answers]
    for turn in range(rounds):
        with ThreadPoolExecutor(max_workers=len(jobs)) as pool:
            got = list(pool.map(lambda job: ask(url, job[0], expected.asked[job[1]], tokens, word), jobs))
        for name, wanted in expected.answers.items():
            mine = [answer for (model, _), answer in zip(jobs, got, strict=True) if model == name]
            judge(f"mixed, round {turn + 1}", name, mine, [wanted[place] for place in places])
    return ParityReport(tuple(findings), allowed, max(differences))
