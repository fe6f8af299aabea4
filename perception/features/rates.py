"""How many frames a second each recording has: frame n of its crops and of its labels lies at (n - 1) / rate seconds,
which is where they meet its sound. Aff-Wild2's videos run at 7.5 to 30."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

#: Where nothing else is said: most videos of Aff-Wild2.
FPS = 30.0
#: The file beside a data set's annotations that says so for each video.
FILE = "fps.csv"


def read_rates(path: Path) -> dict[str, float]:
    """A CSV with the columns video (a name without its ending) and fps. Raises FileNotFoundError, or ValueError that
    names the line."""
    rates: dict[str, float] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            try:
                rates[row["video"]] = checked_rate(row["fps"])
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path}:{line}: needs the columns video and fps, e.g. 12-24,25; {error}") from error
    return rates


def checked_rate(text: str) -> float:
    """Frames per second from text. Raises ValueError unless it is a number above 0 and at most 1000."""
    rate = float(text)
    if not (math.isfinite(rate) and 0 < rate <= 1000):
        raise ValueError(f"a frame rate lies between 0 and 1000, got {text}")
    return rate


def rate_of(rates: Mapping[str, float], name: str, default: float = FPS) -> float:
    """The rate of a recording; the two people of one video, `NAME_left` and `NAME_right`, share NAME's."""
    shared = name.removesuffix("_left").removesuffix("_right")
    return rates.get(name, rates.get(shared, default))


def rates_beside(root: Path) -> dict[str, float]:
    """Those of `root`/fps.csv; none where there is no such file."""
    return read_rates(root / FILE) if (root / FILE).is_file() else {}
