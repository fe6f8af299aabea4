"""The shipped recogniser, and the synthesis that it learned from."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest

from perception.micro.faces import FaceSet
from perception.micro.protocol import score
from perception.micro.synthesis import GENERATORS, draw_units, make_corpus, table
from perception.micro.types import LABELS, Dataset
from perception.models import WEIGHTS, card_of, load


def test_an_unseen_face_is_read(varied: Dataset) -> None:
    probs = load("micro/small").predict(varied.flows)
    assert probs.shape == (60, 3)
    assert probs.sum(axis=1) == pytest.approx(1)
    assert score(varied, probs.argmax(axis=1)).uf1 > 0.6


def test_size_range_and_mirror_hardly_matter(varied: Dataset) -> None:
    model = load("micro/small")
    plain = model.predict(varied.flows)
    large = np.stack([cv2.resize(flow, (56, 64), interpolation=cv2.INTER_CUBIC) for flow in varied.flows])
    assert (model.predict(large).argmax(1) == plain.argmax(1)).mean() > 0.9
    narrow = (64 + varied.flows // 2).astype(np.uint8)  # a fixed range leaves most values near the middle
    assert (model.predict(narrow).argmax(1) == plain.argmax(1)).mean() > 0.9
    turned = varied.flows[:, :, ::-1].copy()
    turned[..., 0] = 255 - turned[..., 0]
    assert model.predict(turned) == pytest.approx(plain, abs=0.08)


def test_no_clip_is_no_row_and_one_clip_may_be_flat() -> None:
    model = load("micro/small")
    assert model.predict(np.zeros((0, 28, 28, 3), np.uint8)).shape == (0, 3)
    assert np.isfinite(model.predict(np.full((1, 28, 28, 3), 128, np.uint8))).all()


def test_the_file_is_small_and_the_runtime_light() -> None:
    assert (WEIGHTS / card_of("micro/small").file).stat().st_size <= 2_000_000
    code = ("import sys, numpy as np, perception; import perception.micro.spot;"
            "perception.load('micro/small').predict(np.zeros((1, 28, 28, 3), np.uint8));"
            "assert not {'torch', 'sklearn', 'matplotlib'} & set(sys.modules)")  # fmt: skip
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("label", LABELS)
def test_every_combination_is_made_of_known_units(label: str) -> None:
    rng = np.random.default_rng(0)
    known = set(table()["units"])
    for _ in range(50):
        assert {str(unit) for unit in draw_units(label, rng)} <= known


def test_a_corpus_depends_on_its_seed_only(face_set: FaceSet) -> None:
    config = type(GENERATORS["varied"])("fast", methods={"direct": 1.0})
    one, two = (make_corpus(face_set, 12, config, seed=5, workers=workers) for workers in (1, 2))
    assert (one.flows == two.flows).all() and (one.labels == two.labels).all()
    assert not (one.flows == make_corpus(face_set, 12, config, seed=6).flows).all()
