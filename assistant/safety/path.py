"""The fixed path: which of the prepared words answer while a danger lasts. No model, no chance, one question a turn.

What was asked, answered and said stands in the RiskState, so that the path goes on from there, in this order: what the
person just did is met in one sentence; then comes the next question whose topic has no answer yet; where the questions
are used up, the safety plan of Stanley and Brown is filled in together; after that, quiet open questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from assistant.safety.answers import READER, STEPS
from assistant.safety.compile import moves
from assistant.safety.helplines import Line, lines_for
from assistant.safety.normalise import normalise
from assistant.safety.texts import Step, Texts, texts
from assistant.types import Risk, RiskLevel, RiskState
from llm.types import Locale

#: So many lines are listed; more would be a wall of numbers.
MAX_LINES = 4
#: Kinds for which a safety plan is made.
PLANNED = {"suicide", "self_harm", "voices"}
#: Kinds that a fixed path answers at any level: minutes count, and a model may talk past them.
ALWAYS_FIXED = {"panic"}
#: Longest line of the safety plan (characters).
MAX_PLAN_LINE = 200
#: Met in this order; the first that a message does is what is said to it.
_MET = (
    "asks_method", "asks_harm", "near", "faints", "drowsy", "wound", "blames_self", "refuses_lines", "human", "secrecy",
    "stop_asking", "asks_exercise",
)  # fmt: skip
_AFTER = ("takes_back", "parting", "thanks", "stronger", "weaker", "alone", "unsure", "small_talk")
#: What is met only in dangers of these kinds.
_ONLY = {
    "asks_method": {"suicide", "self_harm", "eating", "voices"}, "near": {"abuse", "child"},
    "faints": {"eating"}, "wound": {"self_harm"}, "safe": {"abuse", "child"},
    "asks_harm": {"violence"}, "drowsy": {"medical"},
    "blames_self": {"abuse", "birth"},
    "secrecy": {"suicide", "self_harm", "violence", "voices", "eating", "birth", "abuse", "child", "delusion", "mania"},
}  # fmt: skip
#: Patterns whose sentences have another name.
_TEXT_OF = {
    "asks_exercise": "exercise", "small_talk": "aside", "asks_method": "method", "asks_harm": "harm_others",
}  # fmt: skip
#: Kinds in which quiet questions follow when the path's are used up; in others the path begins again.
_QUIET = {"suicide", "self_harm", "voices", "eating", "delusion", "mania", "birth", "abuse", "panic"}
#: Kinds whose question may be put though only the reader saw them, once, and may be wrong.
_SPOKEN_PLAINLY = {"suicide", "self_harm"}
#: Sentences that ask something themselves, and about what: no step of the path stands beside them.
_ASKS = {"alone": "who", "parting": "parting", "near": "safe", "stop_asking": "open"}
#: Facts after which a question may speak of "the thought".
_THOUGHTS = {"wish", "thought", "method", "method_question", "intent", "preparation", "means", "attempt_now"}
#: A message of at least so many characters (in Chinese: the second) is met as something told.
TOLD = (60, 20)


def is_fixed(risk: Risk) -> bool:
    """Whether prepared words answer, and no model is asked."""
    return risk.is_crisis or (risk.kind in ALWAYS_FIXED and risk.level > RiskLevel.NONE)


def is_first_hint(risk: Risk, state: RiskState) -> bool:
    """Whether a message of low risk hints at dying and nobody has asked about it yet: then it is asked, once."""
    hints = {"wish", "burden", "hopeless.giving_up"} & set(risk.reasons)
    meant = "laughing" not in risk.reasons and "hyperbole" not in risk.rules
    fresh = risk.level == risk.alone == RiskLevel.LOW and risk.kind == "suicide"
    return bool(fresh and hints and meant and not state.answer("thoughts") and "suicide.moderate.0" not in state.said)


def is_asked_about(risk: Risk, state: RiskState) -> bool:
    """Whether the path has a question for this message: from a moderate danger on, and at a first hint."""
    return risk.level >= RiskLevel.MODERATE or is_first_hint(risk, state)


@dataclass(slots=True)
class _Reply:
    """A reply as it is put together, with what the state will know of it."""

    locale: Locale
    lines: Sequence[Line]
    said: list[str]
    asked: str = ""

    @property
    def texts(self) -> Texts:
        return texts(self.locale)

    def once(self, name: str, choices: Sequence[str]) -> str:
        """The first of `choices` that was not said yet in this conversation, "" where all were."""
        for number, text in enumerate(choices):
            key = f"{name}.{number}"
            if key not in self.said:
                self.said.append(key)
                return text
        return ""

    def in_turn(self, name: str, choices: Sequence[str]) -> str:
        """One of `choices` after the other, from the start again when all were said."""
        if text := self.once(name, choices):
            return text
        self.said[:] = [key for key in self.said if key.rpartition(".")[0] != name]
        return self.once(name, choices)

    def filled(self, parts: Sequence[str]) -> str:
        """The parts as paragraphs, with the lines' numbers."""
        spoken = _spoken(self.locale, self.lines)
        emergency = self.lines[0].emergency or lines_for(self.locale)[0].emergency
        ways = {"en": "; ", "zh": "；"}[self.locale].join(_way(line, self.locale) for line in spoken)
        text = "\n\n".join(part for part in parts if part)
        return text.replace("{emergency}", emergency).replace("{ways}", ways).replace("） ", "）")


def crisis_reply(
    text: str, risk: Risk, state: RiskState, locale: Locale, lines: Sequence[Line] = ()
) -> tuple[str, RiskState]:
    """The fixed reply to `text`, and the state after it.

    `risk` and `state` are those that `follow` gave for this message. `lines` are named in it (those of the locale where
    it is empty).
    """
    reply = _Reply(locale, lines or lines_for(locale), list(state.said))
    plain = normalise(text).strip()
    first = f"met.{risk.kind}" not in reply.said
    reply.said += [f"met.{risk.kind}"] if first else []
    parts = [_urgent(risk, reply)]
    planned, state = _plan(plain, text, risk, state, reply)
    if planned:
        parts += [_met(plain, risk, state, reply, False) if reply.asked.endswith("signs") else "", planned]
    else:
        met = _met(plain, risk, state, reply, first)
        parts += [met, _perhaps(risk, state, reply), "" if reply.asked else _next(risk, state, reply, first=first)]
    if state.minor:
        parts.append(reply.once("minor", [reply.texts.words["minor"]]))
    parts.append(_people(risk, state, reply, first))
    if risk.is_crisis:
        parts.append(reply.once("interrupt", reply.texts.words["interrupt"]))
    return reply.filled(parts), replace(state, asked=reply.asked, said=tuple(reply.said))


def question_beside(risk: Risk, state: RiskState, locale: Locale, lines: Sequence[Line] = ()) -> tuple[str, RiskState]:
    """The next question of a moderate danger, to stand below a model's reply: every second turn, so that it does not
    drown the model's own; "" in between and at other levels."""
    # A question of the last turn is over, whatever was answered: a later yes is a yes to something else.
    if risk.is_crisis or not is_asked_about(risk, state) or state.asked:
        return "", replace(state, asked="")
    reply = _Reply(locale, lines or lines_for(locale), list(state.said))
    text = _next(risk, state, reply, stay=False)
    note = reply.filled([_perhaps(risk, state, reply) if text else "", text])
    return note, replace(state, asked=reply.asked, said=tuple(reply.said))


def _urgent(risk: Risk, reply: _Reply) -> str:
    if risk.level < RiskLevel.IMMINENT and risk.kind != "emergency":
        return ""
    own = risk.kind == "suicide"
    name = "urgent" if own else "urgent_other"
    return reply.in_turn(name, reply.texts.words[name])


def _perhaps(risk: Risk, state: RiskState, reply: _Reply) -> str:
    """Said once before a question that only the learned reader makes: it is mistaken now and then."""
    return reply.once("perhaps", [reply.texts.words["perhaps"]]) if _is_unsure(risk, state) else ""


def _is_unsure(risk: Risk, state: RiskState) -> bool:
    """Whether only the reader saw the danger, and once. A crisis, however it came about, is met as one."""
    return READER in state.facts and not risk.is_crisis


def _met(plain: str, risk: Risk, state: RiskState, reply: _Reply, first: bool) -> str:
    """One sentence to what the person just did, before the next question; "" where the path has only begun."""
    heard, patterns = reply.texts.heard, moves()
    facts = set(risk.reasons)
    if "violence_question" in facts:
        return "" if first and not risk.is_crisis else reply.once("harm_others", heard["harm_others"])
    if "method_question" in facts:
        return reply.once("method", heard["method"])
    if risk.kind in ALWAYS_FIXED:
        return ""
    done = [name for name in _MET if risk.kind in _ONLY.get(name, {risk.kind}) and patterns[name].search(plain)]
    begins = first or (risk.is_crisis and reply.texts.path(risk.kind, risk.name)[0].name not in reply.said)
    if not done and (begins or risk.alone >= RiskLevel.HIGH):
        return ""
    steps = [step for step in STEPS if risk.kind in _ONLY.get(step, {risk.kind}) and state.answer(step)]
    done += [step for step in steps if patterns[step].search(plain)]
    chat = [name for name in _AFTER if patterns[name].search(plain)]
    if risk.alone < RiskLevel.MODERATE:
        done += chat
    for name in (*done, *_by_answer(plain, state)):
        if name == "wound" and "self_harm" not in facts:
            continue  # an urge has left no wound
        key = _TEXT_OF.get(name, name)
        if said := reply.once(key, heard[key]):
            reply.asked = _ASKS.get(key, reply.asked)
            return said
    return ""


def _by_answer(plain: str, state: RiskState) -> tuple[str, ...]:
    """What is said to a bare yes or no, and to something told at more length."""
    patterns = moves()
    for name in ("no", "yes"):
        if state.asked and len(plain) < 60 and patterns[name].search(plain):
            return (name,)
    long = len(plain) >= TOLD[any(ch >= "\u4e00" for ch in plain)]
    return ("told",) if long and state.kind in {"suicide", "self_harm", "abuse", "birth"} else ()


def _next(risk: Risk, state: RiskState, reply: _Reply, stay: bool = True, first: bool = False) -> str:
    """The next question whose topic is open; then quiet ones, and the path again, announced as such. A crisis path and
    a new danger begin with their opening, whatever was answered before."""
    unsure = _is_unsure(risk, state) and risk.kind not in _SPOKEN_PLAINLY
    if unsure and (text := reply.once("unsure", [reply.texts.words["unsure"]])):
        reply.asked = "unsure"
        return text
    opening = reply.texts.path(risk.kind, risk.name)[0]
    if (first or (risk.is_crisis and "interrupt.0" not in reply.said)) and opening.name not in reply.said:
        return _asked(opening, reply)
    if open_steps := _open(risk, state, reply):
        return _asked(open_steps[0], reply)
    if not stay:
        return ""
    quiet = risk.kind in _QUIET or state.answer("professional") == "yes"
    if quiet and (text := reply.once("stay", reply.texts.words["stay"])):
        return text
    path = reply.texts.path(risk.kind, risk.name)
    reply.said[:] = [key for key in reply.said if key not in {step.name for step in path}]
    words = reply.in_turn("again", reply.texts.words["again"])
    return f"{words}\n\n{_asked(path[0], reply)}"


def _open(risk: Risk, state: RiskState, reply: _Reply) -> list[Step]:
    """The steps of the path that were not said, and whose topic has no answer yet."""
    known = {topic for topic, _ in state.answers} | ({"told"} if state.refused_lines else set())
    known |= {"who", "near", "told"} if state.answer("company") == "yes" else set()
    if risk.kind in ALWAYS_FIXED and state.answer("eased") == "yes":
        known |= {"breath", "ground", "tingling", "company"}
    if risk.kind == "suicide" and not risk.is_crisis and not _has_thoughts(state):
        known |= {"plan", "time", "means"}  # these ask about a thought that nobody has told of
    if not risk.is_crisis:  # after a higher level its questions are not asked once more
        known |= {step.topic for step in reply.texts.path(risk.kind, "high") if step.name in reply.said}
        known |= {"thoughts"} if {"suicide.high.0", "suicide.imminent.0"} & set(reply.said) else set()
    path = reply.texts.path(risk.kind, risk.name)
    return [step for step in path if step.name not in reply.said and step.topic not in known]


def _has_thoughts(state: RiskState) -> bool:
    """Whether the person has told of a wish or thought of dying, and not denied it since."""
    if state.answer("thoughts"):
        return state.answer("thoughts") == "yes"
    return any(fact.partition(".")[0] in _THOUGHTS for fact in state.facts)


def _asked(step: Step, reply: _Reply) -> str:
    reply.said.append(step.name)
    reply.asked = step.topic
    return step.say


def _people(risk: Risk, state: RiskState, reply: _Reply, first: bool) -> str:
    """The lines: listed at first, named again every second turn, left out once they were refused."""
    words = reply.texts.words
    if (risk.kind in ALWAYS_FIXED and not risk.is_crisis) or _is_unsure(risk, state):
        return ""
    if first and "lines.0" not in reply.said:
        reply.said += ["lines.0", "lines.crisis"] if risk.is_crisis else ["lines.0"]
        return _listed(words["lines_first"], reply.locale, reply.lines)
    if risk.is_crisis and "lines.crisis" not in reply.said:
        reply.said.append("lines.crisis")
        return reply.in_turn("lines_again", words["lines_again"])
    if state.refused_lines and risk.level < RiskLevel.IMMINENT:
        return reply.once("still", [words["still"]])
    if risk.level < RiskLevel.IMMINENT and "lines.turn" not in reply.said:
        reply.said.append("lines.turn")
        return ""
    reply.said[:] = [key for key in reply.said if key != "lines.turn"]
    return reply.in_turn("lines_again", words["lines_again"])


def _plan(plain: str, text: str, risk: Risk, state: RiskState, reply: _Reply) -> tuple[str, RiskState]:
    """The safety plan: the line that was just given is kept, the next is asked for, the whole is shown at the end."""
    words, steps = reply.texts.plan, reply.texts.plan_steps
    parting = bool(moves()["parting"].search(plain))
    if risk.kind not in PLANNED or risk.level >= RiskLevel.IMMINENT or parting:
        return "", state
    running = state.asked.removeprefix("plan.") if state.asked.startswith("plan.") else ""
    wished = bool(moves()["asks_plan"].search(plain))
    if not running:
        if state.plan and wished:
            return printed(state, reply.locale), state
        begun = bool(state.plan) or "plan.begun" in reply.said
        if not wished and (begun or _open(risk, state, reply)):
            return "", state
        reply.said.append("plan.begun")
        reply.asked = f"plan.{steps[0].name}"
        return f"{words['start']}\n\n{steps[0].ask}", state
    if risk.alone >= RiskLevel.MODERATE or risk.reasons[-1:] == ("reader",) or _lets_go(plain):
        return "", state
    open_line = any(moves()[name].search(plain) for name in ("no", "unsure", "thanks")) and len(plain) < 30
    line = "" if open_line else " ".join(text.split())[:MAX_PLAN_LINE]
    state = replace(state, plan=(*(pair for pair in state.plan if pair[0] != running), (running, line)))
    place = [step.name for step in steps].index(running) + 1
    gap = {"en": " ", "zh": ""}[reply.locale]
    said = words["skipped"] if open_line else words["kept"]
    if place == len(steps):
        reply.asked = "stronger"
        return f"{said}{gap}{words['end']}\n\n{printed(state, reply.locale)}\n\n{words['check']}", state
    reply.asked = f"plan.{steps[place].name}"
    return f"{said}{gap}{steps[place].ask}", state


def _lets_go(plain: str) -> bool:
    """Whether a message is no line of the plan: it takes back what was said, refuses, or wants no more questions."""
    return any(moves()[name].search(plain) for name in ("stop_asking", "takes_back", "refuses_lines", "asks_method"))


def printed(state: RiskState, locale: Locale) -> str:
    """The safety plan as text, one heading and one line for each of the six steps."""
    words, given = texts(locale), dict(state.plan)
    rows = [f"{step.title}\n   {given.get(step.name) or words.plan['empty']}" for step in words.plan_steps]
    return "\n".join((words.plan["title"], *rows))


def _spoken(locale: Locale, lines: Sequence[Line]) -> Sequence[Line]:
    """The lines that answer in this language, or all where none is known to."""
    return [line for line in lines if not line.languages or locale in line.languages][:MAX_LINES] or lines[:MAX_LINES]


def _listed(opening: str, locale: Locale, lines: Sequence[Line]) -> str:
    rows = [opening]
    for line in _spoken(locale, lines):
        sms = {"en": "call or text", "zh": "可打电话或发短信"}[locale] if line.text else ""
        known = (part.rstrip(".。") for part in (sms, line.hours, line.note) if part)
        details = {"en": "; ", "zh": "；"}[locale].join(known)
        colon = {"en": ": ", "zh": "："}[locale] if details else ""
        rows.append(f"• {_way(line, locale)}{colon}{details}")
    return "\n".join(rows)


def _way(line: Line, locale: Locale) -> str:
    return f"{line.way} ({line.name})" if locale == "en" else f"{line.way}（{line.name}）"
