"""The table of perception models: one frozen card a model, and `load(name)`.

To add a model: put its file into perception/weights/, add one row to CARDS, and name in `target` the function that
takes (card, path) and returns the loaded predictor. The tests walk this table.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

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
    "and noisy (people agree with them about two times in three); disgust is rare in them. Trained for two hours on "
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
            sha256="724b11c04c69fba9ccfaa5181c2cdeb29eecac5b0c3749db9b1b83635551585a",
            preprocessing={
                "side": 40, "colour": "grey", "equalise": True, "mean": (0.5,), "std": (1 / 3.4,), "flip": True,
                "temperature": 0.6601,
            },
            labels={"basic": EXPRESSIONS},
            training_data=EXPRESSION_DATA,
            quality={
                "FER2013 PublicTest (val), 3589 faces: accuracy [95 % bootstrap]": (0.661, 0.645, 0.677),
                "FER2013 PublicTest (val), 3589 faces: macro_f1 [95 % bootstrap]": (0.636, 0.615, 0.656),
                "FER2013 PublicTest (val), 3589 faces: mean_recall [95 % bootstrap]": (0.635, 0.612, 0.657),
                "FER2013 PublicTest (val), 3589 faces: ece [95 % bootstrap]": (0.027, 0.026, 0.046),
                "PublicTest: recall": {
                    "Neutral": 0.68, "Anger": 0.57, "Disgust": 0.57, "Fear": 0.41, "Happiness": 0.87, "Sadness": 0.52,
                    "Surprise": 0.84,
                },
                "PublicTest: points of accuracy lost when changed": {
                    "24 px": 3.1, "96 px": 0.1, "192 px": 0.2, "blur": 5.7, "dark": 3.5, "equalised": -0.1,
                    "JPEG 20": 3.6, "rotated 20 degrees": 3.7, "tight crop": 2.4, "loose crop": 4.7,
                    "eyes covered": 11.0, "mouth covered": 13.3,
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
            sha256="d52cdddaa6eb608dbf58bf6f014c1875d85472ff98fb7732db6dbe6292823668",
            preprocessing={
                "side": 48, "colour": "grey", "equalise": True, "mean": (0.5,), "std": (1 / 3.4,), "flip": True,
                "temperature": 0.775,
            },
            labels={"basic": EXPRESSIONS},
            training_data=EXPRESSION_DATA,
            quality={
                "FER2013 PublicTest (val), 3589 faces: accuracy [95 % bootstrap]": (0.663, 0.647, 0.678),
                "FER2013 PublicTest (val), 3589 faces: macro_f1 [95 % bootstrap]": (0.635, 0.612, 0.654),
                "FER2013 PublicTest (val), 3589 faces: mean_recall [95 % bootstrap]": (0.631, 0.609, 0.654),
                "FER2013 PublicTest (val), 3589 faces: ece [95 % bootstrap]": (0.022, 0.021, 0.041),
            },
            notes=EXPRESSION_NOTES,
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
            sha256="4df080b3b701fa9e19f3e31b13daad5e80bdefe462497810102492988a9d1e9d",
            preprocessing={"steps": 40, "faces": "expression/small", "voice": "fusion/voice"},
            labels={
                "expression": (*EXPRESSIONS, "Other"),
                "emotion": ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"),
            },
            training_data="Built clips: readings of FER2013 validation crops (research use) with held-out readings of "
            "RAVDESS actors 1-18 (CC BY-NC-SA 4.0). Valence and arousal are derived from the labels.",
            quality={
                "held-out voices and crops, emotion (7 that a face shows): sound alone, 12 crops alone": (0.705, 0.973),
                "the same, 12 crops and sound": 0.955,
                "the same, one crop (alone .647) and sound": 0.746,
                "the same, 12 crops at random and sound": 0.696,
                "the same, crops of one other emotion and sound": 0.674,
                "the same, 12 crops and another's voice": 0.670,
                "the same, one crop and another's voice": 0.031,
            },
            notes="Face and voice of a training clip are of different people: how real ones go together was never "
            "seen. 'Other' means only that the faces of a clip fit no one expression. A wrong voice beside one still "
            "face misleads the emotion, not the expression.",
        ),
    )
}


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


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
