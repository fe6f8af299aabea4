"""`make run LLM=nano`: the shipped nano model behind a vLLM on this machine, started or found running."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from llm.serving.serve import ServeOptions, ServeProblem, Server, start
from llm.tuning.adapters import content_name
from llm.tuning.tuned import CARDS, NOT_A_COUNSELLOR

PORT = 8101
CONTEXT = 2048


@dataclass(frozen=True, slots=True)
class Nano:
    """`url` and `model` go to the chat client; `stop` ends the server if this process started it."""

    url: str
    model: str
    notice: str
    server: Server | None

    def stop(self) -> None:
        if self.server is not None:
            self.server.stop()


def nano_options(port: int = PORT) -> ServeOptions:
    """The nano base with both its adapters, in float32: a bf16 answer could not be told from a wrong one so sharply."""
    adapters = {name.removeprefix("nano-"): card.folder for name, card in CARDS.items() if card.base == "nano-base"}
    return ServeOptions(
        base=str(CARDS["nano-base"].folder), adapters=adapters, port=port, dtype="float32", max_model_len=CONTEXT
    )


def open_nano(port: int = PORT, tell: Callable[[str], None] = lambda text: None) -> Nano:
    """Attach to a proven nano server on this port, or start one (half a minute or more; `tell` is told).

    Raises ServeProblem, which names the next step, such as `make serve-env`.
    """
    if not CARDS["nano-base"].file.is_file():
        raise ServeProblem("the nano weights are not in this copy. Next step: get llm/weights, or use another --llm")
    options = nano_options(port)
    model = content_name("counsel", options.adapters["counsel"])
    url = f"http://{options.host}:{port}"
    if not _is_proven(url, model):
        tell("starting the nano model server; this takes half a minute or more ...")
        return Nano(f"{url}/v1", model, NOT_A_COUNSELLOR, start(options))
    return Nano(f"{url}/v1", model, NOT_A_COUNSELLOR, None)


def _is_proven(url: str, model: str) -> bool:
    """Does a server here answer for exactly this adapter? Before its gate has passed it answers 503."""
    import httpx

    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
    try:
        return httpx.post(f"{url}/v1/chat/completions", json=body, timeout=60, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
