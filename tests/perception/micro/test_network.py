"""The scan against its reference, the windows, the magnifier, and the networks' export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from perception.micro.flow import normalised
from perception.micro.magnify import AlphaMap, Magnifier, magnification_loss, random_alpha
from perception.micro.network import Ammsm, NetworkOptions, network_of
from perception.micro.scan import keep_windows, scan, tokens_of, windows_of
from perception.micro.scan_reference import keep_reference, scan_reference
from perception.micro.start import load_start, save_start
from perception.micro.train import TrainOptions, export, train_network
from perception.micro.types import Dataset


def arguments(tokens: int = 9, heads: int = 2, width: int = 3, state: int = 4) -> tuple[torch.Tensor, ...]:
    draw = torch.Generator().manual_seed(0)
    return (
        torch.randn(2, tokens, heads, width, dtype=torch.float64, generator=draw),
        torch.rand(2, tokens, heads, dtype=torch.float64, generator=draw),
        -torch.rand(heads, dtype=torch.float64, generator=draw),
        torch.randn(2, tokens, state, dtype=torch.float64, generator=draw),
        torch.randn(2, tokens, state, dtype=torch.float64, generator=draw),
        torch.randn(heads, dtype=torch.float64, generator=draw),
    )


def test_the_scan_equals_its_reference_in_float64() -> None:
    x, dt, a, b, c, d = arguments()
    fast = scan(x, dt, a, b, c, d).numpy()
    for i in range(2):
        plain = scan_reference(*(part.numpy() for part in (x[i], dt[i], a, b[i], c[i], d)))
        assert fast[i] == pytest.approx(plain, abs=1e-12)


def test_the_scans_gradient_is_right() -> None:
    given = [part.requires_grad_() for part in arguments(tokens=4)]
    assert torch.autograd.gradcheck(scan, given)


def test_the_order_of_tokens_does_not_matter() -> None:
    x, dt, a, b, c, d = arguments()
    order = torch.randperm(9, generator=torch.Generator().manual_seed(1))
    moved = scan(x[:, order], dt[:, order], a, b[:, order], c[:, order], d)
    assert torch.allclose(moved, scan(x, dt, a, b, c, d)[:, order])


def test_windows_are_cut_ranked_and_put_back() -> None:
    tokens = torch.randn(3, 36, 5, generator=torch.Generator().manual_seed(2))
    windows = windows_of(tokens, 6, 2)
    assert torch.equal(tokens_of(windows, 6, 2), tokens)
    kept = keep_windows(windows, 0.5)
    for i in range(3):
        assert sorted(kept[i].tolist()) == keep_reference(tokens[i].double().numpy(), 6, 2, 0.5)


def test_left_out_windows_pass_by() -> None:
    network = network_of(NetworkOptions(ratios=(0.5, 0.0))).eval()
    assert isinstance(network, Ammsm)
    maps = torch.randn(1, 32, 14, 14, generator=torch.Generator().manual_seed(3))
    stage = network.first
    before = (maps + stage.near(maps)).flatten(2).transpose(1, 2) + stage.place
    same = (stage(maps).flatten(2).transpose(1, 2) == before).all(dim=-1).sum()
    assert same == 4 * (49 - round(49 * 0.5))


def trained_magnifier() -> Magnifier:
    torch.manual_seed(0)
    torch.set_num_threads(1)  # two threads waiting for each other on a busy machine take minutes
    magnifier, draw = Magnifier(), torch.Generator().manual_seed(0)
    optimiser = torch.optim.Adam(magnifier.parameters(), 3e-3)
    for _ in range(80):
        loss = magnification_loss(magnifier, smooth(8, draw), draw, noise=0.6)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return magnifier.eval()


def smooth(count: int, draw: torch.Generator) -> torch.Tensor:
    coarse = torch.randn(count, 2, 4, 4, generator=draw)
    return torch.nn.functional.interpolate(coarse, size=(28, 28), mode="bicubic", align_corners=False)


def test_the_magnified_flow_is_alpha_times_the_flow_and_noise_grows_less() -> None:
    magnifier, draw = trained_magnifier(), torch.Generator().manual_seed(9)
    flow, alpha = smooth(32, draw), random_alpha(32, 28, draw)
    noise = 0.5 * torch.randn(flow.shape, generator=draw)
    with torch.no_grad():
        clean, noisy = magnifier(flow, alpha), magnifier(flow + noise, alpha)
    error = ((clean - alpha * flow).abs() / alpha).mean() / flow.abs().mean()
    assert error < 0.15, f"relative error {error:.3f}"
    left = ((noisy - alpha * flow) / alpha).std() / noise.std()
    assert left < 0.85, f"share of the noise left {left:.3f}"


def test_factors_stay_in_range() -> None:
    alpha = AlphaMap(28, 4.0)
    with torch.no_grad():
        alpha.log_alpha.fill_(9.0)
    assert float(alpha().detach().max()) == pytest.approx(16.0)
    with pytest.raises(ValueError, match=r"1\.\.16"):
        AlphaMap(28, 40.0)


def test_training_resumes_and_exports(small: Dataset, tmp_path: Path) -> None:
    options = TrainOptions(epochs=2, batch=32, seed=1)
    straight = train_network(small, options, tmp_path, quiet=True)
    resumed_folder = tmp_path / "again"
    resumed_folder.mkdir()
    (resumed_folder / "last.pt").write_bytes((tmp_path / "last.pt").read_bytes())
    resumed = train_network(small, options, resumed_folder, quiet=True)  # nothing is left to do
    inputs = torch.from_numpy(normalised(small.flows[:8]))
    with torch.no_grad():
        assert torch.equal(straight(inputs)[0], resumed(inputs)[0])
    assert export([straight], tmp_path / "one.onnx") < 1e-4
    save_start([straight], tmp_path / "start.npz")
    (back,) = load_start(tmp_path / "start.npz")
    with torch.no_grad():
        assert torch.allclose(straight(inputs)[0], back(inputs)[0], atol=0.05)  # half precision
    assert load_start(tmp_path / "start.npz", classes=5)[0](inputs)[0].shape == (8, 5)


def test_unknown_networks_and_ratios_are_refused() -> None:
    with pytest.raises(ValueError, match="choose ammsm or ststnet"):
        NetworkOptions(kind="big")
    with pytest.raises(ValueError, match=r"0\.\.0\.9"):
        NetworkOptions(ratios=(1.0, 0.0))
    assert np.isfinite(network_of(NetworkOptions(kind="ststnet"))(torch.randn(2, 3, 28, 28))[0].detach().numpy()).all()
