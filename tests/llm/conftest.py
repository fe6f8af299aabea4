"""A toy model of random weights, its adapters, and self-written conversations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llm.nano.pretrain import NanoShape, build_model, train_tokenizer
from llm.tuning.stack import declare_torchvision_operators, load_base, load_tokenizer

TALK = (
    ("最近总是睡不好。", "听起来你很累，这样有多久了？"),
    ("I worry about my exam.", "What worries you most about it?"),
    ("和朋友吵架了。", "你愿意说说发生了什么吗？"),
    ("Nobody calls me any more.", "That sounds lonely. Who do you miss?"),
    ("工作压力很大，想请假。", "可以先休息一天，再慢慢想。"),
    ("I feel better today.", "I am glad. What helped?"),
)


def rows(count: int = 24, system: bool = False) -> list[dict[str, Any]]:
    found = []
    for number in range(count):
        turns = [TALK[(number + k) % len(TALK)] for k in range(1 + number % 3)]
        messages = [{"role": "system", "content": "Listen first."}] if system else []
        for asked, said in turns:
            messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
        found.append({"messages": messages})
    return found


def write_rows(path: Path, items: list[Any]) -> Path:
    path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def talk_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("talk") / "talk.jsonl", rows())


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory, talk_file: Path) -> Path:
    """A Qwen2 of two layers with heads of size 32, random weights, and its own tokenizer."""
    declare_torchvision_operators()
    folder = tmp_path_factory.mktemp("toy") / "toy-base"
    train_tokenizer([talk_file], folder, vocabulary=400)
    tokenizer = load_tokenizer(folder)
    shape = NanoShape(vocabulary=512, hidden=64, intermediate=128, layers=2, heads=2, kv_heads=1, positions=512)
    build_model(shape, tokenizer, seed=0).save_pretrained(folder)
    return folder


def make_adapter(base: Path, folder: Path, seed: int) -> Path:
    """A random adapter that is not the identity."""
    import torch
    from peft import LoraConfig, get_peft_model

    model = load_base(base)
    torch.manual_seed(seed)
    config = LoraConfig(
        r=8,
        lora_alpha=32,
        target_modules=["q_proj", "v_proj", "up_proj", "down_proj"],
        init_lora_weights=False,
        task_type="CAUSAL_LM",
    )
    get_peft_model(model, config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def toy_adapter(tmp_path_factory: pytest.TempPathFactory, toy: Path) -> Path:
    return make_adapter(toy, tmp_path_factory.mktemp("adapter") / "one", seed=1)
