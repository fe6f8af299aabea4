"""What the recipe psycollm-mini adds to tuning: shared openings, adapters in the upper layers, a second phase."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from llm.tuning.adapters import WEIGHTS, check_adapter
from llm.tuning.finetune import build, finetune
from llm.tuning.install import install_adapter
from llm.tuning.recipes import RECIPES, FinetuneOptions
from llm.tuning.run_settings import OtherRun
from llm.tuning.stack import ModelProblem, tensor_shapes
from tests.llm.conftest import rows, write_rows


@pytest.fixture(scope="module")
def options(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> FinetuneOptions:
    folder = tmp_path_factory.mktemp("mini")
    data = write_rows(folder / "talk.jsonl", rows(system=True))
    mini = dict(RECIPES["psycollm-mini"]) | {"first_layer": 1, "block": 256, "validate_every": 2, "max_steps": 2}
    given = {"base": str(toy), "data": (str(data),), "out": folder / "first", "dtype": "float32", "precision": "no"}
    return FinetuneOptions(**mini | given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def first(options: FinetuneOptions) -> Path:
    finetune(options)
    return options.out


def test_only_the_upper_layers_get_an_adapter(first: Path) -> None:
    names = tensor_shapes(first / "adapter" / WEIGHTS)
    assert names and all(".layers.1." in name for name in names)


def test_a_second_phase_begins_with_the_weights_of_the_first(options: FinetuneOptions, first: Path) -> None:
    from safetensors.torch import load_file

    model = build(replace(options, start_from=str(first / "adapter")))
    kept = load_file(first / "adapter" / WEIGHTS)
    state = {name.replace(".default.", "."): value for name, value in model.state_dict().items()}
    assert all(state[name].equal(value) for name, value in kept.items())
    assert any(parameter.requires_grad for parameter in model.parameters())


def test_a_second_phase_on_another_base_is_refused(options: FinetuneOptions, first: Path, tmp_path: Path) -> None:
    torn = tmp_path / "adapter"
    torn.mkdir()
    with pytest.raises(ModelProblem, match="no adapter folder"):
        build(replace(options, start_from=str(torn)))
    with pytest.raises(OtherRun, match="start_from"):
        finetune(replace(options, start_from=str(first / "adapter")))


def test_an_installed_adapter_names_its_base_and_no_path(
    options: FinetuneOptions, first: Path, toy: Path, tmp_path: Path
) -> None:
    install_adapter(first, tmp_path / "mini", toy, "Apache-2.0", "toy", toy / "model.safetensors")
    assert check_adapter(tmp_path / "mini", toy) == options.rank
    manifest = json.loads((tmp_path / "mini" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["base"] == "toy" and manifest["base_fingerprint"] != manifest["gguf_fingerprint"] != ""
    for file in (tmp_path / "mini").glob("*.json"):
        assert str(toy.parent) not in file.read_text(encoding="utf-8"), file
    whole, half = (p.stat().st_size for p in (first / "adapter" / WEIGHTS, tmp_path / "mini" / WEIGHTS))
    assert half < 0.7 * whole
