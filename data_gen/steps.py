"""The steps of a chain: prompts from files, requests with their seeds, and a record of each that was asked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from data_gen.types import StepRecord
from llm.jobs.runner import Ask
from llm.jobs.types import ChainFailed, Request
from llm.types import Message, Sampling

PROMPTS = Path(__file__).with_name("prompts")
#: Distance between the seeds of two attempts of one chain.
SEED_STEP = 7919


class Unfit(Exception):
    """An attempt of a chain cannot be used; `reason` is counted, and the chain may try again."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Rejected(ChainFailed):
    """A chain whose attempts are spent. `record` holds its source, the reason of each attempt and all steps."""

    def __init__(self, reason: str, record: Mapping[str, Any]) -> None:
        super().__init__(reason)
        self.record = record


@dataclass(frozen=True, slots=True)
class PromptText:
    """A prompt's file: what the system message says and what is asked, with $names to fill in."""

    name: str
    system: str
    asked: Template
    sha256: str

    def messages(self, values: Mapping[str, object]) -> tuple[Message, ...]:
        """Raises KeyError where a $name has no value."""
        return Message("system", self.system), Message("user", self.asked.substitute(values))

    @property
    def version(self) -> str:
        """name.version.language@hash: a change of one letter is another version."""
        return f"{self.name}@{self.sha256[:12]}"


@cache
def prompt_text(name: str, lang: str, folder: Path = PROMPTS) -> PromptText:
    """The prompt `name` ("generate.v1") in `lang`: the part before a line `---` is the system message. Raises
    FileNotFoundError that lists the names, ValueError for a file without that line."""
    path = folder / f"{name}.{lang}.md"
    if not path.is_file():
        names = sorted({file.name.rsplit(".", 2)[0] for file in folder.glob("*.md")})
        raise FileNotFoundError(f"{path}: there is no such prompt; choose from {', '.join(names) or 'none'}")
    text = path.read_text(encoding="utf-8")
    system, line, asked = text.partition("\n---\n")
    if not line or not asked.strip():
        raise ValueError(f"{path}: a prompt has a system message, a line ---, and what is asked")
    digest = hashlib.sha256(text.encode()).hexdigest()
    return PromptText(f"{name}.{lang}", system.strip(), Template(asked.strip()), digest)


def seed_of(seed: int, name: str) -> int:
    """A seed below 2**30 for one chain of a run, by its name: never by its place, so that more sources change none."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:4], "big") >> 2


class Steps:
    """Asks for the steps of one chain and keeps a record of each. Only the answer that was used is recorded: those
    that were empty, cut or unparsable before it stand in the journal and in the counts of the run."""

    def __init__(self, ask: Ask, model: str, seed: int) -> None:
        self._ask, self._model, self._seed = ask, model, seed
        self.attempt = 0
        self.records: list[StepRecord] = []

    async def step(
        self,
        name: str,
        prompt: PromptText,
        values: Mapping[str, object],
        *,
        schema: Mapping[str, Any] | None,
        temperature: float,
        max_tokens: int,
        model: str = "",
    ) -> Any:
        """The parsed answer where there is a schema, else its text. Raises Unfit when there is no whole answer."""
        seed = self._seed + SEED_STEP * self.attempt
        request = Request(
            prompt.messages(values), model or self._model, Sampling(temperature, 0.95, max_tokens, seed), schema
        )
        answer = await self._ask(request)
        sent = request.body(answer.attempt)
        usage = answer.usage
        self.records.append(
            StepRecord(
                name, self.attempt, prompt.version, request.key(answer.attempt), sent["seed"], answer.kind, answer.text,
                usage.prompt_tokens or 0, usage.completion_tokens or 0,
            )
        )  # fmt: skip
        if answer.kind != "ok":
            raise Unfit(f"{name}_{answer.kind}")
        return answer.text if schema is None else answer.data

    def tokens(self) -> dict[str, dict[str, int]]:
        """Tokens by step, as the server counted them."""
        found: dict[str, dict[str, int]] = {}
        for record in self.records:
            row = found.setdefault(record.step, {"prompt": 0, "completion": 0})
            row["prompt"] += record.prompt_tokens
            row["completion"] += record.completion_tokens
        return found


def strict(**properties: Any) -> dict[str, Any]:
    """The JSON schema of an object that has exactly these properties."""
    return {
        "type": "object", "required": list(properties), "additionalProperties": False, "properties": properties,
    }  # fmt: skip


def listed(items: Mapping[str, Any], least: int = 0, most: int = 0) -> dict[str, Any]:
    """The JSON schema of a list of `items`."""
    return {"type": "array", "items": items, "minItems": least, **({"maxItems": most} if most else {})}


def chosen_from(values: Iterable[str]) -> dict[str, Any]:
    """The JSON schema of one word out of `values`."""
    return {"type": "string", "enum": list(values)}


WORDS = {"type": "string", "minLength": 1}
ANY_TEXT = {"type": "string"}
