"""What a tuning run is told: FinetuneOptions, and the named recipes that fill it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

NANO_BASE = Path(__file__).resolve().parent.parent / "weights" / "nano-base"
ALL_PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True, slots=True)
class FinetuneOptions:
    """A run is a function of these values, the base and the data.

    `first_layer` is the lowest layer that gets an adapter: the layers below it are computed without a backward pass.
    `block` is the packed row in tokens; one step takes `rows_per_step` rows over all processes. `patience` counts
    validations without a better loss. `dtype` is that of the frozen base, `precision` that of the computation ("no" or
    "bf16"); "auto" takes what the machine does well (llm/precision.py). `share_opening` computes a system prompt that
    several conversations open with once a row. `start_from` is an adapter folder whose weights the run begins with,
    instead of fresh ones.
    """

    base: str
    data: tuple[str, ...]
    out: Path
    valid: tuple[str, ...] = ()
    valid_share: float = 0.05
    licence: str = "not stated"
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.05
    targets: tuple[str, ...] = ALL_PROJECTIONS
    first_layer: int = 0
    dora: bool = False
    rslora: bool = False
    qlora: bool = False
    learning_rate: float = 1e-4
    warmup_steps: int = 20
    weight_decay: float = 0.0
    epochs: float = 3.0
    max_steps: int = 0
    block: int = 2048
    rows_per_step: int = 16
    pack: bool = True
    share_opening: bool = False
    start_from: str = ""
    validate_every: int = 50
    checkpoint_every: int = 50
    patience: int = 3
    gradient_checkpointing: bool = False
    dtype: str = "float32"
    precision: str = "no"
    attention: str = "sdpa"
    seed: int = 42
    note: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        whole = (
            self.rank,
            self.alpha,
            self.block,
            self.rows_per_step,
            self.validate_every,
            self.checkpoint_every,
            self.patience,
        )
        if min(whole) < 1:
            raise ValueError(f"rank, alpha, block, rows, intervals and patience are at least 1, got {self}")
        if self.precision not in {"auto", "no", "bf16"} or self.dtype not in {"auto", "float32", "bfloat16"}:
            raise ValueError(
                f"precision is auto, no or bf16, dtype auto, float32 or bfloat16; got {self.precision}, {self.dtype}"
            )
        if not 0 < self.valid_share < 1 or not 0 <= self.dropout < 1 or self.learning_rate <= 0:
            raise ValueError("valid_share in (0, 1), dropout in [0, 1), learning_rate above 0")


#: What each recipe sets. Schedule, warm-up and seed are the published ones of PsycoLLM, which was a full fine-tune of
#: Qwen1.5-14B-Chat; LoRA and stopping at the best validation loss are this project's choice.
RECIPES: dict[str, dict[str, object]] = {
    "psycollm-14b": {
        "base": "Qwen/Qwen1.5-14B-Chat",
        "rank": 64,
        "alpha": 128,
        "learning_rate": 1e-4,
        "epochs": 3.0,
        "block": 4096,
        "rows_per_step": 32,
        "gradient_checkpointing": True,
        "dtype": "bfloat16",
        "precision": "bf16",
    },
    "psycollm-7b": {
        "base": "Qwen/Qwen2.5-7B-Instruct",
        "rank": 32,
        "alpha": 64,
        "learning_rate": 1e-4,
        "epochs": 3.0,
        "block": 4096,
        "rows_per_step": 32,
        "gradient_checkpointing": True,
        "dtype": "bfloat16",
        "precision": "bf16",
    },
    "psycollm-mini": {
        "rank": 8,
        "alpha": 16,
        "first_layer": 12,
        "learning_rate": 2e-4,
        "warmup_steps": 6,
        "epochs": 2.0,
        "block": 1280,
        "rows_per_step": 2,
        "dropout": 0.0,
        "share_opening": True,
        "dtype": "auto",
        "precision": "auto",
        "validate_every": 20,
        "checkpoint_every": 5,
        "patience": 3,
    },
    "nano": {
        "base": str(NANO_BASE),
        "rank": 16,
        "alpha": 32,
        "learning_rate": 2e-3,
        "epochs": 2.0,
        "block": 1024,
        "rows_per_step": 4,
        "dropout": 0.0,
        "precision": "bf16",
        "validate_every": 40,
        "checkpoint_every": 40,
        "patience": 4,
    },
}
