"""Soft labels from a bigger network for a smaller one (Hinton et al., arXiv 1503.02531)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from perception.expression.config import TrainConfig
from perception.expression.data import read
from perception.expression.faces import Faces, in_memory, load_training
from perception.expression.predictor import BATCH, Predictor, load_custom, softmax
from perception.expression.preprocess import resize
from perception.files import sha256_of, whole
from perception.models import CARDS, card_of, checked_file, load

#: The teacher's logits are divided by this before they become targets: its doubts teach as much as its choice.
TEMPERATURE = 1.5


def soft_labels(teacher: Predictor, faces: Faces) -> npt.NDArray[np.float32]:
    """(N, 7) the teacher's softened probabilities, the mean over each preprocessed face and its mirror image. Faces of
    another size than the teacher reads are scaled."""
    how = teacher.how
    parts = []
    for start in tqdm(range(0, len(faces), BATCH), desc="soft labels", unit="batch", leave=False, disable=None):
        images = np.stack([resize(image, how.side) for image in faces.images[start : start + BATCH]]).astype(np.float32)
        images = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
        mean, std = (np.asarray(v, dtype=np.float32).reshape(1, -1, 1, 1) for v in (how.mean, how.std))
        batch = (images / 255 - mean) / std
        logits = teacher.logits(np.concatenate([batch, batch[..., ::-1]])) / np.float32(TEMPERATURE)
        views = softmax(logits).reshape(2, len(images), -1)
        parts.append(views.mean(axis=0))
    return np.concatenate(parts)


def teacher_of(name: str) -> tuple[Predictor, Path]:
    """A model's name or PATH.onnx (with PATH.card.json beside it, in our own label order) -> its predictor and file.
    Raises ValueError that lists the names."""
    if name in CARDS:
        return load(name), checked_file(card_of(name))
    if not name.endswith(".onnx"):
        choices = ", ".join(known for known in sorted(CARDS) if known.startswith("expression/"))
        raise ValueError(f"{name!r} is neither a model ({choices}) nor a path that ends in .onnx")
    return load_custom(name), Path(name)


def with_soft_labels(faces: Faces, teachers: Sequence[str], share: float, kept_in: Path) -> Faces:
    """The faces with targets of which `share` is the teachers' mean opinion and the rest the label. Each teacher's
    opinion of these very pictures is kept in the folder `kept_in` for the next run."""
    if not 0 <= share <= 1:
        raise ValueError(f"the teachers' share of the target lies between 0 and 1, got {share}")
    opinions = []
    for name in teachers:
        predictor, file = teacher_of(name)
        digest = hashlib.sha256(sha256_of(file).encode() + faces.images.tobytes()).hexdigest()[:12]
        kept = kept_in / f"soft-{digest}.npy"
        if not kept.is_file():
            with whole(kept) as part:
                np.save(part, soft_labels(predictor, faces))
        opinions.append(np.load(kept))
    soft = np.mean(opinions, axis=0)
    return Faces(faces.images, (share * soft + (1 - share) * faces.targets).astype(np.float32))


def taught_faces(config: TrainConfig) -> Faces:
    """The training faces of a distillation, at the largest of the sizes that teachers and student read: the
    augmentation samples the student's own size from them (augment.warp)."""
    if not config.teacher:
        raise ValueError("a distillation needs a teacher: a model's name, or PATH.onnx with its card")
    side = max(config.preprocessing.side, *(teacher_of(name)[0].how.side for name in config.teacher))
    how = replace(config.preprocessing, side=side)
    faces = load_training(config.data, in_memory(read(config.validation), how), how, config.seed)
    config.out.mkdir(parents=True, exist_ok=True)
    return with_soft_labels(faces, config.teacher, config.teacher_share, config.out)
