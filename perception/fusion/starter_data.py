"""What the starter fusion is trained and measured on: readings of face crops and of voices, held-out ones apart."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from perception.features.sound import Floats
from perception.files import is_clutter, whole
from perception.fusion.sequences import Readings
from perception.models import load

#: Whose readings of faces the fusion learns from: the app's default.
FACE_MODEL = "expression/small"
#: FER2013's folder names in the order of EXPRESSIONS.
FER_FOLDERS = ("neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise")
Ints = npt.NDArray[np.int64]


def read_fer_val(path: Path) -> tuple[list[npt.NDArray[np.uint8]], Ints]:
    """The crops of `val/` in fer2013.zip, (48, 48) grey, and their labels over EXPRESSIONS."""
    import cv2

    crops, labels = [], []
    with zipfile.ZipFile(path) as archive:
        pictures = (n for n in archive.namelist() if n.startswith("val/") and n.endswith(".jpg") and not is_clutter(n))
        for name in sorted(pictures):
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


def kept_readings(faces: Path, kept: Path) -> tuple[Floats, Ints]:
    """The expression model's readings of the crops and their labels, from the file `kept` where it exists."""
    if not kept.exists():
        crops, labels = read_fer_val(faces)
        with whole(kept) as part:
            np.savez(part, readings=face_readings(crops), labels=labels)
    with np.load(kept, allow_pickle=False) as file:
        return file["readings"], file["labels"]
