"""What is varied between dialogues on purpose, and the client's state as the page would know it."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from data_gen.steps import chosen_from, listed, strict
from llm.files import sha256_of
from perception.types import EXPRESSIONS, Behaviours, EmotionalState

CONTROLS = Path(__file__).with_name("controls.toml")
NAMES = ("persona", "resistance", "pace", "stage", "trajectory")
#: Behaviours of the face that the page puts into words, as assistant.prompt.describe names them.
BEHAVIOURS = (
    "brow_raise", "brow_lower", "brow_oblique", "smile", "lip_press", "mouth_open", "lip_corner_down", "eye_narrow",
    "eyes_closed", "blink_rate", "head_down", "movement",
)  # fmt: skip
#: The share of dialogues in which the camera is on; in the others every state is unknown, as on the page.
SEEN_SHARE = 0.6
#: The page's window (seconds).
WINDOW_S = 10.0
#: Probability of the expression that was written; the other six share the rest.
MAIN = 0.7
_UNIT = {"type": "number", "minimum": -1, "maximum": 1}
STATE_SCHEMA = strict(
    expression=chosen_from(EXPRESSIONS),
    valence=_UNIT,
    arousal=_UNIT,
    signs=listed(strict(behaviour=chosen_from(BEHAVIOURS), direction=chosen_from(("more", "less"))), most=2),
)


@dataclass(frozen=True, slots=True)
class Controls:
    """One value of each controlled variable, the number of exchanges, and whether the camera is on."""

    persona: str
    resistance: str
    pace: str
    stage: str
    trajectory: str
    turns: int
    seen: bool

    def words(self, lang: str) -> dict[str, str]:
        """What the prompt says for each."""
        return {name: levels()[name][getattr(self, name)][lang] for name in NAMES}

    def record(self) -> dict[str, Any]:
        return asdict(self)


@cache
def levels() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """Variable -> value -> language -> words."""
    found: Mapping[str, Mapping[str, Mapping[str, str]]] = tomllib.loads(CONTROLS.read_text(encoding="utf-8"))
    return found


@cache
def controls_version() -> str:
    """controls@hash: the words of the controlled variables are a part of what is asked."""
    return f"controls@{sha256_of(CONTROLS)[:12]}"


def draw(seed: int, turns: tuple[int, int]) -> Controls:
    """Controls by `seed`; `turns` are the fewest and the most exchanges."""
    chance = random.Random(seed)
    chosen = {name: chance.choice(sorted(levels()[name])) for name in NAMES}
    return Controls(**chosen, turns=chance.randint(*turns), seen=chance.random() < SEEN_SHARE)


def state_of(written: Mapping[str, Any], controls: Controls, seed: int, turn: int) -> EmotionalState:
    """The state that was written for one turn (STATE_SCHEMA) as an EmotionalState. How well the face was seen is drawn
    by `seed`, within what the page speaks about and a little below."""
    if not controls.seen:
        return EmotionalState.unknown("off", WINDOW_S * turn)
    chance = random.Random(f"{seed}/{turn}")
    rest = (1 - MAIN) / (len(EXPRESSIONS) - 1)
    change = {
        sign["behaviour"]: (1 if sign["direction"] == "more" else -1) * chance.choice((2.0, 3.5))
        for sign in written["signs"]
    }
    return EmotionalState(
        WINDOW_S * turn, WINDOW_S * (turn + 1), True,
        expressions={name: MAIN if name == written["expression"] else rest for name in EXPRESSIONS},
        valence=float(written["valence"]), arousal=float(written["arousal"]),
        confidence=round(chance.uniform(0.25, 0.75), 2), coverage=round(chance.uniform(0.55, 1.0), 2),
        change=Behaviours(**change), modality="face", source="written by the model of data generation",
    )  # fmt: skip


def state_record(state: EmotionalState) -> dict[str, Any]:
    """As JSON; nothing but the reason where nothing is known."""
    if not state.known:
        return {"known": False, "reason": state.reason}
    change = {name: value for name, value in state.change.as_dict().items() if value}
    return {
        "known": True, "expression": state.dominant, "valence": state.valence, "arousal": state.arousal,
        "confidence": state.confidence, "coverage": state.coverage, "change": change,
    }  # fmt: skip
