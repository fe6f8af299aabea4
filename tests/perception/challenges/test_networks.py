"""Shapes, gradients, masks and learning of the papers' networks, at small sizes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from perception.challenges.abaw5 import OUTPUTS, Abaw5Model, AffineModule
from perception.challenges.abaw7 import Abaw7Model, multitask_loss, perturb
from perception.challenges.temma import SampleNorm, Temma, attention, eri_learning_rate, tcn
from perception.fusion.positions import sinusoids

WIDTHS = [5, 3, 4]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)


def small(task: str) -> Abaw5Model:
    return Abaw5Model(task, WIDTHS, d_affine=8, layers=2, max_length=64)  # type: ignore[arg-type]


def test_affine_module_projects_each_set_for_itself() -> None:
    affine = AffineModule(WIDTHS, 6, dropout=0.0)
    x = torch.randn(2, 4, 12)
    out = affine(x)
    assert out.shape == (2, 4, 18)
    changed = x.clone()
    changed[..., 5:8] += 1  # the second set only
    moved = (affine(changed) - out).abs().sum((0, 1))
    assert (moved[:6] == 0).all() and (moved[12:] == 0).all() and (moved[6:12] > 0).all()
    with pytest.raises(ValueError, match="add up to 12"):
        affine(torch.randn(2, 4, 11))


def test_published_sizes_of_abaw5() -> None:
    va, au = Abaw5Model("va", [2048, 512]), Abaw5Model("au", [2048, 512])
    assert va.affine.project[0].out_features == 512 and au.affine.project[0].out_features == 256
    layer = va.encoder.layers[0]
    assert (len(va.encoder.layers), layer.self_attn.num_heads, layer.linear1.out_features) == (4, 4, 2 * 1024)
    assert (
        not layer.norm_first and len(va.heads) == 2 and len(au.heads) == 12 and len(Abaw5Model("expr", [9]).heads) == 1
    )


@pytest.mark.parametrize("task", list(OUTPUTS))
def test_abaw5_outputs_and_gradients_reach_every_parameter(task: str) -> None:
    model = small(task)
    out = model(torch.randn(3, 10, 12))
    assert out.shape == (3, 10, OUTPUTS[task])  # type: ignore[index]
    if task == "va":
        assert out.abs().max() <= 1
    if task == "au":
        assert 0 <= out.min() and out.max() <= 1
    (out * torch.randn_like(out)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        # a bias just before BatchNorm is cancelled by it, and attention does not feel a shift of its keys
        assert parameter.grad.abs().sum() > 0 or name.endswith("0.bias") or "in_proj_bias" in name, name


@pytest.mark.parametrize("training", [False, True])
def test_abaw5_masked_frames_have_no_effect(training: bool) -> None:
    model = small("va").train(training)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    for layer in model.encoder.layers:
        layer.self_attn.dropout = 0.0
    x, valid = torch.randn(2, 12, 12), torch.ones(2, 12, dtype=torch.bool)
    valid[0, 7:], valid[1, 3:5] = False, False
    shuffled = x.clone()
    shuffled[0, 7:] = x[0, 7:].flip(0)
    shuffled[1, 3:5] = 1e3
    assert torch.allclose(model(x, valid)[valid], model(shuffled, valid)[valid], atol=1e-6)
    moved = x.clone()
    moved[0, 2] += 1
    assert not torch.allclose(model(x, valid)[0, 0], model(moved, valid)[0, 0])  # what is not masked does count


def test_abaw5_refuses_a_window_longer_than_its_positions() -> None:
    with pytest.raises(ValueError, match="65 frames is longer"):
        small("va")(torch.randn(1, 65, 12))


def test_sinusoids_follow_the_formula() -> None:
    table = sinusoids(50, 6, base=1000.0)
    assert table[7, 3].item() == pytest.approx(np.cos(7 / 1000 ** (2 / 6)), abs=1e-6)
    assert table[7, 4].item() == pytest.approx(np.sin(7 / 1000 ** (4 / 6)), abs=1e-6)


def small_temma(**options: object) -> Temma:
    return Temma([5, 3], 20, width=16, blocks=2, levels=3, feed_forward=32, **options)  # type: ignore[arg-type]


def test_temma_shapes_and_gradients() -> None:
    model = small_temma()
    out = model([torch.randn(3, 14, 5), torch.randn(3, 14, 3)])
    assert out.shape == (3, 7) and 0 <= out.min() and out.max() <= 1
    (out * torch.randn_like(out)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
    with pytest.raises(ValueError, match="21 frames is longer"):
        model([torch.randn(1, 21, 5), torch.randn(1, 21, 3)])


def test_temma_masked_frames_have_no_effect() -> None:
    model = small_temma().eval()
    a, b, valid = torch.randn(2, 14, 5), torch.randn(2, 14, 3), torch.ones(2, 14, dtype=torch.bool)
    valid[:, 9:], valid[1, 2:4] = False, False
    other = [x.clone() for x in (a, b)]
    for x in other:
        x[:, 9:] = x[:, 9:].flip(1)
        x[1, 2:4] = -50.0
    assert torch.allclose(model([a, b], valid), model(other, valid), atol=1e-6)
    assert not torch.allclose(model([a, b]), model(other))  # without a mask they do count, as published


def test_temma_band_hides_the_far_past_and_future_from_attention() -> None:
    model = small_temma(band=(2, 1)).eval()
    allowed = model._allowed(6, None, torch.device("cpu"))
    assert allowed is not None
    assert allowed[0, 3].tolist() == [False, True, True, True, True, False]


def test_tcn_is_causal() -> None:
    net, x = tcn(3, 4, levels=3).eval(), torch.randn(1, 3, 20)
    later = x.clone()
    later[..., 12:] += 5
    assert torch.allclose(net(x)[..., :12], net(later)[..., :12])
    assert not torch.allclose(net(x)[..., 12:], net(later)[..., 12:])


def test_temmas_norm_divides_by_the_sample_deviation() -> None:
    x = torch.randn(4, 6)
    expected = (x - x.mean(-1, keepdim=True)) / (x.std(-1, unbiased=True, keepdim=True) + 1e-6)
    assert torch.allclose(SampleNorm(6)(x), expected, atol=1e-6)


def test_attention_agrees_with_torchs() -> None:
    q, k, v = torch.randn(3, 2, 7, 8)
    parts = [x.unflatten(-1, (4, 2)).transpose(-2, -3) for x in (q, k, v)]
    expected = torch.nn.functional.scaled_dot_product_attention(*parts).transpose(-2, -3).flatten(-2)
    assert torch.allclose(attention(q, k, v, 4, torch.nn.Dropout(0.0), None), expected, atol=1e-6)


def test_eri_rate_falls_to_its_floor_and_never_jumps() -> None:
    rates = [eri_learning_rate(epoch) for epoch in range(100)]
    assert rates[39] == 1e-4 and rates[40] == pytest.approx(5e-5) and rates[45] == pytest.approx(2.5e-5)
    assert rates[-1] == 1e-5 and all(a >= b for a, b in itertools.pairwise(rates))


@pytest.mark.parametrize("shared", [False, True])
def test_abaw7_each_output_comes_from_its_copy(shared: bool) -> None:
    model = Abaw7Model(WIDTHS, shared=shared, d_model=16, layers=1, dropout=0.0)
    assert len(model.copies) == (1 if shared else 4)
    features = [torch.randn(6, width) for width in WIDTHS]
    out = model(features)
    assert out.valence.shape == (6,) and out.expression.shape == (6, 8) and out.aus.shape == (6, 12)
    out.arousal.sum().backward()
    touched = [any(p.grad is not None and p.grad.abs().sum() > 0 for p in copy.parameters()) for copy in model.copies]
    assert touched == ([True] if shared else [False, True, False, False])


def test_abaw7_missing_sets_have_no_effect() -> None:
    model = Abaw7Model(WIDTHS, d_model=16, layers=2).eval()
    features = [torch.randn(4, width) for width in WIDTHS]
    missing = torch.zeros(4, 3, dtype=torch.bool)
    missing[:, 1] = True
    other = [features[0], torch.full_like(features[1], 99.0), features[2]]
    assert torch.allclose(model(features, missing).expression, model(other, missing).expression, atol=1e-6)
    assert not torch.allclose(model(features).expression, model(other).expression)


def test_perturbation_changes_half_of_the_dimensions_a_little() -> None:
    x = torch.zeros(200, 100)
    y = perturb(x)
    assert 0.45 < (y != 0).float().mean() < 0.55
    assert 0.09 < y[y != 0].std() < 0.11


def test_abaw7_learns_from_partly_labelled_rows() -> None:
    """Overfits 48 rows of which a third lacks each label, and the loss of unlabelled rows is nothing."""
    model = Abaw7Model(WIDTHS, shared=True, d_model=24, layers=2, dropout=0.0)
    features = [torch.randn(48, width) for width in WIDTHS]
    va, expression, aus = torch.rand(48, 2) * 1.6 - 0.8, torch.randint(0, 8, (48,)), (torch.rand(48, 12) > 0.5).float()
    va[:16], expression[16:32], aus[32:] = -5, -1, -1
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    first = multitask_loss(model(features), va, expression, aus, torch.ones(12)).item()
    for _ in range(120):
        loss = multitask_loss(model(features), va, expression, aus, torch.ones(12))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.1 * first
    out = model(features)
    assert (out.expression.argmax(1) == expression)[expression >= 0].float().mean() > 0.95
    nothing = multitask_loss(
        out, torch.full_like(va, -5), torch.full_like(expression, -1), torch.full_like(aus, -1), torch.ones(12)
    )
    assert nothing.item() == 0
