"""What the command lines of perception's packages share: `VERB NAME`, where several packages add names to a verb."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, TypeAlias

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Run = Callable[[argparse.Namespace], int]


def say(line: str) -> None:
    """Print for a person at the terminal."""
    print(line, flush=True)  # noqa: T201


def task(commands: Subparsers, verb: str, name: str, text: str, run: Run) -> argparse.ArgumentParser:
    """The parser of `verb name`; the verb is made where no package has yet. Raises ValueError for a verb that exists
    and takes no names."""
    if verb not in commands.choices:
        verbs = commands.add_parser(verb, help=f"{verb} a model")
        verbs.add_subparsers(dest="task_name", required=True, metavar="TASK")
    parser: Any = commands.choices[verb]
    names = next((action for action in parser._actions if isinstance(action, argparse._SubParsersAction)), None)
    if names is None:
        raise ValueError(f"the command `{verb}` exists and takes no tasks; `{verb} {name}` cannot be added")
    made: argparse.ArgumentParser = names.add_parser(
        name, help=text, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    made.set_defaults(run=run)
    return made
