"""python -m perception train voice, train starter, evaluate starter: shells over this package's functions."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from perception.commands import Subparsers, say, task
from perception.models import WEIGHTS

STARTER_HELP = """\
The starter fusion model, on built clips: about two minutes on one core. Once the expression weights or the voice's
have changed:

  python -m perception train starter --faces fer2013.zip --voices RUN/heldout.npz --out RUN

reads the validation crops with the shipped expression model, trains afresh (what the folder RUN holds of other weights
is not used again), and writes the weight file. Its checksum, printed at the end, goes into the card fusion/starter in
perception/models.py; then `python -m perception evaluate starter` gives the numbers for the card."""


def _train_voice(arguments: argparse.Namespace) -> int:
    from perception.fusion.train_voice import train

    train(arguments.speech, arguments.out, arguments.weights)
    say(f"{arguments.weights}: written; its checksum goes into the card fusion/voice")
    return 0


def _train_starter(arguments: argparse.Namespace) -> int:
    from perception.fusion.train_starter import train_and_export, tune

    if arguments.tune:
        say(json.dumps(tune(arguments.faces, arguments.voices, arguments.out, arguments.steps), indent=1))
        return 0
    checksum = train_and_export(arguments.faces, arguments.voices, arguments.out, arguments.weights, arguments.steps)
    say(f"{arguments.weights}: written; sha256 of the card fusion/starter: {checksum}")
    return 0


def _measure(arguments: argparse.Namespace) -> int:
    from perception.fusion.measure_starter import report

    say(json.dumps(report(arguments.speech, arguments.faces, arguments.kept), indent=1))
    return 0


def add_commands(commands: Subparsers) -> None:
    """Each command sets `run`, a function from the parsed arguments to the exit status."""
    command = task(commands, "train", "voice", "the voice model, on RAVDESS (half an hour on one core)", _train_voice)
    command.add_argument("--speech", type=Path, required=True, metavar="ravdess_16k.zip")
    command.add_argument("--out", type=Path, required=True, metavar="RUN", help="continues where a run stopped")
    command.add_argument("--weights", type=Path, required=True, metavar="FILE", help="the weight file to write")

    command = task(commands, "train", "starter", "the starter fusion model, on built clips", _train_starter)
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.description = STARTER_HELP
    command.add_argument("--faces", type=Path, required=True, metavar="fer2013.zip")
    command.add_argument("--voices", type=Path, required=True, metavar="RUN/heldout.npz", help="from `train voice`")
    command.add_argument("--out", type=Path, required=True, metavar="RUN", help="continues where a run stopped")
    command.add_argument(
        "--weights",
        type=Path,
        default=WEIGHTS / "fusion_starter.onnx",
        metavar="FILE",
        help="default: the one that ships",
    )
    command.add_argument("--steps", type=int, default=1300, metavar="N", help="of 96 clips; default: %(default)s")
    command.add_argument("--tune", action="store_true", help="print what shares of voice and face give, only")

    command = task(
        commands, "evaluate", "starter", "what the starter model reaches on held-out voices and faces", _measure
    )  # fmt: skip
    command.add_argument("--speech", type=Path, required=True, metavar="ravdess_16k.zip")
    command.add_argument("--faces", type=Path, required=True, metavar="fer2013.zip")
    command.add_argument("--kept", type=Path, required=True, metavar="faces.npz", help="face readings; made if missing")
