"""The data card of a run: one HTML page with its counts and plots, readable without a network."""

from __future__ import annotations

import base64
import html
import io
import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data_gen.export import read_records
from data_gen.sources import grams
from llm.files import whole
from llm.rows import read_rows

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}table{border-collapse:"
    "collapse}td,th{padding:.3rem .6rem;border-bottom:1px solid #ccc;text-align:right;vertical-align:top}"
    "td:first-child,th:first-child{text-align:left}mark{background:#cfe8cf}img{max-width:100%}@media(prefers-color-scheme:dark){body"
    "{background:#111;color:#eee}mark{background:#264d26;color:#eee}}"
)
#: Dialogues shown in full, and pairs of records whose likeness is measured.
SHOWN, PAIRS = 3, 2000
#: In the order in which chains ask them.
STEPS = (
    "generate", "evidence", "refine", "evidence_again", "check", "question", "closed_book", "open_book", "teacher",
)  # fmt: skip


def measure(run: Path) -> dict[str, Any]:
    """Everything that the card shows, as numbers. Raises what `read_records` raises."""
    records = list(read_records(run))
    said = json.loads((run / "run.json").read_text(encoding="utf-8"))
    rejected = [row for _, row in read_rows(run / "rejected.jsonl")] if (run / "rejected.jsonl").exists() else []
    dialogues = [record for record in records if record["kind"] == "dialogue"]
    tokens: Counter[str] = Counter()
    for row in [*records, *rejected]:
        for step, count in row.get("provenance", {}).get("tokens", {}).items():
            tokens[step] += count["prompt"] + count["completion"]
    texts = [_text(record) for record in records]
    return {
        "records": len(records), "kinds": dict(Counter(record["kind"] for record in records)),
        "languages": dict(Counter(record["lang"] for record in records)),
        "topics": dict(Counter(record["topic"] or "(none)" for record in records).most_common(15)),
        "rejected": said["rejected"], "rejected_attempts": said.get("rejected_attempts", {}),
        "first_try": sum(not record["provenance"]["rejected_attempts"] for record in records),
        "turns": dict(sorted(Counter(len(record["turns"]) for record in dialogues).items())),
        "controls": {name: dict(Counter(str(record["controls"][name]) for record in dialogues))
                     for name in (dialogues[0]["controls"] if dialogues else ())},
        "support_draft": [record["support"]["draft"] for record in dialogues],
        "support_final": [record["support"]["final"] for record in dialogues],
        "evidence": _evidence(dialogues), "acceptance": _acceptance(records, rejected, said),
        "tokens": dict(tokens), "characters": sum(map(len, texts)), "diversity": diversity(texts),
        "licences": dict(Counter(s["licence"] for record in records for s in record["provenance"]["sources"])),
        "models": sorted({record["provenance"]["model"] for record in records}),
        "prompts": sorted({name for record in records for name in record["provenance"]["prompts"]}),
        "cost_of_last_run": said.get("cost_of_this_run", 0.0), "commit": said["commit"],
    }  # fmt: skip


def _text(record: Mapping[str, Any]) -> str:
    if record["kind"] == "dialogue":
        return "\n".join(turn["counsellor"] for turn in record["turns"])
    return str(record.get("answer") or record["question"])


def _evidence(dialogues: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Counsellor sentences of the accepted dialogues by what was found for them."""
    found: Counter[str] = Counter()
    for one in (e for record in dialogues for turn in record["turns"] for e in turn["evidence"]):
        if one["end"] > one["start"]:
            found["supported"] += 1
        elif one["claimed"]:
            found["quotation not in the source"] += 1
        else:
            found["asserts, no source" if one["asserts"] else "asserts nothing"] += 1
    return dict(found)


def _acceptance(
    records: Sequence[Mapping[str, Any]], rejected: Sequence[Mapping[str, Any]], said: Mapping[str, Any]
) -> dict[str, int]:
    """Attempts that reached each step, accepted and rejected ones; those set aside as crisis stand only in run.json."""
    reached: Counter[str] = Counter()
    for row in [*records, *rejected]:
        steps = row.get("provenance", {}).get("steps", ())
        reached.update(step for _, step in {(step["attempt"], step["step"]) for step in steps})
    return {**{step: reached[step] for step in STEPS if reached[step]}, "accepted": int(said["accepted"])}


def diversity(texts: Sequence[str]) -> dict[str, float]:
    """distinct-2 (different character bigrams per bigram, in (0, 1]) and the mean Jaccard likeness
    of the 5-grams of pairs drawn by a fixed seed (0: nothing in common)."""
    bigrams = Counter(text[n : n + 2] for text in texts for n in range(len(text) - 1))
    chance = random.Random(0)
    sets = [grams(text) for text in texts]
    drawn = [chance.sample(range(len(sets)), 2) for _ in range(PAIRS)] if len(sets) > 1 else []
    likeness = [len(sets[a] & sets[b]) / len(sets[a] | sets[b]) for a, b in drawn]
    total = bigrams.total()
    return {
        "distinct_2": round(len(bigrams) / total, 4) if total else 0.0,
        "likeness_of_pairs": round(sum(likeness) / len(likeness), 4) if likeness else 0.0,
    }


def write_card(run: Path, out: Path) -> Path:
    """Write `out`/data_card.html and data_card.json. Raises what `read_records` raises."""
    found = measure(run)
    out.mkdir(parents=True, exist_ok=True)
    with whole(out / "data_card.json") as part:
        part.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    shown = [record for record in read_records(run) if record["kind"] == "dialogue"][:SHOWN]
    tables = ("kinds", "languages", "topics", "rejected", "rejected_attempts", "evidence", "diversity", "licences")
    body = "".join(f"<h2>{html.escape(name.replace('_', ' '))}</h2>{_table(found[name])}" for name in tables)
    controls = "".join(f"<h3>{html.escape(name)}</h3>{_table(count)}" for name, count in found["controls"].items())
    head = (
        f"<h1>Data card</h1><p>{found['records']} records, {found['first_try']} accepted at the first attempt; "
        f"{found['characters']:,} characters; model {html.escape(', '.join(found['models']))}; prompts "
        f"{html.escape(', '.join(found['prompts']) or 'none')}; commit {html.escape(found['commit'])}; cost of the "
        f"last run {found['cost_of_last_run']:.2f}.</p>"
    )
    examples = "".join(map(_example, shown))
    page = (
        f'<!doctype html><meta charset="utf-8"><title>Data card</title><style>{STYLE}</style>{head}{_plots(found)}'
        f"{body}<h2>controlled variables</h2>{controls}<h2>examples</h2>{examples}"
    )
    with whole(out / "data_card.html") as part:
        part.write_text(page, encoding="utf-8")
    return out / "data_card.html"


def _table(counts: Mapping[str, Any]) -> str:
    rows = "".join(f"<tr><td>{html.escape(str(name))}</td><td>{value}</td></tr>" for name, value in counts.items())
    return f"<table>{rows}</table>" if rows else "<p>none</p>"


def _example(record: Mapping[str, Any]) -> str:
    """A dialogue; counsellor sentences with a source are marked, and the source's words stand in their title."""
    lines = []
    for turn in record["turns"]:
        reply = "".join(
            f'<mark title="characters {e["start"]} to {e["end"]} of the source">{html.escape(e["sentence"])}</mark> '
            if e["end"] > e["start"] else f"{html.escape(e['sentence'])} "
            for e in turn["evidence"]
        )  # fmt: skip
        seen = f"<br><small>{html.escape(turn['observation'])}</small>" if turn["observation"] else ""
        lines.append(f"<p>{html.escape(turn['client'])}{seen}<br>— {reply}</p>")
    return f"<h3>{html.escape(record['id'])}</h3>{''.join(lines)}"


def _plots(found: Mapping[str, Any]) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7))
    axes = figure.subplots(2, 3).flat
    bars = (("turns", "exchanges"), ("evidence", "sentences"), ("acceptance", "attempts that reached a step"),
            ("rejected_attempts", "rejected attempts"), ("tokens", "tokens by step"))  # fmt: skip
    for axis, (name, title) in zip(axes, bars, strict=False):
        counts = found[name]
        axis.barh([str(key) for key in counts][::-1], list(counts.values())[::-1], color="#4b7f9b")
        axis.set_title(title, fontsize=10)
        axis.tick_params(labelsize=8)
    last = figure.axes[-1]
    for name, colour in (("support_draft", "#c98b4b"), ("support_final", "#4b7f9b")):
        last.hist(found[name], bins=10, range=(0, 1), alpha=0.6, color=colour, label=name.split("_")[1])
    last.set_title("share of supported statements", fontsize=10)
    last.legend(fontsize=8)
    figure.tight_layout()
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110)
    data = base64.b64encode(picture.getvalue()).decode()
    return f'<p><img alt="counts of the run" src="data:image/png;base64,{data}"></p>'
