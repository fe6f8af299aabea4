"""The CER system as its authors released it (arXiv 2407.12257 and its code): feature fusion, contrastive views.

Reconstruction. Certain from the code: POSTER V2 features (768) beside the average of two ResNet-50s (2048), the three
heads and their sizes, the three views, the loss, the optimizer, the fusion of direct and rule scores. Ours: timm has
neither the IR-50 nor the MobileFaceNet of POSTER V2 (arXiv 2301.12149), so `PosterV2` puts a ResNet and a frozen
MobileNetV3 of timm in their places and keeps the shape: three scales, window cross-attention with the second network's
features as queries, 768-wide tokens, a two-layer transformer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from perception.expression.config import IMAGENET
from perception.expression.data import FaceSet, read
from perception.expression.labels import COMPOUNDS
from perception.expression.networks import import_timm
from perception.expression.preprocess import check_crop, face_image
from perception.expression.train import as_batch, scaled
from perception.files import commit_of, whole
from perception.precision import training_precision
from perception.types import EXPRESSIONS

WIDTHS, WINDOWS, HEADS = (64, 128, 256), (28, 14, 7), (2, 4, 8)
POSTER_WIDTH, HIDDEN = 768, 2048
#: The released code's weights of the three losses, and the contrastive margin.
COMPOUND_WEIGHT, MARGIN = 3.0, 1.0


class CrossWindow(nn.Module):  # type: ignore[misc]
    """One scale: image features attend within windows, asked by the landmark network's features of the same place."""

    def __init__(self, width: int, window: int, heads: int) -> None:
        super().__init__()
        self.window = window
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.scale = nn.Parameter(torch.full((width,), 1e-5))  # layer scale
        self.positions = nn.Parameter(torch.zeros(1, window * window, width))

    def _windows(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        s = min(self.window, h)
        x = x.view(n, c, h // s, s, w // s, s).permute(0, 2, 4, 3, 5, 1)
        return x.reshape(-1, s * s, c)

    def forward(self, image: Tensor, landmark: Tensor) -> Tensor:
        """(N, width, H, W) twice -> (N, width, H, W); H = W is a multiple of the window, or smaller."""
        n, c, h, w = image.shape
        s = min(self.window, h)
        asked = self._windows(image)
        keys = self.norm(asked) + self.positions[:, : s * s]
        found, _ = self.attention(self._windows(landmark) + self.positions[:, : s * s], keys, keys, need_weights=False)
        mixed = (asked + self.scale * found).view(n, h // s, w // s, s, s, c)
        return mixed.permute(0, 5, 1, 3, 2, 4).reshape(n, c, h, w)


class PosterV2(nn.Module):  # type: ignore[misc]
    """(N, 3, 224, 224) -> (N, 768), POSTER V2's shape on timm networks (see above)."""

    def __init__(self, image_network: str, landmark_network: str, pretrained: bool) -> None:
        super().__init__()
        create: Callable[..., Any] = import_timm().create_model
        # Strides 8, 16 and 32: 28, 14 and 7 px maps of a 224 px face.
        self.image = create(image_network, features_only=True, out_indices=(-3, -2, -1), pretrained=pretrained)
        self.landmark = create(landmark_network, features_only=True, out_indices=(-3, -2, -1), pretrained=pretrained)
        self.landmark.requires_grad_(False)
        channels = zip(self.image.feature_info.channels(), self.landmark.feature_info.channels(), WIDTHS, strict=True)
        self.fit = nn.ModuleList(
            nn.ModuleList((nn.Conv2d(i, width, 1), nn.Conv2d(m, width, 1))) for i, m, width in channels
        )
        self.cross = nn.ModuleList(CrossWindow(*sizes) for sizes in zip(WIDTHS, WINDOWS, HEADS, strict=True))
        self.embed = nn.ModuleList(nn.Conv2d(width, POSTER_WIDTH, 1) for width in WIDTHS)
        layer = nn.TransformerEncoderLayer(POSTER_WIDTH, 8, 2 * POSTER_WIDTH, batch_first=True, norm_first=True)
        self.pyramid = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, x: Tensor) -> Tensor:
        small = F.interpolate(x, scale_factor=0.5, mode="bilinear")  # the landmark network reads 112 px
        marks = self.landmark(small)
        tokens = []
        parts = zip(self.image(x), marks, self.fit, self.cross, self.embed, strict=True)
        for image, mark, fit, cross, embed in parts:
            mark = F.interpolate(fit[1](mark), size=image.shape[2:], mode="bilinear")
            joined = F.adaptive_avg_pool2d(embed(cross(fit[0](image), mark)), 7)
            tokens.append(joined.flatten(2).transpose(1, 2))
        return self.pyramid(torch.cat(tokens, 1)).mean(1)


def _head(i: int, o: int) -> nn.Sequential:
    return nn.Sequential(nn.Dropout(0.5), nn.Linear(i, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, o))


class ReleasedCer(nn.Module):  # type: ignore[misc]
    """(N, 3, 224, 224) -> compound (N, 7), basic (N, 6: EXPRESSIONS without Neutral), projection (N, 2816).

    The first two are logits; `sigmoid_quirk` passes them through a sigmoid, as the released code does before its
    cross-entropy.
    """

    def __init__(
        self, sigmoid_quirk: bool = False, pretrained: bool = False,
        networks: tuple[str, str, str] = ("resnet50", "mobilenetv3_large_100", "resnet50"),
    ) -> None:  # fmt: skip
        super().__init__()
        self.sigmoid_quirk = sigmoid_quirk
        self.poster = PosterV2(networks[0], networks[1], pretrained)
        create: Callable[..., Any] = import_timm().create_model
        self.residual = nn.ModuleList(create(networks[2], pretrained=pretrained, num_classes=0) for _ in range(2))
        width = POSTER_WIDTH + self.residual[0].num_features
        self.compound, self.basic, self.project = _head(width, 7), _head(width, 6), _head(width, width)

    def features(self, x: Tensor) -> Tensor:
        mean = (self.residual[0](x) + self.residual[1](x)) / 2
        return torch.cat((self.poster(x), mean), 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self.features(x)
        compound, basic = self.compound(features), self.basic(features)
        if self.sigmoid_quirk:
            compound, basic = compound.sigmoid(), basic.sigmoid()
        return compound, basic, self.project(features)


def released_scores(compound: Tensor, basic: Tensor) -> Tensor:
    """The released code's final scores (N, 7): the mean of the direct scores and of the means of each compound's two
    basic scores, on whatever scale the two come in (probabilities are sensible)."""
    from perception.expression.labels import COMPOUND_OF

    six = EXPRESSIONS[1:]
    pairs = torch.tensor([[six.index(name) for name in pair] for pair in COMPOUND_OF.values()])
    return (compound + basic[:, pairs].mean(2)) / 2


def contrastive(one: Tensor, other: Tensor) -> Tensor:
    """Two views' projections (N, D): squared distance of a face's own two views plus the squared hinge, margin 1, to
    the other faces' views in the batch; both on unit vectors."""
    one, other = F.normalize(one, dim=1), F.normalize(other, dim=1)
    apart = torch.cdist(one, other)
    own = apart.diagonal().square().mean()
    others = ~torch.eye(len(one), dtype=torch.bool, device=one.device)
    return own + (MARGIN - apart[others]).clamp_min(0).square().mean() if len(one) > 1 else own


def loss_of(network: nn.Module, views: tuple[Tensor, Tensor, Tensor], compound: Tensor, basic: Tensor) -> Tensor:
    """3 CE(compound) + CE(basic) + contrastive. Labels (N,) are -1 where a face has none of that kind."""
    n = len(compound)
    direct, six, projections = network(torch.cat(views))
    total = contrastive(projections[n : 2 * n], projections[2 * n :])
    for weight, logits, labels in ((COMPOUND_WEIGHT, direct, compound), (1.0, six, basic)):
        if (labels >= 0).any():
            total = total + weight * F.cross_entropy(logits[:n], labels, ignore_index=-1)
    return total


def views_of(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(N, 3, H, W) in [0, 1] -> the plain view, and the released code's two augmented views, each (N, 3, 224, 224)."""
    import_timm()
    from torchvision.transforms import v2

    first = v2.Compose([
        v2.RandomHorizontalFlip(1.0), v2.ColorJitter(0.5, 0.5, 0.5, 0.1), v2.Resize(256), v2.RandomCrop(224),
    ])  # fmt: skip
    second = v2.Compose([
        v2.RandomAffine(15, (0.1, 0.1), (0.9, 1.1), 10), v2.GaussianBlur(23, (0.15, 1.0)), v2.Resize(256),
        v2.RandomCrop(224),
    ])  # fmt: skip
    plain = F.interpolate(images, size=(224, 224), mode="bilinear", antialias=True)
    one = torch.stack([first(image) for image in images])
    other = torch.stack([second(image) for image in images])
    return scaled(plain, IMAGENET), scaled(one, IMAGENET), scaled(other, IMAGENET)


@dataclass(frozen=True)
class ReleasedConfig:
    """The configuration `cer-released`, with the released code's numbers as defaults. `data` are specs of data.read:
    RAF-DB compound and basic, and C-EXPR frames for the contrastive part. (The released code trains on RAF-DB's basic
    *test* pictures too: then do not report that set's accuracy.)"""

    data: tuple[str, ...]
    out: Path
    epochs: int = 50
    batch: int = 96
    backbone_lr: float = 3e-6
    head_lr: float = 1e-5
    decay: float = 0.9
    seed: int = 0
    sigmoid_quirk: bool = False
    pretrained: bool = True
    networks: tuple[str, str, str] = ("resnet50", "mobilenetv3_large_100", "resnet50")


def both_labels(faces: FaceSet) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(compound, basic) labels of a set, -1 for the kind that it does not have; Neutral has no basic label here."""
    none = np.full(len(faces), -1)
    if faces.classes == COMPOUNDS:
        return faces.labels, none
    return none, np.where(faces.labels > 0, faces.labels - 1, -1)


class _Pictures:
    """The pictures of several sets with both kinds of labels, by one index."""

    def __init__(self, sets: list[FaceSet]) -> None:
        self.sets = sets
        self.places = [(s, i) for s, faces in enumerate(sets) for i in range(len(faces))]
        self.labels = [both_labels(faces) for faces in sets]

    def batch(self, indices: np.ndarray[Any, Any]) -> tuple[Tensor, Tensor, Tensor]:
        """(images (N, 3, 224, 224) in [0, 1], compound labels (N,), basic labels (N,))."""
        chosen = [self.places[i] for i in indices]
        pictures = [face_image(check_crop(self.sets[s].image(i), i), IMAGENET) for s, i in chosen]
        compound, basic = (torch.tensor([int(self.labels[s][kind][i]) for s, i in chosen]) for kind in (0, 1))
        return as_batch(np.stack(pictures)), compound, basic


class ReleasedTrainer:
    """One run of the released configuration, resumable after each epoch."""

    def __init__(self, config: ReleasedConfig) -> None:
        from accelerate import Accelerator

        self.config = config
        self.pictures = _Pictures([read(spec) for spec in config.data])
        torch.manual_seed(config.seed)
        self.plain = ReleasedCer(config.sigmoid_quirk, config.pretrained, config.networks)
        heads = [p for part in (self.plain.compound, self.plain.basic, self.plain.project) for p in part.parameters()]
        known = {id(p) for p in heads}
        backbones = [p for p in self.plain.parameters() if id(p) not in known and p.requires_grad]
        optimizer = torch.optim.Adam(
            [{"params": backbones, "lr": config.backbone_lr}, {"params": heads, "lr": config.head_lr}]
        )
        cuda = torch.cuda.is_available()
        self.accelerator: Any = Accelerator(cpu=not cuda, mixed_precision=training_precision(cuda))
        self.network, self.optimizer = self.accelerator.prepare(self.plain, optimizer)
        self.checkpoint, self.epoch = config.out / "checkpoint.pt", 0
        if self.checkpoint.is_file():
            state = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
            self.plain.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.epoch = state["epoch"]

    def run_epoch(self) -> float:
        """Train one epoch and return its mean loss."""
        config, rank = self.config, self.accelerator.process_index
        for group, lr in zip(self.optimizer.param_groups, (config.backbone_lr, config.head_lr), strict=True):
            group["lr"] = lr * config.decay**self.epoch
        torch.manual_seed(config.seed * 100_003 + self.epoch * 101 + rank)
        order = np.random.default_rng([config.seed, self.epoch]).permutation(len(self.pictures.places))
        size = min(config.batch, len(order))
        starts = range(0, len(order) - size + 1, size)
        losses = 0.0
        self.network.train()
        for start in tqdm(starts, desc=f"epoch {self.epoch + 1}/{config.epochs}", leave=False, disable=None):
            images, compound, basic = self.pictures.batch(
                order[start : start + size][rank :: self.accelerator.num_processes]
            )
            one, two, three, compound, basic = (
                t.to(self.accelerator.device) for t in (*views_of(images), compound, basic)
            )
            loss = loss_of(self.network, (one, two, three), compound, basic)
            self.optimizer.zero_grad()
            self.accelerator.backward(loss)
            self.optimizer.step()
            losses += float(loss.detach())
        self.epoch += 1
        return losses / len(starts)

    def save(self) -> None:
        """Write the checkpoint so that an interruption leaves the old or the new one whole."""
        state = {"model": self.plain.state_dict(), "optimizer": self.optimizer.state_dict(), "epoch": self.epoch}
        with whole(self.checkpoint) as part:
            torch.save(state, part)


def train_released(config: ReleasedConfig, report: Callable[[str], None] = lambda line: None) -> Path:
    """Train the released system, or take an interrupted run up after its last whole epoch."""
    trainer = ReleasedTrainer(config)
    config.out.mkdir(parents=True, exist_ok=True)
    settings = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()}
    (config.out / "config.json").write_text(json.dumps({**settings, "commit": commit_of()}, indent=2), encoding="utf-8")
    while trainer.epoch < config.epochs:
        loss = trainer.run_epoch()
        report(f"epoch {trainer.epoch}/{config.epochs}: loss {loss:.4f}")
        if trainer.accelerator.is_main_process:
            trainer.save()
    return trainer.checkpoint
