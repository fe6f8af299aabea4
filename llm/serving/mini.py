"""`make run LLM=mini`: the small tuned model behind a llama.cpp of its own, fetched if it is not here, and proven."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from llm.bases import FetchProblem, Show, base_called, get
from llm.serving.local import LocalOptions, start_local
from llm.serving.parity import LLAMACPP_TOLERANCE, against
from llm.serving.reference import kept
from llm.serving.serve import ServeProblem, Server
from llm.tuning.adapters import content_name
from llm.tuning.tuned import CARDS, TunedCard

#: The tuned models that run on a plain processor, by the names that a person uses.
MINIS = ("mini",)
REFERENCE = "reference.json"
PORT = 8103
#: The adapter is a small change of its base: on 4-bit weights twice the allowed difference is what there is to see, and
#: is still more than twice the largest that rounding made (.095 nats, measured).
TOLD_APART = 2.0


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A served model. `url` and `model` go to the chat client, `notice` says what it is not, `stop` ends it at once."""

    url: str
    model: str
    notice: str
    server: Server

    def stop(self) -> None:
        self.server.stop()

    def alive(self) -> bool:
        return self.server.alive()


def described(name: str) -> str:
    """What would be fetched: size and licence, for a person who decides. Raises ValueError for an unknown name."""
    return base_called(_card(name).base).described


def is_here(name: str) -> bool:
    """Whether nothing would have to be fetched."""
    return base_called(_card(name).base).is_here


def open_mini(name: str, show: Show | None = None, port: int = PORT) -> LocalModel:
    """Fetch what is missing, start the engine, pass the gate. Raises ServeProblem, which names the next step."""
    show = show or Show()
    card = _card(name)
    try:
        base = get(card.base, show)
    except FetchProblem as problem:
        raise ServeProblem(str(problem)) from problem
    show.tell(f"starting {name} ...")
    served = content_name(name, card.folder)
    gate = _gate({card.base: "", served: name}, card.base, card.folder / REFERENCE)
    options = LocalOptions(base, card.base, {name: card.folder}, port=port, gate=gate)
    server = start_local(options, show.tell)
    return LocalModel(f"{server.url}/v1", served, card.summary, server)


def _card(name: str) -> TunedCard:
    if name not in MINIS:
        raise ValueError(f"no small model is called {name!r}; choose from {', '.join(MINIS)}")
    return CARDS[name]


def _gate(names: Mapping[str, str], base: str, reference: Path) -> Callable[[str, str], str]:
    """One round against the kept reference: a minute would be too long for a start on two cores."""

    def gate(url: str, word: str) -> str:
        try:
            report = against(kept(reference, names), url, base, LLAMACPP_TOLERANCE["4-bit"], 1, 1, word, TOLD_APART)
        except (ValueError, OSError) as error:
            raise ServeProblem(f"the gate cannot be run, so nothing is served: {error}") from error
        if not report.passed:
            raise ServeProblem(f"the parity gate failed, so nothing is served:\n{report.text()}")
        return report.text().splitlines()[0]

    return gate
