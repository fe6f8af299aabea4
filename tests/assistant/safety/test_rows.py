"""Messages written by reviewers who had not read the rules, each with the lowest and highest level allowed.

A row that is out of bounds fails, unless it stands in known_misses.jsonl with the level that it gets; a row there that
is read rightly by now fails as well.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assistant.safety import assess
from assistant.types import RiskLevel

HERE = Path(__file__).parent


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def key(row: dict[str, Any]) -> tuple[str, ...]:
    return (row["text"], *row.get("earlier", ()))


ROWS = [pytest.param(row, id=f"{path.stem}-{number}")
        for path in sorted((HERE / "rows").glob("*.jsonl")) for number, row in enumerate(lines(path), 1)]  # fmt: skip
KNOWN = {key(row): row["level"] for row in lines(HERE / "known_misses.jsonl")}


@pytest.mark.parametrize("row", ROWS)
def test_row(row: dict[str, Any]) -> None:
    risk = assess(row["text"], row.get("earlier", ()))
    allowed = RiskLevel[row["lowest"].upper()] <= risk.level <= RiskLevel[row["highest"].upper()]
    if key(row) in KNOWN:
        assert not allowed, "read rightly by now: take it out of known_misses.jsonl"
        assert risk.name == KNOWN[key(row)]
    else:
        assert allowed, (risk, row)


def test_every_known_miss_is_a_row() -> None:
    assert set(KNOWN) <= {key(param.values[0]) for param in ROWS}  # type: ignore[arg-type]
