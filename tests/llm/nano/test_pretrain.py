"""The nano base: its tokenizer, its template, and a training run that can be stopped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.nano.pretrain import NanoShape, PretrainOptions, chatml, pretrain, rate, tokenize_corpus
from llm.tuning.stack import load_base, load_tokenizer
from tests.llm.conftest import rows


def test_the_fast_template_is_the_tokenizers_own(toy: Path) -> None:
    tokenizer = load_tokenizer(toy)
    for row in rows(5, system=True):
        assert chatml(row["messages"]) == tokenizer.apply_chat_template(row["messages"], tokenize=False)


def test_every_text_survives_the_tokenizer(toy: Path) -> None:
    tokenizer = load_tokenizer(toy)

    @given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40))
    def check(text: str) -> None:
        import unicodedata

        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        if not any(mark in text for mark in ("<|im_start|>", "<|im_end|>", "<|endoftext|>")):
            assert tokenizer.decode(ids) == unicodedata.normalize("NFC", text)

    check()


def test_the_rate_rises_then_falls_with_the_time_that_is_used() -> None:
    rates = [rate(i / 100, 0.1, 0.05) for i in range(101)]
    assert max(rates) == pytest.approx(1.0) and rates[-1] == pytest.approx(0.05)
    assert rates[:11] == sorted(rates[:11]) and rates[11:] == sorted(rates[11:], reverse=True)


def test_a_stopped_run_goes_on_and_learns(toy: Path, talk_file: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(toy)
    count = tokenize_corpus([talk_file], [20], tokenizer, tmp_path / "train.bin")
    assert count == len(np.fromfile(tmp_path / "train.bin", np.uint16))
    shape = NanoShape(vocabulary=512, hidden=64, intermediate=128, layers=1, heads=2, positions=512)

    def run(minutes: float) -> list[dict[str, float]]:
        options = PretrainOptions(minutes, block=64, batch=4, micro_batch=2, threads=1, save_every_s=0.5)
        held_out = {"talk": tmp_path / "train.bin"}
        pretrain(tmp_path / "train.bin", held_out, tokenizer, tmp_path / "run", options, shape)
        lines = (tmp_path / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    first = run(0.03)
    second = run(0.06)
    assert second[: len(first)] == first and second[-1]["step"] > first[-1]["step"]
    assert second[-1]["talk"] < first[0]["talk"]
    assert load_base(tmp_path / "run" / "model").config.num_attention_heads == 2
