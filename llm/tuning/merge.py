"""Adapter into base: one model folder that any server loads, without an adapter's cost or its traps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llm.tuning.adapters import (
    EMBEDDINGS,
    base_fingerprint,
    check_adapter,
    content_name,
    targets_of,
    write_folder,
)
from llm.tuning.stack import load_base, load_tokenizer


def merge(base: str, adapter: Path, out: Path, dtype: str = "bfloat16") -> None:
    """Write base + adapter to `out` as safetensors of `dtype`, whole or not at all.

    The sum is made in float32 and rounded once. Where the adapter changes one of two embeddings that are one matrix in
    the base (tied), the model is written with two. Raises ModelProblem for an adapter that is damaged or made for
    another base.
    """
    check_adapter(adapter, base)
    tokenizer = load_tokenizer(base)
    import torch
    from peft import PeftModel  # after load_tokenizer, see llm/stack.py

    plain = load_base(base)
    if targets_of(adapter) & EMBEDDINGS:
        _untie(plain)
    merged = PeftModel.from_pretrained(plain, str(adapter)).merge_and_unload().to(getattr(torch, dtype))

    def fill(side: Path) -> None:
        merged.save_pretrained(side)
        tokenizer.save_pretrained(side)

    about = {"base": base, "base_fingerprint": base_fingerprint(base), "adapter": content_name(adapter.name, adapter)}
    write_folder(out, fill, about)


def _untie(model: Any) -> None:
    """Give the output its own copy of the input's embedding matrix."""
    import torch

    output = model.get_output_embeddings()
    if output.weight is model.get_input_embeddings().weight:
        output.weight = torch.nn.Parameter(output.weight.detach().clone())
        model.config.tie_word_embeddings = False
