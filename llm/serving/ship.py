"""A finished run -> a folder in llm/weights/ that the gate can prove anywhere: the adapter, and what it must answer."""

from __future__ import annotations

from pathlib import Path

from llm.files import sha256_of
from llm.serving.reference import (
    KEPT_CONVERSATIONS,
    KEPT_TOKENS,
    Reference,
    conversations,
    keep,
    reference,
    stop_ids_of,
)
from llm.tuning.adapters import WEIGHTS
from llm.tuning.install import install_adapter
from llm.tuning.stack import load_base, load_tokenizer

REFERENCE = "reference.json"
#: Context in tokens that the reference's longest conversation may fill.
LIMIT = 512


def ship(run: Path, folder: Path, base: Path, gguf: Path, licence: str) -> str:
    """Install the adapter of `run` and what base and adapter must answer, in float32. Returns the weights' SHA-256.

    `base` is the folder that `gguf` was dequantised into. The base is named as in `python -m llm models`: by the folder
    that holds `gguf`. Raises ModelProblem and FileNotFoundError.
    """
    name = gguf.parent.name
    side = folder.with_name(folder.name + ".tried")
    install_adapter(run, side, base, licence, name, gguf)  # first in bfloat16, as it will be served
    try:
        expected = _reference(base, name, side, folder.name)
    finally:
        for file in side.iterdir():
            file.unlink()
        side.rmdir()
    install_adapter(run, folder, base, licence, name, gguf, lambda part: keep(expected, name, part / REFERENCE))
    return sha256_of(folder / WEIGHTS)


def _reference(base: Path, base_name: str, adapter: Path, name: str) -> Reference:
    tokenizer = load_tokenizer(base)
    from peft import PeftModel  # after load_tokenizer, see llm/tuning/stack.py

    asked = tuple(conversations(tokenizer, LIMIT - KEPT_TOKENS))[:KEPT_CONVERSATIONS]
    model = load_base(base)
    stops = stop_ids_of(model, tokenizer)
    answers = {base_name: tuple(reference(model, tokenizer, messages, KEPT_TOKENS, stops) for messages in asked)}
    tuned = PeftModel.from_pretrained(model, str(adapter)).eval()
    answers[name] = tuple(reference(tuned, tokenizer, messages, KEPT_TOKENS, stops) for messages in asked)
    return Reference(asked, answers, tuple(stops))
