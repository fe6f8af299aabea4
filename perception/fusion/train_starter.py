"""Train the starter fusion network on built clips and export it to ONNX."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from perception.features.sound import Floats
from perception.fusion.circumplex import EMOTIONS
from perception.fusion.sequences import Clips, Readings, build
from perception.fusion.starter import STEPS
from perception.fusion.starter_net import StarterNet, WithProbabilities
from perception.models import load
from perception.types import EXPRESSIONS

#: FER2013's folder names in the order of EXPRESSIONS.
FER_FOLDERS = ("neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise")
Ints = npt.NDArray[np.int64]


def read_fer_val(path: Path) -> tuple[list[npt.NDArray[np.uint8]], Ints]:
    """The crops of `val/` in fer2013.zip, (48, 48) grey, and their labels over EXPRESSIONS."""
    import cv2

    crops, labels = [], []
    with zipfile.ZipFile(path) as archive:
        for name in sorted(n for n in archive.namelist() if n.startswith("val/") and n.endswith(".jpg")):
            crop = cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_GRAYSCALE)
            if crop is None:
                raise ValueError(f"{path}: {name} is not a picture")
            crops.append(crop.astype(np.uint8, copy=False))
            labels.append(FER_FOLDERS.index(name.split("/")[1]))
    return crops, np.array(labels)


def face_readings(crops: Sequence[npt.NDArray[np.uint8]], model: str = "expression/small") -> Floats:
    """(n, 7) probabilities of the shipped expression model."""
    reader = load(model)
    parts = [reader.predict(list(crops[k : k + 64])).basic for k in tqdm(range(0, len(crops), 64), desc=model)]
    return np.concatenate(parts).astype(np.float32)


def is_held_out(count: int) -> npt.NDArray[np.bool_]:
    """Which face crops are kept for measuring: every third."""
    return np.asarray(np.arange(count) % 3 == 2)


def readings_for_training(faces: Floats, labels: Ints, heldout_voices: Path) -> Readings:
    """Faces that are not held out, and the training speakers' voices as read by members that never heard them."""
    kept = ~is_held_out(len(faces))
    with np.load(heldout_voices) as file:
        return Readings(faces[kept], labels[kept], file["log_probabilities"].astype(np.float32), file["emotion"])


def loss_of(net: StarterNet, clips: Clips) -> torch.Tensor:
    """Cross-entropy of both label sets, and squared error of the derived valence and arousal. Where no face was seen
    the expression is still asked for, from the voice alone; likewise the emotion without a voice."""
    expression, emotion, place = net(
        *(torch.from_numpy(a) for a in (clips.faces, clips.seen, clips.voice, clips.heard))
    )
    entropy = torch.nn.functional.cross_entropy
    labels = entropy(expression, torch.from_numpy(clips.expression)) + entropy(emotion, torch.from_numpy(clips.emotion))
    return labels + 2 * (place - torch.from_numpy(clips.place)).square().mean()


def train(readings: Readings, folder: Path, *, steps: int = 2000, batch: int = 96, seed: int = 0) -> StarterNet:
    """The network, weights averaged over the last steps; continues from `folder`/last.pt."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    net = StarterNet()
    average = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99))
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps, pct_start=0.1)
    state = {"net": net, "average": average, "optimiser": optimiser, "schedule": schedule}
    first, last = 0, folder / "last.pt"
    if last.exists():
        saved = torch.load(last, weights_only=True)
        first = int(saved["step"])
        for name, part in state.items():
            part.load_state_dict(saved[name])
    for step in tqdm(range(first, steps), initial=first, total=steps):
        torch.manual_seed(seed * 1_000_000 + step)  # by step, so that a resumed run draws the same
        loss = loss_of(net.train(), build(readings, batch, np.random.default_rng([seed, step])))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        average.update_parameters(net)
        if (step + 1) % 100 == 0 or step + 1 == steps:
            torch.save(
                {"step": step + 1, **{name: part.state_dict() for name, part in state.items()}}, folder / "partial.pt"
            )
            os.replace(folder / "partial.pt", last)
    trained: StarterNet = average.module.eval()
    return trained


def export(net: StarterNet, path: Path) -> None:
    """The ONNX file that perception.fusion.starter reads."""
    example = (
        torch.zeros(1, STEPS, len(EXPRESSIONS)),
        torch.ones(1, STEPS),
        torch.zeros(1, len(EMOTIONS)),
        torch.ones(1),
    )
    buffer = io.BytesIO()
    torch.onnx.export(WithProbabilities(net).eval(), example, buffer, input_names=["faces", "seen", "voice", "heard"],
                      output_names=["expression", "emotion", "place"], opset_version=17, dynamo=False)  # fmt: skip
    partial = path.with_suffix(".partial")
    partial.write_bytes(buffer.getvalue())
    os.replace(partial, path)


def train_and_export(faces: Path, heldout_voices: Path, folder: Path, weights: Path, steps: int = 2000) -> None:
    """Everything: readings of the crops in `faces` (fer2013.zip) by the shipped expression model, kept in `folder`; the
    network; and the weight file. `heldout_voices` is what perception.fusion.train_voice.train has written."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    readings, labels = kept_readings(faces, folder / "faces.npz")
    export(train(readings_for_training(readings, labels, heldout_voices), folder, steps=steps), weights)


def kept_readings(faces: Path, kept: Path) -> tuple[Floats, Ints]:
    """The expression model's readings of the crops and their labels, from the file `kept` where it exists."""
    if not kept.exists():
        crops, labels = read_fer_val(faces)
        partial = kept.with_suffix(".partial.npz")
        np.savez(partial, readings=face_readings(crops), labels=labels)
        os.replace(partial, kept)
    with np.load(kept, allow_pickle=False) as file:
        return file["readings"], file["labels"]
