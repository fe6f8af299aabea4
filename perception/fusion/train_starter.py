"""Train the starter fusion network on built clips and export it to ONNX."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from perception.features.sound import Floats
from perception.files import sha256_of, whole
from perception.fusion.circumplex import EMOTIONS
from perception.fusion.sequences import Clips, Readings, build
from perception.fusion.starter import STEPS
from perception.fusion.starter_net import StarterNet, WithProbabilities
from perception.models import card_of, load
from perception.types import EXPRESSIONS

#: Whose readings of faces the fusion learns from: the app's default.
FACE_MODEL = "expression/small"
#: Steps of 96 clips: one and a half minutes on one thread.
STEPS_TRAINED = 1300
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


def face_readings(crops: Sequence[npt.NDArray[np.uint8]], model: str = FACE_MODEL) -> Floats:
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


def train(
    readings: Readings, folder: Path, *, steps: int = STEPS_TRAINED, batch: int = 96, seed: int = 0
) -> StarterNet:
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
            with whole(last) as part:
                torch.save({"step": step + 1, **{name: kept.state_dict() for name, kept in state.items()}}, part)
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
    with whole(path) as part:
        part.write_bytes(buffer.getvalue())


def tuning_fold(faces: Floats, labels: Ints, heldout_voices: Path) -> tuple[Readings, Readings]:
    """The readings for training in two: three quarters to train a trial network on, and a quarter of the speakers and
    of the crops to choose the late fusion's shares on. Nothing that the shipped model is measured on is in either."""
    everything = readings_for_training(faces, labels, heldout_voices)
    with np.load(heldout_voices) as file:
        actor, variant = file["actor"], file["variant"]
    crop = np.arange(len(everything.faces)) % 4 == 0
    speaker = np.isin(actor, np.unique(actor)[::4])
    parts = ((~crop, ~speaker), (crop, speaker & (variant == 0)))
    fit, held = (
        Readings(everything.faces[c], everything.face_label[c], everything.voices[v], everything.voice_label[v])
        for c, v in parts
    )
    return fit, held


def train_and_export(faces: Path, heldout_voices: Path, folder: Path, weights: Path, steps: int = STEPS_TRAINED) -> str:
    """Everything: readings of the crops in `faces` (fer2013.zip) by the shipped expression model; the network; the
    weight file; its SHA-256, which is returned. `heldout_voices` is what perception.fusion.train_voice.train has
    written. All is kept in a folder of `folder` that is named by these inputs, so that new expression weights or voices
    start afresh and an interrupted run with the same ones continues."""
    run = _run_folder(faces, heldout_voices, folder)
    readings, labels = kept_readings(faces, run / "faces.npz")
    export(train(readings_for_training(readings, labels, heldout_voices), run, steps=steps), weights)
    return sha256_of(weights)


def tune(faces: Path, heldout_voices: Path, folder: Path, steps: int = STEPS_TRAINED) -> list[dict[str, object]]:
    """What the weights of starter.Leads are chosen by: a trial network on three quarters of the training readings,
    and `measure_starter.sweep_leads` of it on the fourth."""
    from perception.fusion.measure_starter import sweep_leads

    run = _run_folder(faces, heldout_voices, folder)
    fit, held = tuning_fold(*kept_readings(faces, run / "faces.npz"), heldout_voices)
    export(train(fit, run / "tune", steps=steps), run / "tune" / "network.onnx")
    return sweep_leads((run / "tune" / "network.onnx").read_bytes(), held)


def _run_folder(faces: Path, heldout_voices: Path, folder: Path) -> Path:
    inputs = "".join((card_of(FACE_MODEL).sha256, sha256_of(faces), sha256_of(heldout_voices)))
    run = folder / hashlib.sha256(inputs.encode()).hexdigest()[:12]
    run.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    return run


def kept_readings(faces: Path, kept: Path) -> tuple[Floats, Ints]:
    """The expression model's readings of the crops and their labels, from the file `kept` where it exists."""
    if not kept.exists():
        crops, labels = read_fer_val(faces)
        with whole(kept) as part:
            np.savez(part, readings=face_readings(crops), labels=labels)
    with np.load(kept, allow_pickle=False) as file:
        return file["readings"], file["labels"]
