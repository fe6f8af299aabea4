"""The released code's variant: shapes, loss, fusion, one epoch of training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from perception.expression.labels import COMPOUNDS
from perception.expression.released import (
    ReleasedCer,
    ReleasedConfig,
    contrastive,
    loss_of,
    released_scores,
    train_released,
    views_of,
)
from perception.types import EXPRESSIONS
from tests.perception.expression import layouts

LIGHT = ("resnet10t", "mobilenetv3_small_050", "resnet10t")


def test_the_full_configuration_has_the_papers_widths() -> None:
    with torch.device("meta"):
        network = ReleasedCer()
    assert network.compound[1].in_features == 2816 and network.compound[1].out_features == 2048
    assert network.compound[-1].out_features == 7 and network.basic[-1].out_features == 6
    assert network.project[-1].out_features == 2816
    assert not any(p.requires_grad for p in network.poster.landmark.parameters())


def test_logits_are_the_default_and_the_sigmoid_a_quirk() -> None:
    x = torch.randn(2, 3, 224, 224)
    torch.manual_seed(0)
    plain = ReleasedCer(networks=LIGHT).eval()
    torch.manual_seed(0)
    quirk = ReleasedCer(sigmoid_quirk=True, networks=LIGHT).eval()
    with torch.no_grad():
        for logits, squashed in zip(plain(x)[:2], quirk(x)[:2], strict=True):
            assert torch.allclose(logits.sigmoid(), squashed, atol=1e-5)


def test_the_rule_takes_part_in_the_released_scores() -> None:
    basic = torch.zeros(1, 6)
    basic[0, [EXPRESSIONS[1:].index(name) for name in ("Sadness", "Anger")]] = 1.0
    scores = released_scores(torch.zeros(1, 7), basic)
    assert scores.argmax() == COMPOUNDS.index("Sadly Angry") and scores.max() == 0.5


def test_the_contrast_prefers_a_faces_own_views() -> None:
    views = torch.eye(4)
    assert contrastive(views, views) < contrastive(views, views.roll(1, 0))


def test_unlabelled_faces_only_contrast() -> None:
    network = ReleasedCer(networks=LIGHT)
    views = views_of(torch.rand(2, 3, 64, 64))
    none, some = torch.tensor([-1, -1]), torch.tensor([0, 3])
    torch.manual_seed(0)
    alone = loss_of(network, views, none, none)
    torch.manual_seed(0)
    assert loss_of(network, views, some, none) > alone


@pytest.mark.slow
def test_it_trains_on_rafdb_and_resumes(tmp_path: Path) -> None:
    root = layouts.rafdb(tmp_path / "raf")
    settings = ReleasedConfig(
        (f"rafdb-compound:{root}:test", f"rafdb-basic:{root}:test"), tmp_path / "run", epochs=1, batch=7,
        pretrained=False, networks=LIGHT,
    )  # fmt: skip
    lines: list[str] = []
    checkpoint = train_released(settings, lines.append)
    assert checkpoint.is_file() and lines[0].startswith("epoch 1/1: loss ")
    train_released(settings, lines.append)
    assert len(lines) == 1  # nothing was left to do
