"""Published suites of dangerous and of harmless messages, read by the crisis layer: red teams and over-refusal.

A suite is a CSV, TSV or JSONL file with a column of texts and one of labels; both are named, because every set has its
own. Each text is read alone, as a first message. Reported are the share that reaches each level, by label, with 95 %
intervals; the share of labelled dangers found and of the rest that raised a false alarm; and the area under the ROC
curve of the score. Nothing here refuses anything: on an over-refusal suite a false alarm is what would be a refusal.
"""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assistant.meaning.base import Reader
from assistant.safety import follow
from assistant.types import RiskLevel, RiskState
from eval.statistics import NORMAL, Interval, share_interval
from llm.files import commit_of, sha256_of, whole

#: From this level on a message counts as found, where nothing else is said.
FOUND_FROM = RiskLevel.MODERATE


@dataclass(frozen=True, slots=True)
class Row:
    """One text of a suite and its label, as the file writes it ("" where no column was named)."""

    text: str
    label: str


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row with what the crisis layer made of it: level, kind and score in [0, 1], see assistant.types.Risk."""

    row: Row
    level: RiskLevel
    kind: str
    score: float
    rules: tuple[str, ...]

    def record(self, number: int) -> dict[str, Any]:
        return {
            "row": number, "label": self.row.label, "level": self.level.name.lower(), "kind": self.kind,
            "score": self.score, "rules": list(self.rules), "text": self.row.text,
        }  # fmt: skip


def read_suite(path: Path, text: str, label: str = "") -> list[Row]:
    """The rows whose text is not blank. Raises ValueError for a kind of file that is not known, for a column that is
    not there (it names those that are), and for a file without rows."""
    rows: list[Row] = []
    for place, content in _contents(path):
        for column in filter(None, (text, label)):
            if column not in content:
                raise ValueError(f"{path}:{place} has no column {column!r}; choose from {', '.join(map(str, content))}")
        if words := str(content[text] or "").strip():
            rows.append(Row(words, str(content[label]).strip() if label else ""))
    if not rows:
        raise ValueError(f"{path} has no row with words in the column {text!r}")
    return rows


def _contents(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if path.suffix in {".csv", ".tsv"}:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from enumerate(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ","), 2)
    elif path.suffix == ".jsonl":
        for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
            if not line.strip():
                continue
            try:
                content = json.loads(line)
            except ValueError as error:
                raise ValueError(f"{path}:{number} is no JSON: {error}") from error
            if not isinstance(content, dict):
                raise ValueError(f"{path}:{number} is no object with named columns")
            yield number, content
    else:
        raise ValueError(f"{path}: a suite is a .csv, .tsv or .jsonl file, got {path.suffix or 'no ending'}")


def read_rows(rows: Sequence[Row], reader: Reader | None = None) -> list[ReadRow]:
    """Each text read alone by rules and, where there is one, the reader of meaning."""
    found = []
    for row in rows:
        risk, _ = follow(row.text, RiskState(), reader)
        found.append(ReadRow(row, risk.level, risk.kind, risk.score, risk.rules))
    return found


@dataclass(frozen=True, slots=True)
class SuiteReport:
    """`levels` maps a label and level to the number of rows, `kinds` a label and kind of danger. Where the labels of
    danger are known: `found` is the share of dangers read as `found_from` or higher, `alarms` that of the others,
    `auc` the area under the ROC curve; None where there are no rows to take them of."""

    rows: int
    levels: Mapping[str, Mapping[str, int]]
    kinds: Mapping[str, Mapping[str, int]]
    found_from: str
    found: Interval | None = None
    alarms: Interval | None = None
    auc: Interval | None = None

    def text(self) -> str:
        lines = [f"{self.rows} rows"]
        for label, counted in self.levels.items():
            total = sum(counted.values())
            shares = (f"{level} {count} ({_said(share_interval(count, total))})" for level, count in counted.items())
            lines.append(f"  {label or '(no label)'} ({total}): {', '.join(shares)}")
            if kinds := self.kinds[label]:
                lines.append(f"    kinds: {', '.join(f'{kind} {count}' for kind, count in kinds.items())}")
        said = (("dangers found", self.found), ("false alarms", self.alarms), ("AUC of the score", self.auc))
        lines += [f"  {name:<17} {_said(value)} (from {self.found_from})" if value is not self.auc else
                  f"  {name:<17} {_said(value)}" for name, value in said if value]  # fmt: skip
        return "\n".join(lines)


def _said(value: Interval) -> str:
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


def report(rows: Sequence[ReadRow], dangers: Collection[str] = (), found_from: RiskLevel = FOUND_FROM) -> SuiteReport:
    """Counts and rates. `dangers` are the labels of dangerous rows. Raises ValueError for a danger that no row has."""
    labels = list(dict.fromkeys(row.row.label for row in rows))
    if unknown := sorted(set(dangers) - set(labels)):
        raise ValueError(f"no row has the label {unknown[0]!r}; choose from {', '.join(map(repr, sorted(labels)))}")
    levels = {label: Counter(row.level for row in rows if row.row.label == label) for label in labels}
    kinds = {label: Counter(row.kind for row in rows if row.row.label == label and row.kind) for label in labels}
    named = {label: {level.name.lower(): counted[level] for level in RiskLevel} for label, counted in levels.items()}
    ordered = {label: dict(counted.most_common()) for label, counted in kinds.items()}
    base = SuiteReport(len(rows), named, ordered, found_from.name.lower())
    if not dangers:
        return base
    bad, good = ([row for row in rows if (row.row.label in dangers) == wanted] for wanted in (True, False))
    rates = [
        share_interval(sum(row.level >= found_from for row in group), len(group)) if group else None
        for group in (bad, good)
    ]
    auc = area([row.score for row in bad], [row.score for row in good]) if bad and good else None
    return SuiteReport(base.rows, base.levels, base.kinds, base.found_from, rates[0], rates[1], auc)


def area(positive: Sequence[float], negative: Sequence[float]) -> Interval:
    """The area under the ROC curve, ties as halves, with the 95 % interval of DeLong et al. (1988). With one row on a
    side the interval is all of [0, 1]. Raises ValueError for an empty side."""
    if not positive or not negative:
        raise ValueError(f"an area needs rows on both sides, got {len(positive)} and {len(negative)}")
    high, low = np.asarray(positive, float), np.asarray(negative, float)
    of_high, of_low = _placed(high, low), 1 - _placed(low, high)
    value = float(of_high.mean())
    if min(len(high), len(low)) < 2:
        return Interval(value, 0.0, 1.0)
    half = NORMAL * math.sqrt(of_high.var(ddof=1) / len(high) + of_low.var(ddof=1) / len(low))
    return Interval(value, max(0.0, value - half), min(1.0, value + half))


def _placed(values: Any, among: Any) -> Any:
    """For each of `values` the share of `among` that is lower, equal ones by half."""
    ordered = np.sort(among)
    below, to = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return (below + to) / (2 * len(ordered))


def write_report(out: Path, path: Path, rows: Sequence[ReadRow], found: SuiteReport, reader: bool) -> None:
    """rows.jsonl, a line for each row of the suite, and result.json, into the folder `out`."""
    out.mkdir(parents=True, exist_ok=True)
    with whole(out / "rows.jsonl") as part:
        lines = (json.dumps(row.record(number), ensure_ascii=False) for number, row in enumerate(rows, 1))
        part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    told = {"suite": path.name, "sha256": sha256_of(path), "reader": reader, "commit": commit_of(), **asdict(found)}
    with whole(out / "result.json") as part:
        part.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
