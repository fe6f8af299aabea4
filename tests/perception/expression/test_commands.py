"""The commands, from training to the challenge's file, on miniature sets."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from perception.expression.commands import add_commands, predictor_of
from perception.expression.config import TrainConfig
from perception.expression.labels import COMPOUNDS
from tests.perception.expression import layouts


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers(required=True))
    parsed = parser.parse_args([str(argument) for argument in arguments])
    return int(parsed.run(parsed))


def test_from_training_to_the_challenges_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fer, frames = layouts.fer2013(tmp_path / "fer"), layouts.cexpr(tmp_path / "frames")
    train, val = f"fer2013:{fer}:train@2", f"fer2013:{fer}:val"
    short = ("--validation", val, "--epochs", 1, "--batch", 7, "--sides", 48, "--until", 1)
    teacher, student = tmp_path / "teacher", tmp_path / "student"
    assert run("train", "expression", "--network", "cnn", "--data", train, "--out", teacher, *short) == 0
    assert json.loads((teacher / "config.json").read_text(encoding="utf-8"))["faces"] == 14
    run("export", "expression", "--network", "cnn", "--checkpoint", teacher / "checkpoint.pt", "--validation", val,
        "--out", tmp_path / "teacher.onnx")  # fmt: skip
    # The student reads smaller faces than its teacher.
    run("distill", "expression", "--data", train, "--out", student, "--teacher", tmp_path / "teacher.onnx",
        *short[:-3], 40, *short[-2:])  # fmt: skip
    run("export", "expression", "--network", "small", "--checkpoint", student / "checkpoint.pt", "--network", "cnn",
        "--checkpoint", teacher / "checkpoint.pt", "--validation", val, "--out", tmp_path / "both.onnx")  # fmt: skip
    card = json.loads((tmp_path / "both.card.json").read_text(encoding="utf-8"))
    assert len(card["sha256"]) == 64 and card["temperature"] > 0 and set(card["quality"]) >= {"accuracy", "ece"}
    capsys.readouterr()
    run("evaluate", "expression", "--model", tmp_path / "both.onnx", "--data", val)
    assert "(21 faces)" in capsys.readouterr().out
    run("submit", "cexpr", frames, "--model", tmp_path / "both.onnx", "--out", tmp_path / "CER.txt", "--smooth", 1)
    lines = (tmp_path / "CER.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 9 and len(lines[0].split(",")) == 1 + len(COMPOUNDS)


def test_unknown_models_and_missing_arguments_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expression/small"):
        predictor_of("expression/none")
    with pytest.raises(ValueError, match="--validation"):
        run("train", "expression", "--data", "fer2013:x:train", "--out", tmp_path)


def test_other_parts_may_share_the_verbs() -> None:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    tasks = commands.add_parser("train").add_subparsers(required=True)
    tasks.add_parser("other").set_defaults(run=lambda _: 7)
    add_commands(commands)
    parsed = parser.parse_args(["train", "other"])
    assert parsed.run(parsed) == 7


def test_a_front_brings_its_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ("train", "expression", "--data", "a", "--validation", "b", "--out", tmp_path)
    seen: list[TrainConfig] = []
    monkeypatch.setattr("perception.expression.train.train", lambda config, say: seen.append(config))
    run(*settings)
    run(*settings, "--front", "faceres", "--layer-decay", 0.9, "--head-first", 1)
    assert [(config.network, config.front, config.layer_decay) for config in seen] == [
        ("cnn", "", 1.0), ("faceres", "faceres", 0.9),
    ]  # fmt: skip


def test_an_unknown_front_lists_the_names() -> None:
    with pytest.raises(ValueError, match="no front is called 'facenet'; choose from faceres"):
        run("get-front", "facenet")
