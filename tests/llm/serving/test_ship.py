"""A shipped adapter carries what it must answer, and proves itself against that."""

from __future__ import annotations

import json
from pathlib import Path

from llm.serving.reference import kept
from llm.serving.ship import REFERENCE, ship
from llm.tuning.adapters import check_folder
from llm.tuning.tuned import CARDS
from tests.llm.conftest import make_adapter


def test_a_shipped_adapter_names_its_base_and_what_it_answers(toy: Path, tmp_path: Path) -> None:
    (tmp_path / "toy").mkdir()
    gguf = tmp_path / "toy" / "model.gguf"
    gguf.write_bytes((CARDS["nano-base"].file).read_bytes()[:3_000_000])  # only its fingerprint is taken
    run = tmp_path / "run"
    make_adapter(toy, run / "adapter", seed=1)
    card = {"base": str(toy), "options": {"base": str(toy), "start_from": ""}}
    (run / "run_card.json").write_text(json.dumps(card), encoding="utf-8")
    folder = tmp_path / "mini"
    checksum = ship(run, folder, toy, gguf, "Apache-2.0")
    assert len(checksum) == 64 and not (tmp_path / "mini.tried").exists()
    expected = kept(folder / REFERENCE, {"toy": "", "mini@1": "mini"})
    assert expected.answers["toy"] and expected.answers["toy"] != expected.answers["mini@1"]
    assert check_folder(folder, gguf) > 0 and check_folder(folder, toy) > 0
