"""A shared opening saves work and changes nothing: same losses, same gradients, no conversation sees another."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm.tuning.shared_opening import LEAST_SHARED, common_opening, pack_shared
from llm.tuning.stack import load_base, load_tokenizer
from llm.tuning.training_data import IGNORED, Encoded, encode
from llm.tuning.training_loop import loss_sum, targets_in
from tests.llm.conftest import TALK

PROMPT = "Listen first. 请先倾听，再用两三句话回答。 " * 8


@pytest.fixture(scope="module")
def talks(toy: Path) -> list[Encoded]:
    """Six conversations under one long prompt, three of which go on with an observation of their own."""
    tokenizer = load_tokenizer(toy)
    return [
        encode(
            [
                {"role": "system", "content": PROMPT + ("" if place % 2 else f"\n\nobserved: {place}")},
                {"role": "user", "content": asked},
                {"role": "assistant", "content": said},
            ],
            tokenizer,
        )
        for place, (asked, said) in enumerate(TALK)
    ]


def test_losses_and_gradients_are_those_of_separate_rows(toy: Path, talks: list[Encoded]) -> None:
    import torch

    rows = pack_shared(talks, block=480)
    assert len(rows) < len(talks) and all(row.shared > LEAST_SHARED for row in rows)
    alone = [row for talk in talks for row in pack_shared([talk], block=480)]
    assert targets_in(rows) == targets_in(alone) > 30
    found = {}
    for name, packed in (("shared", rows), ("alone", alone)):
        model = load_base(toy)
        total = sum((loss_sum(model, row, "cpu") for row in packed), torch.zeros(()))
        total.backward()
        found[name] = (total.detach(), model.model.layers[0].self_attn.q_proj.weight.grad)
    assert torch.allclose(found["shared"][0], found["alone"][0], rtol=1e-5)
    assert torch.allclose(found["shared"][1], found["alone"][1], atol=1e-4)


def test_a_row_is_no_longer_than_the_block_and_holds_the_opening_once(talks: list[Encoded]) -> None:
    shared = common_opening(talks)
    longest = max(len(talk.ids) for talk in talks)
    rows = pack_shared(talks, block=longest + 1)
    assert all(len(row.ids) <= longest + 1 and row.starts[1] == row.shared == shared for row in rows)
    assert sum(len(row.ids) - shared for row in rows) == sum(len(talk.ids) - shared for talk in talks)


def test_conversations_without_a_common_opening_are_packed_as_before() -> None:
    rows = [Encoded((n, *range(100, 150)), (IGNORED,) * 40 + tuple(range(140, 151))) for n in range(4)]
    assert {row.shared for row in pack_shared(rows, block=120)} == {0}


def test_a_target_is_never_part_of_the_opening() -> None:
    same = Encoded(tuple(range(60)), (IGNORED,) * 40 + tuple(range(40, 60)))
    assert common_opening([same, same]) == 39  # the token before the first target is each conversation's own
