"""What can go wrong before and while a server starts, and adapters that must not be loaded. No vLLM is needed here."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llm.nano.server import open_nano
from llm.serving.routes import GATE_WORD, OPEN_FILE, OnlyOurRoutes
from llm.serving.serve import (
    ServeOptions,
    ServeProblem,
    allowed_rank,
    check_machine,
    check_models,
    chosen_dtype,
    command,
    serve_python,
    start,
)
from llm.tuning.adapters import CONFIG, WEIGHTS, base_fingerprint, check_adapter, content_name, write_folder
from llm.tuning.merge import merge
from llm.tuning.stack import ModelProblem, load_base, load_tokenizer
from tests.llm.conftest import make_adapter


@pytest.fixture
def adapter(toy_adapter: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(toy_adapter, tmp_path / "adapter"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_whole_adapter_passes_and_its_name_follows_its_content(adapter: Path, toy: Path, tmp_path: Path) -> None:
    assert check_adapter(adapter, toy) == 8
    other = make_adapter(toy, tmp_path / "other", seed=2)
    assert content_name("a", adapter) == content_name("a", adapter) != content_name("a", other)


@pytest.mark.parametrize("cut", [1, 1000, "header", "empty"])
def test_a_half_written_adapter_is_refused(adapter: Path, toy: Path, cut: int | str) -> None:
    data = (adapter / WEIGHTS).read_bytes()
    (adapter / WEIGHTS).write_bytes(
        {"header": data[:20], "empty": b""}.get(str(cut), data[: -int(cut)] if isinstance(cut, int) else b"")
    )
    with pytest.raises(ModelProblem, match="damaged or only half written"):
        check_adapter(adapter, toy)


def test_one_flipped_bit_is_found(adapter: Path, toy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    write_folder(folder, lambda side: [shutil.copy(adapter / n, side / n) for n in (WEIGHTS, CONFIG)] and None)
    assert check_adapter(folder, toy) == 8
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[-5] ^= 1
    (folder / WEIGHTS).write_bytes(data)
    with pytest.raises(ModelProblem, match="not the file that was saved"):
        check_adapter(folder, toy)


def test_an_adapter_for_another_base_is_refused(adapter: Path, toy: Path, tmp_path: Path) -> None:
    from llm.nano.pretrain import NanoShape, build_model

    tokenizer = load_tokenizer(toy)
    wider = tmp_path / "wider"
    build_model(
        NanoShape(vocabulary=512, hidden=128, intermediate=128, layers=2, heads=2, positions=512), tokenizer, 0
    ).save_pretrained(wider)
    with pytest.raises(ModelProblem, match="does not fit"):
        check_adapter(adapter, wider)
    same_shape = tmp_path / "twin"
    build_model(
        NanoShape(vocabulary=512, hidden=64, intermediate=128, layers=2, heads=2, positions=512), tokenizer, 9
    ).save_pretrained(same_shape)
    marked = tmp_path / "marked"
    write_folder(
        marked,
        lambda side: [shutil.copy(adapter / n, side / n) for n in (WEIGHTS, CONFIG)] and None,
        {"base_fingerprint": base_fingerprint(toy)},
    )
    assert check_adapter(marked, toy) == 8
    with pytest.raises(ModelProblem, match="another base"):
        check_adapter(marked, same_shape)


def test_a_folder_that_cannot_be_filled_leaves_the_old_one(adapter: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    write_folder(folder, lambda side: (side / "file").write_text("first", encoding="utf-8") and None)

    def full(side: Path) -> None:
        (side / "file").write_text("half", encoding="utf-8")
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_folder(folder, full)
    assert (folder / "file").read_text(encoding="utf-8") == "first"
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith("kept")) == ["kept"]


def test_merging_gives_the_sum(adapter: Path, toy: Path, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel

    merge(str(toy), adapter, tmp_path / "merged", "float32")
    ids = torch.arange(3, 40)[None]
    with torch.inference_mode():
        expected = PeftModel.from_pretrained(load_base(toy), str(adapter)).eval()(input_ids=ids).logits
        got = load_base(tmp_path / "merged")(input_ids=ids).logits
    assert torch.allclose(expected, got, atol=1e-5)
    assert load_tokenizer(tmp_path / "merged").chat_template == load_tokenizer(toy).chat_template


def problem(options: ServeOptions) -> str:
    with pytest.raises(ServeProblem) as caught:
        check_models(options)
        check_machine(options, "python")
    return str(caught.value)


def test_each_thing_that_is_missing_has_its_own_message(toy: Path, adapter: Path, tmp_path: Path) -> None:
    port = free_port()
    assert "there is no model folder" in problem(ServeOptions(str(tmp_path / "nowhere"), port=port))
    (tmp_path / "empty").mkdir()
    assert "config.json" in problem(ServeOptions(str(tmp_path / "empty"), port=port))
    assert "no adapter folder" in problem(ServeOptions(str(toy), {"a": tmp_path / "empty"}, port=port))
    assert "GiB of memory are needed" in problem(ServeOptions(str(toy), port=port, kv_gib=1_000_000))
    narrow = Path(shutil.copytree(toy, tmp_path / "narrow"))
    config = json.loads((narrow / "config.json").read_text(encoding="utf-8"))
    (narrow / "config.json").write_text(
        json.dumps(config | {"num_attention_heads": 4, "head_dim": 16}), encoding="utf-8"
    )
    assert "heads have size 16" in problem(ServeOptions(str(narrow), port=port))
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        assert "cannot be used" in problem(ServeOptions(str(toy), port=holder.getsockname()[1]))


def test_there_is_always_one_adapter_slot_too_many(toy: Path, adapter: Path) -> None:
    options = ServeOptions(str(toy), {"a": adapter, "b": adapter})
    line = command(options, "python", {"a@1": adapter, "b@2": adapter}, 8)
    assert line[line.index("--max-loras") + 1] == "3"
    assert line[line.index("--host") + 1] == "127.0.0.1"


def test_server_and_gate_compute_in_the_same_type(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"torch_dtype": "float16"}', encoding="utf-8")
    folder = ServeOptions(str(tmp_path))
    cpu, gpu = "env-serve-cpu-1/bin/python", "env-serve-gpu-1/bin/python"
    assert [chosen_dtype(folder, python) for python in (cpu, gpu)] == ["float32", "float16"]
    assert chosen_dtype(ServeOptions("Qwen/Qwen2.5-7B-Instruct"), gpu) == "bfloat16"
    assert chosen_dtype(replace(folder, dtype="bfloat16"), cpu) == "bfloat16"
    with pytest.raises(ServeProblem, match="float64"):
        chosen_dtype(replace(folder, dtype="float64"), cpu)


def test_rank_limits_are_those_of_the_server() -> None:
    assert [allowed_rank(r) for r in (1, 4, 8, 9, 64, 300)] == [1, 8, 8, 16, 64, 320]
    with pytest.raises(ServeProblem, match="512"):
        allowed_rank(513)


def test_a_missing_environment_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("BESIDE_SERVE_PYTHON", raising=False)
    with pytest.raises(ServeProblem, match="make serve-env"):
        serve_python()


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            "echo 'RuntimeError: [enforce fail] DefaultCPUAllocator: can not allocate; Cannot allocate memory'; exit 1",
            "not enough memory",
        ),
        ("kill -9 $$", "was killed, most often because memory ran out"),
        ("echo 'ValueError: Unsupported CPU attention configuration: head_dim=48'; exit 1", "head size"),
        ("echo something else; exit 7", "something else"),
    ],
)
def test_a_server_that_dies_while_starting_is_explained(
    script: str, message: str, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that dies in the server's place, through the whole of `start`."""
    fake = tmp_path / "python"
    fake.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("BESIDE_SERVE_PYTHON", str(fake))
    with pytest.raises(ServeProblem, match=message):
        start(ServeOptions(str(toy), port=free_port()))


def _call(method: str, path: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> int:
    """Status of one request through the middleware; 299 is the server behind it."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 299})

    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    asyncio.run(OnlyOurRoutes(behind)(scope, None, send))
    return int(sent[0]["status"])


def test_only_our_routes_and_only_after_the_gate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(OPEN_FILE, raising=False)
    assert _call("POST", "/v1/chat/completions") == _call("GET", "/v1/models") == 299
    closed = [
        ("POST", "/v1/load_lora_adapter"),
        ("GET", "/metrics"),
        ("POST", "/inference/v1/generate"),
        ("GET", "/docs"),
        ("POST", "/v1/chat/completions/"),
        ("POST", "/v1/../v1/load_lora_adapter"),
        ("DELETE", "/v1/models"),
    ]
    assert {_call(method, path) for method, path in closed} == {404}
    monkeypatch.setenv(OPEN_FILE, str(tmp_path / "open"))
    monkeypatch.setenv(GATE_WORD, "word")
    assert _call("POST", "/v1/chat/completions") == 503 and _call("GET", "/health") == 299
    assert _call("POST", "/v1/chat/completions", ((b"x-beside-gate", b"guess"),)) == 503
    assert _call("POST", "/v1/chat/completions", ((b"x-beside-gate", b"word"),)) == 299
    (tmp_path / "open").touch()
    assert _call("POST", "/v1/chat/completions") == 299


def test_nano_without_its_environment_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("BESIDE_SERVE_PYTHON", raising=False)
    with pytest.raises(ServeProblem, match="make serve-env"):
        open_nano(free_port())
    assert os.environ["XDG_CACHE_HOME"] == str(tmp_path)
