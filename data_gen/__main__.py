"""python -m data_gen clean --input SOURCE=FILE ... --out DIR: from found dialogues to dialogues that a model may
learn from.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from data_gen.clean import SOURCES, clean
from data_gen.types import REASONS, CleanReport


def show(report: CleanReport, console: Console) -> None:
    table = Table(title="what was kept and what was left out")
    columns = ["source", "read", "kept", *REASONS, "tail cut", "train / valid / test", "characters"]
    for column in columns:
        table.add_column(column, justify="right" if column != "source" else "left")
    for row in report.sources:
        counts = [str(row.dropped[reason]) for reason in REASONS]
        splits = " / ".join(str(row.splits[part]) for part in ("train", "valid", "test"))
        table.add_row(
            row.source, str(row.read), str(row.kept), *counts, str(row.trimmed_tail), splits, f"{row.characters:,}"
        )
    console.print(table)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m data_gen", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    cleaning = commands.add_parser(
        "clean", help="drop what a model must not learn, split by dialogue, report what was dropped"
    )
    cleaning.add_argument(
        "--input",
        action="append",
        required=True,
        metavar="SOURCE=FILE",
        help=f"a corpus as .jsonl or .jsonl.xz; SOURCE is one of {', '.join(SOURCES)}",
    )
    cleaning.add_argument("--out", type=Path, required=True, help="folder for the splits and the report")
    cleaning.add_argument("--seed", type=int, default=0, help="of the split")
    options = parser.parse_args(arguments)
    console = Console(width=150)
    pairs = [item.partition("=") for item in options.input]
    try:
        report = clean({name: Path(path) for name, _, path in pairs}, options.out, options.seed)
    except (ValueError, FileNotFoundError) as error:
        console.print(f"clean: {error}", markup=False)
        return 2
    show(report, console)
    console.print(f"written to {options.out}, dropped ids in dropped.jsonl", markup=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
