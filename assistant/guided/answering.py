"""What the person asked for, or did towards the companion: one function an act, each gives the reply."""

from __future__ import annotations

import re

from assistant.guided import facts, leading
from assistant.guided.correcting import corrected
from assistant.guided.cues import acts_in, sign_in
from assistant.guided.exercises import BREATHING, COUNTING, EXERCISES, called_in
from assistant.guided.moment import OWN, SCENES, Moment
from assistant.guided.tables import ANSWERS, EXPLAINED, LINES, OCCASIONS
from assistant.types import Fact

#: Topics about which no exercise is offered and no number asked.
TENDER = {"violence", "grief", "pregnancy_loss", "trauma", "bullying", "illness", "pet"}
#: Topics whose helpers are named again, because others would not fit.
REPEATED = {"violence", "bullying", "new_baby", "caring", "gambling_gaming", "pregnancy_loss"}
#: Exercises for calm, where no other need is named.
CALMING = ["box", "grounding", "muscles", "scan"]
#: Those that are done lying down.
LYING = ["scan", "muscles", "winddown"]
#: A message up to this long (characters) may be a bare answer, or the name of an exercise.
SHORT = 60
#: A complaint from here on makes every reply short and without a question.
MANY_COMPLAINTS = 2


def fitting(moment: Moment, topics: tuple[str, ...]) -> str:
    """An exercise for the topics that was neither offered nor turned down nor done, or ""."""
    passed = {*moment.before.offers, *moment.before.declined, *moment.before.finished, *unwanted(moment.text)}
    fits = (name for name, exercise in EXERCISES.items() if set(topics) & set(exercise.topics))
    return next((name for name in fits if name not in passed), "")


def offer(moment: Moment, name: str) -> str:
    """The exercise's own offer."""
    moment.change(offered=name, offers=(*moment.after.offers, name))
    return EXERCISES[name].script(moment.locale).offer


def exercise(moment: Moment) -> str:
    """An exercise by its name, or one for the need, or the list."""
    if (name := called_in(moment.text)) and name not in unwanted(moment.text):
        return leading.start(moment, name)
    if moment.heard.kind == "ask_mood":
        return ask_mood(moment)
    if moment.heard.command == "menu" or (moment.heard.kind == "menu" and not moment.heard.topics):
        return moment.line("menu", titles=leading.titles(moment.locale))
    return by_need(moment)


def by_need(moment: Moment) -> str:
    """An exercise for the need that is named, or for calm; one that was not offered before where there is one. Where
    something very short is asked for, that."""
    if sign_in("quick", moment.text) and (quick := moment.new("quick", LINES[moment.locale]["quick"])):
        return quick
    calm = moment.heard.kind == "relax" or moment.heard.occasion in {"ask_calm", "ask_sleep"}
    topics = moment.heard.topics or (() if calm else moment.before.topics[-1:])
    fits = [name for name, one in EXERCISES.items() if set(topics) & set(one.topics)]
    fits = CALMING + fits if calm else fits + CALMING
    passed = {*moment.after.declined, *moment.before.offers, *unwanted(moment.text)}
    if sign_in("lying", moment.text) or moment.heard.occasion == "ask_sleep":
        fits = LYING + fits
    name = next((one for one in fits if one in EXERCISES and one not in passed), "")
    if not name:
        return moment.line("menu", titles=leading.titles(moment.locale))
    moment.change(offered=name, offers=(*moment.before.offers, name))
    return moment.joined(moment.line("by_need", title=leading.title_of(moment, name)))


def unwanted(text: str) -> tuple[str, ...]:
    """The exercises that the words of a message rule out."""
    return COUNTING if sign_in("no_count", text) else BREATHING if sign_in("no_breath", text) else ()


def ask_mood(moment: Moment) -> str:
    """The number that the person wished for."""
    moment.change(asked="mood")
    return moment.line("ask_mood")


def mood(moment: Moment) -> str:
    """The number that was asked for, compared with the last one."""
    score, before = moment.heard.score, moment.before.moods
    if score is None:
        return moment.line("no_number")
    moment.change(moods=(*before, score))
    if not before:
        return moment.line("mood_low" if score <= 3 else "mood_mid" if score <= 6 else "mood_high", score=score)
    key = "mood_up" if score > before[-1] else "mood_down" if score < before[-1] else "mood_same"
    return moment.line(key, score=score, before=before[-1])


def number(moment: Moment) -> str:
    """A number that nobody asked for."""
    return moment.line("number", score=moment.text.strip())


def accepted(moment: Moment) -> str:
    """Yes to what was offered."""
    offered = moment.before.offered
    if offered == "mood":
        return ask_mood(moment)
    if offered == "resume":
        return leading.resume(moment)
    if offered == "choice":
        if moment.before.ways[-1:] == ("accepted",):
            return moment.line("talk")
        moment.change(offered="choice")
        return moment.line("choice_which")
    return leading.start(moment, offered)


def declined(moment: Moment) -> str:
    """No to what was offered: it is not offered again."""
    moment.change(declined=(*moment.before.declined, moment.before.offered))
    if moment.before.offered in EXERCISES and moment.before.ways[-1:] == ("exercise",):
        return moment.joined(moment.line("not_that"), by_need(moment))
    return moment.line("declined")


def left_open(moment: Moment) -> str:
    """Neither yes nor no to what was offered: it stands, without weight."""
    moment.change(offered=moment.before.offered)
    return moment.line("left_open")


def no_exercise(moment: Moment) -> str:
    """The person wants none: none is offered any more."""
    leading.pause(moment)
    moment.change(exercise="", paused=False, declined=tuple(EXERCISES))
    if moment.heard.act == "ask_advice" or sign_in("ideas", moment.text):
        return advice(moment)
    return moment.line("no_exercise")


def chosen(moment: Moment) -> str:
    """One of the ways that were offered: ideas, an exercise, people, or talking."""
    text = moment.text
    if sign_in("ideas", text):
        return advice(moment)
    if sign_in("exercise", text):
        return exercise(moment)
    if sign_in("talk", text):
        return moment.line("talk")
    return human(moment)


def advice(moment: Moment) -> str:
    """Things to try about the topic, plainly; an exercise or people where they are used up."""
    if sign_in("saying", moment.text):
        return moment.line("advice_saying")
    topic = moment.heard.topic if moment.heard.topic in SCENES else moment.lead or moment.topic
    if topic not in moment.heard.topics and len(moment.text) > OWN[moment.locale]:
        return general(moment)  # it tells its own matter, which is not the one before, and no topic was seen in it
    if not topic:
        moment.change(asked="advice")
        return moment.line("advice_open") if not moment.count("advice_open") else general(moment)
    about, key = moment.about(topic), f"{topic}.tips"
    tips = [tip for tip in (moment.new(key, about.tips), moment.new(key, about.tips)) if tip]
    if not tips:
        return human(moment) if about.help else general(moment)
    return moment.joined(moment.line("advice"), *tips, moment.line("advice_end"))


def occasion(moment: Moment) -> str:
    """Words that can be said to somebody; what can be said to a question that is not about the companion; what it can
    do instead, where it cannot do what is asked."""
    if moment.heard.occasion == "ask_listen":
        moment.change(no_questions=True)
    if moment.heard.occasion.startswith("words_"):
        moment.change(asked=f"words.{moment.heard.occasion}")
    return moment.for_occasion()


def note(moment: Moment) -> str:
    """Something that is to be remembered: kept among this conversation's facts, and where it can be kept longer."""
    words = facts.noted(moment.text)
    if not words or sign_in("journal", moment.text):
        return moment.line("journal")
    moment.change(facts=facts.kept(moment.before.facts, (Fact("note", words),)))
    return moment.line("note", noted=words)


def another_sentence(moment: Moment) -> str:
    """The next of the sentences for the same occasion, then of the general ones, then that there are no more."""
    before = moment.before.asked.removeprefix("words.")
    if text := moment.worded(before):
        moment.change(asked=f"words.{before}")
        return text
    for name in (before, "words_other"):
        if text := moment.new(f"occasion.{name}", OCCASIONS[moment.locale].get(name, ())):
            moment.change(asked=f"words.{name}")
            return text
    return moment.line("words_own")


def general(moment: Moment) -> str:
    """Things that do little harm anywhere; to somebody who told a whole matter, that nothing here fits it."""
    if len(moment.text) > OWN[moment.locale]:
        return moment.line("advice_none")
    return moment.joined(moment.line("advice"), moment.line("advice_general"))


def answered(moment: Moment) -> str:
    """The prepared answer to what is asked for."""
    name = moment.answer()
    return moment.pick(f"answer.{name}", (ANSWERS[moment.locale][name].says,))


def information(moment: Moment) -> str:
    """An explanation where there is one; who knows about the topic; or that it is not known here. A sentence about the
    topic is no information, and is said only to somebody who asks whether it is normal."""
    kind, text = moment.heard.kind, moment.text
    if kind in {"medication", "diagnosis"} or "medication" in moment.heard.topics:
        return moment.line("diagnosis" if kind == "diagnosis" else "medication")
    for name, one in EXPLAINED[moment.locale].items():
        if one.called.search(text) and not moment.count(f"explained.{name}"):
            return moment.pick(f"explained.{name}", (one.says,))
    normal = "normal" in acts_in(text)
    topic = moment.heard.topic or (moment.lead if normal else "")
    lead = moment.line("normal") if normal else ""
    if not topic:
        return lead or moment.line("information_none")
    about = moment.about(topic)
    told = about.help and (topic in REPEATED or not normal)
    helps = moment.new(f"{topic}.help", (about.help,)) if told else ""
    if not normal:
        return moment.joined(moment.line("information_none"), helps)
    return moment.joined(lead, moment.pick(f"{topic}.says", about.says), helps)


def human(moment: Moment) -> str:
    """Who helps: for what the conversation is about, and in general."""
    topic = moment.matter
    about = moment.about(topic) if topic else None
    if about and about.help and (topic in REPEATED or not moment.count(f"{topic}.help")):
        return moment.joined(moment.pick(f"{topic}.help", (about.help,)), moment.line("helpers_end"))
    return moment.line("helpers")


def about_bot(moment: Moment) -> str:
    """What it is."""
    return moment.line("bot_feelings" if moment.heard.kind == "bot_feelings" else "real")


def privacy(moment: Moment) -> str:
    """Who can read along."""
    return moment.line("camera" if moment.heard.kind == "camera" else "privacy")


def which_request(moment: Moment) -> str:
    """Something is asked for and it is open what: asked simply."""
    moment.change(offered="choice")
    return moment.line("which_request")


def abilities(moment: Moment) -> str:
    """What it can do."""
    moment.change(offered="choice")
    return moment.line("abilities", titles=leading.titles(moment.locale))


def reassurance(moment: Moment) -> str:
    """No promise and no verdict; what can honestly be said."""
    if "normal" in acts_in(moment.text):
        return information(moment)
    if moment.lead in {"grief", "pet"} and sign_in("dead_know", moment.text):
        return moment.line("reassure_dead")
    kinds = ("fault", "better", "bad", "future", "other")
    kind = next((kind for kind in kinds if sign_in(kind, moment.text)), "open")
    if kind == "open" and moment.heard.occasion == "ask_ok":
        return moment.line("normal")
    return moment.line(f"reassure_{kind}")


def correct(moment: Moment) -> str:
    """The mistake is owned, and the corrected thing taken up."""
    right, wrong = corrected(moment.text)
    if not right:
        return moment.line("misread_told" if len(moment.text) > OWN[moment.locale] else "misread")
    moment.change(facts=facts.kept(moment.before.facts, (Fact("corrected", moment.text.strip()[: facts.LONGEST]),)))
    if wrong:
        return moment.line("corrected_from", right=right, wrong=wrong)
    return moment.line("corrected", right=right)


def complain(moment: Moment) -> str:
    """The complaint is answered, and what follows is shorter and asks less."""
    complaints = moment.before.complaints + 1
    kind = moment.heard.kind
    moment.change(complaints=complaints)
    if kind == "no_questions" or complaints >= MANY_COMPLAINTS:
        moment.change(no_questions=True)
    if kind == "no_questions":
        return moment.line("no_questions")
    if sign_in("ideas", moment.text):
        return moment.joined(moment.line("complaint_advice"), advice(moment))
    moment.change(offered="choice")
    return moment.line("repeating" if kind == "repeating" else "complaint")


def leave(moment: Moment) -> str:
    """A goodbye; what was left open waits."""
    leading.pause(moment)
    return moment.line("bye")


def refused(moment: Moment) -> str:
    """A no or a wish not to speak of something, where nothing was offered."""
    return moment.line("not_that")


def nodded(moment: Moment) -> str:
    """A yes, or a nod, where nothing was offered."""
    return moment.line("yes_bare" if moment.heard.command == "yes" else "nod")


def small_talk(moment: Moment) -> str:
    """Weather and dinner; and what is outside what it can do."""
    return moment.line("offtopic" if moment.heard.kind == "offtopic" else "smalltalk")


def test(moment: Moment) -> str:
    """Somebody tries it out."""
    return moment.line("inject" if moment.heard.kind == "inject" else "test")


def greet(moment: Moment) -> str:
    """A greeting, the first or a later one."""
    return moment.line("greeting_again" if moment.position else "greeting")


def is_bare_number(moment: Moment) -> bool:
    """Whether the message is a number and nothing else."""
    return re.fullmatch(r"\s*\d{1,6}\s*", moment.text) is not None


def taken_up(moment: Moment) -> str:
    """The person means to try, or likes, what was said last."""
    return moment.line("taken_up")


def not_taken_up(moment: Moment) -> str:
    """What was said last does not fit: the next thing, or that there is none."""
    if moment.before.ways[-1:] == ("pastime",) and (other := moment.new("pastime", LINES[moment.locale]["pastime"])):
        return moment.joined(moment.line("not_taken_up"), other)
    topic = moment.lead
    tip = moment.new(f"{topic}.tips", moment.about(topic).tips) if topic else ""
    return moment.joined(moment.line("not_taken_up"), tip or moment.line("advice_general"))
