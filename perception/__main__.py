"""python -m perception see VIDEO | models | features | train | evaluate | search | distill | export | submit"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from perception.cards import markdown
from perception.challenges.commands import add_commands as challenges_commands
from perception.commands import Subparsers
from perception.expression.commands import add_commands as expression_commands
from perception.features.commands import add_commands as features_commands
from perception.files import whole
from perception.fusion.commands import add_commands as fusion_commands
from perception.micro.commands import add_commands as micro_commands
from perception.models import CARDS
from perception.see_command import add_command as add_see


def _models(arguments: argparse.Namespace) -> int:
    if arguments.write:
        with whole(arguments.write) as part:
            part.write_text(markdown(CARDS, CARD_TEXTS), encoding="utf-8")
        print(f"{arguments.write}: {len(CARDS)} cards")
        return 0
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
    add_see(commands)
    command = commands.add_parser("models", help="print the model cards")
    command.add_argument("--write", type=Path, metavar="MODEL_CARDS.md", help="write them as the project's file")
    command.set_defaults(run=_models)


#: The short text of each card.
CARD_TEXTS = Path(__file__).resolve().parent.parent / "docs" / "cards"
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
