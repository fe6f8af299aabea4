"""The tuning loop: inputs of a packed row, the loss, one step, validation, checkpoints."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.files import whole
from llm.tuning.adapters import base_fingerprint, write_folder
from llm.tuning.recipes import FinetuneOptions
from llm.tuning.training_data import IGNORED, Packed, epoch_order

if TYPE_CHECKING:
    import torch

#: Change of validation loss, in nats per token, that counts as better.
BETTER = 1e-4


@dataclass(slots=True)
class Progress:
    """Where a run stands; saved with every checkpoint. `history` has one entry per step or validation."""

    step: int = 0
    best_loss: float = math.inf
    best_step: int = 0
    bad_validations: int = 0
    history: list[dict[str, float]] = field(default_factory=list)


def make_optimizer(model: Any, options: FinetuneOptions) -> Any:
    import torch

    weights = [p for p in model.parameters() if p.requires_grad]
    return torch.optim.AdamW(
        weights, lr=options.learning_rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=options.weight_decay
    )


def total_steps(rows: int, options: FinetuneOptions) -> int:
    steps = math.ceil(options.epochs * rows / options.rows_per_step)
    return min(steps, options.max_steps) if options.max_steps else steps


def rate_at(step: int, steps: int, options: FinetuneOptions) -> float:
    """Linear warm-up, then a cosine to zero."""
    if step < options.warmup_steps:
        return options.learning_rate * (step + 1) / options.warmup_steps
    done = (step - options.warmup_steps) / max(1, steps - options.warmup_steps)
    return options.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def rows_of_step(count: int, step: int, options: FinetuneOptions) -> list[int]:
    """Which rows a step takes, over all processes: consecutive places in the endless sequence of shuffled epochs."""
    places = range(step * options.rows_per_step, (step + 1) * options.rows_per_step)
    orders = {epoch: epoch_order(count, options.seed, epoch) for epoch in {p // count for p in places}}
    return [orders[p // count][p % count] for p in places]


def model_inputs(row: Packed, device: Any, attention: str = "sdpa") -> dict[str, torch.Tensor]:
    """Tensors of one packed row, batch 1: positions restart with each conversation, and none sees another; an opening
    that the row's conversations share is seen by each of them.

    A varlen attention kernel (flash_attention_2) reads the borders from the positions; others get the block mask,
    (1, 1, T, T), True where a token may look.
    """
    import torch

    length = len(row.ids)
    segment = torch.zeros(length, dtype=torch.long, device=device)
    segment[list(row.starts[1:])] = 1
    segment = segment.cumsum(0)
    starts = torch.tensor(row.starts, device=device)[segment]
    if row.shared:
        starts = torch.where(segment > 0, starts - row.shared, starts)
    inputs = {
        "input_ids": torch.tensor([row.ids], device=device),
        "position_ids": (torch.arange(length, device=device) - starts)[None],
    }
    if attention != "flash_attention_2":
        mask = torch.ones(length, length, dtype=torch.bool, device=device).tril() & (
            (segment[:, None] == segment[None, :]) | (torch.arange(length, device=device) < row.shared)
        )
        if attention == "eager":  # adds its mask to the scores
            mask = torch.zeros(mask.shape, device=device).masked_fill(~mask, torch.finfo(torch.float32).min)
        inputs["attention_mask"] = mask[None, None]
    return inputs


def loss_sum(model: Any, row: Packed, device: Any, attention: str = "sdpa") -> torch.Tensor:
    """Sum of the cross-entropy in nats over the target tokens of one row. Logits are made for those places only."""
    import torch
    from torch.nn.functional import cross_entropy

    labels = torch.tensor(row.labels, device=device)
    places = (labels != IGNORED).nonzero()[:, 0]  # never 0, see _joined
    logits = model(**model_inputs(row, device, attention), logits_to_keep=places - 1, use_cache=False).logits[0]
    return cross_entropy(logits.float(), labels[places], reduction="sum")


def targets_in(rows: Sequence[Packed]) -> int:
    return sum(label != IGNORED for row in rows for label in row.labels)


def train_step(accelerator: Any, model: Any, optimizer: Any, rows: Sequence[Packed], attention: str = "sdpa") -> float:
    """One optimiser step over `rows` (of all processes). Returns the mean loss per target token of this process's
    rows.
    """
    world = accelerator.num_processes
    mine = rows[accelerator.process_index :: world]
    total, loss = targets_in(rows), 0.0
    for place, row in enumerate(mine):
        last = place == len(mine) - 1
        with contextlib.nullcontext() if last else accelerator.no_sync(model):
            with accelerator.autocast():
                part = loss_sum(model, row, accelerator.device, attention)
            # Processes average their gradients, so each part counts `world` times.
            accelerator.backward(part * (world / total))
        loss += float(part.detach())
    accelerator.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss / max(1, targets_in(mine))


def validate(accelerator: Any, model: Any, rows: Sequence[Packed], attention: str) -> float:
    """Mean loss per target token, in nats, over all rows and processes."""
    import torch

    model.eval()
    mine = rows[accelerator.process_index :: accelerator.num_processes]
    total = torch.zeros((), dtype=torch.float64, device=accelerator.device)
    with torch.no_grad(), accelerator.autocast():
        for row in mine:
            total += loss_sum(model, row, accelerator.device, attention).double()
    model.train()
    return float(accelerator.reduce(total, "sum")) / targets_in(rows)


def _weights(model: Any) -> dict[str, Any]:
    """The trainable tensors, whole and on the CPU, whether or not they are sharded over processes."""
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    chosen = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
    state = get_model_state_dict(model, options=chosen)
    return {name: tensor.clone() for name, tensor in state.items() if "lora_" in name}


def save_checkpoint(accelerator: Any, path: Path, model: Any, optimizer: Any, progress: Progress) -> None:
    """By rename: a kill or a full disk while saving leaves the checkpoint before."""
    import torch
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_optimizer_state_dict

    chosen = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
    state = {
        "model": _weights(model),
        "optimizer": get_optimizer_state_dict(model, optimizer, options=chosen),
        "progress": asdict(progress),
    }
    if accelerator.is_main_process:
        with whole(path) as part:
            torch.save(state, part)
        lines = "".join(json.dumps(row) + "\n" for row in progress.history)
        path.with_name("log.jsonl").write_text(lines, encoding="utf-8")
    accelerator.wait_for_everyone()


def restore(path: Path, model: Any, optimizer: Any) -> Progress:
    """The progress of an earlier run with its weights and optimiser put back, or a fresh one."""
    import torch
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict, set_optimizer_state_dict

    if not path.exists():
        return Progress()
    state = torch.load(path, map_location="cpu", weights_only=True)
    options = StateDictOptions(full_state_dict=True, strict=False, ignore_frozen_params=True)
    set_model_state_dict(model, state["model"], options=options)
    set_optimizer_state_dict(model, optimizer, state["optimizer"], options=options)
    return Progress(**state["progress"])


def save_adapter(accelerator: Any, model: Any, options: FinetuneOptions, loss: float, step: int) -> None:
    """Write the adapter folder, whole or not at all, with the loss that earned it its place."""
    weights = _weights(model)
    if accelerator.is_main_process:
        plain = accelerator.unwrap_model(model)
        about = {
            "base": options.base,
            "base_fingerprint": base_fingerprint(options.base),
            "valid_loss": f"{loss:.6f}",
            "step": str(step),
            "licence": options.licence,
        }
        write_folder(options.out / "adapter", lambda side: _fill_adapter(plain, side, weights), about)
    accelerator.wait_for_everyone()


def _fill_adapter(model: Any, side: Path, weights: dict[str, Any]) -> None:
    model.save_pretrained(side, state_dict=weights)
    (side / "README.md").unlink(missing_ok=True)  # an empty form; the run card says what there is to say


def run_loop(
    accelerator: Any,
    model: Any,
    optimizer: Any,
    train: Sequence[Packed],
    valid: Sequence[Packed],
    options: FinetuneOptions,
    progress: Progress,
    steps: int,
) -> bool:
    """Train to `steps` or until `patience` validations brought nothing better. Returns whether it stopped early."""
    import torch
    from tqdm import tqdm

    if options.rows_per_step % accelerator.num_processes:
        raise ValueError(
            f"rows_per_step {options.rows_per_step} must be a multiple of the {accelerator.num_processes} processes"
        )
    bar = tqdm(total=steps, initial=progress.step, unit="step", disable=not accelerator.is_main_process)
    while progress.step < steps and progress.bad_validations < options.patience:
        for group in optimizer.param_groups:
            group["lr"] = rate_at(progress.step, steps, options)
        torch.manual_seed(options.seed * 1_000_003 + progress.step * 1_009 + accelerator.process_index)  # dropout
        rows = [train[i] for i in rows_of_step(len(train), progress.step, options)]
        loss = train_step(accelerator, model, optimizer, rows, options.attention)
        progress.step += 1
        entry = {"step": progress.step, "train_loss": loss}
        if progress.step % options.validate_every == 0 or progress.step == steps:
            entry["valid_loss"] = validate(accelerator, model, valid, options.attention)
            _judge(accelerator, model, options, progress, entry["valid_loss"])
        progress.history.append(entry)
        bar.update()
        bar.set_postfix({name: f"{value:.4f}" for name, value in entry.items() if name != "step"})
        if progress.step % options.checkpoint_every == 0 or progress.step == steps:
            save_checkpoint(accelerator, options.out / "checkpoint.pt", model, optimizer, progress)
    bar.close()
    return progress.step < steps


def _judge(accelerator: Any, model: Any, options: FinetuneOptions, progress: Progress, loss: float) -> None:
    """Keep the adapter if it is the best so far, else count towards stopping."""
    if loss < progress.best_loss - BETTER:
        progress.best_loss, progress.best_step, progress.bad_validations = loss, progress.step, 0
        save_adapter(accelerator, model, options, loss, progress.step)
    else:
        progress.bad_validations += 1
