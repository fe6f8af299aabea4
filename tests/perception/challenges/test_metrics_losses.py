"""Metrics against audmetric, scikit-learn and scipy; losses against their definitions."""

from __future__ import annotations

import math
import warnings

import audmetric
import numpy as np
import pytest
import torch
from scipy.stats import pearsonr
from sklearn.metrics import f1_score, recall_score

from perception.challenges import losses, metrics
from perception.fusion.recall import recall_unweighted

RNG = np.random.default_rng(7)


def same(ours: float, theirs: float) -> bool:
    return (math.isnan(ours) and math.isnan(theirs)) or ours == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize(
    ("truth", "predicted"),
    [
        (RNG.normal(size=500), RNG.normal(size=500)),
        (np.arange(9.0), np.arange(9.0) * 2 - 3),
        (np.zeros(5), np.arange(5.0)),  # one side constant: 0
        (np.ones(4), np.ones(4)),  # both the same constant: undefined
        (np.ones(4), np.zeros(4)),
        (np.array([1.0]), np.array([1.0])),  # one value: undefined
        (np.array([]), np.array([])),
        (np.array([0.0, np.nan, 1.0]), np.arange(3.0)),
    ],
)
def test_concordance_is_audmetrics(truth: np.ndarray, predicted: np.ndarray) -> None:
    assert same(metrics.concordance(truth, predicted), audmetric.concordance_cc(truth, predicted))


@pytest.mark.parametrize("constant", [None, "truth", "predicted"])
def test_pearson_is_scipys(constant: str | None) -> None:
    truth, predicted = RNG.normal(size=(2, 40))
    if constant == "truth":
        truth = np.full(40, 0.1)
    if constant == "predicted":
        predicted = np.full(40, -3.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = float(pearsonr(truth, predicted).statistic)
    assert same(metrics.pearson(truth, predicted), expected)


@pytest.mark.parametrize("seen", [range(8), [0, 3], [5]])
def test_f1_is_scikit_learns_also_for_classes_that_do_not_occur(seen: list[int]) -> None:
    truth, predicted = RNG.choice(list(seen), (2, 300))
    expected = f1_score(truth, predicted, labels=range(8), average="macro", zero_division=0)
    assert same(metrics.macro_f1(truth, predicted), expected)
    assert same(
        recall_unweighted(truth, predicted, range(8)),
        recall_score(truth, predicted, average="macro", labels=np.unique(truth)),
    )


def test_au_f1_is_the_mean_of_twelve_binary_scores_with_a_unit_that_never_occurs() -> None:
    truth, probability = RNG.integers(0, 2, (200, 12)), RNG.random((200, 12))
    truth[:, 3], probability[:, 3] = 0, 0.1
    expected = [f1_score(truth[:, k], np.round(probability[:, k]), zero_division=0) for k in range(12)]
    assert same(metrics.au_f1(truth, probability), float(np.mean(expected)))
    assert same(metrics.au_score(truth, probability)["score"], float(np.mean(expected)))


def test_multitask_score_adds_the_three_parts() -> None:
    assert metrics.mtl_score({"score": 0.4}, {"score": 0.3}, {"score": 0.5}) == pytest.approx(1.2)


def test_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="different shapes"):
        metrics.concordance([1, 2], [1, 2, 3])


def test_ccc_loss_is_one_minus_the_metric_and_differentiable_where_undefined() -> None:
    p, t = torch.randn(50, dtype=torch.float64, requires_grad=True), torch.randn(50, dtype=torch.float64)
    valid = torch.rand(50) > 0.3
    loss = losses.ccc_loss(p, t, valid)
    assert loss.item() == pytest.approx(1 - metrics.concordance(t[valid], p[valid].detach()), abs=1e-6)
    flat = torch.ones(4, requires_grad=True)
    losses.ccc_loss(flat, torch.ones(4), torch.ones(4, dtype=torch.bool)).backward()
    assert torch.isfinite(flat.grad).all()


def test_masked_mse_ignores_what_is_masked_even_not_a_number() -> None:
    p = torch.zeros(2, 3, requires_grad=True)
    t = torch.tensor([[1.0, math.nan, 2.0], [math.nan] * 3])
    loss = losses.masked_mse(p, t, torch.tensor([[True, False, True], [False] * 3]))
    loss.backward()
    assert loss.item() == pytest.approx((1 + 4) / 2)
    assert p.grad is not None and p.grad[1].abs().sum() == 0 and torch.isfinite(p.grad).all()


def test_expression_loss_skips_unlabelled_rows_and_the_quirk_is_cross_entropy_of_sigmoids() -> None:
    logits, label = torch.randn(6, 8), torch.tensor([0, 1, -1, 3, -1, 7])
    kept = label >= 0
    expected = torch.nn.functional.cross_entropy(logits[kept], label[kept])
    assert losses.expression_loss(logits, label).item() == pytest.approx(expected.item())
    quirk = torch.nn.functional.cross_entropy(logits[kept].sigmoid(), label[kept])
    assert losses.expression_loss(logits, label, sigmoid_first=True).item() == pytest.approx(quirk.item())
    assert losses.expression_loss(logits, torch.full((6,), -1)).item() == 0


def test_au_loss_by_hand_with_detached_factor() -> None:
    p = torch.tensor([[0.8, 0.3]], requires_grad=True)
    weight = torch.tensor([2.0, 0.5])
    loss = losses.au_loss(p, torch.tensor([[1.0, 0.0]]), weight)
    loss.backward()
    assert loss.item() == pytest.approx((2 * -math.log(0.8) + 0.5 * 0.3 * -math.log(0.7)) / 2)
    # d/dp of sg(p) log(1 - p) is -p / (1 - p): the factor p has no gradient of its own
    assert p.grad is not None
    assert p.grad.tolist()[0] == pytest.approx([-2 / 0.8 / 2, 0.5 * 0.3 / 0.7 / 2])
    assert losses.au_loss(p, torch.full((1, 2), -1.0), weight).item() == 0


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_au_loss_is_finite_at_the_ends(p: float) -> None:
    assert torch.isfinite(losses.au_loss(torch.full((1, 1), p), torch.full((1, 1), 1 - p), torch.ones(1)))


def test_au_weights_favour_rare_units_and_average_one() -> None:
    truth = torch.tensor([[1.0, 0, 0], [1, 0, -1], [1, 1, -1], [1, 0, 0]])
    weight = losses.au_weights(truth)
    assert weight.mean().item() == pytest.approx(1)
    assert weight[1] == pytest.approx(4 * weight[0].item())
    assert torch.isfinite(weight).all()
