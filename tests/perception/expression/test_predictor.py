"""What the app uses: the shipped weights, bad input, checksums, users' own networks."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import perception
from perception import models
from perception.expression.data import FaceSet, read
from perception.expression.evaluate import _dark
from perception.expression.export import export, largest_difference, prepare
from perception.expression.faces import in_memory
from perception.expression.metrics import recalls
from perception.expression.networks import folded, network_of
from perception.expression.predictor import BATCH, OutputRule, Predictor, load_custom
from perception.expression.preprocess import Preprocessing, to_input
from perception.expression.start import weights_of
from perception.types import EXPRESSIONS
from tests.conftest import ROOT
from tests.perception.expression.layouts import pattern

SHIPPED = [name for name in models.CARDS if name.startswith("expression/")]
#: Of 56 faces a class, blind guessing finds more than a quarter about once in a hundred; a wrong label order far fewer.
WELL_ABOVE_CHANCE = 0.25


@pytest.fixture(scope="module")
def val(data: Path) -> FaceSet:
    """56 faces a class (as many as Disgust has) of FER2013's val, the same every time."""
    faces = read(f"fer2013:{data / 'faces' / 'fer2013.zip'}:val")
    return faces.subset(np.concatenate([np.flatnonzero(faces.labels == c)[:56] for c in range(7)]))


@pytest.mark.parametrize("name", SHIPPED)
def test_each_class_is_recognised_under_its_own_name(name: str, val: FaceSet) -> None:
    found = perception.load(name).predict([val.image(i) for i in range(len(val))])
    assert np.allclose(found.basic.sum(axis=1), 1, atol=1e-5) and np.allclose(found.compound.sum(axis=1), 1, atol=1e-5)
    found_as = recalls(found.basic, val.labels)
    assert found_as.min() > WELL_ABOVE_CHANCE, dict(zip(EXPRESSIONS, found_as.round(2), strict=True))
    assert found_as.mean() > 0.5
    mean = np.stack([found.basic[val.labels == c].mean(axis=0) for c in range(7)])
    assert mean.argmax(axis=0).tolist() == list(range(7))  # each label is given most to its own faces
    happy = val.labels == EXPRESSIONS.index("Happiness")
    assert found.valence[happy].mean() > 0.3 > 0 > found.valence[val.labels == EXPRESSIONS.index("Sadness")].mean()
    wrong = found.basic[:, [1, 0, 2, 3, 5, 4, 6]]  # two pairs of labels swapped
    assert recalls(wrong, val.labels).min() < WELL_ABOVE_CHANCE


@pytest.mark.parametrize("name", SHIPPED)
def test_light_and_contrast_change_little(name: str, val: FaceSet) -> None:
    faces = [val.image(i) for i in range(0, len(val), 3)]
    model = perception.load(name)
    rng = np.random.default_rng(0)
    clean = model.predict(faces).basic
    faint = model.predict([(face.astype(np.float32) * 0.5 + 60).astype(np.uint8) for face in faces]).basic
    dark = model.predict([_dark(face, rng) for face in faces]).basic
    assert (faint.argmax(1) == clean.argmax(1)).mean() > 0.9
    assert (dark.argmax(1) == clean.argmax(1)).mean() > 0.55  # a sixth of the light, with noise


def test_the_shipped_small_equals_torch_on_1000_faces(data: Path) -> None:
    faces = read(f"fer2013:{data / 'faces' / 'fer2013.zip'}:val")
    model: Predictor = perception.load("expression/small")
    crops = in_memory(faces.subset(np.arange(0, len(faces), 3)[:1000]), model.how)
    network = folded(network_of("small"))
    network.load_state_dict(weights_of(models.checked_file(models.card_of("expression/small"))))
    assert largest_difference(network.eval(), model, crops) < 1e-4


def test_colour_and_size_do_not_matter() -> None:
    model = perception.load("expression/small")
    grey = pattern(2, 0, 96)
    found = model.predict([grey, np.dstack([grey] * 3), np.kron(grey, np.ones((2, 2), np.uint8)), grey[:, 10:80]])
    assert np.allclose(found.basic[0], found.basic[1], atol=1e-5)
    assert np.allclose(found.basic[0], found.basic[2], atol=0.02)
    assert found.embedding.shape[0] == 4 and len(found) == 4


def test_many_crops_equal_one_at_a_time() -> None:
    model = perception.load("expression/small")
    crops = [pattern(k % 7, k, 40 + k) for k in range(BATCH + 3)]
    together, alone = model.predict(crops), [model.predict([crop]) for crop in crops[-4:]]
    assert np.allclose(together.basic[-4:], np.concatenate([one.basic for one in alone]), atol=1e-5)


def test_no_crops_give_empty_arrays() -> None:
    found = perception.load("expression/small").predict([])
    assert found.basic.shape == (0, 7) and found.compound.shape == (0, 7) and found.valence.shape == (0,)
    assert found.embedding.ndim == 2 and found.embedding.shape[0] == 0


@pytest.mark.parametrize(
    ("crop", "word"),
    [(np.zeros((0, 0), np.uint8), "0x0"), (np.zeros((1, 1, 3), np.uint8), "1x1"),
     (np.full((48, 48), np.nan), "float64"), (np.zeros((48, 48, 4), np.uint8), "shape"),
     (np.zeros((48, 48), np.float32), "uint8"), ("face.jpg", "str"),
     (np.zeros(48, np.uint8), "shape")],
)  # fmt: skip
def test_a_bad_crop_is_named(crop: Any, word: str) -> None:
    with pytest.raises(ValueError, match=f"crop 1 .*{word}"):
        perception.load("expression/small").predict([pattern(0, 0), crop])


def test_inference_imports_no_torch() -> None:
    code = (
        "import sys, numpy as np, perception, perception.expression.live\n"
        "perception.load('expression/small').predict([np.zeros((48, 48), np.uint8)])\n"
        "assert not {'torch', 'onnx', 'matplotlib'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def _elsewhere(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    monkeypatch.setattr(models, "WEIGHTS", folder)
    return folder


def test_an_altered_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = models.card_of("expression/small")
    content = bytearray(models.checked_file(card).read_bytes())
    content[len(content) // 2] ^= 1
    (_elsewhere(monkeypatch, tmp_path) / card.file).write_bytes(content)
    with pytest.raises(ValueError, match="checksum"):
        models.checked_file(card)


def test_a_swapped_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = models.card_of("expression/small")
    other = prepare([network_of("small")])
    export(other, _elsewhere(monkeypatch, tmp_path) / card.file, Preprocessing())
    with pytest.raises(ValueError, match="another model's"):
        models.checked_file(card)
    with pytest.raises(FileNotFoundError, match="git checkout"):
        models.checked_file(replace(card, file="none.onnx"))


@pytest.fixture(scope="module")
def eight_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with EmotiEffNet's interface: 8 classes and valence, arousal; colour; logits only."""

    class EightClasses(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(3, 10)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            mean = x.mean((2, 3))
            return self.layer(mean), mean

    path = tmp_path_factory.mktemp("custom") / "enet.onnx"
    torch.manual_seed(0)
    how = Preprocessing(64, "rgb", False, (0.5,) * 3, (0.2,) * 3)
    export(prepare([EightClasses()], half=False), path, how, half=False)
    return path


LABELS = ["Anger", "Contempt", "Disgust", "Fear", "Happiness", "Neutral", "Sadness", "Surprise"]
CARD = {"labels": LABELS, "side": 64, "colour": "rgb", "mean": [0.5] * 3, "std": [0.2] * 3, "valence_arousal": True}


def _card(path: Path, **changes: Any) -> None:
    path.with_suffix(".card.json").write_text(json.dumps({**CARD, **changes}), encoding="utf-8")


def test_a_users_network_is_read_in_its_own_label_order(eight_classes: Path) -> None:
    _card(eight_classes)
    model = load_custom(eight_classes)
    crop = np.zeros((80, 60, 3), np.uint8) + np.array([200, 90, 30], np.uint8)
    found = model.predict([crop])
    raw = model.logits(to_input([crop], model.how))[0]
    powers = np.exp(raw[:8])
    expected = np.array([powers[LABELS.index(name)] for name in EXPRESSIONS])
    assert np.allclose(found.basic[0], expected / expected.sum(), atol=1e-5)
    assert not found.derived and found.valence[0] == pytest.approx(np.clip(raw[8], -1, 1), abs=1e-5)


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"labels": LABELS[:-1]}, "Surprise"), ({"colour": "bgr"}, "bgr"), ({"std": [0.2]}, "3 means"),
     ({"sha256": "0" * 64}, "checksum"), ({"temprature": 1}, "temprature"), ({"valence_arousal": False}, "8"),
     ({"side": 4}, "side")],
)  # fmt: skip
def test_a_card_that_does_not_fit_is_refused(eight_classes: Path, changes: dict[str, Any], word: str) -> None:
    _card(eight_classes, **changes)
    with pytest.raises(ValueError, match=word):
        load_custom(eight_classes)


def test_missing_or_broken_custom_files_say_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.onnx"):
        load_custom(tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"not a network")
    _card(tmp_path / "bad.onnx")
    with pytest.raises(ValueError, match=r"bad: ONNX Runtime cannot read"):
        load_custom(tmp_path / "bad.onnx")


def test_a_label_order_holds_each_expression_once() -> None:
    with pytest.raises(ValueError, match="Anger"):
        OutputRule(labels=tuple(name.replace("Anger", "Fear") for name in EXPRESSIONS))
