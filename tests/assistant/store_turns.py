"""Turns for the tests of the store."""

from __future__ import annotations

import uuid
from typing import Any

from assistant.types import Risk, RiskLevel, Turn
from llm.types import Message, Prompt, Sampling, Usage
from perception.types import EXPRESSIONS, Behaviours, EmotionalState

SENTENCE = "Over the last 20 s the brow was lower than usual; seen 80% of the time."
STATE = EmotionalState(
    t0_s=1.0,
    t1_s=21.0,
    known=True,
    expressions=dict.fromkeys(EXPRESSIONS, 1 / 7),
    valence=-0.25,
    arousal=0.125,
    confidence=0.75,
    coverage=0.8,
    trend=-0.1,
    change=Behaviours(brow_lower=1.5),
    voice={"f0_hz": 180.0},
    source="au/rules",
)


def make_turn(conversation_id: str = "c1", user_text: str = "I slept badly", **changes: Any) -> Turn:
    """A turn without sensors; `changes` replaces fields."""
    values: dict[str, Any] = {
        "turn_id": uuid.uuid4().hex,
        "conversation_id": conversation_id,
        "at": "2026-11-21T10:00:00+00:00",
        "locale": "en",
        "user_text": user_text,
        "state": EmotionalState.unknown(),
        "risk": Risk(RiskLevel.LOW, "suicide", 0.3, ("wish",), ("en.sleep",), RiskLevel.LOW),
        "prompt": Prompt((Message("system", "Be kind."), Message("user", user_text)), Sampling(seed=3, stop=("x",))),
        "reply": "That sounds hard.",
        "model": "tiny",
        "finish_reason": "stop",
        "usage": Usage(3, 4),
        "first_token_s": 0.5,
        "latency_s": 1.5,
    }
    return Turn(**{**values, **changes})


def make_seen_turn(conversation_id: str = "c1", user_text: str = "I slept badly") -> Turn:
    """A turn with the camera on."""
    prompt = Prompt(
        (
            Message("system", f"Go slowly, they look low.\n<affect>{SENTENCE}</affect>"),
            Message("user", f"{user_text}\n<affect>{SENTENCE}</affect>"),
        ),
        tone="slow",
    )
    return make_turn(conversation_id, user_text, state=STATE, affect_sentence=SENTENCE, prompt=prompt)
