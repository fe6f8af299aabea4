"""Leads an exercise: start, next, back, skip, stop, resume. Each function gives the reply to the current message."""

from __future__ import annotations

import re

from assistant.guided.cues import act_in, command_in, topic_in
from assistant.guided.exercises import EXERCISES, Place
from assistant.guided.memory import Memory, is_answer, used
from assistant.guided.wording import joined, line, turning
from llm.types import Locale

#: A message longer than this (characters) about a topic, given where only "ok" was needed, is about something else.
LONG: dict[Locale, int] = {"en": 90, "zh": 30}
#: Longest part of an answer that is quoted back (characters).
MAX_QUOTE = 120
_LEFT_OPEN: dict[Locale, str] = {"en": "left open", "zh": "空着"}
# What is answered in passing even where the step waits for an answer, because nobody answers a step with it.
_ASIDE = {
    "helpers", "medication", "diagnosis", "real", "bot_feelings", "privacy", "camera", "abilities", "inject",
    "remember",
}  # fmt: skip
_MARKS = re.compile(r"[“”\"<>\[\]{}|`*_]")


def titles(locale: Locale) -> str:
    """The titles of all exercises, as a list in a sentence."""
    names = [exercise.script(locale).title for exercise in EXERCISES.values()]
    return "、".join(names) if locale == "zh" else ", ".join(names[:-1]) + " and " + names[-1]


def start(memory: Memory, name: str) -> str:
    """The first step."""
    title = EXERCISES[name].script(memory.locale).title
    memory.answers.clear()
    return joined(memory, line(memory, "start", title=title), said(memory, Place(name, 0)))


def resume(memory: Memory) -> str:
    """The step at which an unfinished exercise was left."""
    if memory.place is None:
        return line(memory, "nothing_to_resume")
    title = EXERCISES[memory.place.name].script(memory.locale).title
    return joined(memory, line(memory, "resumed", title=title), said(memory, memory.place))


def proceed(memory: Memory, place: Place) -> str:
    """The reply while the exercise at `place` is running."""
    step, command = place.step(memory.locale), command_in(memory.text)
    if command == "stop" or (command == "no" and not step.answer):
        return line(memory, "stopped")
    if command == "back":
        earlier = Place(place.name, max(0, place.index - 1))
        return joined(memory, line(memory, "one_back" if place.index else "first_step"), said(memory, earlier))
    if command in {"again", "resume"} and (command == "again" or step.answer):
        return joined(memory, turning(memory, "once_more"), said(memory, place))
    if command == "skip":
        return joined(memory, turning(memory, "skipped"), said(memory, Place(place.name, place.index + 1)))
    if step.keep and not is_answer(step, memory.text) and not used("hint", memory.last):
        return joined(memory, line(memory, "hint"), said(memory, place))
    act = act_in(memory.text)
    if act and (not step.answer or (act in _ASIDE and re.search(r"[?？吗]", memory.text))):
        aside = line(memory, act, titles=titles(memory.locale))
        return joined(memory, without_question(aside), turning(memory, "once_more"), said(memory, place))
    if not step.answer and len(memory.text) > LONG[memory.locale] and topic_in(memory.text) not in {"", "good"}:
        return line(memory, "detour")
    lead = turning(memory, "lead_slow" if memory.tone in {"slow", "gentle"} else "lead")
    return joined(memory, lead, said(memory, Place(place.name, place.index + 1)))


def said(memory: Memory, place: Place) -> str:
    """The text of a step or of the closing, with the person's answers filled in."""
    script = EXERCISES[place.name].script(memory.locale)
    text = script.close if place.finished else script.steps[place.index].say
    blank = _LEFT_OPEN[memory.locale]
    keeps = {step.keep: _quoted(memory.answers.get(step.keep, "")) or blank for step in script.steps if step.keep}
    return text.format(**keeps)


def without_question(text: str) -> str:
    """`text` without its last sentence, where that is a question and something else comes before it."""
    sentences = [part for part in re.findall(r"[^.!?。！？]+[.!?。！？]+\s*", text) if part.strip()]
    if len(sentences) > 1 and sentences[-1].strip()[-1] in "?？":
        return "".join(sentences[:-1]).strip()
    return text


def _quoted(answer: str) -> str:
    """An answer as it can stand between quotation marks: one line, bounded, without marks, without a final stop."""
    plain = " ".join(_MARKS.sub("", answer).split()).rstrip(".。!！ ")
    return plain if len(plain) <= MAX_QUOTE else plain[: MAX_QUOTE - 1].rstrip() + "…"
