"""A run of the exam as a log of Inspect (UK AI Security Institute), for the viewer that people of the field use.

The format is the JSON one, version 2, of inspect_ai's published schema (EvalLog); nothing of Inspect is imported.
`inspect view --log-dir FOLDER` opens it. Scores are the exam's own rules, one scorer each; an item whose request failed
carries its outcome as the sample's error and the credit 0, as in the exam's own files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from eval.exam.prompts import Asking, messages
from eval.exam.scoring import RULES
from eval.exam.types import Item, Scored
from llm.files import whole

VERSION = 2
TASK = "counselling_exam"
#: Outcomes of a whole reply; every other one is an error of the request.
WHOLE = {"answered", "none", "unparsed"}


def inspect_log(
    result: Mapping[str, Any], items: Sequence[Item], rows: Sequence[Scored], asking: Asking, ended: datetime
) -> dict[str, Any]:
    """The EvalLog of a run: `result` as in result.json, `items` as they were asked, `rows` in the same order.

    `ended` is a time with a zone. Raises ValueError where items and rows are not the same.
    """
    if [item.item_id for item in items] != [row.item_id for row in rows]:
        raise ValueError(f"the log needs the rows of the same items in order, got {len(items)} and {len(rows)}")
    began = (ended - timedelta(seconds=result["seconds"])).isoformat(timespec="seconds")
    usage = {
        "input_tokens": result["tokens"]["prompt"], "output_tokens": result["tokens"]["completion"],
        "total_tokens": sum(result["tokens"].values()),
    }  # fmt: skip
    return {
        "version": VERSION,
        "status": "success",
        "eval": _spec(result, items, began),
        "plan": {
            "name": "plan",
            "steps": [{"solver": result["mode"], "params": {"prompt": result["prompt"]}}],
            "config": _generation(result),
        },
        "results": _results(result, rows),
        "stats": {
            "started_at": began,
            "completed_at": ended.isoformat(timespec="seconds"),
            "model_usage": {result["model"]: usage},
        },
        "samples": [_sample(result, item, row, asking) for item, row in zip(items, rows, strict=True)],
    }


def write_inspect_log(
    folder: Path, result: Mapping[str, Any], items: Sequence[Item], rows: Sequence[Scored], asking: Asking
) -> Path:
    """Write the log into `folder` under a name that Inspect's viewer lists; the file's path."""
    ended = datetime.now(UTC)
    log = inspect_log(result, items, rows, asking, ended)
    folder.mkdir(parents=True, exist_ok=True)
    stamp = ended.isoformat(timespec="seconds").replace(":", "-")
    path = folder / f"{stamp}_{TASK.replace('_', '-')}_{log['eval']['eval_id']}.json"
    with whole(path) as part:
        part.write_text(json.dumps(_finite(log), ensure_ascii=False, indent=1, allow_nan=False), encoding="utf-8")
    return path


def _spec(result: Mapping[str, Any], items: Sequence[Item], began: str) -> dict[str, Any]:
    told = json.dumps([result["settings"], result["edition"], began], sort_keys=True)
    name = hashlib.sha256(told.encode()).hexdigest()[:22]
    return {
        "eval_id": name, "run_id": name, "created": began, "task": TASK, "task_id": result["edition"],
        "task_args": dict(result["settings"]),
        "dataset": {
            "name": f"edition {result['edition']}", "samples": len(items),
            "sample_ids": [item.item_id for item in items], "shuffled": False,
        },
        "model": result["model"], "model_base_url": result["server"], "model_generate_config": _generation(result),
        "config": {"epochs": 1, "fail_on_error": False},
        "packages": {"beside": result["commit"]},
        "metadata": {"edition": result["edition"], "left_out": result["left_out"], "commit": result["commit"]},
        "scorers": [{"name": rule} for rule in RULES],
    }  # fmt: skip


def _generation(result: Mapping[str, Any]) -> dict[str, Any]:
    """Zero tokens in the settings stand for the mode's own number, which the log then leaves to the exam."""
    settings = result["settings"]
    limit = {"max_tokens": settings["max_tokens"]} if settings["max_tokens"] else {}
    return {"temperature": settings["temperature"], "seed": settings["seed"], **limit}


def _results(result: Mapping[str, Any], rows: Sequence[Scored]) -> dict[str, Any]:
    scores = []
    for rule in RULES:
        credit = result["all"]["credits"][rule]
        values = {"mean": credit["value"], "low_95": credit["low"], "high_95": credit["high"]}
        metrics = {name: {"name": name, "value": value} for name, value in values.items()}
        scores.append({"name": rule, "scorer": rule, "scored_samples": len(rows), "metrics": metrics})
    return {
        "total_samples": len(rows),
        "completed_samples": sum(row.outcome in WHOLE for row in rows),
        "scores": scores,
        "metadata": {"cells": result["cells"], "outcomes": result["outcomes"]},
    }


def _sample(result: Mapping[str, Any], item: Item, row: Scored, asking: Asking) -> dict[str, Any]:
    asked = [{"role": message.role, "content": message.content} for message in messages(item, asking)]
    said = {"role": "assistant", "content": row.reply, "source": "generate", "model": result["model"]}
    stop = "max_tokens" if row.outcome == "cut" else "stop" if row.outcome in WHOLE else "unknown"
    answer = row.letters or row.outcome
    scores = {
        rule: {"value": credit, "answer": answer, "explanation": item.analysis or None}
        for rule, credit in row.credits.items()
    }
    failed = {"message": row.outcome, "traceback": "", "traceback_ansi": ""}
    return {
        "id": item.item_id, "epoch": 1, "input": asked, "choices": list(item.options.values()), "target": item.answer,
        "messages": [*asked, said],
        "output": {"model": result["model"], "choices": [{"message": said, "stop_reason": stop}]},
        "scores": scores,
        "metadata": {
            "section": item.section, "level": item.level, "kind": item.kind, "lang": item.lang,
            "outcome": row.outcome, "confidence": row.confidence,
        },
        **({} if row.outcome in WHOLE else {"error": failed}),
    }  # fmt: skip


def _finite(value: Any) -> Any:
    """Without NaN, which is not JSON: a share of no answered items is null."""
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and value != value else value
