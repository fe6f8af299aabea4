"""Pretrained fronts: the reader of graph models, the fetched package, and that our network is the graph."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from perception.expression import fronts
from perception.expression.config import TrainConfig, input_of
from perception.expression.data import read
from perception.expression.faceres import FEATURES, pretrained, weights_from
from perception.expression.faces import in_memory
from perception.expression.graph import Graph, read_graph, run, same_padding
from perception.expression.mobilenet import CHANNEL_MEANS, STILL, FaceResNet
from perception.expression.train import HEAD_SHARE, learning_rate, parameter_groups
from tests.perception.expression.graphs import TinyModel


def test_a_graph_model_computes_what_its_network_computes(tmp_path: Path) -> None:
    model = TinyModel()
    faces = np.random.default_rng(0).normal(0, 1, (3, 10, 8, 3)).astype(np.float32)
    found = run(read_graph(model.write(tmp_path)), {"faces": faces}, "out")
    assert found.shape == (3, 2) and found.max() > 0
    assert np.allclose(found, model.torch(faces), atol=1e-5)


@pytest.mark.parametrize(("side", "stride", "expected"), [(112, 2, (0, 1)), (7, 2, (1, 1)), (7, 1, (1, 1))])
def test_same_padding_is_tensorflows(side: int, stride: int, expected: tuple[int, int]) -> None:
    assert same_padding(side, 3, stride) == expected


def test_a_graph_with_an_unknown_operation_is_refused_by_its_name(tmp_path: Path) -> None:
    model = TinyModel()
    model.nodes[-2]["op"] = "FFT2D"
    with pytest.raises(ValueError, match=r"node e is an operation 'FFT2D' that is not known here; .* Add, AddV2"):
        read_graph(model.write(tmp_path))


def test_a_cut_weight_file_names_the_weight_where_it_ends(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the weight file ends within axes"):
        read_graph(TinyModel().write(tmp_path, cut=3))
    path = TinyModel().write(tmp_path / "long")
    with (path.parent / "tiny.bin").open("ab") as file:
        file.write(b"more")
    with pytest.raises(ValueError, match="not a pair"):
        read_graph(path)
    (path.parent / "tiny.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"tiny\.bin: the graph model's weight file is missing"):
        read_graph(path)


@pytest.mark.parametrize("text", ["{", "[]", '{"modelTopology": {}}', "\x00\x01"])
def test_what_is_no_graph_model_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"x\.json: this is no TensorFlow\.js graph model"):
        read_graph(tmp_path / "x.json")


def test_a_graph_that_reads_a_node_it_lacks_is_refused(tmp_path: Path) -> None:
    model = TinyModel()
    model.nodes[-2]["input"] = ["gone", "axes"]
    with pytest.raises(ValueError, match="node e reads 'gone', which the graph does not hold"):
        read_graph(model.write(tmp_path))


def test_another_networks_graph_is_no_faceres(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"tiny is no FaceRes graph: conv1/convolution/merged_input .* lacks it"):
        weights_from(read_graph(TinyModel().write(tmp_path)))


@pytest.fixture
def tiny_front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[fronts.Front, Path]:
    """A front whose package holds TinyModel, and that package; the cache folder is empty."""
    graph = TinyModel().write(tmp_path / "made")
    package = tmp_path / "tiny-1.0.0.tgz"
    members = {}
    with tarfile.open(package, "w:gz") as archive:
        for file in (graph, graph.with_suffix(".bin")):
            content = file.read_bytes()
            entry = tarfile.TarInfo(f"package/models/{file.name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
            members[entry.name] = hashlib.sha256(content).hexdigest()
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    front = fronts.Front("tiny", "a tiny network", "none", "@nobody/tiny", "1.0.0", digest, members)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(fronts, "fronts", lambda: {"tiny": front})
    return front, package


def test_a_package_gives_its_two_files_and_nothing_else(tiny_front: tuple[fronts.Front, Path]) -> None:
    front, package = tiny_front
    with pytest.raises(FileNotFoundError, match=r"tiny\.json is not here yet: python -m perception get-front tiny"):
        fronts.checked(front)
    path = fronts.get("tiny", package=package)
    assert sorted(file.name for file in path.parent.iterdir()) == ["tiny.bin", "tiny.json"]
    assert isinstance(read_graph(path), Graph)
    package.unlink()
    assert fronts.get("tiny", package=package) == path  # it is here: no package is asked for


def test_a_damaged_file_is_refused_and_fetched_again(tiny_front: tuple[fronts.Front, Path]) -> None:
    front, package = tiny_front
    path = fronts.get("tiny", package=package)
    path.with_suffix(".bin").write_bytes(b"swapped")
    with pytest.raises(ValueError, match=r"tiny\.bin is not the file that is known here: damaged or swapped"):
        fronts.checked(front)
    assert fronts.get("tiny", package=package) == path and fronts.checked(front) == path


@pytest.mark.parametrize("kind", ["cut", "corrupt", "another"])
def test_a_package_that_is_not_the_known_one_gives_nothing(tiny_front: tuple[fronts.Front, Path], kind: str) -> None:
    front, package = tiny_front
    content = package.read_bytes()
    middle = len(content) // 2
    corrupt = content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]
    changed = {"cut": content[:middle], "another": b"PK\x03\x04", "corrupt": corrupt}
    package.write_bytes(changed[kind])
    with pytest.raises(ValueError, match=r"tiny-1\.0\.0\.tgz is not @nobody/tiny 1\.0\.0 .* Nothing of it was taken"):
        fronts.get("tiny", package=package)
    assert list(front.folder.iterdir()) == []


def test_what_cannot_be_fetched_says_what_to_do(
    tiny_front: tuple[fronts.Front, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="no front is called 'tin'; choose from tiny"):
        fronts.get("tin")
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        fronts.get("tiny", package=tmp_path / "none.tgz")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"npm, .* is not installed; .* --package FILE\.tgz"):
        fronts.get("tiny")
    (tmp_path / "npm").write_text("#!/bin/sh\necho 'npm error code E404' >&2\nexit 1\n", encoding="utf-8")
    (tmp_path / "npm").chmod(0o755)
    with pytest.raises(OSError, match=r"could not be fetched \(npm error code E404\); check the network"):
        fronts.get("tiny")


def test_our_network_is_the_graph_on_100_faces(data: Path) -> None:
    try:
        graph = read_graph(fronts.checked(fronts.front_of("faceres")))
    except FileNotFoundError as error:
        pytest.skip(str(error))
    validation = read(f"fer2013:{data / 'faces' / 'fer2013.zip'}:val")
    faces = in_memory(validation.subset(range(0, 3500, 35)), input_of("faceres", 96)).images
    assert len(faces) == 100
    network = FaceResNet().eval()
    pretrained(network)
    with torch.no_grad():
        found = network.features(torch.from_numpy(faces[:, None].astype(np.float32))).numpy()
    coloured = np.repeat(faces[..., None].astype(np.float32), 3, axis=3) - np.array(CHANNEL_MEANS, dtype=np.float32)
    expected = run(graph, {"input_1": coloured}, FEATURES)
    assert expected.std() > 0.1
    assert np.abs(found - expected).max() < 1e-4


def test_layers_further_from_the_head_learn_less(tmp_path: Path) -> None:
    network = FaceResNet()
    config = TrainConfig("faceres", ("x",), "x", tmp_path, front="faceres", layer_decay=0.5, weight_decay=0.1)
    groups = parameter_groups(network, config)
    by_name = {name: groups[k] for k, (name, _) in enumerate(network.named_parameters())}
    assert by_name["head.weight"]["share"] == HEAD_SHARE
    assert by_name["front.13.pointwise.0.weight"]["share"] == 0.5
    assert by_name["front.12.pointwise.0.weight"]["share"] == 0.25
    assert by_name["front.13.pointwise.0.bias"]["weight_decay"] == 0.0
    assert len(groups) == len(list(network.parameters()))


def test_spreading_changes_the_sizes_of_weights_and_not_what_the_network_computes() -> None:
    torch.manual_seed(0)
    network = FaceResNet().eval()
    with torch.no_grad():
        for k, block in enumerate(network.front[1:]):
            block.depthwise[0].weight *= 20.0 if k % 2 else 3.0
    faces = torch.rand(6, 1, 64, 64) * 255
    before = network.features(faces)
    seen: list[torch.Tensor] = []
    network.front[4].depthwise[0].register_forward_hook(lambda _, __, out: seen.append(out.std((0, 2, 3)).detach()))
    network.features(faces)
    network.spread(faces)
    assert before.std() > 0 and torch.allclose(network.features(faces), before, atol=1e-4)
    moving = seen[0] > STILL
    assert moving.any() and not torch.allclose(seen[0][moving], torch.ones(int(moving.sum())), atol=0.1)
    assert torch.allclose(seen[-1][moving], torch.ones(int(moving.sum())), atol=1e-3)
    own = FaceResNet().train()
    own.load_state_dict(network.state_dict())
    assert torch.allclose(own.features(faces), before, atol=0.05)  # the faces' own statistics are what it holds


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "small"}, "the front faceres belongs to --network faceres, not to small"),
        ({"head_first": 24}, r"head_first below the 24 epochs, got 1\.0 and 24"),
        ({"front": "", "still_layers": 2}, "still_layers are those of a pretrained front, got 2 without one"),
    ],
)
def test_settings_that_do_not_fit_a_front_are_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    settings = {"network": "faceres", "front": "faceres", **changes}
    with pytest.raises(ValueError, match=message):
        TrainConfig(data=("x",), validation="x", out=tmp_path, **settings)  # type: ignore[arg-type]


def test_the_rows_of_fronts_toml_are_whole() -> None:
    for front in fronts.fronts().values():
        assert front.graph.suffix == ".json" and len(front.sha256) == 64
        assert all(len(digest) == 64 for digest in front.members.values())
        assert front.package and front.version and front.licence


def test_the_head_learns_at_the_full_rate_before_the_front_warms_up(tmp_path: Path) -> None:
    config = TrainConfig("faceres", ("x",), "x", tmp_path, epochs=11, front="faceres", head_first=1, lr=0.1, warmup=0.2)
    rates = [learning_rate(config, place) for place in (0.0, 0.9, 1.0, 2.0, 3.0, 7.0, 11.0)]
    assert rates == pytest.approx([0.1, 0.1, 0.0001, 0.05, 0.1, 0.05, 0.0])
