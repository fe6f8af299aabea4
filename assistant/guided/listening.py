"""Listening: one thing said back, one thing said, one thing asked. What is offered or asked depends on what came
before."""

from __future__ import annotations

import re

from assistant.guided.cues import feeling_in, topic_in
from assistant.guided.exercises import EXERCISES, place_in
from assistant.guided.memory import Memory, used
from assistant.guided.reflect import reflect
from assistant.guided.tables import LINES, TOPICS
from assistant.guided.wording import joined, line, turning, unsaid
from llm.types import Locale

#: In replies: before the first mood check-in, between two of them, before and between offers of an exercise, between
#: two references to an earlier topic, and how long a wish not to be asked is kept.
MOOD_AFTER, MOOD_EVERY = 2, 12
OFFER_AFTER, OFFER_EVERY = 3, 4
CALLBACK_EVERY = 6
QUIET_FOR = 3
#: A message shorter than this (characters) is not thanked for as if much had been told.
SHORTEST_TOLD: dict[Locale, int] = {"en": 20, "zh": 8}
#: Topics about which no exercise is offered and no number asked at first.
TENDER = {"hurt", "grief"}


def listen(memory: Memory) -> str:
    """A reply to whatever the person tells."""
    return joined(memory, back(memory), *middle(memory), end(memory))


def back(memory: Memory) -> str:
    """What was understood, in the person's own words where they can be turned around."""
    if re.search(r"[?？]\s*$|[吗呢]\s*$", memory.text) and (said := unsaid(memory, LINES[memory.locale]["question"])):
        return said
    heard = reflect(memory.text, memory.locale)
    if heard is not None:
        kind, clause = heard
        if kind != "quote" or memory.since("quote") > 0:
            return turning(memory, kind, clause=clause)
    feeling = feeling_in(memory.text)
    if feeling and memory.since("feeling") > 2:
        return turning(memory, "feeling", feeling=feeling)
    return unsaid(memory, LINES[memory.locale]["ack"]) if len(memory.text) >= SHORTEST_TOLD[memory.locale] else ""


def middle(memory: Memory) -> tuple[str, ...]:
    """At most one sentence in between: about a new topic, or in the tone that is called for."""
    topic = topic_in(memory.text)
    said = unsaid(memory, TOPICS[memory.locale][topic].says) if topic else ""
    if memory.tone == "slow":
        return (turning(memory, "pace"),)
    if memory.tone == "bright" and topic == "good":
        return (unsaid(memory, LINES[memory.locale]["bright"]) or said,)
    if said and (topic not in memory.topics or memory.position % 2):
        return (said,)
    troubled = topic not in {"", "good"} or (feeling_in(memory.text) and topic != "good")
    if troubled and (memory.tone == "gentle" or memory.position % 3 == 1):
        return (unsaid(memory, LINES[memory.locale]["support"]),)
    return ()


def end(memory: Memory) -> str:
    """A question, an offer, or, where the person asked for it, just room."""
    if memory.since("no_questions") < QUIET_FOR:
        return turning(memory, "quiet")
    if used("advice", memory.last) and (plan := unsaid(memory, LINES[memory.locale]["plan"])):
        return plan
    tender = tender_topic(memory) != ""
    if _mood_is_due(memory, tender):
        return line(memory, "ask_mood")
    if memory.since("offer") >= OFFER_EVERY and not tender and (name := _fitting(memory)):
        return EXERCISES[name].script(memory.locale).offer
    if not tender and memory.theme != "good" and (earlier := _earlier_topic(memory)):
        return line(memory, "callback", name=TOPICS[memory.locale][earlier].name)
    left = memory.since("unfinished", "stopped")
    if memory.place is not None and not topic_in(memory.text) and left >= CALLBACK_EVERY:
        title = EXERCISES[memory.place.name].script(memory.locale).title
        return joined(memory, question(memory), line(memory, "unfinished", title=title))
    return question(memory)


def tender_topic(memory: Memory) -> str:
    """The tender topic of this message or of one of the five before it, or ""."""
    recent = (topic_in(text) for text in (memory.text, *memory.heard[:-6:-1]))
    return next((topic for topic in recent if topic in TENDER), "")


def question(memory: Memory) -> str:
    """One open question that was not asked before: about the theme first, then in general."""
    theme = tender_topic(memory) or memory.theme
    close = theme in TENDER or theme == topic_in(memory.text) or memory.position % 3 != 2
    asked_now = unsaid(memory, TOPICS[memory.locale][theme].asks) if theme and close else ""
    if asked_now:
        return asked_now
    table = LINES[memory.locale]
    plain = theme in TENDER or theme == "good" or (not topic_in(memory.text) and not feeling_in(memory.text))
    pools = (table["ask_open"], table["ask"]) if plain else (table["ask"], table["ask_open"])
    asks = (unsaid(memory, _from(pool, 7 * memory.position)) for pool in pools)
    return next((ask for ask in asks if ask), "") or turning(memory, "quiet")


def _mood_is_due(memory: Memory, tender: bool) -> bool:
    if not any(used("ask_mood", reply) for reply in memory.replies):
        return memory.position >= MOOD_AFTER and not tender
    just_finished = any((place := place_in(reply)) and place.finished for reply in memory.replies[-2:])
    return bool(memory.moods) and memory.since("ask_mood") >= (2 if just_finished else MOOD_EVERY)


def _fitting(memory: Memory) -> str:
    """An exercise that suits the theme and was not offered before. A tense moment brings breathing forward."""
    if memory.tone == "slow" and memory.position >= 1 and not memory.was_offered("box"):
        return "box"
    if memory.position < OFFER_AFTER:
        return ""
    fitting = (exercise for exercise in EXERCISES.values() if memory.theme in exercise.topics)
    return next((exercise.name for exercise in fitting if not memory.was_offered(exercise.name)), "")


def _earlier_topic(memory: Memory) -> str:
    """A topic from at least two topics ago that differs from the theme, once in a while."""
    topic = topic_in(memory.text)
    new = topic != "" and topic not in memory.topics
    if new or memory.position < 5 or memory.since("callback") < CALLBACK_EVERY:
        return ""
    told = LINES[memory.locale]["callback"]
    open_topics = (topic for topic in memory.topics[:-1] if topic not in {memory.theme, "good"})
    name_of = TOPICS[memory.locale]
    return next(
        (topic for topic in open_topics if not any(line_.format(name=name_of[topic].name) in reply
                                                   for reply in memory.replies for line_ in told)), ""
    )  # fmt: skip


def _from(lines: tuple[str, ...], start: int) -> tuple[str, ...]:
    start %= len(lines)
    return lines[start:] + lines[:start]
