"""Risk, RiskState, GuidedState and Turn: what the words say about danger, what the companion carries on, and the record
of one exchange. Pure and frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from llm.types import FinishReason, Locale, Prompt, Usage
from perception.types import EmotionalState


class RiskLevel(IntEnum):
    """Levels in the shape of the Columbia Suicide Severity Rating Scale screener, ordered."""

    NONE = 0
    LOW = 1  # a wish to be dead, or not to wake up; self-harm long past
    MODERATE = 2  # active thoughts without method, intent or plan; urges to self-harm
    HIGH = 3  # method, intent, recent behaviour, or danger from or to another person
    IMMINENT = 4  # plan with intent and time, means at hand, or an attempt under way


@dataclass(frozen=True, slots=True)
class Risk:
    """What the words of a conversation say up to and with one message.

    `kind` is the danger's ("suicide", "self_harm", "violence" ..., safety/levels.py lists them), "" at `none`. `score`
    is in [0, 1], monotone in `level`, 0.5 or more from `moderate` on. `reasons` are facts in the words of
    safety/levels.toml and steps of the state ("answer.means", "kept", "reader"), `rules` the names of the rules that
    matched: never the person's words, so that both can be logged. `alone` is the level of the message by itself.

    Invariant: neither a face nor a model's reply changes a Risk.
    """

    level: RiskLevel = RiskLevel.NONE
    kind: str = ""
    score: float = 0.0
    reasons: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    alone: RiskLevel = RiskLevel.NONE

    @property
    def name(self) -> str:
        """none, low, moderate, high or imminent."""
        return self.level.name.lower()

    @property
    def is_crisis(self) -> bool:
        """From `high` on the fixed crisis path answers."""
        return self.level >= RiskLevel.HIGH


@dataclass(frozen=True, slots=True)
class RiskState:
    """What a conversation carries on about danger, after one exchange (safety/engine.py, safety/path.py).

    `facts` are what was told so far, in the words of safety/levels.toml; `answers` pairs of topic and "yes" or "no"
    ("thoughts", "plan", "time", "means", "company", "told", "professional" ...); `asked` is the topic that the last
    reply asked about, "" for none. `said` names the prepared texts that were used, so that none comes twice. `plan`
    pairs a step of the safety plan with the person's words for it. `quiet` counts messages without a sign of danger.
    """

    level: RiskLevel = RiskLevel.NONE
    kind: str = ""
    facts: tuple[str, ...] = ()
    answers: tuple[tuple[str, str], ...] = ()
    asked: str = ""
    said: tuple[str, ...] = ()
    plan: tuple[tuple[str, str], ...] = ()
    refused_lines: bool = False
    minor: bool = False
    quiet: int = 0

    def answer(self, topic: str) -> str:
        """The answer: "yes", "no", or "" where the topic has no answer yet."""
        return dict(self.answers).get(topic, "")


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that the person told, in their words. `kind` is "name", "relation", "amount", "date", "corrected",
    "note" (they asked to have it noted) or "told"; `about` names whom or what ("father", "money"), "" where nothing is
    named."""

    kind: str
    words: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class GuidedState:
    """What the guided companion carries on, after one exchange (assistant/guided/).

    `exercise` and `step` (from 0) say which exercise was begun, `paused` that it was left and can be resumed; `answers`
    are what the person wrote in it, by the step's `keep`. `offered` is what the last reply offered (an exercise's name,
    "mood", "choice", "resume"), `asked` what it asked ("mood", "panic", "dark", "topic.work" ...); `declined` keeps
    offers that were turned down, `offers` all that were made. `said` counts by key the lines that were used. `moods`
    are numbers from 0 to 10. `ways` and `shapes` are how the last replies were found and built, the latest last.
    `no_questions`: the person asked for fewer. `complaints` counts them. `messages` counts the person's messages.
    """

    exercise: str = ""
    step: int = 0
    paused: bool = False
    answers: tuple[tuple[str, str], ...] = ()
    finished: tuple[str, ...] = ()
    offered: str = ""
    offers: tuple[str, ...] = ()
    declined: tuple[str, ...] = ()
    asked: str = ""
    said: tuple[tuple[str, int], ...] = ()
    moods: tuple[int, ...] = ()
    topics: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    ways: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    no_questions: bool = False
    complaints: int = 0
    messages: int = 0

    @property
    def running(self) -> bool:
        """Whether an exercise waits for the next message."""
        return bool(self.exercise) and not self.paused


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
    risk_state: RiskState = field(default_factory=RiskState)
    guided: GuidedState = field(default_factory=GuidedState)
    schema: int = 3
