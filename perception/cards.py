"""Model cards: `weights/NAME.card.toml`, one a model. The loader obeys them, and MODEL_CARDS.md is made of them.

name, target, summary, licence, commercial_use, file, sha256, training_data, notes
[preprocessing]   how a network's input is made
[labels]          output -> labels in output order
[quality]         what was measured, with the set's name in the key; `evaluate ... --write-card` writes it
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from perception.files import whole

SUFFIX = ".card.toml"


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a model is, said once, beside its checksum.

    `target` is "module:function"; `file` lies in perception/weights/ (empty: the model has no file of ours);
    `sha256` is the file's; `preprocessing` and `labels` (output name -> labels in output order) are what the loader
    obeys; `quality` holds only what was measured; `notes` the known biases and limits.
    """

    name: str
    target: str
    summary: str
    licence: str
    commercial_use: bool
    file: str = ""
    sha256: str = ""
    training_data: str = ""
    notes: str = ""
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)


def read_card(path: Path) -> ModelCard:
    """Raises ValueError naming the file for what is no card: TOML that cannot be read, unknown or missing fields."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        labels = {name: tuple(names) for name, names in content.pop("labels", {}).items()}
        return ModelCard(labels=labels, **content)
    except (tomllib.TOMLDecodeError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: this is no model card ({error})") from error


def read_cards(folder: Path) -> dict[str, ModelCard]:
    """Name -> card of all that lie in the folder. Raises ValueError when two have one name."""
    found: dict[str, ModelCard] = {}
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        card = read_card(path)
        if card.name in found:
            raise ValueError(f"{path}: there is another card called {card.name}")
        found[card.name] = card
    return found


def path_of(name: str, folder: Path) -> Path:
    """Where the card called `name` lies: expression/small in expression_small.card.toml."""
    return folder / f"{name.replace('/', '_')}{SUFFIX}"


def write_card(card: ModelCard, folder: Path) -> Path:
    """Write the card to its place in `folder`, whole."""
    path = path_of(card.name, folder)
    values = {part.name: getattr(card, part.name) for part in fields(card)}
    plain = [f"{name} = {_value(value)}" for name, value in values.items() if not isinstance(value, Mapping)]
    tables = [_table(name, value) for name, value in values.items() if isinstance(value, Mapping) and value]
    with whole(path) as part:
        part.write_text("\n".join(plain) + "\n" + "".join(tables), encoding="utf-8")
    return path


def _table(name: str, value: Mapping[str, Any]) -> str:
    flat = [f"{_key(key)} = {_value(item)}" for key, item in value.items() if not isinstance(item, Mapping)]
    inner = [_table(f"{name}.{_key(key)}", item) for key, item in value.items() if isinstance(item, Mapping)]
    return (f"\n[{name}]\n" + "\n".join(flat) + "\n" if flat else "") + "".join(inner)


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else _value(key)


def _value(value: Any) -> str:
    """A string, number, truth value or list as TOML writes it, which for these is JSON's way."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def markdown(cards: Mapping[str, ModelCard], texts: Path) -> str:
    """MODEL_CARDS.md: `texts`/_intro.md, a section for each card (its text in `texts`/NAME.md, with - for /, and what
    the card says), then the texts that belong to no card. Raises FileNotFoundError for a card without a text."""
    own = {name: texts / f"{name.replace('/', '-')}.md" for name in cards}
    others = sorted(path for path in texts.glob("*.md") if path not in own.values() and path.name != "_intro.md")
    sections = [_read(texts / "_intro.md")]
    for name, card in cards.items():
        sections.append(f"## {name}\n\n{_read(own[name])}\n\n{_facts(card)}")
    sections += [_read(path) for path in others]
    return "\n\n".join(sections) + "\n"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


def _facts(card: ModelCard) -> str:
    lines = [f"- {card.summary}"]
    lines.append(f"- Licence: {card.licence}; commercial use {'allowed' if card.commercial_use else 'not allowed'}.")
    if card.file:
        lines.append(f"- File: `perception/weights/{card.file}`, sha256 `{card.sha256}`.")
    if card.training_data:
        lines.append(f"- Trained on: {card.training_data}")
    lines += [f"- Limits: {card.notes}"] if card.notes else []
    if not card.quality:
        return "\n".join(lines)
    rows = ["| measured | value |", "|---|---|"]
    for name, value in card.quality.items():
        parts = value.items() if isinstance(value, Mapping) else [("", value)]
        rows += [f"| {name}{', ' if key else ''}{key} | {_number(item)} |" for key, item in parts]
    return "\n".join(lines) + "\n\n" + "\n".join(rows)


def _number(value: Any) -> str:
    if isinstance(value, list | tuple) and len(value) == 3:
        return f"{value[0]:.3f} [{value[1]:.3f}, {value[2]:.3f}]"
    return ", ".join(f"{item:g}" for item in value) if isinstance(value, list | tuple) else f"{value:g}"
