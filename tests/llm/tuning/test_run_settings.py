"""Only the same run goes on in a folder."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llm.tuning.recipes import FinetuneOptions
from llm.tuning.run_settings import SETTINGS, OtherRun, record_run, same_run
from tests.llm.conftest import rows, write_rows


@pytest.fixture()
def run(toy: Path, tmp_path: Path) -> FinetuneOptions:
    """The options of a run that has left a checkpoint."""
    data = write_rows(tmp_path / "talk.jsonl", rows(6))
    chosen = FinetuneOptions(str(toy), (str(data),), tmp_path / "run")
    record_run(chosen)
    (chosen.out / "checkpoint.pt").touch()
    return chosen


@pytest.mark.parametrize("change", [
    {"alpha": 99}, {"learning_rate": 0.01}, {"rank": 8}, {"seed": 1}, {"targets": ("q_proj",)}, {"dora": True},
    {"block": 64}, {"dropout": 0.0}, {"valid_share": 0.5}, {"rows_per_step": 1}, {"weight_decay": 0.1},
])  # fmt: skip
def test_another_setting_is_refused_and_named(run: FinetuneOptions, change: dict[str, Any]) -> None:
    [(name, value)] = change.items()
    with pytest.raises(OtherRun) as caught:
        same_run(replace(run, **change))
    shown = ", ".join(value) if isinstance(value, tuple) else str(value)
    assert f"{name}: " in str(caught.value) and f"{shown} now" in str(caught.value) and "--out" in str(caught.value)


def test_other_data_is_refused_by_content_and_not_by_place(run: FinetuneOptions, tmp_path: Path) -> None:
    data = Path(run.data[0])
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.copy(data, moved / data.name)
    same_run(replace(run, data=(str(moved / data.name),)))
    write_rows(moved / data.name, rows(7))
    with pytest.raises(OtherRun, match=r"data: talk\.jsonl \(.{8}\) there, talk\.jsonl \(.{8}\) now"):
        same_run(replace(run, data=(str(moved / data.name),)))
    with pytest.raises(OtherRun, match=r"valid: none there, talk\.jsonl"):
        same_run(replace(run, valid=run.data))
    with pytest.raises(OtherRun, match="data: "):
        same_run(replace(run, data=(*run.data, *run.data)))
    write_rows(data, rows(5))
    with pytest.raises(OtherRun, match="data: "):
        same_run(run)


def test_another_base_in_the_same_place_is_refused(run: FinetuneOptions, toy: Path, tmp_path: Path) -> None:
    copy = tmp_path / "base"
    shutil.copytree(toy, copy)
    same_run(replace(run, base=str(copy)))
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-8] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    with pytest.raises(OtherRun, match="base: "):
        same_run(replace(run, base=str(copy)))


def test_the_same_run_goes_on_also_for_longer(run: FinetuneOptions) -> None:
    same_run(run)
    same_run(replace(run, max_steps=100, epochs=9.0, patience=9, checkpoint_every=1, licence="CC0", note="again"))


def test_a_folder_without_checkpoint_or_adapter_is_free(run: FinetuneOptions) -> None:
    (run.out / "checkpoint.pt").unlink()
    same_run(replace(run, alpha=99))
    (run.out / "adapter").mkdir()
    with pytest.raises(OtherRun, match="alpha"):
        same_run(replace(run, alpha=99))


@pytest.mark.parametrize("text", [None, "", "{half"])
def test_a_run_that_does_not_say_its_settings_is_refused(run: FinetuneOptions, text: str | None) -> None:
    if text is None:
        (run.out / SETTINGS).unlink()
    else:
        (run.out / SETTINGS).write_text(text, encoding="utf-8")
    with pytest.raises(OtherRun, match="cannot be read"):
        same_run(run)
