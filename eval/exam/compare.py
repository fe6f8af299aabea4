"""Two runs of one exam: the paired difference, which items became better and worse, and what of it is noise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.exam.types import Scored
from eval.statistics import Paired, paired


@dataclass(frozen=True, slots=True)
class Comparison:
    """`cells` maps "all" and each section/kind to the paired difference (second less first, strict credit); `better`
    and `worse` list items by name."""

    first: str
    second: str
    cells: Mapping[str, Paired]
    better: tuple[str, ...]
    worse: tuple[str, ...]

    def text(self) -> str:
        lines = [f"{self.second} less {self.first}, strict credit in points, 95 % interval, McNemar's p"]
        for name, found in self.cells.items():
            d = found.difference
            lines.append(
                f"  {name:<18} {100 * d.value:+6.2f} [{100 * d.low:+.2f}, {100 * d.high:+.2f}]  p = {found.p:.3g}  "
                f"better {found.better}, worse {found.worse}"
            )
        return "\n".join(lines)


def load(folder: Path) -> tuple[dict[str, Any], dict[str, Scored]]:
    """A run's result and its items. Raises ValueError for a folder without a finished run."""
    try:
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        lines = (folder / "items.jsonl").read_text(encoding="utf-8").splitlines()
        return result, {row.item_id: row for row in map(Scored.of_record, lines)}
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{folder} holds no finished run ({error}). Next step: `python -m eval exam --out`") from error


def compare(first: Path, second: Path) -> Comparison:
    """Raises ValueError when the two did not answer the same edition."""
    (a, rows_a), (b, rows_b) = load(first), load(second)
    if a["edition"] != b["edition"] or rows_a.keys() != rows_b.keys():
        raise ValueError(
            f"{first} answered edition {a['edition']} ({len(rows_a)} items), {second} edition {b['edition']} "
            f"({len(rows_b)}): only runs of the same items can be compared"
        )
    strict = {name: (rows_a[name].credits["strict"], rows_b[name].credits["strict"]) for name in rows_a}
    groups: dict[str, list[str]] = {"all": list(strict)}
    for name in strict:
        groups.setdefault("/".join(name.partition("#")[0].split("/")[:2]), []).append(name)
    cells = {
        group: paired([strict[name][0] for name in names], [strict[name][1] for name in names])
        for group, names in groups.items()
    }
    better = tuple(name for name, (x, y) in strict.items() if y > x)
    worse = tuple(name for name, (x, y) in strict.items() if y < x)
    return Comparison(first.name, second.name, cells, better, worse)
