"""Before the reader learns: what it is given, and that it can begin with the weights of a shipped one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from assistant.meaning.card import CARD, read_card
from assistant.meaning.commands import LOWER, UPPER, chosen_pieces, without_kept_back
from assistant.meaning.fit import joint_weights
from assistant.meaning.lines import Said
from assistant.meaning.network import Lower, Upper, filled, padded
from assistant.meaning.outputs import COUNT, part
from assistant.meaning.reader import MeaningReader
from assistant.meaning.resumed import take_over
from assistant.meaning.source import packed_file, read_encoder


@pytest.fixture(scope="module")
def shipped() -> bytes:
    with np.load(read_card(CARD).file) as file:
        return bytes(file["network"].tobytes())


def test_conversations_are_kept_back_whole_and_nothing_else_is() -> None:
    said = [Said(f"line {turn}", "en", "telling", talk=f"person {n}") for n in range(60) for turn in range(3)]
    loose = [Said("alone", "en", "telling"), Said("my hands shook", "en", "telling", ("violence",))]
    learned, *kept = without_kept_back([*said, *loose])
    assert len(learned) + len(kept[0]) + len(kept[1]) == 182 and set(loose) <= set(learned)
    assert all(3 <= len(part) <= 45 and len(part) % 3 == 0 for part in kept)
    assert all(line.severity == 0 for part in kept for line in part)


def test_joint_weights_find_what_tells_danger_and_can_be_used_as_they_are() -> None:
    rng = np.random.default_rng(0)
    danger = rng.random(400) < 0.3
    said = rng.normal(size=(400, 6)).astype(np.float32) * [1, 5, 1, 1, 1, 40]
    said[:, 1] += 6.0 * danger
    said[:, 5] -= 60.0 * danger
    weights = joint_weights(said.astype(np.float32), danger)
    logit = said @ weights[:-1] + weights[-1]
    assert ((logit > 0) == danger).mean() > 0.85 and weights[1] > 0 > weights[5]


def test_a_turn_of_an_ordinary_conversation_teaches_that_there_is_no_danger() -> None:
    loose, turn = (Said("he hit the wall", "en", "telling", ("violence",), talk=talk) for talk in ("", "person 1"))
    assert np.isnan(loose.targets()[part("danger").start]) and not loose.quiet
    assert turn.targets()[part("danger").start] == 0.0 and turn.quiet


def test_training_can_begin_with_what_a_shipped_reader_reads(shipped: bytes) -> None:
    card = read_card(CARD)
    encoder = read_encoder(packed_file())
    base, top = filled(encoder, chosen_pieces(card.file, encoder.pieces), LOWER, UPPER, COUNT)
    take_over(shipped, base, top)
    base.eval(), top.eval()
    reader = MeaningReader(card.file.read_bytes())
    rows = [
        reader.pieces(text) for text in ("今天好累，不想再撑了", "my cat died and i can't stop crying", "Are you real?")
    ]
    numbers, mask = padded(rows, 1)
    with torch.no_grad():
        found = top(base(numbers, mask), mask).numpy()
    expected = np.stack([reader.logits([row])[0] for row in rows])
    for ours, theirs in zip(found, expected, strict=True):  # theirs rounds what it multiplies to eight bits
        assert np.corrcoef(ours, theirs)[0, 1] > 0.94
        assert np.corrcoef(ours[part("danger")], theirs[part("danger")])[0, 1] > 0.97


def test_a_reader_of_another_size_is_refused(shipped: bytes) -> None:
    with pytest.raises(ValueError, match=r"has other layers .* give the same --lower and --upper"):
        take_over(shipped, Lower(5, LOWER, 160), Upper(UPPER + 1, COUNT))
