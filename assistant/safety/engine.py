"""From words to a Risk: one message after another, with what the conversation carries on (RiskState).

The shape is that of the Columbia Suicide Severity Rating Scale screener (C-SSRS): a wish to be dead, active thoughts,
method, intent, plan and time, behaviour. The rules are ours; they are a net with a mesh, not a diagnosis.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assistant.meaning.base import DANGER_FROM, SEVERE_FROM, SURE_FROM, Reader, Reading
from assistant.safety import answers
from assistant.safety.answers import READER, READER_AGAIN, READER_OFTEN, Move
from assistant.safety.compile import context, moves
from assistant.safety.levels import facts, level_of, level_of_facts
from assistant.safety.normalise import normalise
from assistant.safety.rule import Kind
from assistant.safety.signals import Signals, read_plain
from assistant.types import Risk, RiskLevel, RiskState, Turn

NONE, LOW, MODERATE, HIGH, IMMINENT = RiskLevel
#: A bare time ("tonight then") has at most so many letters beside it (in Chinese: the second).
BARE = (16, 4)
#: So many messages without a sign end a low risk; so many a moderate one in which nothing was disclosed.
QUIET_LOW, QUIET_MODERATE = 3, 8
#: So many messages in which neither rule nor reader sees anything lower a danger that only the reader was sure of.
QUIET_READER, QUIET_OFTEN = 2, 6
#: After a sight of danger a reader counts from here on; from the second on, where the person has denied it when asked.
SEEN_FROM, DENIED_FROM = 0.4, 0.7
#: A reader's kind of danger is named from the first on (of another person's, from the second); below, it is taken for
#: suicide, which is asked about first.
NAMED_FROM, OTHERS_FROM = 0.5, 0.8
_BY_READER = {READER, READER_AGAIN, READER_OFTEN}
#: A danger of these kinds that rules see in words in which the reader sees less than this falls to low once the person
#: goes on with words in which neither sees anything: an arm that a baby lies on, a ring that is hidden.
UNSEEN_BELOW = 0.05
_UNSEEN = "unseen"
_OUTER = {"emergency", "abuse", "violence", "child"}
#: Least score of each level; within a level it grows with the reader's grade, or with the number of signals.
SCORES = {NONE: 0.0, LOW: 0.25, MODERATE: 0.5, HIGH: 0.7, IMMINENT: 0.9}
_IDEATION = (Kind.WISH, Kind.THOUGHT, Kind.METHOD, Kind.INTENT, Kind.PREPARATION, Kind.METHOD_QUESTION)
_VIOLENT = ("violence", "violence_intent", "violence_question")
#: What a yes to a question tells.
_TOLD_BY_YES = {"thoughts": "thought", "plan": "intent", "time": "intent", "means": "means"}
#: Kinds of danger that give way to thoughts of suicide.
_BESIDE_SUICIDE = {"eating", "mania", "delusion", "birth", "abuse", "panic", "third_person", "self_harm"}
#: Facts that no silence makes less.
_DISCLOSED = {"thought", "method", "intent", "attempt_now"}
#: Facts that a no to the direct question takes back: tired of living, and not of a mind to die.
_DENIABLE = {str(Kind.WISH), str(Kind.BURDEN)}
_JOINS = {
    *_IDEATION, Kind.MEANS, Kind.PLACE, Kind.FAREWELL, Kind.VIOLENCE, Kind.VIOLENCE_INTENT, Kind.VIOLENCE_PLAN,
    Kind.VIOLENCE_QUESTION,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Message:
    """One message as it is read: normalised, its signals, their level and kind, and what it does."""

    plain: str
    signals: Signals
    level: RiskLevel
    kind: str
    move: Move


@dataclass(frozen=True, slots=True)
class _Sight:
    """What the reader sees in a message: danger; whether it is sure; or none at all in what rules take for one."""

    seen: bool
    sure: bool
    unseen: bool


def assess(text: str, history: Iterable[Any] = (), reader: Reader | None = None) -> Risk:
    """The Risk of a conversation up to and with `text`, from the person's words alone.

    `text` may be of any length and hold anything. `history` is oldest first: Turns (the last one's state is taken, no
    earlier message is read again), or strings and {"role", "content"} mappings, of which the person's own are read.
    """
    return follow(text, state_of(history), reader)[0]


def state_of(history: Iterable[Any]) -> RiskState:
    """What a history carries on about danger."""
    state = RiskState()
    for item in history:
        if isinstance(item, Turn):
            state = item.risk_state
        elif words := _own_words(item):
            state = follow(words, state)[1]
    return state


def _own_words(item: object) -> str:
    if isinstance(item, dict):
        item = item.get("content") if item.get("role") == "user" else item.get("user_text")
    return item if isinstance(item, str) else ""


def follow(text: str, state: RiskState, reader: Reader | None = None) -> tuple[Risk, RiskState]:
    """The Risk with this message, and the state after it; what is said in reply is added by safety/path.py."""
    plain = normalise(text).strip()
    signals = read_plain(plain)
    message = _Message(plain, signals, *level_of(signals), answers.move(plain, state, signals))
    level, kind, reasons = _raised(message, state)
    reading = reader.read(text) if reader else None
    bound = SEEN_FROM if state.level and _BY_READER & set(state.facts) else DANGER_FROM
    seen = reading is not None and reading.danger >= bound and not _is_denied(state, message, reading)
    if reading and seen:
        level, kind, reasons = _with_reader(level, kind, reasons, reading)
    if level < state.level:
        level, why = _kept(state, message, seen)
        reasons = (*reasons, why)
        kind = kind if kind == "suicide" and state.kind in _BESIDE_SUICIDE else state.kind
    plainly = reading is not None and seen and reading.kinds.get("suicide", 0.0) >= NAMED_FROM
    if plainly and state.kind in _BESIDE_SUICIDE and _BY_READER & set(state.facts):
        kind = "suicide"
    if level and not kind:
        kind = state.kind or "suicide"
    rules = tuple(dict.fromkeys(s.name for s in signals.found if s.kind is not Kind.DENIAL))
    score = _score(level, len(rules) + bool(signals.other), reading)
    risk = Risk(level, kind if level else "", score, reasons, rules, message.level)
    sure = reading is not None and reading.danger >= SURE_FROM
    return risk, _state(state, risk, message, _Sight(seen, seen and sure, _is_unseen(risk, reading)))


def _is_unseen(risk: Risk, reading: Reading | None) -> bool:
    """Whether rules see a danger of the outer kinds in a message and the reader none at all."""
    return reading is not None and risk.alone >= MODERATE and risk.kind in _OUTER and reading.danger < UNSEEN_BELOW


def _raised(message: _Message, state: RiskState) -> tuple[RiskLevel, str, tuple[str, ...]]:
    """The level that this message makes: by itself, with what was told before, or as the answer to a question."""
    level, kind = message.level, message.kind
    reasons = tuple(sorted(facts(message.signals)))
    joint, new = _joint(message, state)
    if joint[0] > level and joint[0] > state.level:
        (level, kind), reasons = joint, (*reasons, *sorted(f"before.{fact}" for fact in state.facts), *new)
    answer = answers.raised_to(message.move, message.plain, state)
    if answer > level:
        level, kind, reasons = answer, state.kind, (*reasons, f"answer.{message.move.topic or 'danger'}")
    told = message.move.topic == "thoughts" and message.move.answer == "yes"
    own = message.kind == "suicide" and message.level >= (MODERATE if state.level > LOW else LOW)
    if state.kind in _BESIDE_SUICIDE and (told or own):
        kind = "suicide"
    elif level < state.level or (level == state.level and state.kind and level < HIGH):
        kind = state.kind
    return level, kind, reasons


def _joint(message: _Message, state: RiskState) -> tuple[tuple[RiskLevel, str], tuple[str, ...]]:
    """What this message makes together with the facts told before: a time, a means or a place after a thought."""
    if not state.facts or message.move.parting or message.signals.other:
        return (NONE, ""), ()
    bare = _is_bare_time(message.plain) and not state.asked.startswith("plan.")
    new = {signal.kind for signal in message.signals.found if not signal.past} & _JOINS
    if not new and not (bare and not message.signals.found):
        return (NONE, ""), ()
    together = {*facts(message.signals), *state.facts} | ({"soon"} if bare else set())
    return level_of_facts(frozenset(together)), ("soon",) if bare else ()


def _is_bare_time(plain: str) -> bool:
    """Whether a message names a time near by and little else."""
    match = context()["strong_time"].search(plain)
    beside = "".join(filter(str.isalnum, plain.replace(match[0], ""))) if match else ""
    return match is not None and len(beside) <= BARE[any(ch >= "\u4e00" for ch in plain)]


def _with_reader(
    level: RiskLevel, kind: str, reasons: tuple[str, ...], reading: Reading
) -> tuple[RiskLevel, str, tuple[str, ...]]:
    """A reader raises to moderate; to high only where it sees a severe danger and a rule sees some, too."""
    raised = HIGH if level >= LOW and reading.severity >= SEVERE_FROM else MODERATE
    if raised <= level:
        return level, kind, reasons
    return raised, kind or _likely(reading), (*reasons, "reader")


def _likely(reading: Reading) -> str:
    """The kind of danger that a reader sees."""
    top = max(reading.kinds, key=lambda name: reading.kinds[name], default="suicide")
    bound = OTHERS_FROM if top == "third_person" else NAMED_FROM
    return top if reading.kinds.get(top, 0.0) >= bound else "suicide"


def _is_denied(state: RiskState, message: _Message, reading: Reading) -> bool:
    """Whether the reader alone sees a suicide that the person has denied when asked: it reads one message without what
    stood before it, and a person who said no is not asked again for that."""
    said_no = state.answer("thoughts") == "no" or (message.move.topic, message.move.answer) == ("thoughts", "no")
    unsure = reading.danger < DENIED_FROM and reading.severity < SEVERE_FROM
    return said_no and message.level == NONE and _likely(reading) == "suicide" and unsure


def _kept(state: RiskState, message: _Message, seen: bool) -> tuple[RiskLevel, str]:
    """The level that stays after a message that says less: the state's, or a lower one, and the reason. `seen`: whether
    the reader sees danger in the message."""
    if why := answers.lowered_by(message.move, state, message.signals):
        return RiskLevel(state.level - 1), why
    goes_on = not (message.move.answer or message.move.refuses_lines or answers.begins_yes(message.plain))
    if _UNSEEN in state.facts and goes_on and message.level == NONE and not seen:
        return LOW, "unseen"
    if READER in state.facts and state.asked and goes_on:  # asked, and went on with something else
        return RiskLevel(state.level - 1), "reader.unconfirmed"
    quiet = state.quiet + 1
    told = state.answer("thoughts") == "yes" or _DISCLOSED & set(state.facts)
    alone = READER_AGAIN in state.facts and not told
    long_enough = quiet >= (QUIET_OFTEN if READER_OFTEN in state.facts else QUIET_READER)
    if alone and state.level == MODERATE and long_enough and goes_on:
        return LOW, "reader.unconfirmed"
    if state.level == LOW and quiet >= (QUIET_MODERATE if _BY_READER & set(state.facts) else QUIET_LOW):
        return message.level, "quiet"
    plain = told or alone or "interrupt.0" in state.said
    if state.level == MODERATE and quiet >= QUIET_MODERATE and not plain:
        return LOW, "quiet"
    return state.level, "kept"


def _score(level: RiskLevel, signals: int, reading: Reading | None) -> float:
    least = SCORES[level]
    width = SCORES.get(RiskLevel(level + 1), 1.0) - least if level < IMMINENT else 0.1
    seen = signals / (signals + 2)
    share = reading.grade if reading else seen
    return round(least + 0.99 * width * share, 4)


def _state(state: RiskState, risk: Risk, message: _Message, sight: _Sight) -> RiskState:
    """The state after a message."""
    if risk.level == NONE:
        carried = (fact for fact in _carried(state.facts, message) if fact not in _BY_READER)
        facts_kept = tuple(carried) if state.quiet < QUIET_MODERATE else ()
        denied = state.answer("thoughts") == "no"
        if (message.move.topic, message.move.answer) == ("thoughts", "no"):
            denied, facts_kept = True, tuple(fact for fact in facts_kept if fact not in _DENIABLE)
        return RiskState(
            facts=facts_kept, answers=(("thoughts", "no"),) if denied else (), said=state.said, plan=state.plan,
            minor=state.minor or _is_minor(message), quiet=state.quiet + 1 if facts_kept else 0,
        )  # fmt: skip
    given = dict(state.answers)
    if risk.alone >= MODERATE and given.get("thoughts") == "no":
        del given["thoughts"]  # the words themselves say otherwise now
    if message.move.topic and message.move.answer:
        given[message.move.topic] = message.move.answer
    for topic in (*message.move.steps, *(["eased"] if message.move.weaker else [])):
        given[topic] = "yes"
    told = (_TOLD_BY_YES[message.move.topic],) if _says_yes(message.move) else ()
    changed = risk.kind != state.kind and risk.alone >= MODERATE
    seen = dict.fromkeys((*_carried(state.facts, message), *told))
    if risk.alone or message.move.answer:
        seen.pop(READER, None)
    elif sight.seen and READER_AGAIN in seen:
        seen[READER_OFTEN] = None
    elif sight.sure or (sight.seen and READER in seen):
        seen.pop(READER, None)
        seen[READER_AGAIN] = None
    elif READER_AGAIN not in seen and risk.level > state.level and risk.reasons[-1:] == ("reader",):
        seen[READER] = None
    if risk.alone >= MODERATE or sight.seen or risk.level <= LOW:
        seen.pop(_UNSEEN, None)
    if sight.unseen and risk.level > state.level:
        seen[_UNSEEN] = None
    return replace(
        state, level=risk.level, kind=risk.kind, facts=tuple(seen),
        answers=() if changed else tuple(given.items()), asked="" if changed else state.asked,
        refused_lines=state.refused_lines or message.move.refuses_lines,
        minor=state.minor or _is_minor(message), quiet=0 if risk.alone >= LOW or sight.seen else state.quiet + 1,
    )  # fmt: skip


def _says_yes(move: Move) -> bool:
    return move.answer == "yes" and move.topic in _TOLD_BY_YES


def _is_minor(message: _Message) -> bool:
    young = any(signal.kind is Kind.MINOR for signal in message.signals.found)
    return young and not moves()["adult"].search(message.plain)


def _carried(before: Sequence[str], message: _Message) -> tuple[str, ...]:
    """The facts that later messages can add to: ideation and violence of now, means that are deadly or kept back."""
    own = facts(message.signals)
    kinds = {str(kind) for kind in (*_IDEATION, Kind.BURDEN)} & own
    if any(f"means.{mark}" in own for mark in ("strong", "hoarded")) or (Kind.MEANS in own and kinds):
        kinds |= {fact for fact in own if fact.startswith("means")}
    kinds |= {str(Kind.ATTEMPT_NOW), *_VIOLENT} & own
    return tuple(dict.fromkeys((*before, *sorted(kinds))))
