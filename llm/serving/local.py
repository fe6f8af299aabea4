"""llama.cpp or the reference on this machine: started, proven, stopped; `serve` does the same with vLLM.

The proof needs no torch here: what the reference (transformers and peft, on the same weights) answers was computed when
the adapter was tuned, and lies beside it (`reference.json`, see `llm.serving.parity`). A server that does not answer
within the stated distance of it is not opened.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from llm.serving.gguf_files import export_adapter
from llm.serving.routes import GATE_WORD, OPEN_FILE
from llm.serving.serve import (
    ROOT,
    ServeProblem,
    Server,
    available_gib,
    check_port,
    server_environment,
    wait_until_healthy,
)
from llm.tuning.adapters import check_folder, content_name
from llm.tuning.stack import ModelProblem

#: Memory beside the weights, in GiB: the process, and the key-value cache of 8,192 tokens of a 1.5 B model (0.22).
OVERHEAD_GIB = 0.8
Gate = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """`base` is a GGUF file; `adapters` maps names to folders in peft's form, which are turned into GGUF here. `gate`
    gets the server's URL and the gate's word, and returns what it found; it raises ServeProblem."""

    base: Path
    name: str
    adapters: Mapping[str, Path] = field(default_factory=dict)
    host: str = "127.0.0.1"
    port: int = 8102
    context: int = 8192
    slots: int = 4
    threads: int = 0
    gate: Gate | None = None


def start_local(options: LocalOptions, tell: Callable[[str], None] = lambda text: None) -> Server:
    """Start, wait, prove. Raises ServeProblem; never leaves a process behind when it does."""
    names = _checked(options)
    folder = tempfile.TemporaryDirectory(prefix="beside-serve-")
    try:
        files = {
            name: export_adapter(path, Path(folder.name) / f"{number}.gguf")
            for number, (name, path) in enumerate(names.items())
        }
    except (ModelProblem, OSError) as error:
        folder.cleanup()
        raise ServeProblem(str(error)) from error
    log, opened, word = Path(folder.name) / "llama.log", Path(folder.name) / "open", secrets.token_hex(16)
    with log.open("wb") as sink:
        process = subprocess.Popen(  # noqa: S603
            _command(options, files), cwd=ROOT, env=server_environment() | {OPEN_FILE: str(opened), GATE_WORD: word},
            stdout=sink, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    server = Server(f"http://{options.host}:{options.port}", (options.name, *names), process, log, folder)
    try:
        wait_until_healthy(server)
        if options.gate is not None:
            tell(options.gate(server.url, word))
        opened.touch()
    except BaseException:
        server.stop()
        raise
    return server


def _checked(options: LocalOptions) -> dict[str, Path]:
    """The served name of every adapter. Raises ServeProblem for what can be known before anything is started."""
    if not options.base.is_file():
        raise ServeProblem(f"there is no model file {options.base}. Next step: `python -m llm get {options.name}`")
    with options.base.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ServeProblem(f"{options.base} is no GGUF file. Next step: `python -m llm get {options.name}`")
    try:
        for path in options.adapters.values():
            check_folder(path, options.base)
    except ModelProblem as error:
        raise ServeProblem(str(error)) from error
    check_port(options.host, options.port)
    needed = options.base.stat().st_size / 2**30 + OVERHEAD_GIB
    if (free := available_gib()) < needed:
        raise ServeProblem(
            f"about {needed:.1f} GiB of memory are needed and {free:.1f} are free. Next step: close other programs, or "
            "take a smaller model"
        )
    return {content_name(name, path): path for name, path in options.adapters.items()}


def _command(options: LocalOptions, files: Mapping[str, Path]) -> list[str]:
    numbers = {"port": options.port, "context": options.context, "slots": options.slots, "threads": options.threads}
    parts = [sys.executable, "-m", "llm.serving.llamacpp", str(options.base), "--name", options.name]
    parts += ["--host", options.host, *(word for key, value in numbers.items() for word in (f"--{key}", str(value)))]
    return parts + [word for name, path in files.items() for word in ("--adapter", f"{name}={path}")]
