"""Adapters that servers and merging treat differently: of the embeddings, DoRA, whole layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llm.serving.serve import ServeOptions, ServeProblem, start
from llm.tuning.adapters import check_adapter, unservable
from llm.tuning.merge import merge
from llm.tuning.stack import load_base, load_tokenizer


def adapter_of(base: Path, folder: Path, **options: Any) -> Path:
    """A random adapter that is not the identity."""
    model = load_base(base)
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(3)
    chosen = {"target_modules": ["q_proj"], "init_lora_weights": False, "r": 4} | options
    get_peft_model(model, LoraConfig(lora_alpha=16, task_type="CAUSAL_LM", **chosen)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def untied(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy model with an output matrix of its own."""
    import torch

    folder = tmp_path_factory.mktemp("untied") / "base"
    model = load_base(toy)
    torch.manual_seed(5)
    model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.lm_head.weight) * 0.02)
    model.config.tie_word_embeddings = False
    model.save_pretrained(folder)
    load_tokenizer(toy).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("base", ["toy", "untied"])
@pytest.mark.parametrize("options", [
    {"target_modules": ["q_proj", "embed_tokens"]}, {"target_modules": ["lm_head"]},
    {"target_modules": ["embed_tokens", "lm_head", "v_proj"]}, {"target_modules": ["embed_tokens"], "use_rslora": True},
    {"use_dora": True}, {"modules_to_save": ["lm_head"]}, {"alpha_pattern": {"q_proj": 64}},
    {"rank_pattern": {"0.self_attn.q_proj": 2}},
])  # fmt: skip
def test_the_merged_model_equals_base_and_adapter(
    base: str, options: dict[str, Any], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """On a tied base too, where the input's and the output's embedding are one matrix."""
    folder: Path = request.getfixturevalue(base)
    adapter = adapter_of(folder, tmp_path / "adapter", **options)
    import torch
    from peft import PeftModel

    assert check_adapter(adapter, folder) == 4
    merge(str(folder), adapter, tmp_path / "merged", "float32")
    ids = torch.arange(3, 40)[None]
    with torch.inference_mode():
        expected = PeftModel.from_pretrained(load_base(folder), str(adapter)).eval()(input_ids=ids).logits
        got = load_base(tmp_path / "merged")(input_ids=ids).logits
        plain = load_base(folder)(input_ids=ids).logits
    assert torch.allclose(expected, got, atol=1e-4)
    if "modules_to_save" not in options:
        assert not torch.allclose(plain, got, atol=1e-2), "the adapter changes nothing"


@pytest.mark.parametrize(("options", "what"), [
    ({"use_dora": True}, "a DoRA adapter"), ({"modules_to_save": ["lm_head"]}, "modules_to_save: lm_head"),
    ({"target_modules": ["q_proj", "embed_tokens"]}, "embed_tokens"), ({"target_modules": ["lm_head"]}, "lm_head"),
    ({"bias": "lora_only"}, "biases"), ({"r": 600}, "rank 600"), ({"trainable_token_indices": [5, 9]}, "single tokens"),
    ({"alpha_pattern": {"q_proj": 64}}, "alphas differ"),
    ({"rank_pattern": {"0.self_attn.q_proj": 2}}, "ranks or alphas"),
])  # fmt: skip
def test_what_vllm_does_not_serve_is_refused_before_it_starts(
    toy: Path, tmp_path: Path, options: dict[str, Any], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine without the server's environment too: 3 GB would be fetched for nothing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "no environment"))
    monkeypatch.delenv("BESIDE_SERVE_PYTHON", raising=False)
    adapter = adapter_of(toy, tmp_path / "adapter", **options)
    with pytest.raises(ServeProblem) as caught:
        start(ServeOptions(str(toy), {"kind": adapter}))
    assert what in str(caught.value) and "python -m llm merge" in str(caught.value)


def test_plain_and_rslora_adapters_are_served(toy: Path, toy_adapter: Path, tmp_path: Path) -> None:
    assert unservable(toy_adapter) == unservable(adapter_of(toy, tmp_path / "a", use_rslora=True)) == ""
