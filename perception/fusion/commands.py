"""python -m perception features, train fusion, evaluate fusion, submit fusion: shells over this package's functions."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, TypeAlias

from perception.features.extractors import NAMES, extractor
from perception.features.rates import checked_rate, rate_of, read_rates
from perception.features.table import extract_all
from perception.models import WEIGHTS

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
STARTER_HELP = """\
The starter fusion model, on built clips: about two minutes on one core. Once the expression weights or the voice's
have changed:

  python -m perception train starter --faces fer2013.zip --voices RUN/heldout.npz --out RUN

reads the validation crops with the shipped expression model, trains afresh (what the folder RUN holds of other weights
is not used again), and writes the weight file. Its checksum, printed at the end, goes into the card fusion/starter in
perception/models.py; then `python -m perception evaluate starter` gives the numbers for the card."""
TASKS = ("va", "expr", "au", "eri", "mtl")


def _say(text: str) -> None:
    print(text)  # noqa: T201


def _features(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    rates = _rates(arguments.fps, arguments.sources)
    # Made before the first source is read: what is missing is told at once.
    extractors = {rate: extractor(arguments.set, arguments.model, rate) for rate in dict.fromkeys(rates.values())}
    with tqdm(total=len(arguments.sources)) as bar:
        for rate, made in extractors.items():
            sources = [source for source, own in rates.items() if own == rate]
            written = extract_all(made, sources, arguments.out, each=lambda path: bar.update() or None)
    _say(f"{len(rates)} feature files of the set {made.name} ({made.width} columns) in {written[0].parent}")
    return 0


def _rates(fps: str | None, sources: list[Path]) -> dict[Path, float | None]:
    """Each source's frames per second: one number for all, those of a CSV, or nothing said."""
    if fps is None or not fps.endswith(".csv"):
        return dict.fromkeys(sources, None if fps is None else checked_rate(fps))
    listed = read_rates(Path(fps))
    return {source: rate_of(listed, source.stem) for source in sources}


def _train(arguments: argparse.Namespace) -> int:
    from perception.fusion.runs import train_run

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
    _say(
        f"best epoch {progress.best_epoch['score'] + 1} of {progress.epoch}: {progress.best['score']:.4f} (validation)"
    )
    for name, value in progress.best.items():
        if name != "score":
            _say(f"  {name} alone: {value:.4f} in epoch {progress.best_epoch[name] + 1} (no one model has all)")
    return 0


def _evaluate(arguments: argparse.Namespace) -> int:
    from perception.fusion.runs import evaluate_runs

    _say(json.dumps(evaluate_runs(arguments.runs, arguments.data, smooth=arguments.smooth), indent=1))
    return 0


def _submit(arguments: argparse.Namespace) -> int:
    from perception.fusion.runs import submit_runs

    rows = submit_runs(arguments.runs, arguments.data, arguments.list, arguments.out, smooth=arguments.smooth)
    _say(f"{arguments.out}: {rows} rows")
    return 0


def _train_voice(arguments: argparse.Namespace) -> int:
    from perception.fusion.train_voice import train

    train(arguments.speech, arguments.out, arguments.weights)
    _say(f"{arguments.weights}: written; its checksum goes into the card fusion/voice")
    return 0


def _train_starter(arguments: argparse.Namespace) -> int:
    from perception.fusion.train_starter import train_and_export, tune

    if arguments.tune:
        _say(json.dumps(tune(arguments.faces, arguments.voices, arguments.out, arguments.steps), indent=1))
        return 0
    checksum = train_and_export(arguments.faces, arguments.voices, arguments.out, arguments.weights, arguments.steps)
    _say(f"{arguments.weights}: written; sha256 of the card fusion/starter: {checksum}")
    return 0


def _measure(arguments: argparse.Namespace) -> int:
    from perception.fusion.measure_starter import report

    _say(json.dumps(report(arguments.speech, arguments.faces, arguments.kept), indent=1))
    return 0


def _task(commands: Subparsers, verb: str, name: str, text: str) -> argparse.ArgumentParser:
    """`verb name`: several parts of perception add their names to one verb; it is made where nobody has yet."""
    if verb not in commands.choices:
        commands.add_parser(verb, help=f"{verb} a model").add_subparsers(
            dest="task_name", required=True, metavar="TASK"
        )
    parser: Any = commands.choices[verb]
    tasks = next((action for action in parser._actions if isinstance(action, argparse._SubParsersAction)), None)
    if tasks is None:
        raise ValueError(f"the command `{verb}` exists and takes no tasks; `{verb} {name}` cannot be added")
    made: argparse.ArgumentParser = tasks.add_parser(name, help=text)
    return made


def add_commands(commands: Subparsers) -> None:
    """Each command sets `run`, a function from the parsed arguments to the exit status."""
    command = commands.add_parser("features", help="extract one feature set of recordings or folders of crops")
    command.add_argument(
        "sources", type=Path, nargs="+", metavar="SOURCE",
        help="a sound file, a video (geometry), or a folder of 00001.jpg ...",
    )  # fmt: skip
    command.add_argument("--set", required=True, choices=NAMES)
    command.add_argument("--model", help="for timm, speech and expression: which model")
    command.add_argument(
        "--fps", metavar="RATE|FILE.csv", help="of folders of crops: one for all, or columns video, fps; default: 30"
    )
    command.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="gets <set>/<name>.npz")
    command.set_defaults(run=_features)

    command = _task(commands, "train", "fusion", "the networks of arXiv 2303.09158 and 2407.12258")
    command.add_argument("--task", required=True, choices=TASKS)
    command.add_argument(
        "--data", type=Path, required=True, metavar="ROOT",
        help="the data set in its own layout, and fps.csv (video, fps) where not all videos have 30 frames a second",
    )  # fmt: skip
    command.add_argument("--features", nargs="+", required=True, metavar="SET", help="folders under ROOT/features")
    command.add_argument(
        "--out", type=Path, required=True, metavar="RUN", help="continues where an earlier run stopped"
    )
    command.add_argument("--seed", type=int, help="default: the paper's")
    command.add_argument("--epochs", type=int, help="default: the paper's")
    command.add_argument("--shared", action="store_true", help="mtl: one copy for all outputs instead of four")
    command.add_argument("--sigmoid-first", action="store_true", help="expr: the authors' cross-entropy on sigmoids")
    command.add_argument("--separate-best", action="store_true", help="va: also keep the best epoch of each output")
    command.set_defaults(run=_train)

    _add_starter(commands)
    for name, run, text in (
        ("evaluate", _evaluate, "score runs (several: their mean)"),
        ("submit", _submit, "write predictions in the challenge's format"),
    ):
        command = _task(commands, name, "fusion", text)
        command.add_argument("runs", type=Path, nargs="+", metavar="RUN")
        command.add_argument("--data", type=Path, required=True, metavar="ROOT")
        command.add_argument("--smooth", type=int, default=0, metavar="FRAMES", help="moving average over +- FRAMES")
        command.set_defaults(run=run)
    command.add_argument("--list", type=Path, help="frame tasks: the challenge's template (video/00001.jpg a line)")
    command.add_argument("--out", type=Path, required=True, metavar="FILE")


def _add_starter(commands: Subparsers) -> None:
    command = _task(commands, "train", "voice", "the voice model, on RAVDESS (half an hour on one core)")
    command.add_argument("--speech", type=Path, required=True, metavar="ravdess_16k.zip")
    command.add_argument("--out", type=Path, required=True, metavar="RUN", help="continues where a run stopped")
    command.add_argument("--weights", type=Path, required=True, metavar="FILE", help="the weight file to write")
    command.set_defaults(run=_train_voice)

    command = _task(commands, "train", "starter", "the starter fusion model, on built clips")
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.description = STARTER_HELP
    command.add_argument("--faces", type=Path, required=True, metavar="fer2013.zip")
    command.add_argument("--voices", type=Path, required=True, metavar="RUN/heldout.npz", help="from `train voice`")
    command.add_argument("--out", type=Path, required=True, metavar="RUN", help="continues where a run stopped")
    command.add_argument("--weights", type=Path, default=WEIGHTS / "fusion_starter.onnx", metavar="FILE",
                         help="default: the one that ships")
    command.add_argument("--steps", type=int, default=1300, metavar="N", help="of 96 clips; default: %(default)s")
    command.add_argument("--tune", action="store_true", help="print what shares of voice and face give, only")
    command.set_defaults(run=_train_starter)

    command = _task(commands, "evaluate", "starter", "what the starter model reaches on held-out voices and faces")
    command.add_argument("--speech", type=Path, required=True, metavar="ravdess_16k.zip")
    command.add_argument("--faces", type=Path, required=True, metavar="fer2013.zip")
    command.add_argument("--kept", type=Path, required=True, metavar="faces.npz", help="face readings; made if missing")
    command.set_defaults(run=_measure)
