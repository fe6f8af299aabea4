"""Cards as files: written and read back, obeyed by the loader, and MODEL_CARDS.md made of them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from perception import models
from perception.__main__ import CARD_TEXTS, main
from perception.cards import ModelCard, markdown, path_of, read_card, read_cards, write_card
from perception.expression import commands
from perception.models import CARDS, WEIGHTS
from tests.perception.expression import layouts

ROOT = Path(__file__).resolve().parents[2]


def test_every_card_survives_writing_and_reading(tmp_path: Path) -> None:
    assert set(CARDS) == set(read_cards(WEIGHTS)) and "expression/small" in CARDS
    for name, card in CARDS.items():
        assert path_of(name, WEIGHTS).is_file()
        assert read_card(write_card(card, tmp_path)) == card
        assert (tmp_path / path_of(name, WEIGHTS).name).read_bytes() == path_of(name, WEIGHTS).read_bytes()


def test_words_that_toml_must_quote_survive(tmp_path: Path) -> None:
    card = ModelCard(
        "a/b", "m:f", 'says "x" \\ é 静', "MIT", True, quality={"a: b [95 %]": (0.1, 0.2), "r": {"x y": 1.0}}
    )
    back = read_card(write_card(card, tmp_path))
    assert back == replace(card, quality={"a: b [95 %]": [0.1, 0.2], "r": {"x y": 1.0}})


@pytest.mark.parametrize("text", ["name = ", 'name = "x"', 'name = "x"\nlabels = 3', 'nobody = "x"'])
def test_what_is_no_card_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.card.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"x\.card\.toml"):
        read_cards(tmp_path)


def test_two_cards_of_one_name_are_refused(tmp_path: Path) -> None:
    write_card(CARDS["geometry/emfacs"], tmp_path)
    shutil.copy(path_of("geometry/emfacs", tmp_path), tmp_path / "other.card.toml")
    with pytest.raises(ValueError, match="another card called geometry/emfacs"):
        read_cards(tmp_path)


def test_the_loader_obeys_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    card = CARDS["expression/small"]
    path = models.checked_file(card)
    load = models.load.__wrapped__
    turned = replace(card, labels={"basic": card.labels["basic"][::-1]})
    monkeypatch.setitem(CARDS, card.name, turned)
    assert load(card.name).rule.labels == card.labels["basic"][::-1]
    monkeypatch.setitem(CARDS, card.name, replace(card, preprocessing={**card.preprocessing, "mean": [0.25]}))
    assert load(card.name).how.mean == (0.25,)
    monkeypatch.setitem(CARDS, card.name, replace(card, sha256="0" * 64))
    with pytest.raises(ValueError, match="damaged or another model's"):
        load(card.name)
    assert path.is_file()


def test_the_projects_file_is_made_of_the_cards(tmp_path: Path) -> None:
    wanted = markdown(CARDS, CARD_TEXTS)
    told = "MODEL_CARDS.md is old: python -m perception models --write MODEL_CARDS.md"
    assert (ROOT / "MODEL_CARDS.md").read_text(encoding="utf-8") == wanted, told
    assert main(["models", "--write", str(tmp_path / "cards.md")]) == 0
    assert (tmp_path / "cards.md").read_text(encoding="utf-8") == wanted
    with pytest.raises(FileNotFoundError, match=r"a-b\.md"):
        markdown({"a/b": ModelCard("a/b", "m:f", "s", "MIT", True)}, CARD_TEXTS)


def test_an_evaluation_writes_the_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "WEIGHTS", tmp_path)
    data = f"fer2013:{layouts.fer2013(tmp_path / 'fer')}:val"
    assert main(["evaluate", "expression", "--data", data, "--write-card"]) == 0
    card = read_card(path_of("expression/small", tmp_path))
    assert card.sha256 == CARDS["expression/small"].sha256 and card.labels == CARDS["expression/small"].labels
    low = card.quality["fer2013 val, 21 faces: accuracy [95 % bootstrap]"]
    assert len(low) == 3 and low[1] <= low[0] <= low[2]
    assert set(card.quality["fer2013 val: recall"]) == set(card.labels["basic"])
    assert "fer2013 val, 3589 faces: accuracy [95 % bootstrap]" in card.quality, "other measurements stay"
    assert main(["evaluate", "expression", "--data", data, "--write-card", "--model", "mine.onnx"]) == 1
