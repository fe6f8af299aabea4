"""Train the voice model on RAVDESS: features and their variants once, then one small network per member, then ONNX.

Resumable at every step: a variant's features are a file, a member's checkpoint holds everything after each epoch.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from perception.features.augment import new_features, new_recording
from perception.features.sound import N_FEATURES, Floats, measure, voice_features
from perception.files import is_clutter, whole
from perception.fusion.recall import recall_unweighted
from perception.fusion.voice_net import VoiceNet
from perception.precision import training_precision

TRAIN_ACTORS = tuple(range(1, 19))
TEST_ACTORS = (19, 20, 21, 22)
#: Speakers left out by the first three members, so that every training speaker has an honest prediction.
FOLDS = ((3, 6, 9, 12, 15, 18), (1, 4, 8, 11, 13, 16), (2, 5, 7, 10, 14, 17))
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class VoiceRecipe:
    """How one member is trained. `left_out` are speakers it never hears; `mean_removed` see VoiceNet."""

    seed: int
    left_out: tuple[int, ...] = ()
    mean_removed: float = 1.0
    epochs: int = 30
    passes: int = 2  # random draws of every clip in an epoch
    batch: int = 48
    frames: int = 224
    rate: float = 2e-3
    decay: float = 0.02
    smoothing: float = 0.08
    mixup: float = 0.5


#: The members that ship: three folds over the speakers, then two that heard all of them.
MEMBERS = (
    *(VoiceRecipe(seed=k, left_out=fold) for k, fold in enumerate(FOLDS)),
    VoiceRecipe(seed=3),
    VoiceRecipe(seed=4, mean_removed=0.5),
)


@dataclass(frozen=True, slots=True)
class VoiceSet:
    """Feature matrices with, for each, its clip's number, variant (0 clean), emotion 0-7, statement and actor."""

    features: list[Floats]
    clip: Ints
    variant: Ints
    emotion: Ints
    statement: Ints
    actor: Ints


def read_ravdess(path: Path) -> tuple[list[Floats], Ints]:
    """The 16 kHz clips of a zip of FLAC files and their codes, (clips, 7): modality, channel, emotion, intensity,
    statement, repetition, actor. Raises ValueError for a name that is no RAVDESS code."""
    import soundfile

    clips, codes = [], []
    with zipfile.ZipFile(path) as archive:
        for name in sorted(n for n in archive.namelist() if n.endswith(".flac") and not is_clutter(n)):
            parts = Path(name).stem.split("-")
            if len(parts) != 7 or not all(part.isdigit() for part in parts):
                raise ValueError(f"{path}: {name} is not a RAVDESS code of seven numbers joined by '-'")
            sound, rate = soundfile.read(io.BytesIO(archive.read(name)), dtype="float32")
            if rate != 16_000:
                raise ValueError(f"{path}: {name} has {rate} Hz, expected 16000")
            clips.append(sound)
            codes.append([int(part) for part in parts])
    return clips, np.array(codes)


def prepare(clips: Sequence[Floats], codes: Ints, folder: Path, variants: int = 8) -> VoiceSet:
    """Features of every clip, and of `variants` new recordings of every training clip; kept in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    training = np.flatnonzero(np.isin(codes[:, 6], TRAIN_ACTORS))
    others = [clips[i] for i in training.tolist()]
    features: list[Floats] = []
    clip: list[int] = []
    variant: list[int] = []
    for v in range(variants + 1):
        which = training if v else np.arange(len(clips))
        path = folder / f"variant{v}.npz"
        if not path.exists():
            rng = np.random.default_rng(100 + v)
            new = [_features(clips[i], others, rng if v else None) for i in tqdm(which.tolist(), desc=f"variant {v}")]
            _save(path, values=np.concatenate(new).astype(np.float16), lengths=[len(f) for f in new])
        with np.load(path) as file:
            features += np.split(file["values"].astype(np.float32), np.cumsum(file["lengths"])[:-1])
        clip += list(which)
        variant += [v] * len(which)
    rows = codes[clip]
    return VoiceSet(features, np.array(clip), np.array(variant), rows[:, 2] - 1, rows[:, 4], rows[:, 6])


def _features(clip: Floats, others: Sequence[Floats], rng: np.random.Generator | None) -> Floats:
    return voice_features(measure(clip if rng is None else new_recording(clip, others, rng)))


def _save(path: Path, **arrays: Any) -> None:
    with whole(path) as part:
        np.savez(part, **arrays)


def batch_of(matrices: Sequence[Floats], frames: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Matrices padded (and cut) to `frames`, or to the longest: features (B, T, N_FEATURES) and mask (B, T)."""
    longest = frames or max(16, -(-max(len(m) for m in matrices) // 4) * 4)
    x = np.zeros((len(matrices), longest, N_FEATURES), np.float32)
    mask = np.zeros((len(matrices), longest), np.float32)
    for i, m in enumerate(matrices):
        x[i, : len(m)], mask[i, : len(m)] = m[:longest], 1
    return torch.from_numpy(x), torch.from_numpy(mask)


def _draw(features: Floats, frames: int, rng: np.random.Generator) -> Floats:
    h = new_features(features, rng)
    start = rng.integers(0, len(h) - frames + 1) if len(h) > frames else 0
    return h[start : start + frames]


def _targets(labels: Ints, recipe: VoiceRecipe) -> torch.Tensor:
    hot = torch.nn.functional.one_hot(torch.from_numpy(labels), 8).float()
    return hot * (1 - recipe.smoothing) + recipe.smoothing / 8


def _step(
    net: VoiceNet, data: VoiceSet, rows: Ints, weight: torch.Tensor, recipe: VoiceRecipe, rng: np.random.Generator
) -> torch.Tensor:
    x, mask = batch_of([_draw(data.features[j], recipe.frames, rng) for j in rows], recipe.frames)
    target = _targets(data.emotion[rows], recipe)
    if rng.random() < recipe.mixup:  # mixup (Zhang et al. 2018), the larger share at least one half
        share = float(rng.beta(0.3, 0.3))
        share = max(share, 1 - share)
        other = torch.from_numpy(rng.permutation(len(x)))
        x, mask = share * x + (1 - share) * x[other], torch.maximum(mask, mask[other])
        target = share * target + (1 - share) * target[other]
    with torch.autocast("cpu", torch.bfloat16, enabled=training_precision() == "bf16"):
        logits = net(x, mask)
    return -((target * weight) * logits.float().log_softmax(1)).sum(1).mean()


def train_member(data: VoiceSet, recipe: VoiceRecipe, folder: Path) -> VoiceNet:
    """One network, its weights averaged over the last hundred steps or so; continues where an earlier run stopped."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.json").write_text(json.dumps(asdict(recipe)), encoding="utf-8")
    torch.manual_seed(recipe.seed)
    chosen = np.isin(data.actor, [a for a in TRAIN_ACTORS if a not in recipe.left_out])
    versions = {c: np.flatnonzero(chosen & (data.clip == c)) for c in np.unique(data.clip[chosen])}
    clips = np.array(sorted(versions))
    counts = np.bincount(data.emotion[[versions[c][0] for c in clips]], minlength=8)
    weight = torch.tensor(counts.mean() / counts, dtype=torch.float32)
    net, average = VoiceNet(recipe.mean_removed), VoiceNet(recipe.mean_removed)
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    steps = len(clips) * recipe.passes // recipe.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.rate, total_steps=recipe.epochs * steps, pct_start=0.2
    )
    state = {"net": net, "average": average, "optimiser": optimiser, "schedule": schedule}
    first = _resume(folder / "last.pt", state)
    for epoch in tqdm(range(first, recipe.epochs), initial=first, total=recipe.epochs, desc=folder.name):
        rng = np.random.default_rng([recipe.seed, epoch])  # by epoch, so that a resumed run draws the same
        torch.manual_seed(recipe.seed * 1000 + epoch)
        order = np.concatenate([rng.permutation(clips) for _ in range(recipe.passes)])
        net.train()
        for k in range(steps):
            picked = order[k * recipe.batch : (k + 1) * recipe.batch]
            rows = np.array([versions[c][0] if rng.random() < 0.2 else rng.choice(versions[c]) for c in picked])
            loss = _step(net, data, rows, weight, recipe, rng)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
            optimiser.step()
            schedule.step()
            _average(average, net, 0.01 if epoch > 3 else 0.1)
        saved = {name: part.state_dict() for name, part in state.items()}
        with whole(folder / "last.pt") as part:
            torch.save({"epoch": epoch + 1, **saved}, part)
    average.eval()
    return average


def _resume(path: Path, state: dict[str, Any]) -> int:
    if not path.exists():
        state["average"].load_state_dict(state["net"].state_dict())
        return 0
    saved = torch.load(path, weights_only=True)
    for name, part in state.items():
        part.load_state_dict(saved[name])
    return int(saved["epoch"])


def _average(average: VoiceNet, net: VoiceNet, share: float) -> None:
    with torch.no_grad():
        for old, new in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
            if old.dtype.is_floating_point:
                old.lerp_(new, share)
            else:
                old.copy_(new)


def predict(net: VoiceNet, data: VoiceSet, rows: Ints) -> Floats:
    """(rows, 8) log-probabilities."""
    net.eval()
    with torch.no_grad():
        outs = [
            net(*batch_of([data.features[j] for j in rows[k : k + 32]])).log_softmax(1) for k in range(0, len(rows), 32)
        ]
    return np.concatenate([out.numpy() for out in outs])


def export(nets: Sequence[VoiceNet], path: Path) -> None:
    """All members as ONNX graphs in one .npz of byte arrays; see perception.fusion.voice.read_networks."""
    graphs = {}
    for k, net in enumerate(nets):
        buffer = io.BytesIO()
        example = (torch.zeros(1, 64, N_FEATURES), torch.ones(1, 64))
        axes = {"features": {1: "time"}, "mask": {1: "time"}}
        torch.onnx.export(
            net.eval(),
            example,
            buffer,
            input_names=["features", "mask"],
            output_names=["logits"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
        graphs[f"member{k}"] = np.frombuffer(buffer.getvalue(), np.uint8)
    _save(path, **graphs)


def train(ravdess: Path, folder: Path, weights: Path, members: Sequence[VoiceRecipe] = MEMBERS) -> None:
    """Everything: features, members, honest predictions for the fusion (`heldout.npz`), and the weight file."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    clips, codes = read_ravdess(ravdess)
    data = prepare(clips, codes, folder / "features")
    nets, honest = [], {}
    for k, recipe in enumerate(members):
        nets.append(train_member(data, recipe, folder / f"member{k}"))
        rows = np.flatnonzero(np.isin(data.actor, recipe.left_out))
        if len(rows):
            scores = predict(nets[-1], data, rows)
            honest[k] = np.concatenate([rows[:, None], scores], axis=1)
            clean = data.variant[rows] == 0
            for name, pick in (("clean", clean), ("changed", ~clean)):
                uar = recall_unweighted(data.emotion[rows[pick]], scores[pick].argmax(1), range(8))
                tqdm.write(f"member {k}, left-out speakers, {name}: unweighted recall {uar:.3f}")
    if honest:
        table = np.concatenate(list(honest.values()))
        rows = table[:, 0].astype(int)
        _save(
            folder / "heldout.npz",
            log_probabilities=table[:, 1:],
            emotion=data.emotion[rows],
            actor=data.actor[rows],
            variant=data.variant[rows],
            clip=data.clip[rows],
        )
    export(nets, weights)
