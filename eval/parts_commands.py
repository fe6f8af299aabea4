"""`python -m eval safety` and `perception`: parts of the assistant on other people's data."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from assistant.meaning import load_reader
from assistant.types import RiskLevel
from eval.perception_table import find_labelled, measure, write_table
from eval.safety_suite import FOUND_FROM, read_rows, read_suite, report, write_report


def _safety(given: argparse.Namespace) -> int:
    if given.danger and not given.label:
        raise ValueError("--danger names labels; --label names the column that they stand in")
    rows = read_suite(given.suite, given.text, given.label)
    reader = None if given.no_reader else load_reader()
    read = read_rows(rows, reader)
    found = report(read, given.danger, RiskLevel[given.found_from.upper()])
    write_report(given.out, given.suite, read, found, reader is not None)
    print(found.text())  # noqa: T201
    print(given.out / "rows.jsonl")  # noqa: T201
    return 0


def _perception(given: argparse.Namespace) -> int:
    found = measure(find_labelled(given.data, given.limit))
    print(found.text())  # noqa: T201
    if given.out:
        print(write_table(given.out, found))  # noqa: T201
    return 0


def add_commands(commands: Any) -> None:
    """Add `safety` and `perception` to the object that ArgumentParser.add_subparsers gave."""
    levels = [level.name.lower() for level in RiskLevel if level]
    suite = commands.add_parser("safety", help="a red-team or over-refusal suite, read by the crisis layer")
    suite.add_argument("--suite", type=Path, required=True, metavar="FILE", help=".csv, .tsv or .jsonl")
    suite.add_argument("--text", required=True, metavar="COLUMN", help="of the texts")
    suite.add_argument("--label", default="", metavar="COLUMN", help="of the labels")
    suite.add_argument("--danger", nargs="+", default=[], metavar="LABEL", help="which labels are dangers")
    suite.add_argument("--found-from", choices=levels, default=FOUND_FROM.name.lower(), metavar="LEVEL",
                       help=f"a danger is found from here on: {', '.join(levels)}; default: %(default)s")  # fmt: skip
    suite.add_argument("--no-reader", action="store_true", help="the rules alone, without the reader of meaning")
    suite.add_argument("--out", type=Path, required=True, metavar="DIR")
    suite.set_defaults(run=_safety)
    models = commands.add_parser("perception", help="every perception model that can read a folder of labelled data")
    models.add_argument("--data", type=Path, required=True, metavar="FOLDER|ZIP")
    models.add_argument("--limit", type=int, default=0, metavar="N", help="every k-th sample, N in all")
    models.add_argument("--out", type=Path, metavar="DIR", help="write the table as JSON, too")
    models.set_defaults(run=_perception)
