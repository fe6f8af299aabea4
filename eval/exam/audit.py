"""What is wrong with an exam: copies, conflicting keys, malformed items, near copies across sections, leaks into
training data. Writes a repaired edition with the list of what was changed.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eval.exam.types import Item, normalised, stem
from llm.files import whole

#: Items of fewer normalised characters are too common to be called copied.
SHORTEST = 8
#: Character n-grams and their overlap from which two stems are near copies.
GRAM, NEAR = 4, 0.85
#: Characters of a case that tell it from others.
OPENING = 30


@dataclass(frozen=True, slots=True)
class Audit:
    """`copies` are groups of item ids with the same content (a copy is every one beyond the first); `conflicts` those
    of them whose keys differ; `malformed` maps an id to what is wrong; `near` are pairs of nearly equal items in
    different sections; `leaks` maps ids to where their question stands in the training data that was given."""

    items: int
    copies: tuple[tuple[str, ...], ...]
    conflicts: tuple[tuple[str, ...], ...]
    malformed: dict[str, str]
    near: tuple[tuple[str, str, float], ...]
    leaks: dict[str, str]

    @property
    def surplus(self) -> int:
        return sum(len(group) - 1 for group in self.copies)

    def text(self) -> str:
        """For people."""
        lines = [
            f"{self.items} items: {self.surplus} surplus copies in {len(self.copies)} groups, {len(self.conflicts)} of "
            f"them with conflicting keys; {len(self.malformed)} malformed; {len(self.near)} near copies across "
            f"sections; {len(self.leaks)} in the training data"
        ]
        lines += [f"  conflict: {', '.join(group)}" for group in self.conflicts]
        lines += [f"  malformed: {name}: {said}" for name, said in self.malformed.items()]
        return "\n".join(lines)


def audit(items: Sequence[Item], training: Iterable[tuple[str, str]] = ()) -> Audit:
    """`training` gives (where, text) of what a model is trained on; an item leaks where its whole stem stands there."""
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[item.content].append(item)
    copies = [group for group in groups.values() if len(group) > 1]
    conflicts = [group for group in copies if len({item.key for item in group}) > 1]
    return Audit(
        len(items),
        tuple(tuple(item.item_id for item in group) for group in copies),
        tuple(tuple(item.item_id for item in group) for group in conflicts),
        {item.item_id: said for item in items if (said := fault(item))},
        _near_copies(items),
        _leaks(items, training),
    )


def fault(item: Item) -> str:
    """What keeps an item from being asked or scored, or nothing."""
    if item.kind == "essay":
        return "" if item.reference else "no model answer"
    if not item.key:
        return "the key is empty"
    if missing := item.key - set(item.options):
        return f"the key names {', '.join(sorted(missing))}, which is no option"
    if len(item.options) < 4:
        return f"only {len(item.options)} options"
    asked = normalised(item.question)
    if asked.startswith("单选") and len(item.key) > 1:
        return f"a single choice with the key {item.answer}"
    if (asked.startswith("多选") or item.kind == "multiple") and len(item.key) == 1:
        return f"a multiple choice with the key {item.answer}"
    return ""


def repaired(items: Sequence[Item], found: Audit) -> tuple[list[Item], list[str]]:
    """The items that can be scored, each once, and one line for every change: copies beyond the first are left out, all
    of a group with conflicting keys, and malformed items. Nothing is mended by guessing which side is the fault."""
    conflicting = {name for group in found.conflicts for name in group}
    later = {name for group in found.copies for name in group[1:]}
    kept, changes = [], []
    for item in items:
        if item.item_id in conflicting:
            changes.append(f"{item.item_id}: left out, its copies have other keys")
        elif item.item_id in later:
            changes.append(f"{item.item_id}: left out, a copy")
        elif said := found.malformed.get(item.item_id):
            changes.append(f"{item.item_id}: left out, {said}")
        else:
            kept.append(replace(item))
    return kept, changes


def write_edition(items: Sequence[Item], changes: Sequence[str], folder: Path) -> str:
    """Write items.jsonl and changes.txt; returns the edition's name, a hash of its items."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(record(item), ensure_ascii=False) for item in items]
    with whole(folder / "items.jsonl") as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with whole(folder / "changes.txt") as part:
        part.write_text("\n".join(changes) + "\n", encoding="utf-8")
    return edition(items)


def edition(items: Sequence[Item]) -> str:
    """12 hex digits over everything that is asked and scored: two runs with the same one answered the same exam."""
    lines = sorted(json.dumps(record(item), ensure_ascii=False, sort_keys=True) for item in items)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def record(item: Item) -> dict[str, object]:
    """One line of our own layout."""
    return {
        "id": item.item_id, "section": item.section, "level": item.level, "kind": item.kind, "lang": item.lang,
        "context": item.context, "question": item.question, "options": dict(item.options), "key": item.answer,
        "analysis": item.analysis, "reference": item.reference,
    }  # fmt: skip


def _grams(text: str) -> frozenset[str]:
    return frozenset(text[n : n + GRAM] for n in range(len(text) - GRAM + 1))


def _near_copies(items: Sequence[Item]) -> tuple[tuple[str, str, float], ...]:
    """Pairs of items of different sections or kinds whose texts share most of their n-grams (Jaccard), found through
    their rarest n-grams, so that not every pair has to be looked at (prefix filter, Chaudhuri et al. 2006)."""
    stems = [(item, _grams(stem(item.question) + normalised("".join(item.options.values())))) for item in items]
    stems = [(item, grams) for item, grams in stems if len(grams) >= SHORTEST]
    count: dict[str, int] = defaultdict(int)
    for _, grams in stems:
        for gram in grams:
            count[gram] += 1
    index: dict[str, list[int]] = defaultdict(list)
    found: dict[tuple[int, int], float] = {}
    for n, (item, grams) in enumerate(stems):
        prefix = sorted(grams, key=lambda gram: (count[gram], gram))[: int(len(grams) * (1 - NEAR)) + 1]
        for gram in prefix:
            for m in index[gram]:
                other, theirs = stems[m]
                if (item.section, item.kind) != (other.section, other.kind) and (m, n) not in found:
                    shared = len(grams & theirs)
                    if (share := shared / (len(grams) + len(theirs) - shared)) >= NEAR:
                        found[m, n] = share
            index[gram].append(n)
    return tuple((stems[m][0].item_id, stems[n][0].item_id, round(share, 3)) for (m, n), share in sorted(found.items()))


def _leaks(items: Sequence[Item], training: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Items whose stem, normalised, equals a line of a training text or stands inside one. Stems of case items are
    alike in many cases, so the opening of the case must stand there too."""
    names: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        if len(asked := stem(item.question)) >= SHORTEST:
            names[asked].append(item)
    lengths = sorted({len(asked) for asked in names})
    found: dict[str, str] = {}
    for where, text in training:
        whole_text = normalised(text)
        for line in text.splitlines():
            plain = stem(line)
            pieces = (plain[n : n + size] for size in lengths for n in range(len(plain) - size + 1))
            for asked in {piece for piece in pieces if piece in names}:
                for item in names[asked]:
                    if normalised(item.context)[:OPENING] in whole_text:
                        found.setdefault(item.item_id, where)
    return found
