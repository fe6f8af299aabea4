"""GGUF to safetensors: every tensor in its place, every quantised block within its step, nothing half written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from llm.serving.dequantise import as_bfloat16, dequantise
from llm.serving.gguf_files import export_model, tensors_of
from llm.tuning.stack import ModelProblem, load_base, load_tokenizer
from llm.tuning.tuned import CARDS

BASE = CARDS["nano-base"].folder


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_model(BASE, tmp_path_factory.mktemp("gguf") / "model.gguf")


def test_there_and_back_is_the_same_model(gguf: Path, tmp_path: Path) -> None:
    import torch

    seen: list[int] = []
    dequantise(gguf, tmp_path / "model", lambda done, total: seen.append(total - done))
    before = dict(tensors_of(BASE / "model.safetensors"))
    after = dict(tensors_of(tmp_path / "model" / "model.safetensors"))
    assert before.keys() == after.keys() and seen[-1] == 0
    assert all(np.array_equal(before[name], after[name]) for name in before)  # the base is bfloat16 already
    ours, theirs = load_tokenizer(tmp_path / "model"), load_tokenizer(BASE)
    asked = [{"role": "user", "content": "最近总是睡不好。 I worry."}]
    text = ours.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    ids = torch.tensor([ours(text)["input_ids"]])
    assert ids.tolist() == [theirs(text)["input_ids"]]
    with torch.inference_mode():
        assert torch.equal(load_base(tmp_path / "model")(ids).logits, load_base(BASE)(ids).logits)


def test_rounding_to_bfloat16_is_to_the_nearest_with_ties_to_even() -> None:
    import torch

    values = np.random.default_rng(0).normal(size=4096).astype(np.float32)
    values[:3] = (1 + 2**-8, 1 + 3 * 2**-8, -0.0)
    expected = torch.from_numpy(values).bfloat16().view(torch.int16).numpy().view(np.uint16)
    assert np.array_equal(as_bfloat16(values), expected)


def test_a_file_that_is_no_model_leaves_nothing(tmp_path: Path, gguf: Path) -> None:
    (tmp_path / "page.gguf").write_bytes(b"<html>not found</html>")
    with pytest.raises(ModelProblem, match="fetch it again"):
        dequantise(tmp_path / "page.gguf", tmp_path / "model")
    (tmp_path / "torn.gguf").write_bytes(gguf.read_bytes()[:1_000_000])
    with pytest.raises(ModelProblem, match="fetch it again"):
        dequantise(tmp_path / "torn.gguf", tmp_path / "model")
    assert not (tmp_path / "model").exists()
