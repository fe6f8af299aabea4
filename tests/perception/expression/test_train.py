"""Training: determinism, resuming, distilling, exporting. On drawn patterns; real faces where it is about equality."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from perception.expression import train as training
from perception.expression.config import TrainConfig
from perception.expression.data import read
from perception.expression.distill import with_soft_labels
from perception.expression.export import export, export_runs, largest_difference, load_network, prepare
from perception.expression.faces import Faces, in_memory
from perception.expression.networks import NETWORKS, LocalAttentionNet, network_of
from perception.expression.predictor import OutputRule, Predictor
from perception.expression.preprocess import Preprocessing
from perception.expression.start import take_over, unfolded, weights_of
from perception.expression.train import Trainer, as_batch, fit, loss_of, predict, scaled
from tests.perception.expression import layouts

HOW = Preprocessing()


def patterns(each: int = 12, seed: int = 0) -> Faces:
    images = np.stack([layouts.pattern(label, seed + k) for label in range(7) for k in range(each)])
    return Faces(images, np.eye(7, dtype=np.float32)[np.repeat(np.arange(7), each)])


def config(tmp_path: Path, **changes: object) -> TrainConfig:
    base = TrainConfig(
        network="small", data=("unused",), validation="unused", out=tmp_path, epochs=2, batch=28, lr=0.05,
        sides=(32, 48), until=(0.5, 1.0), ema=0.5,
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


def weights(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)["ema"]


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_a_resumed_run_ends_with_the_same_weights(tmp_path: Path) -> None:
    faces, held = patterns(), patterns(2, seed=90)
    whole = fit(config(tmp_path / "whole", mixup=0.2), faces, held)
    interrupted = config(tmp_path / "parts", mixup=0.2)
    first = Trainer(interrupted, faces, held)
    interrupted.out.mkdir()
    first.run_epoch()
    first.save()
    resumed = fit(interrupted, faces, held)
    assert same(weights(whole), weights(resumed))
    assert not same(weights(whole), weights(fit(config(tmp_path / "other", mixup=0.2, seed=1), faces, held)))


def test_a_run_resumed_within_an_epoch_ends_with_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces, held = patterns(), patterns(2, seed=90)
    whole = fit(config(tmp_path / "whole", mixup=0.2), faces, held)
    monkeypatch.setattr(training, "SAVE_EVERY_S", 0.0)
    step, count = Trainer._step, iter(range(100))

    def killed(self: Trainer, *arguments: object) -> float:
        if next(count) == 4:  # the second batch of the second epoch
            raise KeyboardInterrupt
        return step(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "_step", killed)
    with pytest.raises(KeyboardInterrupt):
        fit(config(tmp_path / "parts", mixup=0.2), faces, held)
    monkeypatch.setattr(Trainer, "_step", step)
    resumed = Trainer(config(tmp_path / "parts", mixup=0.2), faces, held)
    assert resumed.resume() and resumed.epoch == 1 and resumed.steps == 4
    assert same(weights(whole), weights(fit(config(tmp_path / "parts", mixup=0.2), faces, held)))


def test_training_learns(tmp_path: Path) -> None:
    faces, held = patterns(24), patterns(6, seed=500)
    # Long and calm enough that rounding, which depends on the number of threads, does not decide: .93 to .95.
    run = config(tmp_path, epochs=18, lr=0.1, strength=0.1, ema=0.8)
    network = load_network("small", fit(run, faces, held))
    assert (predict(network, held, HOW).argmax(1) == held.labels).mean() > 0.5


def test_another_runs_checkpoint_is_not_taken_up(tmp_path: Path) -> None:
    faces = patterns(4)
    fit(config(tmp_path, epochs=1, sides=(32,), until=(1.0,)), faces, faces)
    with pytest.raises(ValueError, match="belongs to a run of small over 1 epochs"):
        fit(config(tmp_path, epochs=2), faces, faces)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_every_network_reads_48_px_and_smaller(name: str) -> None:
    network = network_of(name).eval()
    for side in (48, 32):
        logits, embedding = network(torch.randn(2, 1, side, side))
        assert logits.shape == (2, 7) and embedding.ndim == 2
    with pytest.raises(ValueError, match="timm:NAME"):
        network_of(name + "?")


def test_a_timm_backbone_reads_224_px() -> None:
    logits, embedding = network_of("timm:resnet18").eval()(torch.randn(1, 3, 224, 224))
    assert logits.shape == (1, 7) and embedding.shape == (1, 512)


def test_local_and_global_losses_are_mixed_as_in_manet() -> None:
    network = LocalAttentionNet().eval()
    x, target = torch.randn(3, 1, 32, 32), torch.eye(7)[:3]
    local, whole = (torch.nn.functional.cross_entropy(logits, target) for logits in network(x, branches=True))
    assert torch.allclose(loss_of(network, network, x, target), 0.6 * local + 0.4 * whole)


def test_a_small_network_starts_from_a_wider_ones_channels(tmp_path: Path) -> None:
    wide = network_of("cnn")
    torch.save({"ema": wide.state_dict()}, tmp_path / "wide.pt")
    small = network_of("small")
    assert take_over(small, tmp_path / "wide.pt", torch.zeros(1)) == len(small.state_dict())
    assert torch.equal(small.state_dict()["front.0.0.weight"], wide.state_dict()["front.0.0.weight"])
    assert torch.equal(small.state_dict()["head.weight"], wide.state_dict()["head.weight"][:, :172])


def test_the_teacher_shapes_the_targets(tmp_path: Path) -> None:
    faces = patterns(4)
    run = fit(config(tmp_path / "run", epochs=1, sides=(48,), until=(1.0,)), faces, faces)
    layouts.fer2013(tmp_path / "fer")
    card = export_runs(["small"], [run], f"fer2013:{tmp_path / 'fer'}:val", tmp_path / "teacher.onnx")
    assert card.is_file()
    taught = with_soft_labels(faces, [str(tmp_path / "teacher.onnx")], 0.5, tmp_path)
    assert np.allclose(taught.targets.sum(axis=1), 1, atol=1e-5)
    assert taught.targets[np.arange(len(faces)), faces.labels].min() >= 0.5
    again = with_soft_labels(faces, [str(tmp_path / "teacher.onnx")], 0.5, tmp_path)  # from the file that was kept
    assert np.array_equal(taught.targets, again.targets) and len(list(tmp_path.glob("soft-*.npy"))) == 1
    shipped = with_soft_labels(faces, ["expression/small"], 0.5, tmp_path)
    both = with_soft_labels(faces, [str(tmp_path / "teacher.onnx"), "expression/small"], 0.5, tmp_path)
    assert both.targets == pytest.approx((taught.targets + shipped.targets) / 2, abs=1e-6)
    with pytest.raises(ValueError, match=r"'nobody' is neither a model .*expression/small"):
        with_soft_labels(faces, ["nobody"], 0.5, tmp_path)


@pytest.mark.parametrize("names", [["small"], ["cnn", "local", "vit"]])
def test_onnx_equals_torch_on_1000_faces(data: Path, tmp_path: Path, names: list[str]) -> None:
    faces = read(f"fer2013:{data / 'faces' / 'fer2013.zip'}:val")
    every = np.arange(0, len(faces), len(faces) // 1000)[:1000]
    torch.manual_seed(0)
    networks = [network_of(name).eval() for name in names]
    crops = in_memory(faces.subset(every), HOW)
    batch = scaled(as_batch(crops.images[:64]), HOW)
    for network in networks:  # untrained normalisation would hide a mistake in folding it
        with torch.no_grad():
            network.train()(batch)
        torch.nn.init.normal_(next(network.parameters()), std=0.5)
    network = prepare(networks)
    export(network, tmp_path / "net.onnx", HOW)
    assert largest_difference(network, Predictor(tmp_path / "net.onnx", HOW, OutputRule(), "net"), crops) < 1e-4


def test_an_exported_network_can_be_trained_further(tmp_path: Path) -> None:
    faces = patterns(4)
    network = load_network("small", fit(config(tmp_path / "run", epochs=1, sides=(48,), until=(1.0,)), faces, faces))
    export(prepare([network], half=False), tmp_path / "net.onnx", HOW, half=False)
    batch = scaled(as_batch(faces.images), HOW)
    again = network_of("small")
    again.load_state_dict(unfolded(again, weights_of(tmp_path / "net.onnx"), batch), strict=False)
    with torch.no_grad():
        expected, found = network(batch)[0], again.eval()(batch)[0]
        assert torch.allclose(expected, found, atol=1e-4)
        assert torch.allclose(found, again.train()(batch)[0], atol=1.0)  # normalised by what the batch itself shows
