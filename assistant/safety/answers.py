"""What a message does in a conversation about danger: answers a question, refuses, parts, takes a step to safety."""

from __future__ import annotations

from dataclasses import dataclass

from assistant.safety.compile import context, moves
from assistant.safety.rule import Kind
from assistant.safety.signals import Signals
from assistant.types import RiskLevel, RiskState

#: An answer to a question has at most so many characters.
ANSWER = 40
#: A yes that stands for itself has at most so many characters (in Chinese: the second).
SHORT_YES = (60, 6)
#: A message longer than this (characters) is told for its own sake: its first word is no bare yes or no.
TOLD = 160
#: Topics of which a yes is a danger; of the others ("company", "told", "professional", "safe") a yes is safety.
DANGERS = {"harm_baby", "thoughts", "plan", "time", "means", "close", "hurt", "voice_strong"}
#: Kinds of danger in which a yes to a question raises the level.
_ANSWERED = {"suicide", "self_harm", "voices", "violence", "birth", "eating"}
#: Topics whose question a bare yes or no answers.
CLOSED = DANGERS | {"company", "safe", "weapon", "reached", "door", "drowsy"}
#: The fact that a danger rests on the learned reader alone, so far.
READER = "reader"
#: The reader saw danger in two messages, or was sure of it: that is no single misreading any more.
READER_AGAIN = "reader.again"
#: The reader saw danger once more after that.
READER_OFTEN = "reader.often"
#: Steps towards safety that lower a risk by one each, with the rule's words for why.
STEPS = ("means_away", "company", "professional", "no_plan", "safe")


@dataclass(frozen=True, slots=True)
class Move:
    """What a message does. `topic` is the question that it answers, `answer` "yes" or "no"; `steps` of STEPS taken."""

    topic: str = ""
    answer: str = ""
    steps: tuple[str, ...] = ()
    refuses_lines: bool = False
    parting: bool = False
    takes_back: bool = False
    weaker: bool = False


def move(plain: str, state: RiskState, signals: Signals) -> Move:
    """The move of a normalised message after `state`."""
    patterns = moves()
    if not state.level:
        return Move(parting=bool(patterns["parting"].search(plain)))
    bare = len(plain) <= TOLD
    # What only the reader saw is not made certain by a sentence that happens to begin with a yes.
    plainly = READER not in state.facts or len(plain) <= SHORT_YES[any(ch >= "\u4e00" for ch in plain)]
    answer, topic = "", state.asked
    if bare and patterns["no"].search(plain):
        answer = "no"
    elif bare and plainly and begins_yes(plain):
        answer = "yes"
    steps = tuple(step for step in STEPS if patterns[step].search(plain) and not _is_told_otherwise(step, signals))
    kinds = {signal.kind for signal in signals.found}
    if state.asked == "thoughts" and kinds == {Kind.DENIAL} and answer != "yes":
        answer = "no"
    if answer == "no" and signals.denied:
        topic = "thoughts"
    if bare and patterns["alone"].search(plain) and "company" not in steps:
        answer, topic = "no", "company"
    if topic not in CLOSED:
        topic = ""
    return Move(
        topic if answer else "", answer, steps, bool(patterns["refuses_lines"].search(plain)),
        bool(patterns["parting"].search(plain)), bool(patterns["takes_back"].search(plain)),
        bool(patterns["weaker"].search(plain)) and not patterns["stronger"].search(plain),
    )  # fmt: skip


def begins_yes(plain: str) -> bool:
    """Whether a normalised message begins with a yes."""
    return bool(moves()["yes"].search(plain) or context()["yes"].search(plain))


def _is_told_otherwise(step: str, signals: Signals) -> bool:
    """Means given away as a preparation, or company named in a danger, is no step towards safety."""
    dangers = {Kind.PREPARATION, Kind.ATTEMPT_NOW, Kind.INTENT, Kind.ABUSE, Kind.DANGER_NOW, Kind.PLACE, Kind.CHILD}
    if step != "means_away":
        dangers |= {Kind.MEANS}
    return bool({signal.kind for signal in signals.found if not signal.past} & dangers) or bool(signals.other)


def raised_to(step: Move, plain: str, state: RiskState) -> RiskLevel:
    """What a few words add as the answer to a question about danger: yes, here, soon, begun, on the ninth floor."""
    patterns = context()
    if state.asked.startswith("plan."):
        return RiskLevel.NONE
    hinted = state.level == RiskLevel.LOW and state.asked == "thoughts"
    if (state.level < RiskLevel.MODERATE and not hinted) or state.kind not in _ANSWERED or step.steps or step.parting:
        return RiskLevel.NONE
    if state.asked == "means" and moves()["promises"].search(plain):
        return RiskLevel.NONE
    asked_danger = state.asked in DANGERS or not state.asked
    said_yes = step.answer == "yes" and (state.asked or context()["yes"].match(plain))
    most = RiskLevel.HIGH if state.kind in {"self_harm", "eating", "birth"} else RiskLevel.IMMINENT
    if said_yes and asked_danger and len(plain) <= SHORT_YES[any(ch >= "\u4e00" for ch in plain)]:
        at_hand = state.asked in {"means", "time"} or state.level == RiskLevel.IMMINENT
        return most if at_hand and state.level >= RiskLevel.HIGH else RiskLevel.HIGH
    if step.answer == "no" or step.takes_back or len(plain) >= ANSWER:
        return RiskLevel.NONE
    if state.level >= RiskLevel.HIGH and patterns["begun"].search(plain):
        return most
    if patterns["at_hand"].search(plain):
        there = state.level >= RiskLevel.HIGH and state.asked in {"means", "place", "where"}
        return most if there or state.level == RiskLevel.IMMINENT else RiskLevel.HIGH
    soon = patterns["soon"].search(plain) or patterns["strong_time"].match(plain)
    detail = state.level >= RiskLevel.HIGH and patterns["detail"].search(plain)
    return RiskLevel.HIGH if soon or detail else RiskLevel.NONE


def lowered_by(step: Move, state: RiskState, signals: Signals) -> str:
    """Why the level falls by one, or "". Only an explicit answer does it, each topic once; an attempt under way falls
    by help from a professional alone."""
    before = dict(state.answers)
    if Kind.ATTEMPT_NOW in state.facts or state.kind in {"medical", "emergency"}:
        return "answer.professional" if "professional" in step.steps and state.level > RiskLevel.MODERATE else ""
    apart = {"abuse", "child", "third_person", "violence"}
    for topic in step.steps:
        if topic == "safe" and state.kind not in apart:
            continue
        if before.get(topic) != "yes" and state.level > RiskLevel.MODERATE:
            return f"answer.{topic}"
    if step.answer == "no" and step.topic in DANGERS - {"means"} and before.get(step.topic) != "no":
        if state.level <= RiskLevel.MODERATE or step.topic in {"plan", "time", "close"}:
            return f"answer.no_{step.topic}"
    if state.asked == "stronger" and step.weaker and state.level <= RiskLevel.MODERATE:
        return "answer.weaker"
    if step.answer == "yes" and step.topic == "safe" and before.get("safe") != "yes":
        return "answer.safe"
    if state.level == RiskLevel.MODERATE and signals.denied and step.topic in {"", "thoughts"}:
        return "answer.denied" if step.takes_back or step.answer or "no_plan" in step.steps or not state.asked else ""
    return ""
