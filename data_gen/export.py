"""Records -> rows that models are trained on, in four formats, split by source; refused without provenance.

A record is exported only when it says where every part of it is from and that can be checked: sources with hashes and
licence, spans that lie inside the sources' words, model, prompts, sampling, seed, steps and tokens.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from assistant.prompt import SYSTEM_PROMPT, build_prompt, prompt_file
from assistant.types import Risk
from data_gen.clean import split_of
from data_gen.controls import Controls, state_of
from data_gen.types import Split
from llm.files import commit_of, sha256_of, whole
from llm.rows import read_rows
from llm.types import Locale

Format = Literal["openai", "sharegpt", "alpaca", "parquet"]
FORMATS: tuple[Format, ...] = ("openai", "sharegpt", "alpaca", "parquet")
SPLITS: tuple[Split, ...] = ("train", "valid", "test")
#: What a provenance must have, with its type.
REQUIRED: Mapping[str, type | tuple[type, ...]] = {
    "sources": list, "spans": list, "model": str, "judge": str, "prompts": list, "sampling": dict, "seed": int,
    "rejected_attempts": list, "tokens": dict, "steps": list,
}  # fmt: skip
SOURCE_FIELDS = ("id", "sha256", "group", "place", "licence")
LISTED_FAULTS = 20


class NoProvenance(ValueError):
    """Records that do not say where they are from; the message lists them."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """`each_turn`: one row for every reply, its system message with the observation that the page would pass at that
    moment; else one row a dialogue with the page's system message alone."""

    form: Format = "openai"
    each_turn: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.form not in FORMATS:
            raise ValueError(f"no format is called {self.form!r}; choose from {', '.join(FORMATS)}")


def faults_of(record: Mapping[str, Any], sources: Mapping[str, str]) -> list[str]:
    """What is missing or wrong in a record's provenance; `sources` maps an id to the words that spans count in."""
    said = record.get("provenance")
    if not isinstance(said, dict):
        return ["no provenance"]
    faults = [f"no {name}" for name, kind in REQUIRED.items() if not isinstance(said.get(name), kind)]
    if faults:
        return faults
    by_model = said["model"] != "none"
    if not said["sources"] or not said["model"] or not said["judge"]:
        faults.append("names no source, model or judge")
    if by_model and not (said["prompts"] and said["sampling"] and said["steps"] and said["tokens"]):
        faults.append("made by a model, without prompts, sampling, steps or tokens")
    for source in said["sources"]:
        missing = [name for name in SOURCE_FIELDS if not str(source.get(name, "")).strip()]
        if missing:
            faults.append(f"a source without {', '.join(missing)}")
        elif source["id"] not in sources:
            faults.append(f"its source {source['id']} is not in materials.jsonl")
        elif hashlib.sha256(sources[source["id"]].encode()).hexdigest() != source["sha256"]:
            faults.append(f"its source {source['id']} has other words now")
    if len({source.get("group") for source in said["sources"]}) > 1:
        faults.append("sources of several groups: it cannot be split by source")
    known = {source.get("id") for source in said["sources"]}
    for name, start, end in said["spans"]:
        if name not in known or not 0 <= start < end <= len(sources.get(name, "")):
            faults.append(f"a span [{start}, {end}) outside its source {name}")
    return faults


def read_records(run: Path) -> Iterator[dict[str, Any]]:
    """The records of a run's folder. Raises NoProvenance that lists those without a whole provenance,
    FileNotFoundError where there is no run, ValueError for a line that cannot be read."""
    if not (run / "records.jsonl").is_file():
        raise FileNotFoundError(f"{run}: no records.jsonl is there; a run writes it when it ends")
    sources: dict[str, str] = {}
    for line, row in read_rows(run / "materials.jsonl"):
        if isinstance(row, ValueError):
            raise ValueError(f"{run / 'materials.jsonl'}:{line}: {row}")
        sources[row["id"]] = row["text"]
    refused: list[str] = []
    for line, row in read_rows(run / "records.jsonl"):
        if isinstance(row, ValueError):
            raise ValueError(f"{run / 'records.jsonl'}:{line}: {row}")
        if faults := faults_of(row, sources):
            refused.append(f"{run / 'records.jsonl'}:{line}: {'; '.join(faults)}")
            continue
        yield row
    if refused:
        more = [f"... and {len(refused) - LISTED_FAULTS} more"] if len(refused) > LISTED_FAULTS else []
        first = f"{len(refused)} records do not say where they are from; nothing was written:"
        raise NoProvenance("\n".join([first, *refused[:LISTED_FAULTS], *more]))


def export(runs: Sequence[Path], out: Path, options: ExportOptions) -> dict[str, Any]:
    """Write train, valid and test in `options.form`, and export.json; returns what that says. All files are replaced
    together at the end, or none. Raises what `read_records` raises."""
    out.mkdir(parents=True, exist_ok=True)
    suffix = "parquet" if options.form == "parquet" else "jsonl"
    rows: dict[Split, Counter[str]] = {split: Counter() for split in SPLITS}
    groups: dict[str, Split] = {}
    licences: Counter[str] = Counter()
    with ExitStack() as stack:
        parts = {split: stack.enter_context(whole(out / f"{split}.{suffix}")) for split in SPLITS}
        lines = {split: stack.enter_context(part.with_suffix(".lines").open("w+", encoding="utf-8"))
                 for split, part in parts.items()}  # fmt: skip
        for split in SPLITS:
            stack.callback(parts[split].with_suffix(".lines").unlink)
        for record in (one for run in runs for one in read_records(run)):
            source = record["provenance"]["sources"][0]
            split = groups.setdefault(source["group"], split_of(source["group"], options.seed))
            licences.update({one["licence"] for one in record["provenance"]["sources"]})
            for row in rows_of(record, options):
                lines[split].write(json.dumps(row, ensure_ascii=False) + "\n")
                rows[split][record["kind"]] += 1
        for split in SPLITS:
            lines[split].flush()
            _finish(Path(lines[split].name), parts[split], options.form)
        said = {
            "format": options.form, "each_turn": options.each_turn, "seed": options.seed, "commit": commit_of(),
            "rows": {split: dict(count) for split, count in rows.items()},
            "groups": dict(Counter(groups.values())), "licences": dict(licences),
            "files": {f"{split}.{suffix}": sha256_of(parts[split]) for split in SPLITS},
            "runs": {run.name: sha256_of(run / "records.jsonl") for run in runs},
        }  # fmt: skip
        card = stack.enter_context(whole(out / "export.json"))
        card.write_text(json.dumps(said, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return said


def _finish(lines: Path, part: Path, form: Format) -> None:
    if form != "parquet":
        part.write_bytes(lines.read_bytes())
        return
    from datasets import Dataset

    rows = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    # Provenance as text: its shape differs between kinds of record, and Parquet wants one.
    flat = [{**row, "provenance": json.dumps(row["provenance"], ensure_ascii=False)} for row in rows]
    columns = ("id", "messages", "provenance")
    Dataset.from_dict({name: [row[name] for row in flat] for name in columns}).to_parquet(str(part))


def rows_of(record: Mapping[str, Any], options: ExportOptions) -> Iterator[dict[str, Any]]:
    """The rows that one record becomes."""
    shape: Callable[[list[dict[str, str]]], dict[str, Any]] = _SHAPES[options.form]
    said = {name: value for name, value in record["provenance"].items() if name != "steps"}
    said["record_sha256"] = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    for number, messages in enumerate(_talks(record, options.each_turn)):
        name = f"{record['id']}#{number}" if options.each_turn and record["kind"] == "dialogue" else record["id"]
        yield {"id": name, **shape(messages), "provenance": said}


def _talks(record: Mapping[str, Any], each_turn: bool) -> Iterator[list[dict[str, str]]]:
    if record["kind"] != "dialogue":
        yield _exchange(record)
        return
    locale: Locale = "zh" if record["lang"] == "zh" else "en"
    spoken: list[dict[str, str]] = []
    controls, seed = Controls(**record["controls"]), record["provenance"]["seed"]
    for number, turn in enumerate(record["turns"]):
        spoken += [_said("user", turn["client"]), _said("assistant", turn["counsellor"])]
        if each_turn:
            state = state_of(turn["written_state"], controls, seed, number)
            system = build_prompt(turn["client"], state, Risk(), (), locale).messages[0]
            yield [_said("system", system.content), *spoken]
    if not each_turn:
        yield [_said("system", prompt_file(SYSTEM_PROMPT, locale)), *spoken]


def _exchange(record: Mapping[str, Any]) -> list[dict[str, str]]:
    asked, answer = record["question"], record.get("answer", "")
    if "options" in record:
        asked = "\n".join([asked, *(f"{letter}. {text}" for letter, text in record["options"].items())])
        answer = f"{''.join(record['key'])}\n{record['explanation']}".strip()
    return [_said("user", asked), _said("assistant", answer)]


def _said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _sharegpt(messages: list[dict[str, str]]) -> dict[str, Any]:
    names = {"user": "human", "assistant": "gpt"}
    system, spoken = _apart(messages)
    said = [{"from": names[one["role"]], "value": one["content"]} for one in spoken]
    return {"conversations": said, **({"system": system} if system else {})}


def _alpaca(messages: list[dict[str, str]]) -> dict[str, Any]:
    system, spoken = _apart(messages)
    pairs = [[spoken[n]["content"], spoken[n + 1]["content"]] for n in range(0, len(spoken), 2)]
    asked, answer = pairs[-1]
    more = {"history": pairs[:-1]} if len(pairs) > 1 else {}
    return {"instruction": asked, "input": "", "output": answer, **more, **({"system": system} if system else {})}


def _apart(messages: list[dict[str, str]]) -> tuple[str, list[dict[str, str]]]:
    if messages[0]["role"] == "system":
        return messages[0]["content"], messages[1:]
    return "", messages


def _openai(messages: list[dict[str, str]]) -> dict[str, Any]:
    return {"messages": messages}


_SHAPES: Mapping[Format, Callable[[list[dict[str, str]]], dict[str, Any]]] = {
    "openai": _openai, "sharegpt": _sharegpt, "alpaca": _alpaca, "parquet": _openai,
}  # fmt: skip
