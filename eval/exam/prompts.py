"""From an item to the messages that a model gets. Templates are files in prompts/, named and versioned."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from eval.exam.types import Item
from llm.types import Message

FOLDER = Path(__file__).with_name("prompts")
Style = Literal["ours", "authors"]
VERSION = "v1"


@dataclass(frozen=True, slots=True)
class Asking:
    """How items are put. `style` names the template; `reasoning` asks for an analysis first; `shots` are solved items
    that stand before, as earlier turns."""

    style: Style = "ours"
    reasoning: bool = False
    shots: tuple[Item, ...] = ()

    @property
    def name(self) -> str:
        """For results: which prompt was used."""
        parts = (self.style, VERSION, "reasoned" if self.reasoning else "direct", f"{len(self.shots)}-shot")
        return ".".join(parts)


@cache
def words() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((FOLDER / "words.toml").read_text(encoding="utf-8"))


@cache
def _template(style: Style, lang: str) -> str:
    file = FOLDER / f"{style}.{VERSION}.{lang}.md"
    return (file if file.is_file() else FOLDER / f"{style}.{VERSION}.zh.md").read_text(encoding="utf-8")


def question(item: Item, asking: Asking) -> str:
    """The whole text of one item, without empty lines."""
    said = words()["zh" if item.lang.startswith("zh") else "en"]
    options = "\n".join(f"{letter}. {text}" for letter, text in item.options.items())
    task = said["essay_task"] if item.kind == "essay" else said["reasoned" if asking.reasoning else "direct"]
    filled = _template(asking.style, "zh" if item.lang.startswith("zh") else "en").format(
        kind=said[item.kind], rule=said[f"{item.kind}_rule"], context=item.context, question=item.question,
        options=options, letters="".join(item.options), task=task,
    )  # fmt: skip
    return "\n".join(line for line in filled.splitlines() if line.strip())


def judging(item: Item, points: str, reply: str) -> str:
    """What a judge model gets: the essay's case and question, the numbered points of its key, and the reply, in the
    item's language; without empty lines."""
    lang = "zh" if item.lang.startswith("zh") else "en"
    template = (FOLDER / f"judge.{VERSION}.{lang}.md").read_text(encoding="utf-8")
    lines = template.splitlines() if item.context else [one for one in template.splitlines() if "{context}" not in one]
    filled = "\n".join(lines).format(context=item.context, question=item.question, points=points, reply=reply)
    return "\n".join(line for line in filled.splitlines() if line.strip())


def messages(item: Item, asking: Asking) -> tuple[Message, ...]:
    """The item as the last message, the solved ones before it."""
    before: list[Message] = []
    for shot in asking.shots:
        answer = words()["zh" if shot.lang.startswith("zh") else "en"]["answer"]
        reasons = f"{shot.analysis}\n" if asking.reasoning and shot.analysis else ""
        before += [Message("user", question(shot, asking)), Message("assistant", f"{reasons}{answer}{shot.answer}")]
    return (*before, Message("user", question(item, asking)))


def pick_shots(items: Sequence[Item], count: int) -> tuple[tuple[Item, ...], list[Item]]:
    """`count` sound items of different cells, spread evenly, and the others: no item is both shown and asked."""
    if count == 0:
        return (), list(items)
    sound = [item for item in items if item.is_sound and item.kind != "essay" and not item.context]
    if len(sound) < count:
        raise ValueError(f"{count} solved examples are asked for, and only {len(sound)} items can be shown")
    chosen = [sound[len(sound) * n // count] for n in range(count)]
    names = {item.content for item in chosen}
    return tuple(chosen), [item for item in items if item.content not in names]
