"""Metrics against scikit-learn, calibration, the label tables."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, recall_score

from perception.expression import metrics
from perception.expression.labels import COMPOUND_OF, COMPOUNDS, LABEL_MAPS, circumplex_from, compound_from
from perception.types import EXPRESSIONS


def _some(n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 7, n)
    logits = rng.normal(0, 1, (n, 7)) + 1.5 * np.eye(7)[labels]
    powers = np.exp(logits)
    return powers / powers.sum(axis=1, keepdims=True), labels


def test_scores_agree_with_scikit_learn() -> None:
    found, labels = _some()
    guess = found.argmax(axis=1)
    assert metrics.macro_f1(found, labels) == pytest.approx(f1_score(labels, guess, average="macro"))
    assert metrics.mean_recall(found, labels) == pytest.approx(recall_score(labels, guess, average="macro"))


def test_the_interval_holds_the_value_and_narrows_with_more_faces() -> None:
    found, labels = _some()
    value, low, high = metrics.interval(metrics.accuracy, found, labels)
    assert low < value < high
    _, low_small, high_small = metrics.interval(metrics.accuracy, found[:50], labels[:50])
    assert high_small - low_small > high - low


def test_temperature_undoes_overconfidence() -> None:
    found, labels = _some(4000)
    sharp = metrics.tempered(found, 0.4)
    expected = metrics.fit_temperature(found, labels) / 0.4
    assert metrics.fit_temperature(sharp, labels) == pytest.approx(expected, rel=0.02)
    mended = metrics.cross_calibrated(sharp, labels)
    assert metrics.calibration_error(mended, labels) < 0.03 < metrics.calibration_error(sharp, labels)
    assert (mended.argmax(axis=1) == found.argmax(axis=1)).all()


def test_each_compound_wins_where_its_two_constituents_are_equal() -> None:
    for index, pair in enumerate(COMPOUND_OF.values()):
        basic = np.array([[0.5 * (name in pair) for name in EXPRESSIONS]], dtype=np.float32)
        compound = compound_from(basic)
        assert compound.argmax() == index and compound.sum() == pytest.approx(1.0)


def test_a_neutral_face_has_no_preferred_compound() -> None:
    assert np.allclose(compound_from(np.eye(7, dtype=np.float32)[:1]), 1 / 7)


def test_the_circumplex_puts_happiness_up_and_sadness_down() -> None:
    valence, arousal = circumplex_from(np.eye(7, dtype=np.float32))
    assert valence[EXPRESSIONS.index("Happiness")] > 0.5 > -0.5 > valence[EXPRESSIONS.index("Sadness")]
    assert arousal[EXPRESSIONS.index("Sadness")] < 0 < arousal[EXPRESSIONS.index("Anger")]


def test_every_label_map_leads_to_known_names() -> None:
    for name, mapping in LABEL_MAPS.items():
        assert set(mapping.values()) <= set(COMPOUNDS if name == "rafdb-compound" else EXPRESSIONS)
        assert len(set(mapping.values())) == 7
