"""Late fusion of exported networks: the sum rule, each member given the faces it reads, and what cannot be fused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from perception.expression.distill import teacher_of
from perception.expression.fuse import fuse
from perception.expression.predictor import softmax
from perception.expression.preprocess import to_input
from tests.perception.expression import layouts


def _probabilities(name: str, crops: list[np.ndarray]) -> np.ndarray:
    """What the fused file averages: the networks' own probabilities, without their temperatures."""
    predictor, _ = teacher_of(name)
    batch = to_input(crops, predictor.how)
    return softmax(predictor.logits(np.concatenate([batch, batch[..., ::-1]]))).reshape(2, len(crops), -1).mean(axis=0)


def test_the_fused_probabilities_are_the_weighted_mean_of_the_members(tmp_path: Path) -> None:
    validation = f"fer2013:{layouts.fer2013(tmp_path / 'fer')}:val"
    out = tmp_path / "fused.onnx"
    card = fuse(["expression/small", "expression/faceres"], [3.0, 1.0], validation, out)
    assert card.is_file() and '"side": 128' in card.read_text(encoding="utf-8")
    crops = [layouts.pattern(label, 50 + label) for label in range(7)]
    wanted = 0.75 * _probabilities("expression/small", crops) + 0.25 * _probabilities("expression/faceres", crops)
    fused = _probabilities(str(out), crops)
    # `small` gets 128 px scaled to 40 instead of its own 48 to 40: near, not equal.
    assert np.abs(fused - wanted).max() < 0.1 and np.corrcoef(fused.ravel(), wanted.ravel())[0, 1] > 0.98


def test_a_network_fused_with_itself_stays_what_it_is(tmp_path: Path) -> None:
    validation = f"fer2013:{layouts.fer2013(tmp_path / 'fer')}:val"
    out = tmp_path / "same.onnx"
    fuse(["expression/small", "expression/small"], [0.2, 0.8], validation, out)
    crops = [layouts.pattern(label, 7 + label) for label in range(7)]
    assert np.abs(_probabilities(str(out), crops) - _probabilities("expression/small", crops)).max() < 1e-5


@pytest.mark.parametrize(("members", "weights"), [
    (["expression/small"], [1.0]), (["expression/small", "expression/faceres"], [1.0]),
    (["expression/small", "expression/faceres"], [1.0, 0.0]),
])  # fmt: skip
def test_a_fusion_without_two_weighted_members_is_refused(
    members: list[str], weights: list[float], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="two or more networks and a positive weight of each"):
        fuse(members, weights, "unused", tmp_path / "fused.onnx")
