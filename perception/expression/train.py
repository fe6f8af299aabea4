"""The training loop of every network here. Resumable to the same weights as an uninterrupted run: after each epoch, and
within one where it takes long."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from perception.expression.augment import augment
from perception.expression.config import TrainConfig
from perception.expression.data import read
from perception.expression.distill import taught_faces
from perception.expression.faceres import pretrained
from perception.expression.faces import Faces, epoch_order, in_memory, load_training
from perception.expression.networks import LocalAttentionNet, network_of
from perception.expression.preprocess import Preprocessing
from perception.expression.start import take_over
from perception.files import commit_of, whole
from perception.precision import training_precision


def scaled(images: Tensor, how: Preprocessing) -> Tensor:
    """(N, C, H, W) in [0, 1] -> the network's input, as preprocess.to_input scales it."""
    mean, std = (torch.tensor(v).view(1, -1, 1, 1) for v in (how.mean, how.std))
    return ((images - mean) / std).contiguous(memory_format=torch.channels_last)


def as_batch(images: npt.NDArray[np.uint8]) -> Tensor:
    """(N, H, W) or (N, H, W, 3) uint8 -> (N, C, H, W) float in [0, 1]."""
    tensor = torch.from_numpy(np.ascontiguousarray(images))
    tensor = tensor[:, None] if tensor.ndim == 3 else tensor.permute(0, 3, 1, 2)
    return tensor.float() / 255


def predict(network: nn.Module, faces: Faces, how: Preprocessing, flip: bool = True) -> npt.NDArray[np.float32]:
    """Probabilities (N, classes) of the mean over the face and its mirror image, in full precision."""
    network.eval()
    parts = []
    with torch.no_grad():
        for start in range(0, len(faces), 256):
            x = scaled(as_batch(faces.images[start : start + 256]), how)
            views = (x, x.flip(3)) if flip else (x,)
            parts.append(torch.stack([network(view)[0].float().softmax(1) for view in views]).mean(0))
    return np.asarray(torch.cat(parts).numpy())


def loss_of(network: nn.Module, plain: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy with soft targets. `plain` is the network without its wrapper for several processes."""
    if isinstance(plain, LocalAttentionNet):
        local, whole = (F.cross_entropy(logits.float(), target) for logits in network(x, branches=True))
        return plain.LOCAL_SHARE * local + (1 - plain.LOCAL_SHARE) * whole
    return F.cross_entropy(network(x)[0].float(), target)


def learning_rate(config: TrainConfig, place: float) -> float:
    """At `place`, in epochs: lr while only the head learns, then a linear warm-up to it, then linearly to zero."""
    if place < config.head_first:
        return config.lr
    progress = (place - config.head_first) / (config.epochs - config.head_first)
    if progress < config.warmup:
        return config.lr * max(progress / config.warmup, 1e-3)
    return config.lr * max(1 - progress, 0.0) / (1 - config.warmup)


def mixed(x: Tensor, target: Tensor, alpha: float, g: torch.Generator) -> tuple[Tensor, Tensor]:
    """Mixup (arXiv 1710.09412) with Beta(alpha, alpha)."""
    share = float(np.random.default_rng(int(torch.randint(2**31, (), generator=g))).beta(alpha, alpha))
    order = torch.randperm(len(x), generator=g)
    return share * x + (1 - share) * x[order], share * target + (1 - share) * target[order]


#: Within an epoch, one process writes the checkpoint this often (seconds): on a busy machine an epoch takes an hour.
SAVE_EVERY_S = 120.0
#: What the new head of a pretrained front gets of the learning rate: it has everything to learn.
HEAD_SHARE = 4.0


def parameter_groups(network: nn.Module, config: TrainConfig) -> list[dict[str, Any]]:
    """A group for each tensor that learns; `share` is what it gets of the learning rate. Biases and scales do not
    decay.

    In a pretrained front a tensor's share is layer_decay to the power of its depth behind the head.
    """
    groups = []
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        share = 1.0
        if config.front:
            share = config.layer_decay ** network.depth_of(name) if name.startswith("front.") else HEAD_SHARE
        decay = config.weight_decay if parameter.ndim > 1 else 0.0
        groups.append({"params": [parameter], "weight_decay": decay, "share": share})
    return groups


class Trainer:
    """One run: its network, average, optimizer and place in the schedule."""

    def __init__(self, config: TrainConfig, train: Faces, validation: Faces) -> None:
        from accelerate import Accelerator

        self.config, self.train_faces, self.validation = config, train, validation
        self.how = config.preprocessing
        cuda = torch.cuda.is_available()
        self.accelerator: Any = Accelerator(cpu=not cuda, mixed_precision=training_precision(cuda))
        torch.manual_seed(config.seed)
        self.plain = network_of(config.network, config.pretrained).to(memory_format=torch.channels_last)
        if config.start:
            take_over(self.plain, config.start, scaled(as_batch(train.images[:256]), self.how))
        if config.front:
            pretrained(self.plain)
            self.plain.spread(scaled(as_batch(train.images[:512]), self.how))
        if config.still_layers:
            self.plain.front[: config.still_layers].requires_grad_(False)
        if config.freeze_front:
            self.plain.front.requires_grad_(False)
        self.ema = copy.deepcopy(self.plain).eval()
        groups = parameter_groups(self.plain, config)
        optimizer: torch.optim.Optimizer = (
            torch.optim.SGD(groups, lr=config.lr, momentum=0.9, nesterov=True)
            if config.optimizer == "sgd"
            else torch.optim.AdamW(groups, lr=config.lr)
        )
        self.network, self.optimizer = self.accelerator.prepare(self.plain, optimizer)
        self.ema.to(self.accelerator.device)
        self.epoch, self.steps = 0, 0
        self._within: dict[str, Any] | None = None  # where an interrupted epoch stands
        self._saved_s = time.monotonic()
        self.history: list[dict[str, float]] = []

    @property
    def checkpoint(self) -> Path:
        return self.config.out / "checkpoint.pt"

    def resume(self) -> bool:
        """Take the run up where its last finished epoch left it. False where there is nothing to take up."""
        if not self.checkpoint.is_file():
            return False
        state = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
        if state["network"] != self.config.network or state["epochs"] != self.config.epochs:
            raise ValueError(
                f"{self.checkpoint} belongs to a run of {state['network']} over {state['epochs']} epochs; "
                "give the same settings, or another --out"
            )
        self.plain.load_state_dict(state["model"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.steps, self.history = state["epoch"], state["steps"], state["history"]
        self._within = state.get("within")
        return True

    def save(self) -> None:
        """Write the checkpoint so that an interruption leaves the old or the new one whole."""
        state = {
            "network": self.config.network, "epochs": self.config.epochs, "epoch": self.epoch,
            "steps": self.steps, "model": self.plain.state_dict(), "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(), "history": self.history, "within": self._within,
        }  # fmt: skip
        with whole(self.checkpoint) as part:
            torch.save(state, part)
        self._saved_s = time.monotonic()

    def side(self) -> int:
        place = self.epoch / self.config.epochs
        return next(s for s, end in zip(self.config.sides, self.config.until, strict=True) if place < end)

    def _batches(self) -> list[npt.NDArray[np.int64]]:
        """This epoch's batches; each process takes its share of every batch."""
        config = self.config
        order = epoch_order(self.train_faces.labels, config.balance, config.seed, self.epoch)
        size = min(config.batch, len(order))
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        return [order[i : i + size][rank::world] for i in range(0, len(order) - size + 1, size)]

    def run_epoch(self) -> float:
        """Train one epoch and return its mean loss. What is random depends on seed, epoch and process only."""
        config, epoch = self.config, self.epoch
        seed = config.seed * 100_003 + epoch * 101 + self.accelerator.process_index
        torch.manual_seed(seed)  # dropout, stochastic depth
        g = torch.Generator().manual_seed(seed)
        # Each face is flipped in every second epoch, so that both views are seen equally often.
        mirrored = torch.rand(len(self.train_faces), generator=torch.Generator().manual_seed(config.seed)) < 0.5
        side = self.side() if self.how.colour == "grey" else self.how.side
        batches = self._batches()
        losses, done = 0.0, 0
        if self._within is not None:
            losses, done = self._within["losses"], self._within["step"]
            g.set_state(self._within["generator"])
            torch.set_rng_state(self._within["torch"])
        self.network.train()
        still = config.freeze_front or epoch < config.head_first
        if config.head_first:
            self.plain.front[config.still_layers :].requires_grad_(not still)
        if still:
            self.plain.front.eval()
        elif config.still_layers:
            self.plain.front[: config.still_layers].eval()
        text = f"epoch {epoch + 1}/{config.epochs} at {side} px"
        bar = tqdm(batches[done:], text, len(batches), initial=done, leave=False, disable=None)
        for step, chosen in enumerate(bar, done):
            picked = torch.from_numpy(chosen)
            flip = mirrored[picked] ^ bool(epoch % 2)
            x = augment(as_batch(self.train_faces.images[chosen]), side, flip, g, config.strength)
            target = torch.from_numpy(self.train_faces.targets[chosen])
            target = target * (1 - config.smoothing) + config.smoothing / target.shape[1]
            if config.mixup:
                x, target = mixed(x, target, config.mixup, g)
            device = self.accelerator.device
            losses += self._step(scaled(x, self.how).to(device), target.to(device), epoch + step / len(batches))
            if self.accelerator.num_processes == 1 and time.monotonic() - self._saved_s > SAVE_EVERY_S:
                states = {"generator": g.get_state(), "torch": torch.get_rng_state()}
                self._within = {"step": step + 1, "losses": losses, **states}
                self.save()
        self.epoch, self._within = self.epoch + 1, None
        return losses / len(batches)

    def _step(self, x: Tensor, target: Tensor, place: float) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = group["share"] * learning_rate(self.config, place)
        with self.accelerator.autocast():
            loss = loss_of(self.network, self.plain, x, target)
        self.optimizer.zero_grad()
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.network.parameters(), self.config.clip)
        self.optimizer.step()
        self._average()
        value = float(loss.detach())
        if not np.isfinite(value):
            raise ValueError(f"the loss became {value} in epoch {self.epoch + 1}; lower the learning rate")
        return value

    def _average(self) -> None:
        """Move the averaged weights towards the current ones; faster at first, so that the start is forgotten."""
        self.steps += 1
        keep = min(self.config.ema, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            for mean, now in zip(self.ema.state_dict().values(), self.plain.state_dict().values(), strict=True):
                if mean.dtype.is_floating_point:
                    mean.lerp_(now, 1 - keep)
                else:
                    mean.copy_(now)

    def accuracy(self) -> float:
        """The averaged network's accuracy on the validation faces."""
        found = predict(self.ema.cpu(), self.validation, self.how).argmax(1)
        self.ema.to(self.accelerator.device)
        return float((found == self.validation.labels).mean())


def train(config: TrainConfig, report: Callable[[str], None] = lambda line: None) -> Path:
    """Run, or take up, the training that `config` describes; returns the checkpoint with the averaged weights.

    Writes config.json (with seed and commit), history.json and checkpoint.pt under `config.out`.
    """
    validation = in_memory(read(config.validation), config.preprocessing)
    if not config.teacher:
        faces = load_training(config.data, validation, config.preprocessing, config.seed)
    else:
        faces = taught_faces(config)
    return fit(config, faces, validation, report)


def fit(
    config: TrainConfig, faces: Faces, validation: Faces, report: Callable[[str], None] = lambda line: None
) -> Path:
    """As `train`, with the faces already in memory."""
    trainer = Trainer(config, faces, validation)
    config.out.mkdir(parents=True, exist_ok=True)
    trainer.resume()
    main = trainer.accelerator.is_main_process
    if main:
        settings = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()}
        text = json.dumps({**settings, "commit": commit_of(), "faces": len(faces)}, indent=2)
        (config.out / "config.json").write_text(text, encoding="utf-8")
    while trainer.epoch < config.epochs:
        loss = trainer.run_epoch()
        if main:
            row = {"epoch": trainer.epoch, "loss": round(loss, 4), "accuracy": round(trainer.accuracy(), 4)}
            trainer.history.append(row)
            report(f"epoch {row['epoch']}/{config.epochs}: loss {row['loss']}, validation accuracy {row['accuracy']}")
            trainer.save()
            (config.out / "history.json").write_text(json.dumps(trainer.history), encoding="utf-8")
    return trainer.checkpoint
