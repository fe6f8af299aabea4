"""Tuning: the loss, the promises of the loop, and what happens when it is killed or the disk is full."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from llm.tuning.adapters import WEIGHTS, check_adapter
from llm.tuning.finetune import build, finetune, prepare_data
from llm.tuning.recipes import RECIPES, FinetuneOptions
from llm.tuning.run_settings import OtherRun
from llm.tuning.stack import load_tokenizer
from llm.tuning.training_data import MalformedData, encode, joined, pack
from llm.tuning.training_loop import loss_sum, rate_at, rows_of_step, targets_in
from tests.conftest import ROOT
from tests.llm.conftest import rows, write_rows


def options(toy: Path, talk: Path, out: Path, **changes: Any) -> FinetuneOptions:
    plain: dict[str, Any] = {
        "base": str(toy),
        "data": (str(talk),),
        "out": out,
        "rank": 4,
        "alpha": 8,
        "block": 256,
        "rows_per_step": 2,
        "max_steps": 8,
        "warmup_steps": 2,
        "validate_every": 4,
        "checkpoint_every": 2,
        "learning_rate": 5e-3,
        "epochs": 100.0,
        "valid_share": 0.2,
    }
    return FinetuneOptions(**(plain | changes))


def tensors(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(folder / WEIGHTS))


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_packed_loss_equals_the_sum_of_the_unpacked(toy: Path, attention: str) -> None:
    """No conversation sees another, and positions restart."""
    import torch

    tokenizer = load_tokenizer(toy)
    model = build(FinetuneOptions(str(toy), (), Path(), attention=attention)).eval()
    alone = [joined([encode(row["messages"], tokenizer)]) for row in rows(7)]
    together = pack([encode(row["messages"], tokenizer) for row in rows(7)], 400)
    assert len(together) < len(alone)
    with torch.no_grad():
        separate = sum(float(loss_sum(model, row, "cpu", attention)) for row in alone)
        packed = sum(float(loss_sum(model, row, "cpu", attention)) for row in together)
        plain = model(input_ids=torch.tensor([alone[0].ids]), labels=torch.tensor([alone[0].labels])).loss
        first = float(loss_sum(model, alone[0], "cpu", attention)) / targets_in(alone[:1])
    assert packed == pytest.approx(separate, rel=1e-5)
    assert first == pytest.approx(float(plain), rel=1e-5), "the loss is not the one transformers computes"


@pytest.fixture(scope="module")
def whole_run(toy: Path, talk_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    finetune(options(toy, talk_file, out))
    return out


def test_it_learns_and_writes_what_it_promises(whole_run: Path, toy: Path) -> None:
    history = [json.loads(line) for line in (whole_run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert history[-1]["train_loss"] < history[0]["train_loss"] - 0.1
    card = json.loads((whole_run / "run_card.json").read_text(encoding="utf-8"))
    assert card["seed"] == 42 and len(card["data"]["talk.jsonl"]) == 64 and card["versions"]["peft"]
    assert card["counts"]["train_target_tokens"] > 0 and card["best_step"] in {4, 8}
    assert (whole_run / "loss.png").read_bytes()[:4] == b"\x89PNG"
    assert check_adapter(whole_run / "adapter", toy) == 4


def test_other_data_or_settings_in_the_same_folder_start_nothing(
    whole_run: Path, toy: Path, talk_file: Path, tmp_path: Path
) -> None:
    before = {file: file.read_bytes() for file in whole_run.rglob("*") if file.is_file()}
    other = write_rows(tmp_path / "talk.jsonl", rows(9))
    for changes in ({"alpha": 99, "learning_rate": 0.01}, {"data": (str(other),)}, {"max_steps": 9, "rank": 8}):
        with pytest.raises(OtherRun, match="other settings"):
            finetune(options(toy, talk_file, whole_run, **changes))
    assert before == {file: file.read_bytes() for file in whole_run.rglob("*") if file.is_file()}


def test_kill_minus_nine_and_resume_gives_the_same_weights(
    whole_run: Path, toy: Path, talk_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    chosen = options(toy, talk_file, out)
    code = (
        "from pathlib import Path, PosixPath\nfrom llm.tuning.recipes import FinetuneOptions\n"
        "from llm.tuning.finetune import finetune\n"
        f"finetune({chosen!r})"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    while not (out / "checkpoint.pt").exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it had finished before it could be killed"
    finetune(chosen)
    expected, resumed = tensors(whole_run / "adapter"), tensors(out / "adapter")
    assert expected.keys() == resumed.keys()
    assert all(bool((expected[name] == resumed[name]).all()) for name in expected)


def test_the_best_adapter_is_kept_and_the_run_stops_early(toy: Path, talk_file: Path, tmp_path: Path) -> None:
    """Trained on one conversation, validated on others: the loss there must rise."""
    train = write_rows(tmp_path / "train.jsonl", rows(1))
    valid = write_rows(tmp_path / "valid.jsonl", rows(6)[1:])
    chosen = options(
        toy,
        train,
        tmp_path / "run",
        valid=(str(valid),),
        max_steps=400,
        learning_rate=3e-2,
        validate_every=3,
        patience=2,
        rows_per_step=1,
    )
    result = finetune(chosen)
    assert result.stopped_early and result.best_step < result.steps < 400
    manifest = json.loads((result.adapter / "manifest.json").read_text(encoding="utf-8"))
    assert int(manifest["step"]) == result.best_step and float(manifest["valid_loss"]) == pytest.approx(
        result.best_loss, abs=1e-5
    )


def test_a_full_disk_leaves_the_adapter_and_the_checkpoint_before(
    toy: Path, talk_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    out = tmp_path / "run"
    finetune(options(toy, talk_file, out, max_steps=4))
    before = tensors(out / "adapter")
    checkpoint = (out / "checkpoint.pt").read_bytes()
    before_names = {p.name for p in out.iterdir()}

    def full(state: Any, path: Path) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space"):
        finetune(options(toy, talk_file, out, max_steps=8))
    assert (out / "checkpoint.pt").read_bytes() == checkpoint
    assert check_adapter(out / "adapter", toy) == 4
    assert {p.name for p in out.iterdir()} == before_names
    assert before.keys() == tensors(out / "adapter").keys()


def test_malformed_data_starts_nothing(toy: Path, tmp_path: Path) -> None:
    bad = write_rows(tmp_path / "bad.jsonl", [{"messages": []}])
    with pytest.raises(MalformedData, match=r"bad\.jsonl:1"):
        finetune(options(toy, bad, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("switch", "marker"), [("dora", "magnitude"), ("rslora", "lora_A")])
def test_dora_and_rslora_reach_peft(toy: Path, switch: str, marker: str) -> None:
    model = build(FinetuneOptions(str(toy), (), Path(), **{switch: True}))  # type: ignore[arg-type]
    assert getattr(model.peft_config["default"], f"use_{switch}")
    assert any(marker in name for name, weight in model.named_parameters() if weight.requires_grad)


def test_gradient_checkpointing_changes_no_gradient(toy: Path) -> None:
    tokenizer = load_tokenizer(toy)
    row = joined([encode(rows(3)[2]["messages"], tokenizer)])
    gradients = []
    for switch in (False, True):
        model = build(FinetuneOptions(str(toy), (), Path(), dropout=0.0, gradient_checkpointing=switch))
        loss_sum(model, row, "cpu").backward()
        gradients.append({n: p.grad for n, p in model.named_parameters() if p.requires_grad})
    assert all(bool((gradients[0][name] - gradients[1][name]).abs().max() < 1e-6) for name in gradients[0])


def test_qlora_without_a_gpu_says_what_it_needs(toy: Path, talk_file: Path, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ValueError, match="bitsandbytes"):
        finetune(options(toy, talk_file, tmp_path / "run", qlora=True))


def test_recipes_are_valid_options() -> None:
    for name, recipe in RECIPES.items():
        made = FinetuneOptions(**{"base": "named by the person", **recipe}, data=("x",), out=Path("out"))  # type: ignore[arg-type]
        assert made.base and rate_at(0, 100, made) < made.learning_rate, name


def test_steps_walk_through_whole_epochs(toy: Path, talk_file: Path, tmp_path: Path) -> None:
    chosen = options(toy, talk_file, tmp_path, rows_per_step=3)
    walked = [i for step in range(7) for i in rows_of_step(7, step, chosen)]
    assert all(sorted(walked[k * 7 : (k + 1) * 7]) == list(range(7)) for k in range(3))


def test_two_processes_train_like_one(whole_run: Path, toy: Path, talk_file: Path, tmp_path: Path) -> None:
    """accelerate launch, two processes over gloo: the same data, split, must give the same adapter up to rounding."""
    out = tmp_path / "run"
    command = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--cpu",
        "--num_processes",
        "2",
        "--num_machines",
        "1",
        "--mixed_precision",
        "no",
        "--dynamo_backend",
        "no",
        "--main_process_port",
        "0",
        "-m",
        "llm",
        "finetune",
        "--base",
        str(toy),
        "--data",
        str(talk_file),
        "--out",
        str(out),
        "--rank",
        "4",
        "--alpha",
        "8",
        "--block",
        "256",
        "--rows-per-step",
        "2",
        "--max-steps",
        "8",
        "--warmup-steps",
        "2",
        "--validate-every",
        "4",
        "--checkpoint-every",
        "2",
        "--learning-rate",
        "5e-3",
        "--epochs",
        "100",
        "--valid-share",
        "0.2",
        "--dropout",
        "0.0",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    single = tmp_path / "single"
    finetune(options(toy, talk_file, single, dropout=0.0))
    ours, theirs = tensors(single / "adapter"), tensors(out / "adapter")
    assert all(bool((ours[name] - theirs[name]).abs().max() < 2e-4) for name in ours)


def test_rows_that_do_not_fit_are_counted(toy: Path, tmp_path: Path) -> None:
    long = {"messages": [{"role": "user", "content": "睡不好。" * 300}, {"role": "assistant", "content": "嗯。"}]}
    talk = write_rows(tmp_path / "talk.jsonl", [*rows(10), long])
    chosen = options(tmp_path, talk, tmp_path, valid=(str(write_rows(tmp_path / "v.jsonl", rows(2))),))
    _, _, counts = prepare_data(chosen, load_tokenizer(toy))
    assert counts["train_too_long"] == 1 and counts["train_conversations"] == 11
