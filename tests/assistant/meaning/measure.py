"""What the rules, the reader and both together read in lines that nobody was trained on: `python -m
tests.assistant.meaning.measure`. Prints tables; `--list` writes every miss and false alarm beside the lines.

Lines: held_out/danger.jsonl, replies.jsonl, acts.jsonl, talks.jsonl, people.jsonl, turns.jsonl, by writers who saw no
other. The `group` of a danger is where it would be met (a, b: posts of danger in Chinese and English; c: short
statements and requests; d: other dangers; e: look-alikes; f: ordinary distressed posts; g: short answers).
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from assistant.guided.hearing import hear, kind_of
from assistant.meaning import load_reader
from assistant.meaning.base import ACT_FROM, DANGER_FROM, FAULT_FROM
from assistant.meaning.outputs import ASKING
from assistant.meaning.reader import MeaningReader
from assistant.safety import assess
from assistant.safety.engine import follow
from assistant.safety.reply import check_sentence
from assistant.types import Risk, RiskLevel, RiskState
from eval.safety_suite import area
from eval.statistics import share_interval

HERE = Path(__file__).parent / "held_out"
GROUPS = "abcdefg"
Row = dict[str, Any]


def rows(name: str, folder: Path = HERE) -> list[Row]:
    """The lines of a file in held_out/, or in another folder; conversations message by message."""
    found = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    if name != "talks":
        return found
    return [{"name": talk["name"], "lang": talk["lang"], "text": text} for talk in found for text in talk["turns"]]


def share(count: int, of: int) -> str:
    """A share with its 95 % interval."""
    found = share_interval(count, of)
    return f"{count:4d}/{of:<4d} {found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def in_chinese(row: Row) -> bool:
    """Whether a line is Chinese of any kind."""
    return row["lang"] != "en"


def _read(found: list[Row], reader: MeaningReader) -> list[Row]:
    """The messages, each with what rules, reader and both see in it alone."""
    for row in found:
        row["rules"] = assess(row["text"]).level >= RiskLevel.MODERATE
        row["read"] = round(reader.read(row["text"]).danger, 2)
        row["reader"] = row["read"] >= DANGER_FROM
        both = assess(row["text"], reader=reader)
        row["both"], row["score"] = both.level >= RiskLevel.MODERATE, both.score
    return found


def danger(reader: MeaningReader, folder: Path = HERE) -> list[Row]:
    """The tables of danger; returns the lines that rules and reader together read wrongly."""
    found = _read(rows("danger", folder), reader)
    for group in GROUPS:
        for lang, given in _by_language([row for row in found if row["group"] == group]):
            marks = "  ".join(f"{way} {share(sum(row[way] for row in given), len(given))}" for way in WAYS)
            print(f"danger {group} {lang}  {marks}")
    for group in "ab":
        by = [[r["score"] for r in found if r["group"] == group and r["severity"] == grade] for grade in (1, 2, 3)]
        quiet = [r["score"] for r in found if r["group"] == "f" and in_chinese(r) == (group == "a")]
        severe, some = area(by[2], by[0] + by[1]).value, area(by[0] + by[1] + by[2], quiet).value
        print(f"score {group}: severity 3 above 1 and 2, AUC {severe:.3f}; danger above ordinary distress {some:.3f}")
    for kind, given in _by(found, "kind"):
        print(f"  {kind:28s} both {share(sum(row['both'] for row in given), len(given))}")
    return [row for row in found if row["both"] != (row["severity"] > 0)]


def replies(reader: MeaningReader, folder: Path = HERE) -> list[Row]:
    """The tables of faults; returns the sentences that are judged wrongly."""
    found = rows("replies", folder)
    for row in found:
        locale = "zh" if in_chinese(row) else "en"
        row["rules"] = check_sentence(row["text"], Risk(), locale).reason != ""  # type: ignore[arg-type]
        row["read"] = round(reader.judge(row["text"]).wrong, 2)
        row["reader"] = row["read"] >= FAULT_FROM
        row["both"] = row["rules"] or row["reader"]
    for bad in (True, False):
        for lang, given in _by_language([row for row in found if row["bad"] is bad]):
            marks = "  ".join(f"{way} {share(sum(row[way] for row in given), len(given))}" for way in WAYS)
            print(f"{'bad' if bad else 'good'} sentences stopped, {lang}  {marks}")
    for kind, given in _by(found, "kind"):
        stopped = [sum(row["both"] for row in given if row["bad"] is bad) for bad in (True, False)]
        print(f"  {kind:14s} bad {stopped[0]}/{sum(r['bad'] for r in given)}, good {stopped[1]}")
    return [row for row in found if row["both"] != row["bad"]]


def talks(reader: MeaningReader, folder: Path = HERE) -> list[Row]:
    """Alarms in conversations of people in no danger, each message alone; returns the messages with one."""
    found = _read(rows("talks", folder), reader)
    for lang, given in _by_language(found):
        marks = "  ".join(f"{way} {share(sum(row[way] for row in given), len(given))}" for way in WAYS)
        met = {row["name"] for row in given if row["both"]}
        print(f"alarms in conversations {lang}  {marks}; in {len(met)} of {len({row['name'] for row in given})}")
    return [row for row in found if row["both"]]


def acts(reader: MeaningReader, folder: Path = HERE) -> list[Row]:
    """The tables of acts, topics and feelings; returns the lines whose act is read wrongly, surely."""
    found = rows("acts", folder)
    hits: Counter[str] = Counter()
    for row in found:
        meaning = reader.understand(row["text"])
        row["taken"], row["read"] = meaning.act, round(meaning.sure, 2)
        for name in ("topics", "feelings"):
            given, read = set(row[name]), set(getattr(meaning, name))
            hits.update({f"{name} both": len(given & read), f"{name} read": len(read), f"{name} given": len(given)})
    wrong = [row for row in found if row["read"] >= ACT_FROM and row["taken"] != row["act"]]
    for lang, given in _by_language(found):
        sure = [row for row in given if row["read"] >= ACT_FROM]
        right = sum(row["taken"] == row["act"] for row in sure)
        print(f"acts {lang}: right {share(right, len(given))}, wrong {share(len(sure) - right, len(given))}, abstained "
              f"{len(given) - len(sure)}")  # fmt: skip
    for name in ("topics", "feelings"):
        both = hits[f"{name} both"]
        print(f"{name}: precision {both / max(hits[f'{name} read'], 1):.2f}, recall {both / hits[f'{name} given']:.2f}")
    for act, given in _by(found, "act"):
        print(f"  {act:16s} right {sum(row['taken'] == row['act'] for row in given)}/{len(given)}")
    return wrong


def people(reader: MeaningReader, folder: Path = HERE) -> None:
    """Played people, message by message with the state that is carried: the turn at which each in danger is first asked
    about, beside the turn at which a counsellor would ask (`first`); and how many turns of the others are."""
    for person in rows("people", folder):
        state, asked = RiskState(), []
        for number, text in enumerate(person["turns"]):
            risk, state = follow(text, state, reader)
            if risk.level >= RiskLevel.MODERATE:
                asked.append(number)
        met = f"asked at {asked[0]}" if asked else "never asked"
        told = f"danger from {person['first']} ({person['peak']}): {met}" if person["danger"] else "no danger"
        print(f"{person['name']:14s} {person['lang']}  {told}; {len(asked)} of {len(person['turns'])} turns")


def requests(reader: MeaningReader, folder: Path = HERE) -> None:
    """Turns of conversations, labelled with what they ask for: how many requests the companion hears as one, names by
    their kind and exactly, and how many others it takes for one."""
    for lang, given in _by_language(rows("turns", folder)):
        hits: Counter[str] = Counter()
        for row in given:
            heard, asks = hear(row["text"], reader), row["occasion"].startswith(ASKING)
            taken = heard.act.startswith("ask_") or heard.occasion.startswith(ASKING)
            hits["asked" if asks else "other"] += 1
            hits["heard" if asks else "false"] += taken
            if asks and heard.occasion.startswith(ASKING):
                hits["kind"] += kind_of(heard.occasion) == kind_of(row["occasion"])
                hits["exact"] += heard.occasion == row["occasion"]
        print(f"requests {lang}  heard {hits['heard']}/{hits['asked']}, kind {hits['kind']}, exactly {hits['exact']}; "
              f"others taken for one {hits['false']}/{hits['other']}")  # fmt: skip


WAYS = ("rules", "reader", "both")
TABLES: dict[str, Callable[[MeaningReader, Path], list[Row]]] = {
    "danger": danger, "replies": replies, "acts": acts, "talks": talks,
}  # fmt: skip


def _by_language(found: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    given = list(found)
    parts = [("zh", [row for row in given if in_chinese(row)]), ("en", [row for row in given if not in_chinese(row)])]
    return [(lang, part) for lang, part in parts if part]


def _by(found: Sequence[Row], key: str) -> list[tuple[str, list[Row]]]:
    return [(name, [row for row in found if row[key] == name]) for name in dict.fromkeys(row[key] for row in found)]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reader", type=Path, help="a reader's file (default: the shipped one)")
    parser.add_argument(
        "--lines", type=Path, default=HERE, help="folder of the held-out lines (default: the first pass)"
    )
    parser.add_argument("--list", type=Path, help="folder for the lists of wrong readings")
    options = parser.parse_args()
    reader = MeaningReader(options.reader.read_bytes()) if options.reader else load_reader()
    if reader is None:
        raise SystemExit("the shipped reader cannot be loaded; give --reader FILE")
    for name, table in TABLES.items():
        if not (options.lines / f"{name}.jsonl").is_file():
            continue
        wrong = table(reader, options.lines)
        print(f"{name}: {len(wrong)} read wrongly\n")
        if options.list:
            text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in wrong)
            (options.list / f"{name}.jsonl").write_text(text, encoding="utf-8")
    if (options.lines / "people.jsonl").is_file():
        people(reader, options.lines)
    if (options.lines / "turns.jsonl").is_file():
        requests(reader, options.lines)


if __name__ == "__main__":
    main()
