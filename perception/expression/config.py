"""The settings of a training of an expression network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from perception.expression.preprocess import Preprocessing

IMAGENET = Preprocessing(224, "rgb", False, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def input_of(network: str, side: int) -> Preprocessing:
    """What `network` reads, faces of `side` px: timm's classifiers ImageNet's pictures, `faceres` equalised grey levels
    from 0 to 255 (it takes its means off itself), ours equalised grey of about unit variance."""
    if network.startswith("timm:"):
        return IMAGENET
    return Preprocessing(side, "grey", True, (0.0,), (1 / 255,)) if network == "faceres" else Preprocessing(side)


@dataclass(frozen=True)
class TrainConfig:
    """The settings of a run.

    `data` are specs of faces.load_training, `validation` one of data.read. `sides` are the input sides in px that
    training goes through, until the shares `until` of the epochs: small first, which costs less and teaches low
    resolution. `balance` see faces.epoch_order, `strength` see augment. `start` is a checkpoint or an exported .onnx
    from which fitting tensors are taken (start.py); `freeze_front` keeps the network's `front` as it then is. `teacher`
    are models' names or .onnx files with their cards; their mean soft labels get `teacher_share` of the target: a
    distillation. `front` names a pretrained front (fronts.toml) to start from: its layers stand still for `head_first`
    epochs, and then learn with the rate times `layer_decay` to the power of their depth behind the head; the first
    `still_layers` never learn.
    """

    network: str
    data: tuple[str, ...]
    validation: str
    out: Path
    epochs: int = 24
    batch: int = 128
    lr: float = 0.15
    weight_decay: float = 5e-4
    warmup: float = 0.12
    sides: tuple[int, ...] = (32, 40, 48)
    until: tuple[float, ...] = (0.6, 0.9, 1.0)
    seed: int = 0
    smoothing: float = 0.1
    mixup: float = 0.0
    balance: float = 0.25
    ema: float = 0.998
    clip: float = 5.0
    strength: float = 1.0
    pretrained: bool = False
    start: Path | None = None
    freeze_front: bool = False
    teacher: tuple[str, ...] = ()
    teacher_share: float = 0.8
    optimizer: str = "sgd"
    front: str = ""
    head_first: int = 0
    layer_decay: float = 1.0
    still_layers: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 2:
            raise ValueError(f"at least 1 epoch and a batch of 2, got {self.epochs} and {self.batch}")
        if len(self.sides) != len(self.until) or self.until[-1] < 1 or list(self.until) != sorted(self.until):
            raise ValueError(f"sides {self.sides} need as many rising shares that end at 1, got {self.until}")
        if self.optimizer not in ("sgd", "adamw"):
            raise ValueError(f"the optimizer is sgd or adamw, got {self.optimizer!r}")
        if self.front and self.network != self.front:
            raise ValueError(f"the front {self.front} belongs to --network {self.front}, not to {self.network}")
        if self.still_layers and not self.front:
            raise ValueError(f"still_layers are those of a pretrained front, got {self.still_layers} without one")
        if not 0 < self.layer_decay <= 1 or not 0 <= self.head_first < self.epochs:
            raise ValueError(
                f"layer_decay lies in (0, 1] and head_first below the {self.epochs} epochs, "
                f"got {self.layer_decay} and {self.head_first}"
            )

    @property
    def preprocessing(self) -> Preprocessing:
        return input_of(self.network, self.sides[-1])
