"""Credit rules by name, and what they add up to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from eval.exam.types import Extraction, Item, Scored
from eval.statistics import Interval, mean_interval

Letters = frozenset[str]
Rule = Callable[[Letters, Letters, int], float]


def strict(given: Letters, key: Letters, options: int) -> float:
    """1 for exactly the key."""
    return float(given == key)


def elastic(given: Letters, key: Letters, options: int) -> float:
    """The authors' formula: |given| / |key| for a part of the key, 0 with any wrong option."""
    return len(given) / len(key) if given and given <= key else 0.0


def jaccard(given: Letters, key: Letters, options: int) -> float:
    """|given and key| / |given or key|."""
    return len(given & key) / len(given | key) if given | key else 0.0


def per_option(given: Letters, key: Letters, options: int) -> float:
    """The share of options that were rightly taken or left."""
    return 1 - len(given ^ key) / options if given else 0.0


def right_minus_wrong(given: Letters, key: Letters, options: int) -> float:
    """Hits less false alarms, each as its share, not below 0: guessing all options earns nothing."""
    wrong = options - len(key)
    return max(0.0, len(given & key) / len(key) - (len(given - key) / wrong if wrong else 0.0))


RULES: Mapping[str, Rule] = {
    "strict": strict, "elastic": elastic, "jaccard": jaccard, "per_option": per_option,
    "right_minus_wrong": right_minus_wrong,
}  # fmt: skip
#: The six cells whose plain mean is the published average.
CELLS = tuple((section, kind) for section in ("case", "moral", "theory") for kind in ("single", "multiple"))


def credit(item: Item, found: Extraction) -> dict[str, float]:
    """Credit under every rule. Raises ValueError for an item that cannot be scored."""
    if not item.is_sound or item.kind == "essay":
        raise ValueError(f"{item.item_id} cannot be scored: its key is {item.answer!r} of {''.join(item.options)}")
    return {name: rule(found.letters, item.key, len(item.options)) for name, rule in RULES.items()}


@dataclass(frozen=True, slots=True)
class Cell:
    """Scores of one group of items: `credits` maps a rule to its mean over all items with a 95 % interval, `answered`
    the strict mean over those that were answered (NaN where none was); `outcomes` counts."""

    items: int
    credits: Mapping[str, Interval]
    answered: float
    outcomes: Mapping[str, int]


def cell(rows: Sequence[Scored]) -> Cell:
    """Raises ValueError for an empty group."""
    if not rows:
        raise ValueError("a group without items has no score")
    outcomes: dict[str, int] = {}
    for row in rows:
        outcomes[row.outcome] = outcomes.get(row.outcome, 0) + 1
    answered = [row.credits["strict"] for row in rows if row.outcome in {"answered", "none"}]
    means = {name: mean_interval([row.credits[name] for row in rows]) for name in RULES}
    return Cell(len(rows), means, fmean(answered) if answered else float("nan"), outcomes)


def by_cell(items: Mapping[str, Item], rows: Sequence[Scored]) -> dict[tuple[str, str], Cell]:
    groups: dict[tuple[str, str], list[Scored]] = {}
    for row in rows:
        item = items[row.item_id]
        groups.setdefault((item.section, item.kind), []).append(row)
    return {name: cell(group) for name, group in sorted(groups.items())}


def mean_of_cells(scores: Mapping[tuple[str, str], float]) -> float | None:
    """The mean of the six cells, or None where one is missing: then it is no average of this exam."""
    return fmean(scores[name] for name in CELLS) if all(name in scores for name in CELLS) else None
