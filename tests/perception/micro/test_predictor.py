"""The shipped recogniser, and the synthesis that it learned from."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest

from perception.micro.faces import FaceSet
from perception.micro.protocol import score
from perception.micro.synthesis import GENERATORS, draw_units, make_clip, make_corpus, table
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


def test_directions_follow_the_action_units(face_set: FaceSet) -> None:
    """Brows rise in surprise and sink in most negative clips; lip corners rise in positive ones."""
    rng, config = np.random.default_rng(3), GENERATORS["varied"]
    quiet = type(config)("quiet", methods={"direct": 1.0}, head=(0.0, 0.0), blink=0, gaze=0, stray=0)
    top, bottom = {}, {}
    for label in LABELS:
        flows = [make_clip(face_set.pictures[0], face_set.landmarks[0], label, quiet, rng)[1] for _ in range(40)]
        halves = [(flow.v[: len(flow.v) // 3].mean(), flow.v[len(flow.v) // 2 :].mean()) for flow in flows]
        top[label], bottom[label] = np.median([half[0] for half in halves]), np.median([half[1] for half in halves])
    assert top["surprise"] < -0.02 < 0.005 < top["negative"]
    assert bottom["positive"] < -0.01


def test_a_corpus_depends_on_its_seed_only(face_set: FaceSet) -> None:
    config = type(GENERATORS["varied"])("fast", methods={"direct": 1.0})
    one, two = (make_corpus(face_set, 12, config, seed=5, workers=workers) for workers in (1, 2))
    assert (one.flows == two.flows).all() and (one.labels == two.labels).all()
    assert not (one.flows == make_corpus(face_set, 12, config, seed=6).flows).all()
