"""The commands of `python -m data_gen` that make, describe, export and check records."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from data_gen.controls import NAMES, levels
from data_gen.decontaminate import CERTIFICATE, decontaminate
from data_gen.dialogues import DialogueOptions, Plan, make_dialogue
from data_gen.export import FORMATS, ExportOptions, export
from data_gen.knowledge import FORMS, ItemPlan, KnowledgeOptions, PassageIndex, make_item
from data_gen.making import make
from data_gen.single_turn import make_single_turn
from data_gen.sources import Counted, SourceOptions, read_materials, write_set_aside
from data_gen.types import Material
from llm.jobs.progress import Counts
from llm.jobs.runner import Ask
from llm.jobs.types import FAULTS, JobOptions

Commands = argparse._SubParsersAction


def add_generation(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the commands to a parser; each sets `run`, called with the options and a console."""
    single = commands.add_parser("single-turn", help="answered questions, cleaned, with their provenance; no model")
    _add_sources(single)
    single.set_defaults(run=_single_turn)
    talks = commands.add_parser("dialogues", help="cases and answered questions -> dialogues in three steps")
    _add_sources(talks)
    _add_server(talks)
    talks.add_argument("--samples", type=int, default=1, metavar="N", help="dialogues from each source")
    talks.add_argument("--turns", type=int, nargs=2, default=(4, 7), metavar=("LEAST", "MOST"), help="exchanges")
    talks.add_argument("--support", type=float, default=0.5, help="least share of supported statements, default 0.5")
    talks.add_argument("--mark", type=int, default=3, help="least mark of the checker, 1 to 5, default 3")
    talks.add_argument("--retries", type=int, default=2, metavar="N", help="new beginnings of a rejected dialogue")
    talks.add_argument("--prompt", action="append", default=[], metavar="STEP=NAME.VERSION", help="another prompt file")
    for name in NAMES:
        talks.add_argument(f"--{name}", choices=sorted(levels()[name]), help="hold this variable to one value")
    talks.set_defaults(run=_dialogues)
    items = commands.add_parser("knowledge-qa", help="documents -> questions with answers that cite them")
    _add_sources(items)
    _add_server(items)
    items.add_argument("--forms", nargs="+", choices=FORMS, default=["open"])
    items.add_argument("--found", type=int, default=3, metavar="N", help="passages that the second student gets")
    items.set_defaults(run=_knowledge)
    card = commands.add_parser("report", help="the data card of a run, as one HTML page")
    card.add_argument("made", type=Path, metavar="RUN")
    card.add_argument("--out", type=Path, metavar="DIR", help="default: the run's folder")
    card.set_defaults(run=_report)
    out = commands.add_parser("export", help="records -> training files, split by source")
    out.add_argument("made", type=Path, nargs="+", metavar="RUN")
    out.add_argument("--out", type=Path, required=True, metavar="DIR")
    out.add_argument("--format", choices=FORMATS, default="openai")
    out.add_argument("--each-turn", action="store_true", help="a row for every reply, with the page's observation")
    out.add_argument("--seed", type=int, default=0, help="of the split")
    out.set_defaults(run=_export)
    check = commands.add_parser("decontaminate", help="take out what a model is examined on; write a certificate")
    check.add_argument("--data", type=Path, nargs="+", required=True, metavar="FILE", help="training rows, .jsonl")
    check.add_argument(
        "--against", type=Path, nargs="+", required=True, metavar="FILE", help="exams, held-out dialogues"
    )
    check.add_argument("--out", type=Path, required=True, metavar="DIR")
    check.set_defaults(run=_decontaminate)


def _add_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--input", type=Path, nargs="+", required=True, metavar="FILE", help="rows or documents")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--licence", required=True, help="of the sources; written into every record")
    parser.add_argument("--lang", choices=("zh", "en"), default="", help="only sources in this language")
    parser.add_argument("--likes", type=int, default=5, help="fewest likes of an answer, default 5")
    parser.add_argument("--level", type=int, default=0, help="lowest level of an answer, default 0")
    parser.add_argument("--shortest", type=int, default=40, metavar="N", help="fewest characters, default 40")
    parser.add_argument("--longest", type=int, default=6000, metavar="N", help="most characters, default 6000")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="only the first N sources that are kept")


def _add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--base-url", required=True, metavar="URL", help="of an OpenAI-compatible server, ending in /v1"
    )
    parser.add_argument("--model", required=True, metavar="NAME")
    parser.add_argument("--judge", default="", metavar="NAME", help="model of evidence and checks, default the same")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-tokens", type=int, default=2400)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--concurrency", type=int, default=64, metavar="N")
    parser.add_argument("--engine", choices=("local", "ray"), default="local", help="ray: on Ray Data, more machines")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="of ray; they share --concurrency")
    parser.add_argument("--time-out", type=float, default=300.0, metavar="S")
    parser.add_argument(
        "--prices", type=float, nargs=2, default=(0.0, 0.0), metavar=("IN", "OUT"), help="of 1e6 tokens"
    )


def _jobs(options: argparse.Namespace) -> JobOptions:
    return JobOptions(
        options.base_url, os.environ.get("BESIDE_LLM_KEY", ""), options.concurrency, options.time_out,
        prices=tuple(options.prices),
    )  # fmt: skip


def _ray_workers(options: argparse.Namespace) -> int:
    return max(1, options.workers) if options.engine == "ray" else 0


def _materials(options: argparse.Namespace, counted: Counted) -> Iterator[Material]:
    chosen = SourceOptions(
        options.licence, options.likes, options.level, options.shortest, options.longest, lang=options.lang
    )
    options.out.mkdir(parents=True, exist_ok=True)
    for number, material in enumerate(read_materials(options.input, chosen, counted), 1):
        yield material
        if number == options.limit:
            return


def _sources_said(options: argparse.Namespace, counted: Counted) -> dict[str, Any]:
    return {"sources": asdict(write_set_aside(counted, options.input, options.out))}


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """What decides the records: not where they lie, nor how fast they are asked for."""
    left_out = {"run", "out", "concurrency", "time_out", "prices", "base_url", "engine", "workers"}
    said = {name: value for name, value in vars(options).items() if name not in left_out}
    return {**said, "input": [path.name for path in options.input]}


def _single_turn(options: argparse.Namespace, console: Console) -> int:
    counted = Counted()
    count = make_single_turn(_materials(options, counted), options.out)
    write_set_aside(counted, options.input, options.out)
    console.print(f"{count} records in {options.out}; {_left_out(counted)}", markup=False)
    return 0


def _dialogues(options: argparse.Namespace, console: Console) -> int:
    counted = Counted()
    fixed = {name: value for name in NAMES if (value := getattr(options, name))}
    versions = {step: name for step, _, name in (pair.partition("=") for pair in options.prompt)}
    chosen = DialogueOptions(
        options.model, options.judge, options.seed, options.samples, tuple(options.turns), options.temperature,
        options.max_tokens, options.support, options.mark, options.retries, versions, fixed,
    )  # fmt: skip

    async def chain(plan: Plan, ask: Ask) -> dict[str, Any]:
        return await make_dialogue(plan, chosen, ask)

    materials = (one for one in _materials(options, counted) if one.kind != "passage")
    plans = (Plan(material, sample) for material in materials for sample in range(options.samples))
    counts = make(
        plans, chain, _jobs(options), options.out, _settings(options), ray_workers=_ray_workers(options),
        finish=lambda: _sources_said(options, counted),
    )  # fmt: skip
    return _said(options, counts, counted, console)


def _knowledge(options: argparse.Namespace, console: Console) -> int:
    counted = Counted()
    passages = [one for one in _materials(options, counted) if one.kind == "passage"]
    if not passages:
        raise ValueError(f"no passage is left of the documents ({_left_out(counted)})")
    index = PassageIndex(passages)
    chosen = KnowledgeOptions(
        options.model, options.judge, options.seed, tuple(options.forms), options.found, options.temperature,
        options.max_tokens,
    )  # fmt: skip

    async def chain(plan: ItemPlan, ask: Ask) -> dict[str, Any]:
        return await make_item(plan, index, chosen, ask)

    plans = [ItemPlan(material, form) for material in passages for form in chosen.forms]
    counts = make(
        plans, chain, _jobs(options), options.out, _settings(options), total=len(plans),
        ray_workers=_ray_workers(options), finish=lambda: _sources_said(options, counted),
    )  # fmt: skip
    return _said(options, counts, counted, console)


def _said(options: argparse.Namespace, counts: Counts, counted: Counted, console: Console) -> int:
    """What a run came to; 1 where a server's fault ended chains, which the same command asks for again."""
    rejected = ", ".join(f"{reason} {count}" for reason, count in sorted(counts.failed.items())) or "none"
    console.print(
        f"{counts.done} records in {options.out}; rejected: {rejected}; {_left_out(counted)}; {counts.asked} requests "
        f"answered now, {counts.kept} before, {counts.seconds:.1f} s", markup=False,
    )  # fmt: skip
    broken = sum(counts.failed[fault] for fault in FAULTS)
    if broken:
        console.print(f"{broken} chains ended on a fault of the server: run the same command again", markup=False)
    return 1 if broken else 0


def _left_out(counted: Counted) -> str:
    why = ", ".join(f"{reason} {count}" for reason, count in sorted(counted.left_out.items())) or "none"
    return f"sources read {counted.read}, kept {counted.kept}, left out: {why}"


def _report(options: argparse.Namespace, console: Console) -> int:
    from data_gen.report import write_card

    console.print(f"{write_card(options.made, options.out or options.made)}", markup=False)
    return 0


def _export(options: argparse.Namespace, console: Console) -> int:
    said = export(options.made, options.out, ExportOptions(options.format, options.each_turn, options.seed))
    counts = ", ".join(f"{split} {sum(rows.values())}" for split, rows in said["rows"].items())
    console.print(f"rows: {counts}; in {options.out}", markup=False)
    return 0


def _decontaminate(options: argparse.Namespace, console: Console) -> int:
    said = decontaminate(options.data, options.against, options.out)
    found = ", ".join(f"{way} {count}" for way, count in said["found"].items())
    console.print(f"removed {said['removed']} rows ({found}); {options.out / CERTIFICATE}", markup=False)
    return 0
