"""The table of perception models: one frozen card a model, and `load(name)`.

To add a model: put its file into perception/weights/, add one row to CARDS, and name in `target` the function that
takes (card, path) and returns the loaded predictor. The tests walk this table.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from perception.files import sha256_of
from perception.types import EXPRESSIONS

WEIGHTS = Path(__file__).resolve().parent / "weights"


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a model is, said once, beside its checksum.

    `target` is "module:function"; `file` lies in perception/weights/ (empty: the model has no file of ours);
    `sha256` is the file's; `preprocessing` and `labels` (output name -> labels in output order) are what the loader
    obeys; `quality` holds only what was measured, with the set's name in the key; `notes` the known biases and limits.
    """

    name: str
    target: str
    summary: str
    licence: str
    commercial_use: bool
    file: str = ""
    sha256: str = ""
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    training_data: str = ""
    quality: Mapping[str, Any] = field(default_factory=dict)
    notes: str = ""


EXPRESSION_DATA = (
    "FER2013 train (web photos of unstated licence, research use; near-copies of its PublicTest and copies among "
    "themselves removed: 26.8 k faces) and up to 1,000 faces a class of muxspace/facial_expressions (Apache-2.0; an "
    "eighth of its people held out). From random weights."
)
EXPRESSION_NOTES = (
    "Compound probabilities follow from the basic ones by the CER rule, zero-shot; valence and arousal derive from "
    "them by published circumplex coordinates and were not trained. Labels are what strangers saw in web photos, posed "
    "and noisy (people agree with them about two times in three); disgust is rare in them. Trained for some hours on "
    "a shared CPU and selected on PublicTest, so the numbers above are slightly kind. Skin tone, age and culture are "
    "not balanced in the training data; differences between groups have not been measured. An expression is not a "
    "feeling."
)

CARDS: dict[str, ModelCard] = {
    card.name: card
    for card in (
        ModelCard(
            name="landmarks/mediapipe",
            target="perception.face:load_mesh",
            summary="Face detection and 478 landmarks: MediaPipe Face Mesh with attention, inside its wheel.",
            licence="Apache-2.0",
            commercial_use=True,
            labels={"landmarks": tuple(str(i) for i in range(478))},
            notes="No blendshapes. Weak on small faces, turned heads and masks; thresholds: perception/quality.py.",
        ),
        ModelCard(
            name="geometry/emfacs",
            target="perception.emfacs:load_emfacs",
            summary="Expressions, valence and arousal from twelve action units by EMFACS prototypes: no weights.",
            licence="Apache-2.0",
            commercial_use=True,
            labels={"expressions": EXPRESSIONS},
            quality={
                "FER2013 PublicTest, 2467 near-frontal stills against the population's neutral: accuracy": 0.40,
                "the same: mean recall of 7 (Happiness .73, Neutral .67, Surprise .51, the rest below .20)": 0.30,
            },
            notes="Action units 5, 9, 16 and 20 cannot be measured from the mesh, so fear, disgust and anger are weak; "
            "a posed prototype is not a feeling. FER2013's PublicTest was in view when the scales were set. Better "
            "after five seconds of the person's own neutral face.",
        ),
        ModelCard(
            name="expression/small",
            target="perception.expression.predictor:load",
            summary="Basic and compound expressions from any face crop: a residual network of 0.99 M parameters.",
            licence="Apache-2.0 (the file); FER2013, on which it was trained, is for research use",
            commercial_use=False,
            file="expression_small.onnx",
            sha256="9e4f0161c88248a8e1723691872c9bf0667b8c5c7f58a0071501c7137189c369",
            preprocessing={
                "side": 40, "colour": "grey", "equalise": True, "mean": (0.5,), "std": (1 / 3.4,), "flip": True,
                "temperature": 0.6279,
            },
            labels={"basic": EXPRESSIONS},
            training_data=EXPRESSION_DATA,
            quality={
                "FER2013 PublicTest (val), 3589 faces: accuracy [95 % bootstrap]": (0.669, 0.652, 0.683),
                "FER2013 PublicTest (val), 3589 faces: macro_f1 [95 % bootstrap]": (0.641, 0.618, 0.663),
                "FER2013 PublicTest (val), 3589 faces: mean_recall [95 % bootstrap]": (0.636, 0.612, 0.659),
                "FER2013 PublicTest (val), 3589 faces: ece [95 % bootstrap]": (0.029, 0.027, 0.047),
                "PublicTest: recall": {
                    "Neutral": 0.68, "Anger": 0.57, "Disgust": 0.54, "Fear": 0.40, "Happiness": 0.89, "Sadness": 0.53,
                    "Surprise": 0.84,
                },
                "PublicTest: points of accuracy lost when changed": {
                    "24 px": 3.7, "96 px": 0.0, "192 px": -0.2, "blur": 6.8, "dark": 3.1, "equalised": 0.2,
                    "JPEG 20": 3.8, "rotated 20 degrees": 3.8, "tight crop": 2.6, "loose crop": 4.8,
                    "eyes covered": 10.4, "mouth covered": 13.7,
                },
            },
            notes=EXPRESSION_NOTES,
        ),
        ModelCard(
            name="expression/ensemble",
            target="perception.expression.predictor:load",
            summary="Late fusion of three networks: residual, local attention, transformer.",
            licence="Apache-2.0 (the file); FER2013, on which it was trained, is for research use",
            commercial_use=False,
            file="expression_ensemble.onnx",
            sha256="0fc2eedc78798e5a0d6a0d175bcd14f1d78b6cf583255f6ebbd9aff036b630f7",
            preprocessing={
                "side": 48, "colour": "grey", "equalise": True, "mean": (0.5,), "std": (1 / 3.4,), "flip": True,
                "temperature": 0.7051,
            },
            labels={"basic": EXPRESSIONS},
            training_data=EXPRESSION_DATA,
            quality={
                "FER2013 PublicTest (val), 3589 faces: accuracy [95 % bootstrap]": (0.670, 0.654, 0.685),
                "FER2013 PublicTest (val), 3589 faces: macro_f1 [95 % bootstrap]": (0.644, 0.621, 0.664),
                "FER2013 PublicTest (val), 3589 faces: mean_recall [95 % bootstrap]": (0.634, 0.612, 0.658),
                "FER2013 PublicTest (val), 3589 faces: ece [95 % bootstrap]": (0.030, 0.026, 0.046),
            },
            notes=EXPRESSION_NOTES,
        ),
        ModelCard(
            name="micro/small",
            target="perception.micro.predictor:load",
            summary="Micro-expressions from optical flow: negative, positive, surprise. AMMSM reconstruction, 0.12 M "
            "parameters.",
            licence="Apache-2.0",
            commercial_use=True,
            file="micro_small.onnx",
            sha256="479de9b9d042c79a3ef9f41e234e62ca289ed7b4e5c6a91a8e00e5e85a5ae2dc",
            preprocessing={"side": 28, "channels": ("u", "v", "strain"), "temperature": 1.0},
            labels={"micro": ("negative", "positive", "surprise")},
            training_data="6000 synthetic clips from neutral faces of muxspace/facial_expressions (Apache-2.0): action "
            "units move a face by 0.8 to 4.5 % of the eye-corner distance, the flow is measured (TV-L1, Farneback, "
            "DIS) or direct. No real micro-expression.",
            quality={
                "900 synthetic clips of people held out, same generator: UF1": 0.856,
                "900 synthetic clips of people held out, another generator (flat-topped bumps, TV-L1 only): UF1": 0.783,
                "442 clips of 68 people held out, another generator: UF1 [95 % over people]": (0.762, 0.726, 0.796),
                "the same: UAR [95 % over people]": (0.778, 0.741, 0.816),
            },
            notes="Real micro-expressions were never seen nor measured by us. A movement is not a feeling. Faces of "
            "public figures of about 2000; age, skin tone and culture are not balanced.",
        ),
        ModelCard(
            name="fusion/voice",
            target="perception.fusion.voice:load_voice",
            summary="Emotion (8) from sound alone: five small convolutional networks, blind to level.",
            licence="CC BY-NC-SA 4.0",
            commercial_use=False,
            file="voice.npz",
            sha256="69d869f5e00d521c3575b990c9d53ee3dc0fec779fd644e074c07f5975f0b615",
            preprocessing={"rate_hz": 16000, "hop_s": 0.01, "mel_bands": 64},
            labels={"emotion": ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")},
            training_data="RAVDESS speech, actors 1-18 (CC BY-NC-SA 4.0), 1080 acted clips of two English sentences.",
            quality={
                "RAVDESS actors 19-22 (240 clips), unweighted recall of 8": 0.738,
                "the same, 20 dB louder or quieter": 0.738,
                "the same, pink noise at 10 dB": 0.684,
                "the same, telephone band": 0.746,
                "the same, pink noise at 0 dB": 0.426,
                "eGeMAPS + linear SVM, same split (20 dB louder: .227)": 0.523,
            },
            notes="Acted speech of young North American adults, two sentences: another language, age or real feeling "
            "was never measured. Says what a voice sounds like, not what a person feels.",
        ),
        ModelCard(
            name="fusion/starter",
            target="perception.fusion.starter:load_starter",
            summary="Expression (8), emotion (8), valence and arousal from face readings, voice, or both, over 4 s.",
            licence="CC BY-NC-SA 4.0",
            commercial_use=False,
            file="fusion_starter.onnx",
            sha256="18feab38bd488fbd9b16558ea1eda63f498cc881d8074844172fb22e82d212f6",
            preprocessing={"steps": 40, "faces": "expression/small", "voice": "fusion/voice"},
            labels={
                "expression": (*EXPRESSIONS, "Other"),
                "emotion": ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"),
            },
            training_data="Built clips: readings of FER2013 validation crops (research use) with held-out readings of "
            "RAVDESS actors 1-18 (CC BY-NC-SA 4.0). Valence and arousal are derived from the labels.",
            quality={
                "held-out voices and crops, emotion (7 that a face shows): sound alone, 12 crops alone": (0.705, 0.978),
                "the same, 12 crops and sound": 0.964,
                "the same, one crop (alone .638) and sound": 0.741,
                "the same, 12 crops at random and sound": 0.683,
                "the same, crops of one other emotion and sound": 0.683,
                "the same, 12 crops and another's voice": 0.844,
                "the same, one crop and another's voice": 0.031,
            },
            notes="Face and voice of a training clip are of different people: how real ones go together was never "
            "seen. 'Other' means only that the faces of a clip fit no one expression. A wrong voice beside one still "
            "face misleads the emotion, not the expression.",
        ),
    )
}


def card_of(name: str) -> ModelCard:
    """The card called `name`. Raises KeyError that lists the names."""
    if name not in CARDS:
        raise KeyError(f"no perception model is called {name!r}; choose from {', '.join(sorted(CARDS))}")
    return CARDS[name]


def checked_file(card: ModelCard) -> Path:
    """The card's weight file after its checksum was compared. Raises FileNotFoundError or ValueError."""
    path = WEIGHTS / card.file
    if not path.is_file():
        raise FileNotFoundError(f"{card.name}: {path} is missing; restore it with `git checkout -- perception/weights`")
    if (found := sha256_of(path)) != card.sha256:
        raise ValueError(
            f"{card.name}: {path.name} has the checksum {found[:12]}..., its card says {card.sha256[:12]}...; the "
            "file is damaged or another model's: restore it with `git checkout -- perception/weights`"
        )
    return path


@cache
def load(name: str) -> Any:
    """The model called `name`, checked and ready. One instance a process.

    Raises KeyError for an unknown name, FileNotFoundError or ValueError for a missing or altered weight file.
    """
    card = card_of(name)
    module, _, function = card.target.partition(":")
    return getattr(importlib.import_module(module), function)(card, checked_file(card) if card.file else None)
