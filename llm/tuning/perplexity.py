"""Perplexity of held-out conversations on the assistant's tokens, by transformers and by a server: two ways, one
number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm.tuning.shared_opening import pack_shared
from llm.tuning.stack import load_base, load_tokenizer
from llm.tuning.training_data import IGNORED, Conversation, Encoded, encode_within
from llm.tuning.training_loop import loss_sum

#: Tokens that a row may be longer than the longest conversation, so that some share its system prompt.
ROOM = 512


@dataclass(frozen=True, slots=True)
class Perplexity:
    """exp(mean negative log-likelihood in nats) over `tokens` target tokens of `conversations`."""

    value: float
    tokens: int
    conversations: int


def encode_all(conversations: Sequence[Conversation], tokenizer: Any, limit: int) -> list[Encoded]:
    """Token ids and targets, each conversation cut to the exchanges that fit into `limit` tokens."""
    return [row for c in conversations if (row := encode_within(c, tokenizer, limit)) is not None]


def _result(rows: Sequence[Encoded], total: float) -> Perplexity:
    tokens = sum(label != IGNORED for row in rows for label in row.labels)
    return Perplexity(math.exp(-total / tokens), tokens, len(rows))


def by_transformers(base: str, adapter: Path | None, rows: Sequence[Encoded], dtype: str = "float32") -> Perplexity:
    """Base, or base + adapter, computed by transformers and peft on the CPU."""
    load_tokenizer(base)
    import torch

    model = load_base(base, dtype)
    if adapter is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(adapter)).eval()
    with torch.inference_mode():
        block = max(len(row.ids) for row in rows) + ROOM
        total = -sum(float(loss_sum(model, row, "cpu")) for row in pack_shared(rows, block))
    return _result(rows, total)


def by_server(url: str, model: str, rows: Sequence[Encoded]) -> Perplexity:
    """The same, asked of a running server (`prompt_logprobs`). Raises httpx.HTTPError."""
    import httpx

    total = 0.0
    with httpx.Client(timeout=300, trust_env=False) as client:
        for row in rows:
            body = {"model": model, "prompt": list(row.ids), "max_tokens": 1, "temperature": 0.0, "prompt_logprobs": 0}
            answer = client.post(f"{url}/v1/completions", json=body)
            answer.raise_for_status()
            found = answer.json()["choices"][0]["prompt_logprobs"]
            total += sum(found[i][str(label)]["logprob"] for i, label in enumerate(row.labels) if label != IGNORED)
    return _result(rows, total)
