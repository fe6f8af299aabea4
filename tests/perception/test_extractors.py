"""The extractors on models of other people's libraries, with random weights in a folder: no hub is asked."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from perception.__main__ import main
from perception.expression.networks import import_timm
from perception.features.extractors import extractor
from perception.features.table import load_table
from tests.perception.sounds import write_sound


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    folder = tmp_path / "7-60"
    folder.mkdir()
    pictures = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    for number, picture in zip((1, 2, 6), pictures, strict=True):
        cv2.imwrite(str(folder / f"{number:05d}.jpg"), picture)
    return folder


def test_a_timm_model_from_a_folder(crops: Path, tmp_path: Path) -> None:
    timm = import_timm()
    torch.manual_seed(0)
    network = timm.create_model("test_resnet", num_classes=0).eval()
    timm.models.save_for_hf(network, tmp_path / "net", safe_serialization=True)
    out = tmp_path / "features"
    command = ["features", str(crops), "--set", "timm", "--model", f"local-dir:{tmp_path / 'net'}", "--fps", "25"]
    assert main([*command, "--out", str(out)]) == 0
    table = load_table(out / "timm-net" / "7-60.npz")
    assert np.allclose(table.times_s, [0, 1 / 25, 5 / 25])
    how = timm.data.resolve_model_data_config(network)
    picture = cv2.imread(str(crops / "00002.jpg"), cv2.IMREAD_COLOR_RGB)
    x = (cv2.resize(picture, how["input_size"][1:]) / 255 - how["mean"]) / how["std"]
    with torch.no_grad():
        expected = network(torch.tensor(x.transpose(2, 0, 1)[None], dtype=torch.float32))[0].numpy()
    assert np.allclose(table.values[1], expected, atol=1e-4)


def test_a_speech_model_from_a_folder(tmp_path: Path) -> None:
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    small = Wav2Vec2Config(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, conv_dim=(16,) * 7,
        num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    Wav2Vec2Model(small).save_pretrained(tmp_path / "net")
    sound = write_sound(tmp_path / "a.wav", 1.0, 44_100)
    table = extractor("speech", str(tmp_path / "net")).extract(sound)
    assert table.width == 16 and len(table.values) == 49, "one row every 20 ms, as far as the window of 25 ms goes"
    assert table.times_s[0] == pytest.approx(0.01)


def test_rates_of_each_folder(crops: Path, tmp_path: Path) -> None:
    with (tmp_path / "fps.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("video", "fps"), ("7-60", "10")])
    out = tmp_path / "features"
    rates = str(tmp_path / "fps.csv")
    assert main(["features", str(crops), "--set", "expression", "--fps", rates, "--out", str(out)]) == 0
    assert np.allclose(load_table(out / "expression-small" / "7-60.npz").times_s, [0, 0.1, 0.5])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--set", "timm"), "needs a model"),
        (("--set", "timm", "--model", "nobody"), "timm knows no model"),
        (("--set", "timm", "--model", "local-dir:/nowhere"), "no weights for"),
        (("--set", "speech", "--model", "/nowhere"), "give a folder"),
        (("--set", "logmel", "--model", "resnet18"), "takes no model"),
        (("--set", "geometry", "--fps", "25"), "takes no frame rate"),
        (("--set", "expression", "--fps", "0"), "between 0 and 1000"),
    ],
)
def test_what_cannot_be_had_is_one_line(
    crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    assert main(["features", str(crops), *options, "--out", str(tmp_path / "features")]) == 1
    said = capsys.readouterr().err
    assert message in said and said.count("perception: ") == 1


def test_egemaps_has_88_columns(tmp_path: Path) -> None:
    pytest.importorskip("opensmile", reason="the extra egemaps (research licence) is not installed")
    table = extractor("egemaps").extract(write_sound(tmp_path / "a.wav", 1.5, 16_000))
    assert table.values.shape == (6, 88) and table.times_s[0] == pytest.approx(0.5)


@pytest.mark.parametrize(("names", "times"), [
    ([f"{n}.jpg" for n in range(1, 12)], [n / 30 for n in range(11)]),
    (["99998.jpg", "99999.jpg", "100000.jpg", "100001.jpg"], [(n - 1) / 30 for n in (99998, 99999, 100000, 100001)]),
    (["clip_2.png", "clip_10.png", "clip_1.PNG"], [0, 1 / 30, 9 / 30]),
    (["0.jpg", "1.jpg", "10.jpg", "9.jpg"], [0, 1 / 30, 9 / 30, 10 / 30]),
])  # fmt: skip
def test_frames_come_in_the_order_of_their_numbers(tmp_path: Path, names: list[str], times: list[float]) -> None:
    folder = tmp_path / "clip"
    (folder / "__MACOSX").mkdir(parents=True)
    for name in names:
        cv2.imwrite(str(folder / name), np.full((48, 48, 3), 128, np.uint8))
    for clutter in ("._1.jpg", "._00002.jpg", ".DS_Store", "__MACOSX/._3.jpg"):
        (folder / clutter).write_bytes(b"no picture")
    assert main(["features", str(folder), "--set", "expression", "--out", str(tmp_path / "out")]) == 0
    assert np.allclose(load_table(tmp_path / "out" / "expression-small" / "clip.npz").times_s, times)


@pytest.mark.parametrize(("names", "says"), [
    (["1.jpg", "00001.jpg"], "both frame 1"), (["face.jpg"], "frame number"), (["notes.txt"], "no face crops"),
])  # fmt: skip
def test_a_folder_whose_frames_have_no_order_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], names: list[str], says: str
) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    for name in names:
        cv2.imwrite(str(folder / f"{name}.jpg"), np.zeros((48, 48, 3), np.uint8))
        (folder / f"{name}.jpg").rename(folder / name)
    assert main(["features", str(folder), "--set", "expression", "--out", str(tmp_path / "out")]) == 1
    assert says in capsys.readouterr().err
