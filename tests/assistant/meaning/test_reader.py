"""The learned reader: what it says of plain messages, how it is loaded, and that its fast path is its network."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from assistant.meaning import Reader, load_reader
from assistant.meaning.card import CARD, read_card
from assistant.meaning.lines import read_lines
from assistant.meaning.outputs import COUNT, part
from assistant.meaning.reader import LONGEST, MeaningReader
from perception.files import sha256_of

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def reader() -> MeaningReader:
    found = load_reader()
    assert found is not None
    return found


def test_it_keeps_the_protocol_and_is_loaded_once(reader: MeaningReader) -> None:
    assert isinstance(reader, Reader)
    assert load_reader() is reader


def test_held_out_misses_are_those_listed(reader: MeaningReader) -> None:
    """Every held-out line that the reader reads wrongly is listed by name; none is tolerated by a percentage. Only a
    reading at the bound itself may fall on either side: processors round the last bit differently."""
    listed = {json.loads(row)["text"] for row in (HERE / "known_misses.jsonl").read_text("utf-8").splitlines()}
    dangers = {line: reader.read(line.text).danger for line in read_lines([HERE / "held_out.jsonl"])}
    assert listed <= {line.text for line in dangers}
    for line, danger in dangers.items():
        if abs(danger - 0.5) > 0.03:
            assert ((danger > 0.5) != line.danger) == (line.text in listed), line


@pytest.mark.parametrize("unit", ["", " \n", "\ud800", "\x00", "…", "😀", "0", "a b ", "。"])
def test_any_text_has_a_reading(reader: MeaningReader, unit: str) -> None:
    for text in (unit, unit * 9000):
        assert 0.0 <= reader.read(text).danger <= 1.0


def test_an_empty_message_is_no_danger(reader: MeaningReader) -> None:
    assert reader.read("").danger < 0.01


def test_a_long_message_is_read_within_its_budget(reader: MeaningReader, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    inner = reader.logits

    def counted(rows: list[list[int]]) -> object:
        seen.append(sum(map(len, rows)))
        return inner(rows)

    monkeypatch.setattr(reader, "logits", counted)
    reader.read("今天下雨,我一个人在家。" * 4000)
    assert sum(seen) <= 700 + LONGEST


def test_a_sentence_late_in_a_very_long_message_is_found(reader: MeaningReader) -> None:
    calm = "We went to the market and bought pears. The bus was late again. My sister rang about the curtains. "
    alone = reader.read(calm * 12).danger
    assert alone < 0.5
    assert reader.read(calm * 6 + "I want to kill myself tonight. " + calm * 6).danger > alone


def test_words_come_from_their_blocks_and_batches_change_little(reader: MeaningReader) -> None:
    rows = [reader.pieces("I feel so lonely"), reader.pieces("今天又加班到很晚,真的好累,不知道怎么办")]
    alone = np.concatenate([reader.logits([row]) for row in rows])
    assert alone.shape == (2, COUNT)
    change = np.abs(reader.logits(rows) - alone)  # 8-bit activations are scaled by the batch
    assert change[:, part("danger")].max() < 0.75 and change.max() < 2.0  # the app reads one message a batch


def test_the_card_names_the_file(reader: MeaningReader) -> None:
    card = read_card()
    assert sha256_of(card.file) == card.sha256
    assert card.file.stat().st_size < 36_000_000


def test_without_its_file_there_is_no_reader(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copy(CARD, tmp_path / "reader.toml")
    with caplog.at_level(logging.WARNING):
        assert load_reader(tmp_path / "reader.toml") is None
        assert load_reader(tmp_path / "absent.toml") is None
        assert load_reader(tmp_path / "reader.toml") is None
    assert len(caplog.records) == 2  # one line each, and the first is not said again


def test_a_changed_file_is_not_loaded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copy(CARD, tmp_path / "changed.toml")
    data = bytearray(read_card().file.read_bytes())
    data[1000] ^= 1
    (tmp_path / "reader.npz").write_bytes(bytes(data))
    assert load_reader(tmp_path / "changed.toml") is None
    assert "checksum" in caplog.text


def test_bytes_of_something_else_are_refused() -> None:
    with pytest.raises(ValueError, match="no file of a reader"):
        MeaningReader(b"PK\x03\x04nothing")


def test_a_message_that_is_read_and_then_understood_is_run_once(
    reader: MeaningReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[int] = []
    inner = reader.words
    monkeypatch.setattr(reader, "words", lambda numbers: runs.append(1) or inner(numbers))
    text = "we painted the fence this afternoon"
    reader.read(text)
    meaning = reader.understand(text)
    assert len(runs) == 1
    reader.read("something else")
    assert reader.understand(text) == meaning
