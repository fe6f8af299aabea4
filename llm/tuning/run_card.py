"""What is written beside an adapter: the run card (JSON) and the picture of the losses (PNG)."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llm.files import commit_of, sha256_of
from llm.tuning.adapters import base_fingerprint
from llm.tuning.recipes import FinetuneOptions

PACKAGES = ("torch", "transformers", "peft", "accelerate", "tokenizers")


def describe_run(
    options: FinetuneOptions,
    tokenizer: Any,
    counts: Mapping[str, int],
    best_loss: float,
    best_step: int,
    steps: int,
    stopped: bool,
) -> dict[str, Any]:
    """Everything that somebody needs to repeat the run or to judge it."""
    files = [Path(source) for source in (*options.data, *options.valid)]
    return {
        "what": "a LoRA adapter",
        "base": options.base,
        "base_fingerprint": base_fingerprint(options.base),
        "data": {file.name: sha256_of(file) if file.is_file() else "a data set id, not hashed" for file in files},
        "licence": options.licence,
        "counts": dict(counts),
        "seed": options.seed,
        "best_valid_loss": round(best_loss, 6),
        "best_step": best_step,
        "steps": steps,
        "stopped_early": stopped,
        "options": {
            **asdict(options),
            "out": options.out.name,
            "data": [f.name for f in files[: len(options.data)]],
            "valid": [f.name for f in files[len(options.data) :]],
        },
        "chat_template_characters": len(tokenizer.chat_template),
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in PACKAGES},
        },
        "commit": commit_of(),
    }


def plot_losses(history: Sequence[Mapping[str, float]], path: Path, best_step: int) -> None:
    """Training and validation loss over steps, the kept step marked."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot([h["step"] for h in history], [h["train_loss"] for h in history], lw=0.8, alpha=0.6, label="training")
    seen = [h for h in history if "valid_loss" in h]
    axes.plot([h["step"] for h in seen], [h["valid_loss"] for h in seen], "o-", ms=3, label="validation")
    axes.axvline(best_step, ls=":", color="grey", label=f"kept: step {best_step}")
    axes.set(xlabel="step", ylabel="loss, nats per target token")
    axes.legend()
    figure.savefig(path, dpi=110)
