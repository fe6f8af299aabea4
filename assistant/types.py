"""Risk and Turn: what the words say about danger, and the record of one exchange. Pure and frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from llm.types import FinishReason, Locale, Prompt, Usage
from perception.types import EmotionalState


class RiskLevel(IntEnum):
    """Levels in the shape of the Columbia Suicide Severity Rating Scale screener, ordered."""

    NONE = 0
    LOW = 1       # a wish to be dead, or not to wake up; self-harm long past
    MODERATE = 2  # active thoughts without method, intent or plan; urges to self-harm
    HIGH = 3      # method, intent, recent behaviour, or danger from or to another person
    IMMINENT = 4  # plan with intent and time, means at hand, or an attempt under way


@dataclass(frozen=True, slots=True)
class Risk:
    """What the words alone say. `evidence` holds the rules' names, never the person's words, so that it can be logged.

    Invariant: neither a face nor a model's reply can lower `level`, and neither can raise an alarm alone.
    """

    level: RiskLevel = RiskLevel.NONE
    evidence: tuple[str, ...] = ()
    category: str = ""  # "suicide", "self_harm", "violence", "abuse", "medical" ... of the strongest rule

    @property
    def name(self) -> str:
        """none, low, moderate, high or imminent."""
        return self.level.name.lower()

    @property
    def is_crisis(self) -> bool:
        """From `high` on the fixed crisis path answers."""
        return self.level >= RiskLevel.HIGH


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange, enough to replay it.

    `reply` is exactly what the person saw; `prompt` is None when no model was asked (crisis path). `affect_sentence` is
    the exact sentence inside the prompt, or empty. `error` names what went wrong with a model on the way, in the
    operator's words; it is never shown as a reply.
    """

    turn_id: str
    conversation_id: str
    at: str  # ISO 8601, UTC
    locale: Locale
    user_text: str
    state: EmotionalState
    risk: Risk
    prompt: Prompt | None
    reply: str
    model: str
    finish_reason: FinishReason
    affect_sentence: str = ""
    usage: Usage = field(default_factory=Usage)
    first_token_s: float = 0.0
    latency_s: float = 0.0
    error: str = ""
    schema: int = 1
