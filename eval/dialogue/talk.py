"""Persons talk to the assistant through `assistant.respond`, and every dialogue is kept as it ends."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from assistant.meaning.base import Reader
from assistant.respond import respond
from assistant.store.codec import turn_from_dict, turn_to_dict
from assistant.types import Turn
from eval.dialogue.personas import Client, Persona
from llm.base import ChatModel, ModelError
from llm.files import whole
from perception.types import EmotionalState

#: Gives the state that the assistant gets with a message: of this person, at this place (0 is the opening).
State = Callable[[Persona, int], EmotionalState]


@dataclass(frozen=True, slots=True)
class Plan:
    """One dialogue to be held. `assistant` and `arm` are names for files and tables; `repeat` counts from 0."""

    assistant: str
    persona: Persona
    repeat: int = 0
    arm: str = ""

    @property
    def name(self) -> str:
        return "/".join(part for part in (self.assistant, self.arm, f"{self.persona.name}.{self.repeat}") if part)


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A dialogue as it was held, oldest turn first. `told` as in Client; `broken` says why it ended before its time,
    or that a reply was not the model's own."""

    plan: Plan
    turns: tuple[Turn, ...]
    told: int = 0
    broken: str = ""


def no_state(persona: Persona, place: int) -> EmotionalState:
    """Camera and microphone are off."""
    return EmotionalState.unknown()


def talk(
    plan: Plan, client: Client, model: ChatModel, turns: int, *, reader: Reader | None = None, state: State = no_state
) -> Dialogue:
    """Hold one dialogue of at most `turns` exchanges. A client or a model that fails breaks it, and raises nothing."""
    history: list[Turn] = []
    broken = ""
    while len(history) < turns and not broken:
        try:
            text = client.say(plan.persona, history)
        except ModelError as error:
            broken = f"client: {type(error).__name__}: {error}"
            break
        if text is None:
            break
        seen = state(plan.persona, len(history))
        turn = _last(respond(text, seen, history, model, locale=plan.persona.lang, reader=reader))
        history.append(turn)
        if turn.finish_reason == "error":
            broken = f"assistant: {turn.error}"
    return Dialogue(plan, tuple(history), client.told(plan.persona), broken)


def _last(stream: Generator[str, None, Turn]) -> Turn:
    while True:
        try:
            next(stream)
        except StopIteration as stop:
            turn: Turn = stop.value
            return turn


def hold(
    plans: Sequence[Plan],
    client: Client,
    models: Mapping[str, Callable[[], ChatModel]],
    turns: int,
    out: Path,
    *,
    reader: Reader | None = None,
    states: Mapping[str, State] | None = None,
    workers: int = 8,
    shown: bool | None = None,
) -> list[Dialogue]:
    """Hold every dialogue, `workers` at once, and keep each in `out` when it has ended; those that are there and were
    held in the same way are not held again. In the order of `plans`. `models` maps an assistant to what gives its chat
    model for one dialogue, `states` an arm to its State.

    Raises KeyError for a plan whose assistant is not in `models`.
    """

    def one(plan: Plan) -> Dialogue:
        model, path = models[plan.assistant](), out / f"{plan.name}.json"
        state = (states or {}).get(plan.arm, no_state)
        how = _digest(plan, client, model, turns, reader, state)
        if (kept := read(path, plan, how)) is not None:
            return kept
        held = talk(plan, client, model, turns, reader=reader, state=state)
        _write(path, held, how)
        return held

    with ThreadPoolExecutor(max_workers=workers) as pool:
        found = pool.map(one, plans)
        bar = None if shown is None else not shown
        return list(tqdm(found, total=len(plans), unit="dialogue", disable=bar))


def _digest(plan: Plan, client: Client, model: ChatModel, turns: int, reader: Reader | None, state: State) -> str:
    """What a dialogue depends on, but for the version of the assistant."""
    told = [repr(plan), client.name, model.name, turns, reader is not None, repr(state(plan.persona, 0))]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def read(path: Path, plan: Plan, how: str) -> Dialogue | None:
    """The dialogue kept at `path`, None where there is none, where it was held in another way, or broke."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        turns = tuple(turn_from_dict(row) for row in kept["turns"])
    except (OSError, ValueError, KeyError):
        return None
    if kept.get("how") != how or kept.get("broken"):
        return None
    return Dialogue(plan, turns, kept["told"])


def _write(path: Path, held: Dialogue, how: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    body: dict[str, Any] = {
        "how": how, "assistant": held.plan.assistant, "persona": held.plan.persona.name, "arm": held.plan.arm,
        "repeat": held.plan.repeat, "told": held.told, "broken": held.broken,
        "turns": [turn_to_dict(turn) for turn in held.turns],
    }  # fmt: skip
    with whole(path) as part:
        part.write_text(json.dumps(body, ensure_ascii=False, indent=1), encoding="utf-8")


def transcript(held: Dialogue) -> str:
    """The words alone, as a judge reads them: nothing says which assistant it was."""
    names = ("对方：", "程序：") if held.plan.persona.lang == "zh" else ("Person: ", "Companion: ")
    return "\n".join(f"{names[0]}{turn.user_text}\n{names[1]}{turn.reply.strip()}" for turn in held.turns)
