"""The weights that ship: what the cards say is what lies there, and the adapter is worth its place."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from data_gen.clean import SOURCES, opening_key, reason_to_drop, split_of, without_tail
from data_gen.types import Dialogue
from llm.bases import bases
from llm.files import sha256_of
from llm.rows import read_rows
from llm.tuning.adapters import check_folder
from llm.tuning.perplexity import by_transformers, encode_all
from llm.tuning.stack import check_model_folder, load_tokenizer
from llm.tuning.training_data import Conversation
from llm.tuning.tuned import CARDS, WEIGHTS
from tests.conftest import ROOT


@pytest.mark.parametrize("name", sorted(CARDS))
def test_card_and_files_agree(name: str) -> None:
    card = CARDS[name]
    assert sha256_of(card.file) == card.sha256
    assert card.quality and card.training_data
    assert "test article" in card.summary or "never for people in need" in card.summary.lower()
    if card.base:
        base = bases().get(card.base)
        assert check_folder(card.folder, base.path if base else CARDS[card.base].folder) > 0
        run = json.loads((card.folder / "run_card.json").read_text(encoding="utf-8"))
        assert run["base"] == card.base and len(run["data"]) >= 2 and run["seed"]
    else:
        check_model_folder(card.folder)
    assert name in (WEIGHTS / "README.md").read_text(encoding="utf-8")


def test_all_weights_together_are_small() -> None:
    assert sum(file.stat().st_size for file in WEIGHTS.rglob("*") if file.is_file()) < 45_000_000


def test_no_path_of_a_machine_is_in_the_folders() -> None:
    for file in WEIGHTS.rglob("*.json"):
        assert str(ROOT.parent) not in file.read_text(encoding="utf-8"), file


def held_out(path: Path, source: str, count: int) -> list[Conversation]:
    """The first cleaned dialogues of the test part."""
    rows = (Dialogue(str(row["id"]), source, "zh", tuple(SOURCES[source].read(row))) for _, row in read_rows(path))
    kept = (d for d in rows if reason_to_drop(d) is None and split_of(opening_key(d)) == "test")
    return [
        [{"role": m.role, "content": m.content} for m in without_tail(d).messages]
        for d in itertools.islice(kept, count)
    ]


def test_the_adapter_is_better_on_dialogues_that_neither_has_seen(data: Path) -> None:
    base = str(CARDS["nano-base"].folder)
    dialogues = held_out(data / "dialogue" / "cpsycound.jsonl.xz", "cpsycound", 12)
    rows = encode_all(dialogues, load_tokenizer(base), 1024)
    plain, tuned = by_transformers(base, None, rows), by_transformers(base, CARDS["nano-counsel"].folder, rows)
    assert plain.tokens == tuned.tokens > 1000
    assert tuned.value < 0.85 * plain.value
