"""llama.cpp on a plain processor: exact weights of nano, its adapters, the gate, leaks, and what a person can break."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from llm.client.openai_compat import OpenAICompatible
from llm.serving import llamacpp
from llm.serving.gguf_files import export_adapter, export_model, tensors_of
from llm.serving.local import LocalOptions, start_local
from llm.serving.parity import LLAMACPP_TOLERANCE, against
from llm.serving.reference import Reference, keep, kept, references
from llm.serving.serve import ServeProblem, Server
from llm.tuning.stack import ModelProblem
from llm.tuning.tuned import CARDS
from llm.types import Message, Prompt, Sampling

BASE = CARDS["nano-base"].folder
ADAPTERS = {"counsel": CARDS["nano-counsel"].folder, "english": CARDS["nano-english"].folder}
ALLOWED = LLAMACPP_TOLERANCE["float"]


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_model(BASE, tmp_path_factory.mktemp("gguf") / "nano.gguf")


@pytest.fixture(scope="module")
def served(gguf: Path) -> Iterator[Server]:
    server = start_local(LocalOptions(gguf, "nano-base", ADAPTERS, port=8197))
    yield server
    server.stop()
    assert not server.alive()


@pytest.fixture(scope="module")
def expected(served: Server) -> Reference:
    named = dict(zip(served.models[1:], ADAPTERS.values(), strict=True))
    return references(str(BASE), named, "nano-base", 8, "float32", 512, "cpu")


def chat(server: Server, **more: Any) -> httpx.Response:
    body = {"model": "nano-base", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 8, **more}
    return httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=60, trust_env=False)


def test_the_client_streams_from_the_first_reply_on(served: Server) -> None:
    """It reads from the prompt's end that the template opens no reasoning block."""
    client = OpenAICompatible(served.url, "nano-base", api_key="")
    prompt = Prompt((Message("user", "hi"),), Sampling(temperature=0.0, max_tokens=8))
    assert len(list(client.stream(prompt))) > 1
    client.close()


@pytest.mark.slow
def test_it_answers_what_transformers_and_peft_answer_alone_and_mixed(served: Server, expected: Reference) -> None:
    report = against(expected, served.url, "nano-base", ALLOWED)
    assert report.passed, report.text()


def test_an_adapter_that_leaks_turns_the_gate_red(
    served: Server, expected: Reference, gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same server, asked under a wrong name now and then: what a mixed-up slot would do."""
    asked = httpx.post
    turn = 0

    def leaking(url: str, **request: Any) -> httpx.Response:
        nonlocal turn
        turn += 1
        if request["json"]["model"] == "nano-base" and turn % 5 == 0:
            request["json"] = request["json"] | {"model": served.models[1]}
        return asked(url, **request)

    monkeypatch.setattr(httpx, "post", leaking)
    report = against(expected, served.url, "nano-base", ALLOWED, rounds=1)
    assert not report.passed and any(f.model == "nano-base" for f in report.findings if not f.passed)


def test_the_kept_reference_is_the_computed_one(expected: Reference, served: Server, tmp_path: Path) -> None:
    keep(expected, "nano-base", tmp_path / "reference.json")
    names = {"nano-base": "", served.models[1]: "counsel", served.models[2]: "english"}
    read = kept(tmp_path / "reference.json", names)
    assert read.answers[served.models[2]] == expected.answers[served.models[2]][:3] and read.stops == expected.stops
    assert against(read, served.url, "nano-base", ALLOWED, rounds=1, copies=1).passed
    with pytest.raises(ValueError, match="no kept reference of other"):
        kept(tmp_path / "reference.json", {"other": "other"})


def test_only_four_routes_are_open_and_unknown_names_are_refused(served: Server) -> None:
    assert httpx.get(f"{served.url}/health", trust_env=False).status_code == 200
    listed = httpx.get(f"{served.url}/v1/models", trust_env=False).json()["data"]
    assert [each["id"] for each in listed] == list(served.models)
    for path in ("/props", "/slots", "/lora-adapters", "/metrics", "/tokenize"):
        assert httpx.get(f"{served.url}{path}", trust_env=False).status_code == 404
    refused = chat(served, model="other")
    assert refused.status_code == 404 and "nano-base" in refused.json()["error"]["message"]


def test_a_prompt_beyond_the_context_is_refused_with_numbers(served: Server) -> None:
    refused = chat(served, messages=[{"role": "user", "content": "hi " * 9000}])
    assert refused.status_code == 400 and "context" in refused.json()["error"]["message"]


def test_an_option_of_the_engine_cannot_be_reached(served: Server) -> None:
    plain = chat(served, temperature=0).json()["choices"][0]["message"]["content"]
    both = [{"id": 0, "scale": 1.0}, {"id": 1, "scale": 1.0}]
    assert chat(served, temperature=0, lora=both).json()["choices"][0]["message"]["content"] == plain


def test_it_streams_and_a_client_that_leaves_frees_the_engine(served: Server) -> None:
    body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 3000, "stream": True,
            "logit_bias": {"2": -100}}  # fmt: skip
    pieces = 0
    with httpx.stream("POST", f"{served.url}/v1/chat/completions", json=body, timeout=60, trust_env=False) as reply:
        for line in reply.iter_lines():
            if line.startswith("data: ") and json.loads(line[6:])["choices"][0]["delta"].get("content"):
                pieces += 1
                if pieces == 5:
                    break
    began = time.monotonic()
    assert chat(served).status_code == 200  # slots are free again: the long reply would take far longer
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"use_dora": True}, "DoRA"),
        ({"modules_to_save": ["lm_head"]}, "whole modules"),
        ({"rank_pattern": {"q_proj": 4}}, "ranks or alphas"),
        ({"peft_type": "LOHA"}, "no LoRA"),
    ],
)
def test_an_adapter_that_llama_cpp_cannot_apply_is_refused_with_the_way_out(
    change: dict[str, Any], said: str, tmp_path: Path
) -> None:
    folder = tmp_path / "adapter"
    shutil.copytree(ADAPTERS["counsel"], folder)
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    (folder / "adapter_config.json").write_text(json.dumps(config | change), encoding="utf-8")
    with pytest.raises(ModelProblem, match=rf"{said}.*llm merge"):
        export_adapter(folder, tmp_path / "a.gguf")
    assert not (tmp_path / "a.gguf").exists()


def test_bfloat16_is_read_as_torch_reads_it() -> None:
    from safetensors.torch import load_file

    file = ADAPTERS["english"] / "adapter_model.safetensors"
    ours, theirs = dict(tensors_of(file)), load_file(file)
    assert ours.keys() == theirs.keys()
    assert all((ours[name] == theirs[name].float().numpy()).all() for name in ours)


def test_what_is_wrong_is_said_before_anything_is_started(tmp_path: Path, gguf: Path) -> None:
    with pytest.raises(ServeProblem, match=r"no model file .*llm get mini"):
        start_local(LocalOptions(tmp_path / "none.gguf", "mini"))
    (tmp_path / "torn.gguf").write_bytes(b"<html>")
    with pytest.raises(ServeProblem, match="no GGUF file"):
        start_local(LocalOptions(tmp_path / "torn.gguf", "mini"))
    (tmp_path / "torn.gguf").write_bytes(gguf.read_bytes()[:100_000])
    with pytest.raises(ServeProblem, match="stopped with exit code"):
        start_local(LocalOptions(tmp_path / "torn.gguf", "mini", port=8198))


def test_the_template_of_a_file_without_one_is_chatml() -> None:
    assert "<|im_start|>" in llamacpp.CHATML and "system" not in llamacpp.CHATML
