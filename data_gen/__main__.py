"""python -m data_gen clean --input SOURCE=FILE ... --out DIR: from found dialogues to dialogues that a model may
learn from; python -m data_gen mini --clean DIR --out DIR: from those and our own to the rows of PsycoLLM-mini;
single-turn | dialogues | knowledge-qa: from cases, answered questions and books to records with their provenance;
report | export | decontaminate: from records to a data card, training files and a certificate.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from data_gen.clean import SOURCES, clean
from data_gen.commands import add_generation
from data_gen.mini import MOST, prepare
from data_gen.mini_check import STATES, ask, counts, read_openings, write
from data_gen.types import REASONS, CleanReport
from llm.base import ModelError
from llm.client.models import load_chat_model
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


def show_rows(report: dict[str, Any], console: Console) -> None:
    table = Table(title="dialogues for PsycoLLM-mini, and why each ended where it does")
    for column in ("source", "usable", "chosen", "ended by"):
        table.add_column(column)
    for source, row in report["sources"].items():
        why = ", ".join(f"{reason} {count}" for reason, count in row["ended_by"].items())
        table.add_row(source, str(row["usable"]), str(row["chosen"]), why)
    own = report["own"]
    table.add_row("own", str(own["written"]), str(own["written"] - own["validation"]), "whole")
    console.print(table)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m data_gen", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _add_clean(commands)
    _add_mini(commands)
    _add_mini_check(commands)
    add_generation(commands)
    options = parser.parse_args(arguments)
    console = Console(width=150)
    try:
        return int(options.run(options, console) or 0)
    except (ValueError, FileNotFoundError, JobError, ModelError) as error:
        console.print(f"{options.command}: {error}", markup=False)
        return 2
    except KeyboardInterrupt:
        console.print(f"{options.command}: interrupted; where answers are kept, the same command goes on", markup=False)
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


def _add_mini(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("mini", help="rows for PsycoLLM-mini in the page's own prompt format")
    parser.add_argument("--clean", type=Path, required=True, help="folder written by `python -m data_gen clean`")
    parser.add_argument("--out", type=Path, required=True, help="folder for the rows and the report")
    for source, most in MOST.items():
        parser.add_argument(f"--{source}", type=int, default=most, metavar="N", help=f"dialogues of it, default {most}")
    parser.set_defaults(run=_mini)


def _add_mini_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("mini-check", help="ask a served model our openings and count the rules it keeps")
    parser.add_argument("--url", required=True, help="of an OpenAI-compatible server, e.g. http://127.0.0.1:8103/v1")
    parser.add_argument("--model", default=None, help="the name at the server")
    parser.add_argument("--out", type=Path, required=True, help="Markdown file with counts and replies")
    parser.add_argument("--states", nargs="+", choices=STATES, default=["none"], help="observations beside the words")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="only the first N openings of each language")
    parser.set_defaults(run=_mini_check)


def _mini_check(options: argparse.Namespace, console: Console) -> None:
    openings = read_openings()
    if options.first:
        openings = [o for lang in ("zh", "en") for o in [o for o in openings if o.locale == lang][: options.first]]
    with tqdm(unit=" replies") as bar:
        answers = ask(load_chat_model(options.url, options.model), openings, options.states, lambda done: bar.update())
    write(options.out, f"Openings answered by {options.model or options.url}", answers)
    for rule, count in counts(answers).most_common():
        console.print(f"{count:4d} of {len(answers)}  {rule}", markup=False)


def _mini(options: argparse.Namespace, console: Console) -> None:
    most = {source: getattr(options, source) for source in MOST}
    show_rows(prepare(options.clean, options.out, most), console)
    console.print(f"written to {options.out}", markup=False)


if __name__ == "__main__":
    sys.exit(main())
