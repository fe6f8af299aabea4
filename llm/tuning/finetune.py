"""LoRA tuning: peft for the adapter, accelerate for the machine, and one loop that a person can read.

The loop keeps three promises. A run that is killed and resumed ends with the same weights as one that was not: order
and dropout are functions of (seed, step, process), and a checkpoint is written by rename. The adapter that is kept is
the one with the best validation loss, not the last. Every target token weighs the same, however rows, steps and
processes cut them.
"""

from __future__ import annotations

import json
import logging
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llm.precision import on_this_machine
from llm.tuning.adapters import check_adapter
from llm.tuning.recipes import FinetuneOptions
from llm.tuning.run_card import describe_run, plot_losses
from llm.tuning.run_settings import record_run, same_run
from llm.tuning.shared_opening import pack_shared
from llm.tuning.stack import load_base, load_tokenizer
from llm.tuning.training_data import (
    IGNORED,
    Encoded,
    Packed,
    check_template,
    encode_within,
    joined,
    pack,
    read_conversations,
)
from llm.tuning.training_loop import make_optimizer, restore, run_loop, total_steps

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FinetuneResult:
    adapter: Path
    best_loss: float
    best_step: int
    steps: int
    stopped_early: bool


def finetune(options: FinetuneOptions) -> FinetuneResult:
    """Tune and write `out/adapter`, `run_card.json`, `loss.png`, `log.jsonl`. Resumes from `out/checkpoint.pt`.

    Raises MalformedData for bad rows, ModelProblem for a base that cannot be used, and OtherRun where `out` holds a run
    of other settings, all before anything is written.
    """
    options = with_precision(options)
    same_run(options)
    accelerator = _accelerator(options)
    tokenizer = load_tokenizer(options.base)
    train, valid, counts = prepare_data(options, tokenizer)
    model = build(options)
    optimizer = make_optimizer(model, options)
    model, optimizer = accelerator.prepare(model, optimizer)
    accelerator.wait_for_everyone()  # all have looked into `out` before one writes there
    if accelerator.is_main_process:
        record_run(options)
    progress = restore(options.out / "checkpoint.pt", model, optimizer)
    steps = total_steps(len(train), options)
    stopped = run_loop(accelerator, model, optimizer, train, valid, options, progress, steps)
    if accelerator.is_main_process:
        card = describe_run(options, tokenizer, counts, progress.best_loss, progress.best_step, progress.step, stopped)
        (options.out / "run_card.json").write_text(
            json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        plot_losses(progress.history, options.out / "loss.png", progress.best_step)
    accelerator.wait_for_everyone()
    return FinetuneResult(options.out / "adapter", progress.best_loss, progress.best_step, progress.step, stopped)


def with_precision(options: FinetuneOptions) -> FinetuneOptions:
    """`options` with "auto" replaced by what this machine computes fast; what was chosen is logged."""
    if "auto" not in (options.dtype, options.precision):
        return options
    found = on_this_machine()
    logger.warning("%s", found.why)
    dtype = found.dtype if options.dtype == "auto" else options.dtype
    precision = ("bf16" if found.bfloat16 else "no") if options.precision == "auto" else options.precision
    return replace(options, dtype=dtype, precision=precision)


def _accelerator(options: FinetuneOptions) -> Any:
    import torch
    from accelerate import Accelerator

    if options.qlora:
        _demand_qlora()
    return Accelerator(mixed_precision=options.precision, cpu=not torch.cuda.is_available())


def _demand_qlora() -> None:
    import importlib.util

    import torch

    if not torch.cuda.is_available() or importlib.util.find_spec("bitsandbytes") is None:
        raise ValueError(
            "QLoRA needs a CUDA GPU and the package bitsandbytes. Next step: leave out --qlora, or install them"
        )


def prepare_data(options: FinetuneOptions, tokenizer: Any) -> tuple[list[Packed], list[Packed], dict[str, int]]:
    """Packed rows for training and validation, and counts for the run card."""
    conversations = read_conversations(options.data)
    held_out = read_conversations(options.valid) if options.valid else []
    check_template([*conversations, *held_out], tokenizer)
    if not held_out:
        random.Random(options.seed).shuffle(conversations)
        cut = max(1, round(len(conversations) * options.valid_share))
        held_out, conversations = conversations[:cut], conversations[cut:]
    parts, counts = [], {"train_conversations": len(conversations), "valid_conversations": len(held_out)}
    for name, rows in (("train", conversations), ("valid", held_out)):
        encoded = [encode_within(row, tokenizer, options.block) for row in rows]
        fitting: list[Encoded] = [row for row in encoded if row is not None]
        if not fitting:
            raise ValueError(f"no conversation of {name} fits into {options.block} tokens. Next step: a larger --block")
        counts[f"{name}_too_long"] = len(rows) - len(fitting)
        counts[f"{name}_tokens"] = sum(len(row.ids) for row in fitting)
        counts[f"{name}_target_tokens"] = sum(label != IGNORED for row in fitting for label in row.labels)
        parts.append(_packed(fitting, options))
        counts[f"{name}_rows"] = len(parts[-1])
    return parts[0], parts[1], counts


def _packed(rows: list[Encoded], options: FinetuneOptions) -> list[Packed]:
    if not options.pack:
        return [joined([row]) for row in rows]
    return pack_shared(rows, options.block) if options.share_opening else pack(rows, options.block)


def build(options: FinetuneOptions) -> Any:
    """The base, frozen, with an adapter in it: a fresh seeded one, or that of `start_from`."""
    import torch
    from peft import LoraConfig, PeftModel, get_peft_model, prepare_model_for_kbit_training

    extra: dict[str, Any] = {"attn_implementation": options.attention}
    if options.qlora:
        from transformers import BitsAndBytesConfig

        extra["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
    base = load_base(options.base, options.dtype, **extra)
    if options.qlora:
        base = prepare_model_for_kbit_training(base, use_gradient_checkpointing=options.gradient_checkpointing)
    elif options.gradient_checkpointing:
        base.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        base.enable_input_require_grads()
    base.config.use_cache = False
    torch.manual_seed(options.seed)
    if options.start_from:
        check_adapter(Path(options.start_from), options.base)
        return PeftModel.from_pretrained(base, options.start_from, is_trainable=True).train()
    config = LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha,
        lora_dropout=options.dropout,
        target_modules=list(options.targets),
        layers_to_transform=list(range(options.first_layer, base.config.num_hidden_layers))
        if options.first_layer
        else None,
        use_dora=options.dora,
        use_rslora=options.rslora,
        task_type="CAUSAL_LM",
        base_model_name_or_path=str(options.base),
    )
    return get_peft_model(base, config).train()
