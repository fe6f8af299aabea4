"""Adapter into base: one model folder that any server loads, without an adapter's cost or its traps."""

from __future__ import annotations

from pathlib import Path

from llm.tuning.adapters import base_fingerprint, check_adapter, content_name, write_folder
from llm.tuning.stack import load_base, load_tokenizer


def merge(base: str, adapter: Path, out: Path, dtype: str = "bfloat16") -> None:
    """Write base + adapter to `out` as safetensors of `dtype`, whole or not at all.

    The sum is made in float32 and rounded once. Raises ModelProblem for an adapter that is damaged or made for another
    base.
    """
    check_adapter(adapter, base)
    tokenizer = load_tokenizer(base)
    import torch
    from peft import PeftModel  # after load_tokenizer, see llm/stack.py

    merged = PeftModel.from_pretrained(load_base(base), str(adapter)).merge_and_unload().to(getattr(torch, dtype))

    def fill(side: Path) -> None:
        merged.save_pretrained(side)
        tokenizer.save_pretrained(side)

    about = {"base": base, "base_fingerprint": base_fingerprint(base), "adapter": content_name(adapter.name, adapter)}
    write_folder(out, fill, about)
