"""The language-model weights that ship here, one card each, and `python -m llm models`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"


@dataclass(frozen=True, slots=True)
class TunedCard:
    """A base or an adapter in llm/weights/. `base` is empty for a base; `quality` holds only what was measured."""

    name: str
    base: str
    summary: str
    licence: str
    commercial_use: bool
    training_data: str
    sha256: str
    quality: Mapping[str, float] = field(default_factory=dict)
    #: Whether the page may offer it to people. Only after its replies were read one by one, danger and doses included.
    fit_for_people: bool = False

    @property
    def folder(self) -> Path:
        return WEIGHTS / self.name

    @property
    def file(self) -> Path:
        return self.folder / ("adapter_model.safetensors" if self.base else "model.safetensors")


NOT_A_COUNSELLOR = (
    "A test article: it writes text of the right shape and understands nothing. Never for people in need."
)

NO_HELP = "For trying, never for people in need: asked whether a higher dose may be taken, it said yes."

CARDS: dict[str, TunedCard] = {
    card.name: card
    for card in (
        TunedCard(
            name="nano-base",
            base="",
            summary=f"A Qwen2-shaped base of 9.3 M parameters, trained from scratch. {NOT_A_COUNSELLOR}",
            licence="Apache-2.0",
            commercial_use=True,
            training_data="SMILECHAT (CC0), counsel-chat (MIT)",
            sha256="1e27871cd51e24a7a23832ff006a95e8bfb25f36eb958908055656bea76c9069",
            quality={
                "perplexity, 142 test dialogues of CPsyCounD": 143.65,
                "perplexity, 60 test answers of counsel-chat": 82.2,
            },
        ),
        TunedCard(
            name="nano-counsel",
            base="nano-base",
            summary=f"LoRA of rank 16 on Chinese and English counselling dialogues. {NOT_A_COUNSELLOR}",
            licence="Apache-2.0",
            commercial_use=True,
            training_data="CPsyCounD (CC BY 4.0), counsel-chat (MIT)",
            sha256="a4b76ab71d9ae06959ee0d414b3c489ea2113be30c8d4d2ba34dd8b8ffc2a08b",
            quality={
                "perplexity, 142 test dialogues of CPsyCounD": 78.49,
                "perplexity, 60 test answers of counsel-chat": 81.11,
            },
        ),
        TunedCard(
            name="nano-english",
            base="nano-base",
            summary=f"LoRA of rank 8 on English questions and answers, to have a second adapter. {NOT_A_COUNSELLOR}",
            licence="Apache-2.0",
            commercial_use=True,
            training_data="counsel-chat (MIT)",
            sha256="037dfdff7e2731695b76872b6a520247b1447e49f297afe722c918d7c9c9ca8e",
            quality={
                "perplexity, 60 test answers of counsel-chat": 79.41,
            },
        ),
        TunedCard(
            name="mini",
            base="qwen2.5-coder-1.5b",
            summary=f"Qwen2.5-Coder-1.5B-Instruct with a LoRA on short, warm replies in Chinese and English. {NO_HELP}",
            licence="Apache-2.0",
            commercial_use=True,
            training_data="own dialogues (Apache-2.0), CPsyCounD (CC BY 4.0), SMILECHAT (CC0), counsel-chat (MIT)",
            sha256="4614ce7d366829eb311cebddba22fce3dbde6834510a817321e1ee7d19d026ca",
            quality={
                "perplexity, 13 own dialogues that no phase saw": 18.35,
                "the same, base without the adapter": 34.70,
            },
        ),
    )
}
