"""python -m data_gen clean: from found dialogues to dialogues that a model may learn from; single-turn | dialogues |
knowledge-qa: from cases, answered questions and books to records with their provenance; report | export |
decontaminate: from records to a data card, training files and a certificate.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from data_gen.clean import SOURCES, clean
from data_gen.commands import add_generation
from data_gen.types import REASONS, CleanReport
from llm.jobs.types import JobError


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
    _add_clean(commands)
    add_generation(commands)
    options = parser.parse_args(arguments)
    console = Console(width=150)
    try:
        return int(options.run(options, console) or 0)
    except (ValueError, FileNotFoundError, JobError) as error:
        console.print(f"{options.command}: {error}", markup=False)
        return 2
    except KeyboardInterrupt:
        console.print(f"{options.command}: interrupted; what was answered is kept, the same command goes on")
        return 130


def _add_clean(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "clean", help="drop what a model must not learn, split by dialogue, report what was dropped"
    )
    parser.add_argument(
        "--input",
        action="append",
        required=True,
        metavar="SOURCE=FILE",
        help=f"a corpus as .jsonl or .jsonl.xz; SOURCE is one of {', '.join(SOURCES)}",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the splits and the report")
    parser.add_argument("--seed", type=int, default=0, help="of the split")
    parser.set_defaults(run=_clean)


def _clean(options: argparse.Namespace, console: Console) -> None:
    pairs = [item.partition("=") for item in options.input]
    report = clean({name: Path(path) for name, _, path in pairs}, options.out, options.seed)
    show(report, console)
    console.print(f"written to {options.out}, dropped ids in dropped.jsonl", markup=False)


if __name__ == "__main__":
    sys.exit(main())
