"""python -m eval exam | audit | compare | leaderboard | harness-export | harness-import: a model on an examination, and
the examination itself; dialogue | affect | safety | perception: the assistant and its parts."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from eval.dialogue.commands import add_commands as dialogue_commands
from eval.exam.audit import audit, repaired, write_edition
from eval.exam.layouts import read_exam
from eval.exam.prompts import Asking, pick_shots
from eval.exam.run import MODES, VOTES, ExamOptions, asked_of, complete, take
from eval.exam.types import Item, Scored
from eval.parts_commands import add_commands as parts_commands
from llm.jobs.types import JobError, JobOptions


def _asked(given: argparse.Namespace) -> tuple[list[Item], ExamOptions]:
    shots, items = pick_shots(read_exam(given.data), given.shots)
    items = items[:: max(1, len(items) // given.limit)][: given.limit] if given.limit else items
    asking = Asking(given.prompt, given.reasoning, shots)
    return items, ExamOptions(
        given.model, given.mode, asking, given.max_tokens, given.temperature, given.seed, given.rotate, given.samples
    )


def _exam(given: argparse.Namespace) -> int:
    items, options = _asked(given)
    jobs = JobOptions(
        given.base_url, os.environ.get("BESIDE_LLM_KEY", ""), given.concurrency, given.time_out, prices=given.prices
    )
    rows, _ = take(items, options, jobs, given.out)
    status = _told(given.out, rows, "the same command asks them again")
    if given.inspect_log:
        from eval.exam.compare import load
        from eval.exam.inspect_log import write_inspect_log

        result, _ = load(given.out)
        print(write_inspect_log(given.inspect_log, result, asked_of(items, options), rows, options.asking))
    return status


def _told(out: Path, rows: Sequence[Scored], next_step: str) -> int:
    """Print a run's summary; 1 where items got no whole answer."""
    from eval.exam.report import summary_text

    print(summary_text(out))
    if complete(rows):
        return 0
    missing = sum(row.outcome not in {"answered", "none", "unparsed"} for row in rows)
    print(f"eval: {missing} items got no whole answer; {next_step}", file=sys.stderr)
    return 1


def _harness_export(given: argparse.Namespace) -> int:
    from eval.exam.harness import TASK, export_task

    count = export_task(*_asked(given), given.out)
    print(f"{given.out}: task {TASK} of {count} items; lm_eval run --include_path {given.out} --tasks {TASK} ...")
    return 0


def _harness_import(given: argparse.Namespace) -> int:
    from eval.exam.harness import import_samples

    rows = import_samples(given.task, given.samples, given.out, given.model)
    return _told(given.out, rows, f"{given.samples} has no reply to them, or an empty one")


def _audit(given: argparse.Namespace) -> int:
    items = read_exam(given.data)
    training = ((where, text) for file in given.training for where, text in _texts(file))
    found = audit(items, training)
    print(found.text())
    if given.out:
        kept, changes = repaired(items, found)
        name = write_edition(kept, changes, given.out)
        print(f"edition {name}: {len(kept)} items in {given.out}, {len(changes)} changes")
    return 0


def _texts(file: Path) -> Sequence[tuple[str, str]]:
    """The texts of a training file: an exam's questions, or the messages of dialogues."""
    from llm.rows import MalformedData
    from llm.tuning.training_data import read_conversations

    try:
        talks = read_conversations([file])
    except MalformedData:
        return [(item.item_id, f"{item.context}\n{item.question}") for item in read_exam(file)]
    return [(f"{file.name}:{n}", "\n".join(m["content"] for m in talk)) for n, talk in enumerate(talks, 1)]


def _compare(given: argparse.Namespace) -> int:
    from eval.exam.compare import compare

    found = compare(given.first, given.second)
    print(found.text())
    for title, names in (("better", found.better), ("worse", found.worse)):
        shown = names if given.items else names[:10]
        print(f"{title}: {', '.join(shown)}{' ...' if len(shown) < len(names) else ''}")
    return 0


def _report(given: argparse.Namespace) -> int:
    from eval.exam.report import write_leaderboard

    print(write_leaderboard(given.runs, given.out))
    return 0


def _prices(text: str) -> tuple[float, float]:
    prompt, _, completion = text.partition(",")
    return float(prompt), float(completion or prompt)


#: Packages below add theirs here.
COMMANDS: tuple[Callable[[Any], None], ...] = (dialogue_commands, parts_commands)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m eval", description="Measures. Nothing here trains anything.")
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    exam = commands.add_parser("exam", help="take an examination; interrupted, the same command goes on")
    _asking_arguments(exam)
    exam.add_argument("--base-url", required=True, metavar="URL", help="of an OpenAI-compatible server, ending in /v1")
    exam.add_argument("--model", required=True, metavar="NAME")
    exam.add_argument("--concurrency", type=int, default=64, metavar="N")
    exam.add_argument("--time-out", type=float, default=120.0, metavar="S")
    exam.add_argument("--prices", type=_prices, default=(0.0, 0.0), metavar="IN,OUT", help="of a million tokens")
    exam.add_argument("--inspect-log", type=Path, metavar="DIR", help="also write the run as a log of Inspect, there")
    exam.set_defaults(run=_exam)
    task = commands.add_parser("harness-export", help="the exam as a task of lm-evaluation-harness")
    _asking_arguments(task)
    task.set_defaults(run=_harness_export, model="lm-evaluation-harness")
    back = commands.add_parser("harness-import", help="replies that lm-evaluation-harness got, scored as ours")
    back.add_argument("task", type=Path, metavar="TASK_DIR", help="what harness-export wrote")
    back.add_argument("samples", type=Path, metavar="samples_*.jsonl", help="from lm_eval run --log_samples")
    back.add_argument("--out", type=Path, required=True, metavar="DIR")
    back.add_argument("--model", default="", metavar="NAME", help="default: the name of the samples' folder")
    back.set_defaults(run=_harness_import)
    check = commands.add_parser("audit", help="copies, conflicting keys, malformed items, leaks; a repaired edition")
    check.add_argument("--data", type=Path, required=True, metavar="DIR|ZIP|FILE")
    check.add_argument("--training", type=Path, nargs="*", default=[], metavar="FILE", help="what a model learned")
    check.add_argument("--out", type=Path, metavar="DIR", help="write the repaired edition here")
    check.set_defaults(run=_audit)
    two = commands.add_parser("compare", help="two runs of the same items: paired difference, better and worse items")
    two.add_argument("first", type=Path, metavar="RUN")
    two.add_argument("second", type=Path, metavar="RUN")
    two.add_argument("--items", action="store_true", help="list all of them")
    two.set_defaults(run=_compare)
    board = commands.add_parser("leaderboard", help="runs as one static page with plots")
    board.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    board.add_argument("--out", type=Path, required=True, metavar="DIR")
    board.set_defaults(run=_report)
    for add in COMMANDS:
        add(commands)
    return made


def _asking_arguments(command: argparse.ArgumentParser) -> None:
    """Which items are asked, and how."""
    command.add_argument("--data", type=Path, required=True, metavar="DIR|ZIP|FILE")
    command.add_argument("--out", type=Path, required=True, metavar="DIR")
    command.add_argument("--mode", choices=MODES, default="generate")
    command.add_argument("--prompt", choices=("ours", "authors"), default="ours")
    command.add_argument("--reasoning", action="store_true", help="ask for a short analysis before the answer")
    command.add_argument(
        "--shots", type=int, default=0, metavar="N", help="solved items before each; they are not asked"
    )
    command.add_argument("--limit", type=int, default=0, metavar="N", help="every k-th item, N in all")
    command.add_argument("--rotate", type=int, default=0, metavar="K", help="move the options on by K places")
    command.add_argument("--samples", type=int, default=VOTES, metavar="N", help="votes in mode `vote`")
    command.add_argument("--temperature", type=float, default=0.0)
    command.add_argument("--max-tokens", type=int, default=0, help="default: by mode")
    command.add_argument("--seed", type=int, default=0)


def main(arguments: Sequence[str] | None = None) -> int:
    given = parser().parse_args(arguments)
    try:
        return int(given.run(given))
    except (ValueError, OSError, JobError) as error:
        print(f"eval: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("eval: interrupted; what was answered is kept, the same command goes on", file=sys.stderr)
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
