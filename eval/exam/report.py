"""Runs for people: a summary for the terminal, and a leaderboard as one static page with plots."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.exam.compare import load
from eval.exam.scoring import CELLS
from llm.files import whole

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}table{border-collapse:"
    "collapse}td,th{padding:.3rem .6rem;border-bottom:1px solid #ccc;text-align:right}td:first-child,th:first-child"
    "{text-align:left}@media(prefers-color-scheme:dark){body{background:#111;color:#eee}}"
)


def summary_text(folder: Path) -> str:
    """A run in a few lines."""
    result, _ = load(folder)
    lines = [
        f"edition {result['edition']}: {result['items']} items asked, {result['left_out']} left out; {result['mode']}, "
        f"prompt {result['prompt']}; {result['seconds']:.1f} s"
    ]
    for name, cell in {**result["cells"], "all": result["all"]}.items():
        strict, elastic = cell["credits"]["strict"], cell["credits"]["elastic"]
        lines.append(
            f"  {name:<18} {cell['items']:>5} items  strict {_percent(strict)}  elastic {100 * elastic['value']:.2f}  "
            f"of answered {100 * cell['answered']:.2f}"
        )
    if result["average_of_six"]["strict"] is not None:
        average = result["average_of_six"]
        means = ", ".join(f"{rule} {100 * average[rule]:.2f}" for rule in ("strict", "elastic"))
        lines.append(f"  mean of six cells: {means}")
    if result["calibration_error"] is not None:
        lines.append(f"  calibration error {result['calibration_error']:.3f}")
    outcomes = ", ".join(f"{name} {count}" for name, count in sorted(result["outcomes"].items()))
    return "\n".join([*lines, f"  outcomes: {outcomes}"])


def _percent(interval: dict[str, float]) -> str:
    return f"{100 * interval['value']:.2f} [{100 * interval['low']:.2f}, {100 * interval['high']:.2f}]"


def write_leaderboard(runs: Sequence[Path], out: Path) -> Path:
    """index.html, and one page of items for each run. Raises ValueError for a folder without a finished run."""
    loaded = [(folder, *load(folder)) for folder in runs]
    loaded.sort(key=lambda run: -run[1]["all"]["credits"]["strict"]["value"])
    out.mkdir(parents=True, exist_ok=True)
    head = ["run", "model", "prompt", "edition", *("/".join(cell) for cell in CELLS), "all", "six", "unreadable"]
    rows = []
    for number, (folder, result, items) in enumerate(loaded):
        page = f"items-{number}.html"
        _write(out / page, folder.name, _items_table(items.values()))
        rows.append([f'<a href="{page}">{html.escape(folder.name)}</a>', *_cells(result)])
    said = "<h1>Counselling exam</h1><p>Strict credit in percent over all items, 95 % interval.</p>"
    body = said + _table(head, rows)
    _write(out / "index.html", "Counselling exam", body + _plot([(f.name, r) for f, r, _ in loaded]))
    return out / "index.html"


def _cells(result: dict[str, Any]) -> list[str]:
    cells = result["cells"]
    shown = [_percent(cells["/".join(name)]["credits"]["strict"]) if "/".join(name) in cells else "" for name in CELLS]
    six = result["average_of_six"]["strict"]
    unread = sum(count for name, count in result["outcomes"].items() if name not in {"answered", "none"})
    named = [html.escape(str(result[key])) for key in ("model", "prompt", "edition")]
    mean = f"{100 * six:.2f}" if six is not None else ""
    return [*named, *shown, _percent(result["all"]["credits"]["strict"]), mean, str(unread)]


def _items_table(items: Any) -> str:
    rows = []
    for row in items:
        name, reply = html.escape(row.item_id), html.escape(row.reply[:400])
        rows.append([name, row.outcome, row.letters, f"{row.credits['strict']:.0f}", reply])
    return _table(["item", "outcome", "letters", "strict", "reply"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = "".join(f"<th>{name}</th>" for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{body}</table>"


def _plot(runs: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """Bars with their intervals, as a picture inside the page."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.5 * len(runs) + 1.2))
    axes = figure.subplots()
    for place, (name, result) in enumerate(reversed(runs)):
        strict = result["all"]["credits"]["strict"]
        value = 100 * strict["value"]
        ends = [[value - 100 * strict["low"]], [100 * strict["high"] - value]]
        axes.barh(place, value, xerr=ends, color="#4b7f9b")
        axes.text(1, place, name, va="center", color="white")
    axes.set_yticks([])
    axes.set_xlim(0, 100)
    axes.set_xlabel("strict credit, percent of all items")
    figure.tight_layout()
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    data = base64.b64encode(picture.getvalue()).decode()
    return f'<p><img alt="strict credit by run" src="data:image/png;base64,{data}"></p>'


def _write(path: Path, title: str, body: str) -> None:
    page = f'<!doctype html><meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style>{body}'
    with whole(path) as part:
        part.write_text(page, encoding="utf-8")
