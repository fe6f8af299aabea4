"""Train the starter fusion network on built clips and export it to ONNX."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from perception.files import sha256_of, whole
from perception.fusion.circumplex import EMOTIONS
from perception.fusion.measure_starter import sweep_leads
from perception.fusion.sequences import Clips, Readings, build
from perception.fusion.starter import STEPS
from perception.fusion.starter_data import FACE_MODEL, kept_readings, readings_for_training, tuning_fold
from perception.fusion.starter_net import StarterNet, WithProbabilities
from perception.models import card_of
from perception.types import EXPRESSIONS

#: Steps of 96 clips: one and a half minutes on one thread.
STEPS_TRAINED = 1300


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
