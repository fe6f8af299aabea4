"""The people of the simulated dialogues, and how they speak: from a file of turns, or played by a model."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any, Protocol

from assistant.types import RiskLevel, Turn
from llm.base import ChatModel
from llm.types import Locale, Message, Prompt, Sampling
from perception.types import Behaviours

FOLDER = Path(__file__).parent
PERSONAS, TURNS = FOLDER / "personas.toml", FOLDER / "turns.toml"
VERSION = "v1"
#: Longest message of a played person (characters); what is longer is no chat.
MAX_MESSAGE = 600


@dataclass(frozen=True, slots=True)
class Persona:
    """One person. `risk` is the least level that a careful reader of what they tell must reach, `kind` the danger's;
    `face` how their face differs from its usual, in spreads. What each text means stands in personas.toml."""

    name: str
    lang: Locale
    about: str
    problem: str
    resistance: str
    hidden: tuple[str, ...]
    risk: RiskLevel
    kind: str
    opening: str
    face: Behaviours = field(default_factory=Behaviours)


def read_personas(path: Path = PERSONAS) -> tuple[Persona, ...]:
    """Raises ValueError that names the file and the person for what is no persona."""
    return tuple(_persona(path, name, row) for name, row in _tables(path).items())


def _tables(path: Path) -> dict[str, dict[str, Any]]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is no TOML file: {error}") from error
    if not content or not all(isinstance(row, dict) for row in content.values()):
        raise ValueError(f"{path}: one [table] a person is expected")
    return content


def _persona(path: Path, name: str, row: Mapping[str, Any]) -> Persona:
    levels = {level.name.lower(): level for level in RiskLevel}
    try:
        risk, face = levels[row["risk"]], Behaviours(**row.get("face", {}))
        made = Persona(
            name, row["lang"], row["about"], row["problem"], row["resistance"], tuple(row["hidden"]), risk,
            row.get("kind", ""), row["opening"], face,
        )  # fmt: skip
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path}, [{name}]: {error!r}; the shipped personas.toml says what belongs there") from error
    if made.lang not in ("en", "zh") or not made.opening.strip() or (made.risk > RiskLevel.NONE) != bool(made.kind):
        raise ValueError(
            f"{path}, [{name}]: lang is en or zh, opening has words, and kind is given where risk is above none"
        )
    return made


class Client(Protocol):
    """Speaks for a person. `name` stands in results; `told(persona)` is the message in which the danger is first put
    into words (1 is the opening), 0 where that is not known."""

    name: str

    def say(self, persona: Persona, history: Sequence[Turn]) -> str | None:
        """The next message, or None when the person has nothing more to say. Raises ModelError."""

    def told(self, persona: Persona) -> int: ...


class ScriptedClients:
    """Persons who say what a file of turns holds, whatever was answered."""

    def __init__(self, path: Path = TURNS) -> None:
        """Raises ValueError for a file that holds no turns."""
        self._turns = _tables(path)
        for name, row in self._turns.items():
            if not row.get("turns") or not all(isinstance(said, str) and said.strip() for said in row["turns"]):
                raise ValueError(f"{path}, [{name}]: turns is a list of messages, none of them empty")
        self.name = f"scripted@{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"

    def say(self, persona: Persona, history: Sequence[Turn]) -> str | None:
        if persona.name not in self._turns:
            raise ValueError(f"no turns are written for {persona.name}; choose from {', '.join(sorted(self._turns))}")
        script: list[str] = [persona.opening, *self._turns[persona.name]["turns"]]
        return script[len(history)] if len(history) < len(script) else None

    def told(self, persona: Persona) -> int:
        return int(self._turns.get(persona.name, {}).get("told", 0))


class PlayedClients:
    """Persons played by a model; the opening is the persona's own."""

    def __init__(self, model: ChatModel, seed: int = 0, temperature: float = 0.9) -> None:
        self._model, self._seed, self._temperature = model, seed, temperature
        self.name = f"{model.name}/client.{VERSION}/{seed}"

    def say(self, persona: Persona, history: Sequence[Turn]) -> str | None:
        if not history:
            return persona.opening
        parts = prompt_text(f"client.{VERSION}", persona.lang, **_words(persona))
        messages = [Message("system", parts[0]), Message("user", parts[1])]
        for turn in history:
            messages += [Message("assistant", turn.user_text), Message("user", turn.reply.strip() or "…")]
        sampling = Sampling(self._temperature, 0.95, 120, self._seed + len(history))
        said = "".join(self._model.stream(Prompt(tuple(messages), sampling, persona.lang)))
        return said.strip()[:MAX_MESSAGE] or None

    def told(self, persona: Persona) -> int:
        return 0


def _words(persona: Persona) -> dict[str, str]:
    gap = "；" if persona.lang == "zh" else "; "
    return {
        "about": persona.about, "problem": persona.problem, "resistance": persona.resistance,
        "hidden": gap.join(persona.hidden),
    }  # fmt: skip


def prompt_text(name: str, lang: Locale, **values: str) -> tuple[str, str]:
    """What the system message says and what is asked, of the file prompts/NAME.LANG.md, filled in."""
    text = (FOLDER / "prompts" / f"{name}.{lang}.md").read_text(encoding="utf-8")
    system, _, asked = (Template(part) for part in text.partition("\n---\n"))
    return system.safe_substitute(values).strip(), asked.safe_substitute(values).strip()
