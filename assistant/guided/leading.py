"""Leads an exercise: start, next, back, skip, stop, resume. Each function gives the reply to the current message."""

from __future__ import annotations

import re

from assistant.guided.cues import sign_in
from assistant.guided.exercises import EXERCISES
from assistant.guided.moment import Moment
from assistant.guided.steps import Step
from assistant.types import GuidedState
from llm.types import Locale

#: A message longer than this (characters) about a topic, given where only "ok" was needed, is about something else.
LONG: dict[Locale, int] = {"en": 60, "zh": 20}
#: Longest part of an answer that is quoted back, and how many titles are listed (characters, titles).
MAX_QUOTE, MAX_TITLES = 120, 8
_LEFT_OPEN: dict[Locale, str] = {"en": "left open", "zh": "空着"}
_MARKS = re.compile(r"[“”\"<>\[\]{}|`*_]")
_ASKING = re.compile(r"[?？]|吗|呢$")
#: Commands that belong to a running exercise, whatever its step.
_COMMANDS = {
    "stop", "skip", "back", "again", "resume", "yes", "no", "nod", "unsure", "better", "worse", "meh",
    "chuckle", "maybe",
}  # fmt: skip
#: Acts for which an exercise lets go at any step, and for which it does where the step waits for no answer.
_ALWAYS = {"ask_calm_now", "leave"}
_OUTRIGHT = {
    "ask_about_bot", "ask_privacy", "ask_abilities", "ask_memory", "ask_human", "ask_exercise", "complain", "insult",
    "ask_info", "test", "stop", "correct",
}  # fmt: skip
_WHERE_NO_ANSWER = _OUTRIGHT | {
    "ask_advice", "ask_reassurance", "small_talk", "joke", "greet", "decline", "thank", "good_news",
}  # fmt: skip


def titles(locale: Locale) -> str:
    """Titles of exercises, as a list in a sentence."""
    names = [exercise.script(locale).title for exercise in EXERCISES.values()][:MAX_TITLES]
    return "、".join(names) if locale == "zh" else ", ".join(names[:-1]) + " and " + names[-1]


def title_of(moment: Moment, name: str) -> str:
    """An exercise's title in the language of the message."""
    return EXERCISES[name].script(moment.locale).title


def step_of(state: GuidedState, locale: Locale) -> Step:
    """The step that waits. Raises KeyError where no exercise was begun."""
    steps = EXERCISES[state.exercise].script(locale).steps
    return steps[min(state.step, len(steps) - 1)]


def claims(moment: Moment) -> bool:
    """Whether the running step takes this message as its own. It lets go when the person speaks of something else."""
    before, heard = moment.before, moment.heard
    if not before.running or before.exercise not in EXERCISES:
        return False
    if heard.command in _COMMANDS:
        return True
    if heard.act in _ALWAYS or heard.command == "menu" or (not heard.command and sign_in("switch", heard.text)):
        return False
    if step_of(before, moment.locale).answer:
        if heard.act in {"ask_advice", "ask_reassurance"} and sign_in("to_you", heard.text):
            return False
        outright = bool(heard.kind) or (heard.act != "test" and _ASKING.search(heard.text) is not None)
        return not (heard.act in _OUTRIGHT and outright)
    if heard.act in _WHERE_NO_ANSWER:
        return False
    return not (heard.topics and len(heard.text) > LONG[moment.locale])


def start(moment: Moment, name: str) -> str:
    """The first step."""
    moment.change(exercise=name, step=0, paused=False, answers=())
    return moment.joined(moment.line("start", title=title_of(moment, name)), said(moment))


def resume(moment: Moment) -> str:
    """The step at which an unfinished exercise was left."""
    moment.change(paused=False)
    return moment.joined(moment.line("resumed", title=title_of(moment, moment.before.exercise)), said(moment))


def pause(moment: Moment) -> None:
    """Lay the exercise aside; it can be resumed."""
    moment.change(paused=bool(moment.before.exercise))


def proceed(moment: Moment) -> str:
    """The reply while an exercise is running."""
    before, command = moment.before, moment.heard.command
    step = step_of(before, moment.locale)
    if command == "stop" or (command == "no" and not step.answer):
        pause(moment)
        return moment.line("stopped")
    if command == "back":
        moment.change(step=max(0, before.step - 1))
        return moment.joined(moment.line("one_back" if before.step else "first_step"), said(moment))
    if command == "again" or (command == "resume" and step.answer):
        return moment.joined(moment.line("once_more"), said(moment))
    lead = "skipped"
    if command != "skip":
        if step.keep and not is_answer(step, command):
            hinted = f"hint.{before.exercise}.{before.step}"
            if not moment.count(hinted):
                return moment.joined(moment.pick(hinted, (moment.line("hint"),)), said(moment))
        elif step.keep:
            kept = {**dict(before.answers), step.keep: moment.text}
            moment.change(answers=tuple(kept.items()))
        lead = "lead_slow" if moment.tone in {"slow", "gentle"} else "lead"
    moment.change(step=before.step + 1)
    return moment.joined(moment.line(lead), said(moment))


def said(moment: Moment) -> str:
    """The text of the step or of the closing, with the person's answers filled in. At the closing the exercise ends."""
    state = moment.after
    script = EXERCISES[state.exercise].script(moment.locale)
    over = state.step >= len(script.steps)
    text = script.close if over else script.steps[state.step].say
    answers, blank = dict(state.answers), _LEFT_OPEN[moment.locale]
    keeps = {step.keep: _quoted(answers.get(step.keep, "")) or blank for step in script.steps if step.keep}
    if over:
        moment.change(exercise="", step=0, answers=(), finished=(*state.finished, state.exercise))
    return text.format(**keeps)


def is_answer(step: Step, command: str) -> bool:
    """Whether a message says something where `step` wants an answer: a bare "ok" does not, a "no" only where
    invited."""
    return command in {"", "better", "worse", "meh", "maybe"} or (
        command == "no" and any(no in step.say for no in ("“no”", "“没有”", "没有也可以"))
    )


def _quoted(answer: str) -> str:
    """An answer as it can stand between quotation marks: one line, bounded, without marks, without a final stop."""
    plain = " ".join(_MARKS.sub("", answer).split()).rstrip(".。!！ ")
    return plain if len(plain) <= MAX_QUOTE else plain[: MAX_QUOTE - 1].rstrip() + "…"
