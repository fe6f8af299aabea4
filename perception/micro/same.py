"""A broken-off run goes on only with what it began with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from perception.files import whole


def same_inputs(note: Path, made_of: Mapping[str, object]) -> None:
    """Write `made_of` to `note`, or compare it with what stands there: results kept beside it are of that alone. Raises
    ValueError where it is something else."""
    if not note.is_file():
        with whole(note) as part:
            part.write_text(json.dumps(dict(made_of)), encoding="utf-8")
        return
    before = json.loads(note.read_text(encoding="utf-8"))
    if before != made_of:
        raise ValueError(f"{note.parent} holds results of other data ({before}, not {dict(made_of)}); choose an empty "
                         "folder with --out")  # fmt: skip
