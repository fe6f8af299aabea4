"""python -m perception see VIDEO | models | features | train | evaluate | search | distill | export | submit"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from perception.challenges.commands import add_commands as challenges_commands
from perception.commands import Subparsers
from perception.expression.commands import add_commands as expression_commands
from perception.features.commands import add_commands as features_commands
from perception.fusion.commands import add_commands as fusion_commands
from perception.micro.commands import add_commands as micro_commands
from perception.micro.commands import see_micro
from perception.models import CARDS
from perception.pipeline import Row, plot_csv, see, write_csv
from perception.video import count_frames


def _see(arguments: argparse.Namespace) -> int:
    if arguments.micro:
        print(f"{arguments.out}: {see_micro(arguments.video, arguments.out)} brief movements")
        return 0
    rows = see(arguments.video, max_faces=arguments.max_faces, model=arguments.model)
    written = write_csv(_with_progress(rows, count_frames(arguments.video)), arguments.out)
    print(f"{arguments.out}: {written} rows")
    if arguments.plot:
        plot_csv(arguments.out, arguments.plot)
        print(arguments.plot)
    return 0


def _with_progress(rows: Iterator[Row], frames: int | None) -> Iterator[Row]:
    """The rows, with a bar that counts frames."""
    from tqdm import tqdm

    with tqdm(total=frames, unit="frame") as bar:
        seen = -1
        for row in rows:
            if row["frame"] != seen:
                seen = int(str(row["frame"]))
                bar.update()
            yield row


def _models(arguments: argparse.Namespace) -> int:
    for card in CARDS.values():
        print(f"{card.name}\n    {card.summary}")
        print(f"    licence {card.licence}, commercial use {'allowed' if card.commercial_use else 'not allowed'}")
        said = (("trained on", card.training_data), ("measured", dict(card.quality)), ("limits", card.notes))
        for name, value in said:
            if value:
                print(f"    {name}: {value}")
    return 0


def add_commands(commands: Subparsers) -> None:
    """`see` and `models`. Each sets `run`, a function from the parsed arguments to the exit status."""
    command = commands.add_parser("see", help="a video to one CSV row per frame and face (OpenFace, Py-Feat columns)")
    command.add_argument("video", type=Path, metavar="VIDEO", help="a file that OpenCV can read (mp4, mkv, webm, ...)")
    command.add_argument("--out", type=Path, required=True, metavar="FILE.csv", help="the table; appears when complete")
    command.add_argument("--plot", type=Path, metavar="FILE.png", help="also draw the face seen longest, over time")
    command.add_argument("--micro", action="store_true", help="instead: the brief movements of the one face, one a row")
    command.add_argument("--max-faces", type=int, default=4, metavar="N", help="at most (default: %(default)s)")
    command.add_argument(
        "--model", default="expression/small", metavar="CARD|PATH.onnx",
        help="reads expressions (see `models`; geometry/emfacs: by the action units; default: %(default)s)",
    )  # fmt: skip
    command.set_defaults(run=_see)
    command = commands.add_parser("models", help="print the model cards")
    command.set_defaults(run=_models)


#: Packages below add theirs here.
COMMANDS: tuple[Callable[[Subparsers], None], ...] = (
    add_commands, features_commands, expression_commands, fusion_commands, challenges_commands, micro_commands,
)  # fmt: skip


#: What is imported -> the extra of pyproject.toml that brings it. All of the runtime's own packages are always there.
EXTRAS = {
    **dict.fromkeys(("torch", "torchvision", "timm", "transformers", "onnx", "onnxscript", "sklearn", "safetensors"),
                    "train"),
    "opensmile": "egemaps",
}  # fmt: skip


def missing(error: ImportError) -> str | None:
    """What to say about a missing optional package or a model that cannot be had, in one line; None for anything else:
    that is a fault of ours, and its traceback is wanted."""
    if error.name is None:
        return str(error)  # features.extractors' own
    package = error.name.partition(".")[0]
    if package not in EXTRAS or not isinstance(error, ModuleNotFoundError):
        return None
    extra = EXTRAS[package]
    licence = " (free for research only)" if extra == "egemaps" else ""
    command = f'python -m pip install -c .ci/constraints.txt ".[{extra}]"'
    return f'{package}{licence} is not installed; it comes with the extra "{extra}": in the clone\'s folder, {command}'


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m perception", description="Faces to numbers, on this machine.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
    parsed = parser.parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except (OSError, ValueError, KeyError) as error:
        print(f"perception: {error.args[0] if isinstance(error, KeyError) else error}", file=sys.stderr)
        return 1
    except ImportError as error:
        if (line := missing(error)) is None:
            raise
        print(f"perception: {line}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("perception: interrupted; nothing was written", file=sys.stderr)
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
