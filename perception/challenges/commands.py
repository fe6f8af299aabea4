"""python -m perception train fusion, evaluate fusion, submit fusion: shells over this package's functions."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from perception.commands import Subparsers, say, task

TASKS = ("va", "expr", "au", "eri", "mtl")


def _train(arguments: argparse.Namespace) -> int:
    from perception.challenges.runs import train_run

    progress = train_run(
        arguments.task,
        arguments.data,
        arguments.features,
        arguments.out,
        seed=arguments.seed,
        epochs=arguments.epochs,
        shared=arguments.shared,
        sigmoid_first=arguments.sigmoid_first,
        separate=arguments.separate_best,
    )
    say(f"best epoch {progress.best_epoch['score'] + 1} of {progress.epoch}: {progress.best['score']:.4f} (validation)")
    for name, value in progress.best.items():
        if name != "score":
            say(f"  {name} alone: {value:.4f} in epoch {progress.best_epoch[name] + 1} (no one model has all)")
    return 0


def _evaluate(arguments: argparse.Namespace) -> int:
    from perception.challenges.runs import evaluate_runs

    say(json.dumps(evaluate_runs(arguments.runs, arguments.data, smooth=arguments.smooth), indent=1))
    return 0


def _submit(arguments: argparse.Namespace) -> int:
    from perception.challenges.runs import submit_runs

    rows = submit_runs(arguments.runs, arguments.data, arguments.list, arguments.out, smooth=arguments.smooth)
    say(f"{arguments.out}: {rows} rows")
    return 0


def add_commands(commands: Subparsers) -> None:
    """Each command sets `run`, a function from the parsed arguments to the exit status."""
    command = task(commands, "train", "fusion", "the networks of arXiv 2303.09158 and 2407.12258", _train)
    command.add_argument("--task", required=True, choices=TASKS)
    command.add_argument(
        "--data", type=Path, required=True, metavar="ROOT",
        help="the data set in its own layout, and fps.csv (video, fps) where not all videos have 30 frames a second",
    )  # fmt: skip
    command.add_argument("--features", nargs="+", required=True, metavar="SET", help="folders under ROOT/features")
    command.add_argument(
        "--out", type=Path, required=True, metavar="RUN", help="continues where an earlier run stopped"
    )
    command.add_argument("--seed", type=int, help="if not given: the paper's")
    command.add_argument("--epochs", type=int, help="if not given: the paper's")
    command.add_argument("--shared", action="store_true", help="mtl: one copy for all outputs instead of four")
    command.add_argument("--sigmoid-first", action="store_true", help="expr: the authors' cross-entropy on sigmoids")
    command.add_argument("--separate-best", action="store_true", help="va: also keep the best epoch of each output")

    for name, run, text in (
        ("evaluate", _evaluate, "score runs (several: their mean)"),
        ("submit", _submit, "write predictions in the challenge's format"),
    ):
        command = task(commands, name, "fusion", text, run)
        command.add_argument("runs", type=Path, nargs="+", metavar="RUN")
        command.add_argument("--data", type=Path, required=True, metavar="ROOT")
        command.add_argument("--smooth", type=int, default=0, metavar="FRAMES", help="moving average over +- FRAMES")
    command.add_argument("--list", type=Path, help="frame tasks: the challenge's template (video/00001.jpg a line)")
    command.add_argument("--out", type=Path, required=True, metavar="FILE")
