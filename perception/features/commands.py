"""python -m perception features: a shell over this package's functions."""

from __future__ import annotations

import argparse
from pathlib import Path

from perception.commands import Subparsers, say
from perception.features.extractors import NAMES, extractor
from perception.features.rates import checked_rate, rate_of, read_rates
from perception.features.table import extract_all


def _features(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    rates = _rates(arguments.fps, arguments.sources)
    # Made before the first source is read: what is missing is told at once.
    extractors = {rate: extractor(arguments.set, arguments.model, rate) for rate in dict.fromkeys(rates.values())}
    with tqdm(total=len(arguments.sources)) as bar:
        for rate, made in extractors.items():
            sources = [source for source, own in rates.items() if own == rate]
            written = extract_all(made, sources, arguments.out, each=lambda path: bar.update() or None)
    say(f"{len(rates)} feature files of the set {made.name} ({made.width} columns) in {written[0].parent}")
    return 0


def _rates(fps: str | None, sources: list[Path]) -> dict[Path, float | None]:
    """Each source's frames per second: one number for all, those of a CSV, or nothing said."""
    if fps is None or not fps.endswith(".csv"):
        return dict.fromkeys(sources, None if fps is None else checked_rate(fps))
    listed = read_rates(Path(fps))
    return {source: rate_of(listed, source.stem) for source in sources}


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
