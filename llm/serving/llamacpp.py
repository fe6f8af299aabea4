"""llama.cpp on a plain processor, through xllamacpp: `python -m llm.serving.llamacpp BASE.gguf --adapter NAME=FILE`.

Started by `llm.serving.local`, in a process of its own. Which adapter answers is said with every request: llama.cpp
batches only requests with the same adapters, and a request that names none would get all of them.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm.chatml import CHATML
from llm.serving.front import Emit, serve_backend

#: Tokens of a prompt that are computed at a time: a person's Stop waits for one such batch at most.
BATCH = 128


@dataclass(frozen=True, slots=True)
class LlamaSettings:
    """`context` tokens are shared by `slots` conversations at once. `threads` 0 takes the processor's cores."""

    base: Path
    name: str
    adapters: Mapping[str, Path] = field(default_factory=dict)
    context: int = 8192
    slots: int = 4
    threads: int = 0


class LlamaBackend:
    """A loaded model with its adapters."""

    def __init__(self, settings: LlamaSettings, folder: Path) -> None:
        """`folder` is private to this user: llama.cpp's own server listens on a socket in it, and nowhere else."""
        import xllamacpp

        self.names = (settings.name, *settings.adapters)
        self._adapters = tuple(settings.adapters)
        self._socket = folder / "llama.sock"
        threads = settings.threads or len(os.sched_getaffinity(0))
        params = xllamacpp.CommonParams()
        params.model.path = str(settings.base)
        params.hostnames = [str(self._socket)]
        params.n_ctx, params.n_parallel, params.kv_unified = settings.context, settings.slots, True
        params.n_batch = params.n_ubatch = BATCH
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        # llama.cpp keeps prompts in memory without saying whose adapter computed them: measured, one adapter's
        # answers then stood on another's prompt. A slot's own prompt is dropped when its adapter changes.
        params.cache_ram_mib = 0
        params.use_jinja, params.ui, params.endpoint_slots, params.warmup = True, False, False, True
        params.verbosity = 1
        params.lora_adapters = [_adapter(xllamacpp, path) for path in settings.adapters.values()]
        params.lora_init_without_apply = True
        self._stop, has_template = _from_header(settings.base)
        if not has_template:
            params.chat_template = CHATML
        self._server = xllamacpp.Server(params)

    def answer(self, name: str, body: Mapping[str, Any], emit: Emit) -> None:
        """Only what the request asks for: llama.cpp's own top-k and min-p are off. Blocks until answered or stopped."""
        chosen = [{"id": n, "scale": float(adapter == name)} for n, adapter in enumerate(self._adapters)]
        asked = {"top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0, **body, "lora": chosen}
        if "messages" in asked:
            self._server.handle_chat_completions(asked, emit)
        else:
            self._server.handle_completions(asked, emit)

    def prompt(self, messages: list[dict[str, str]]) -> str:
        return str(self._ask("/apply-template", {"messages": messages})["prompt"])

    def prompt_ids(self, messages: list[dict[str, str]]) -> list[int]:
        asked = {"content": self.prompt(messages), "add_special": False}
        found: list[int] = self._ask("/tokenize", asked)["tokens"]
        return found

    def stop_id(self) -> int:
        return self._stop

    def _ask(self, path: str, body: Mapping[str, Any]) -> Any:
        import httpx

        with httpx.Client(transport=httpx.HTTPTransport(uds=str(self._socket)), base_url="http://llama") as client:
            return client.post(path, json=dict(body)).raise_for_status().json()


def _adapter(xllamacpp: Any, path: Path) -> Any:
    made = xllamacpp.CommonAdapterLoraInfo()
    made.path, made.scale = str(path), 1.0
    return made


def _from_header(base: Path) -> tuple[int, bool]:
    """The id of the token that ends an answer, and whether the file brings a chat template."""
    from gguf import GGUFReader

    fields = GGUFReader(str(base)).fields
    return int(fields["tokenizer.ggml.eos_token_id"].contents()), "tokenizer.chat_template" in fields


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m llm.serving.llamacpp")
    parser.add_argument("base", type=Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--adapter", action="append", default=[], metavar="NAME=FILE.gguf")
    parser.add_argument("--host", default="127.0.0.1")
    for number in ("port", "context", "slots", "threads"):
        parser.add_argument(f"--{number}", type=int, required=True)
    given = parser.parse_args(arguments)
    adapters = {name: Path(path) for name, _, path in (pair.partition("=") for pair in given.adapter)}
    settings = LlamaSettings(given.base, given.name, adapters, given.context, given.slots, given.threads)
    with tempfile.TemporaryDirectory(prefix="beside-llama-") as folder:
        serve_backend(LlamaBackend(settings, Path(folder)), given.host, given.port)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
