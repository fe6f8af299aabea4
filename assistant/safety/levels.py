"""From signals to a level: the rows of levels.toml, the first that holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from assistant.safety.compile import HERE, TAGS, RulesInvalid, load
from assistant.safety.rule import Kind
from assistant.safety.signals import Signals
from assistant.types import RiskLevel

#: Kinds of danger that a row may give.
DANGERS = {
    "suicide", "self_harm", "violence", "abuse", "medical", "emergency", "voices", "third_person", "eating",
    "delusion", "mania", "birth", "panic", "child",
}  # fmt: skip
#: Laughter beside these is no sign of a joke.
_NO_JOKE = {Kind.MEANS, Kind.ATTEMPT_NOW, Kind.SELF_HARM, Kind.PREPARATION}
_BESIDE = {"brief", "soon", "leaving", "recovered", "laughing", "other.past", "other.danger", "other.urgent"}
_SHAPES = TAGS | {"strong", "hoarded", "sure", "several", "various", "many"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of levels.toml: each of `wanted` is a set of facts of which one must hold, none of `unwanted` may."""

    level: RiskLevel
    kind: str
    wanted: tuple[frozenset[str], ...]
    unwanted: frozenset[str]

    def holds(self, facts: frozenset[str]) -> bool:
        """Whether these facts make this row."""
        return all(facts & one for one in self.wanted) and not facts & self.unwanted


@cache
def rows() -> tuple[Row, ...]:
    """The rows of levels.toml. Raises RulesInvalid for an unknown level, kind or fact, and for rows out of order."""
    data = load(HERE / "levels.toml")
    groups: dict[str, list[str]] = {}
    for name, facts in data["groups"].items():
        groups[name] = [one for fact in facts for one in _meaning(fact, groups)]
    found: list[Row] = []
    for row in data["row"]:
        if row["level"].upper() not in RiskLevel.__members__ or row["kind"] not in DANGERS:
            raise RulesInvalid(f"levels.toml: unknown level or kind in {row}; kinds are {sorted(DANGERS)}")
        wanted = tuple(frozenset(_meaning(fact, groups)) for fact in row["all"])
        unwanted = frozenset(one for fact in row.get("none", []) for one in _meaning(fact, groups))
        found.append(Row(RiskLevel[row["level"].upper()], row["kind"], wanted, unwanted))
        if len(found) > 1 and found[-1].level > found[-2].level:
            raise RulesInvalid(f"levels.toml: {row} stands below a lower level; rows are ordered from imminent to low")
    return tuple(found)


def _meaning(fact: str, groups: Mapping[str, list[str]]) -> list[str]:
    if fact in groups:
        return groups[fact]
    kind, _, shape = fact.removeprefix("past.").partition(".")
    if fact in _BESIDE or (kind in set(Kind) and (not shape or shape in _SHAPES)):
        return [fact]
    raise RulesInvalid(f"levels.toml: unknown fact or group {fact!r}")


def facts(signals: Signals) -> frozenset[str]:
    """What the signals of a message (or of several) amount to, in the words of levels.toml."""
    found: set[str] = set()
    names: Counter[Kind] = Counter()
    for signal in signals.found:
        if signal.past:
            found.add(f"past.{signal.kind}")
        else:
            names[signal.kind] += 1
            sure = signal.hoarded and (signal.strong or "hoarding" in signal.tags)
            marks = {"strong": signal.strong, "hoarded": signal.hoarded, "sure": sure}
            found.add(str(signal.kind))
            found |= {f"{signal.kind}.{tag}" for tag in signal.tags | {mark for mark, is_so in marks.items() if is_so}}
    found |= {f"{kind}.several" for kind, count in names.items() if count > 1}
    various = Counter(kind for kind, _ in {(s.kind, s.name) for s in signals.found if not s.past})
    found |= {f"{kind}.various" for kind, count in various.items() if count > 1}
    found |= {f"{kind}.many" for kind, count in names.items() if count > 2}
    beside = {"brief": signals.brief, "soon": signals.soon, "leaving": signals.leaving, "recovered": signals.recovered,
              "laughing": signals.laughing, f"other.{signals.other}": bool(signals.other)}  # fmt: skip
    return frozenset(found | {name for name, is_so in beside.items() if is_so})


def level_of(signals: Signals) -> tuple[RiskLevel, str]:
    """The level and the kind of danger, (none, "") where no row holds. A message meant as fun weighs less."""
    level, kind = level_of_facts(facts(signals))
    if signals.laughing and not {signal.kind for signal in signals.found} & _NO_JOKE:
        plain = any("plain" in signal.tags for signal in signals.found)
        return min((level, kind), (RiskLevel.MODERATE if plain else RiskLevel.LOW, "suicide"), key=lambda pair: pair[0])
    return level, kind


def level_of_facts(known: frozenset[str]) -> tuple[RiskLevel, str]:
    """The first row that holds of these facts, (none, "") where none does."""
    return next(((row.level, row.kind) for row in rows() if row.holds(known)), (RiskLevel.NONE, ""))
