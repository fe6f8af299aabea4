"""The settings of a run, kept beside its checkpoint, so that only the same run resumes it.

An adapter must never carry the name of data, a learning rate or an alpha that it was not trained with.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llm.files import sha256_of, whole
from llm.tuning.adapters import base_fingerprint
from llm.tuning.recipes import FinetuneOptions

SETTINGS = "run_settings.json"
#: What may differ when a run goes on: where it lies, how long it is, and what is only written down.
MAY_DIFFER = frozenset({"out", "max_steps", "epochs", "patience", "checkpoint_every", "licence", "note"})


class OtherRun(ValueError):
    """The folder holds a run of other settings; the message names what differs."""


def settings_of(options: FinetuneOptions) -> dict[str, Any]:
    """All that decides the weights: the options, files by their content, the base by its fingerprint."""
    chosen = {name: value for name, value in asdict(options).items() if name not in MAY_DIFFER}
    base = base_fingerprint(options.base) or options.base
    named = {name: [_content(source) for source in getattr(options, name)] for name in ("data", "valid")}
    return dict(json.loads(json.dumps(chosen | named | {"base": base})))


def same_run(options: FinetuneOptions) -> None:
    """Raises OtherRun where `options.out` holds a checkpoint or an adapter of a run with other settings."""
    out = options.out
    if not any((out / name).exists() for name in ("checkpoint.pt", "adapter")):
        return
    step = "Next step: another --out, or delete that folder"
    file = out / SETTINGS
    try:
        earlier = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OtherRun(f"{out} holds a run, and {file} that says of which settings cannot be read. {step}") from error
    now = settings_of(options)
    differing = [
        f"{name}: {_shown(earlier.get(name))} there, {_shown(now.get(name))} now"
        for name in sorted(now.keys() | earlier.keys())
        if earlier.get(name) != now.get(name)
    ]
    if differing:
        raise OtherRun(f"{out} holds a run of other settings ({'; '.join(differing)}). {step}")


def record_run(options: FinetuneOptions) -> None:
    """Make `options.out` and write the settings there."""
    options.out.mkdir(parents=True, exist_ok=True)
    with whole(options.out / SETTINGS) as part:
        part.write_text(json.dumps(settings_of(options), indent=2) + "\n", encoding="utf-8")


def _content(source: str) -> str:
    """`name sha256` of a file; the name alone of a `datasets` id."""
    path = Path(source)
    return f"{path.name} {sha256_of(path)}" if path.is_file() else source


def _shown(value: Any) -> str:
    """A setting for people: files by name and eight digits of their hash."""
    if isinstance(value, list):
        return ", ".join(_shown(one) for one in value) or "none"
    name, _, digest = str(value).partition(" ")
    return f"{name} ({digest[:8]})" if len(digest) == 64 else str(value)
