"""Answered questions -> single-turn records, without a model: cleaned, and with their provenance."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from data_gen.dialogues import source_record
from data_gen.making import material_record
from data_gen.types import Material
from llm.files import commit_of, whole


def single_turn_record(material: Material) -> dict[str, Any]:
    """The question and its best answer, exactly as the cleaned source has them."""
    answer = material.text.split("\n\n")[0]
    start = material.whole.index(answer, len(material.asked))
    return {
        "id": material.id, "kind": "single_turn", "lang": material.lang, "topic": material.topic,
        "question": material.asked, "answer": answer,
        "provenance": {
            "sources": [source_record(material)], "spans": [[material.id, start, start + len(answer)]],
            "model": "none", "judge": "none", "prompts": [], "sampling": {}, "seed": 0, "rejected_attempts": [],
            "tokens": {}, "steps": [],
        },
    }  # fmt: skip


def make_single_turn(materials: Iterable[Material], out: Path) -> int:
    """Write records.jsonl, materials.jsonl and run.json; returns how many records. Cases and passages, which hold no
    answer, are passed over."""
    count = 0
    out.mkdir(parents=True, exist_ok=True)
    with whole(out / "records.jsonl") as records, whole(out / "materials.jsonl") as sources:
        with records.open("w", encoding="utf-8") as first, sources.open("w", encoding="utf-8") as second:
            for material in materials:
                if material.kind == "qa":
                    first.write(json.dumps(single_turn_record(material), ensure_ascii=False) + "\n")
                    second.write(json.dumps(material_record(material), ensure_ascii=False) + "\n")
                    count += 1
    said = {"settings": {"command": "single-turn"}, "commit": commit_of(), "accepted": count, "rejected": {}}
    with whole(out / "run.json") as part:
        part.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    return count
