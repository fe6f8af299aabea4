"""How a message is answered: the first row whose condition holds. Safety comes first (the crisis path, which is
outside, has passed before), then what the person asked for, then a running exercise, then listening."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from assistant.guided import answering, danger, facts, leading, listening, panic
from assistant.guided.cues import manners_in, sign_in
from assistant.guided.exercises import called_in
from assistant.guided.hearing import OPEN
from assistant.guided.moment import Moment
from assistant.guided.tables import LINES, OCCASIONS

Condition = Callable[[Moment], bool]
Way = Callable[[Moment], str]


@dataclass(frozen=True, slots=True)
class Row:
    """A way of answering, and when it is taken. `aside`: a running exercise is laid aside for it."""

    name: str
    when: Condition
    way: Way
    aside: bool = True


def decided(moment: Moment) -> tuple[str, str]:
    """The name of the way, and the reply."""
    row = next(row for row in TABLE if row.when(moment))
    interrupts = row.aside and moment.before.running
    if interrupts:
        leading.pause(moment)
    reply = row.way(moment)
    if interrupts and moment.after.paused and row.name not in {"leave", "calm", "danger"}:
        moment.change(offered="resume")
        title = leading.title_of(moment, moment.before.exercise)
        reply = moment.joined(reply, moment.line("unfinished", title=title))
    return row.name, reply


def _act(*acts: str) -> Condition:
    """The person does one of these, and no running exercise takes the message for its own."""
    return lambda moment: moment.heard.act in acts and not leading.claims(moment)


def _brings_up(*occasions: str) -> Condition:
    """The message brings up one of these, and no running exercise takes it."""

    def holds(moment: Moment) -> bool:
        named = moment.heard.occasion.startswith(occasions) and not moment.heard.command
        return named and not leading.claims(moment)

    return holds


def _asks(*occasions: str) -> Condition:
    """The message brings up one of these, and there is something left to say to it."""
    return lambda moment: _brings_up(*occasions)(moment) and moment.has_for_occasion()


def _questions(sign: str, *acts: str) -> Condition:
    """One of these acts, or an occasion that the reader takes for a question, whose words bear `sign`."""

    def holds(moment: Moment) -> bool:
        heard = moment.heard
        asks = heard.act in acts or heard.occasion in {"ask_program", "ask_rehearse", "ask_said"}
        return asks and not heard.command and sign_in(sign, heard.text) and not leading.claims(moment)

    return holds


def _command(*commands: str) -> Condition:
    return lambda moment: moment.heard.command in commands and not leading.claims(moment)


def _agrees(moment: Moment) -> bool:
    heard = moment.heard
    if not moment.before.offered or leading.claims(moment):
        return False
    wants = heard.command in {"yes", "resume", "fine"} or (heard.command == "nod" and moment.before.offered != "choice")
    return wants or (heard.act in {"agree", "continue"} and len(heard.text) <= answering.SHORT)


def _declines(moment: Moment) -> bool:
    heard = moment.heard
    if not moment.before.offered or leading.claims(moment):
        return False
    refuses = heard.command in {"no", "stop", "skip", "later"}
    return refuses or (heard.act in {"decline", "stop"} and len(heard.text) <= answering.SHORT)


def _leaves_open(moment: Moment) -> bool:
    """A laugh, a shrug or a "maybe" after an offer."""
    offered = moment.before.offered not in {"", "choice"} and not leading.claims(moment)
    return offered and moment.heard.command in {"chuckle", "maybe"}


def _wants_entry(moment: Moment) -> bool:
    """An entry for the journal, which only the page can make."""
    wished = sign_in("journal", moment.text) and sign_in("asking", moment.text)
    asks = moment.heard.act.startswith("ask_") or moment.heard.act in {"continue", ""}
    return wished and asks and not leading.claims(moment)


def _goes(moment: Moment) -> bool:
    """A goodbye; at the first message only one in plain words: who comes with "G'day" does not go."""
    said = moment.position > 0 or manners_in(moment.text) == "bye" or moment.heard.command != ""
    return moment.heard.act == "leave" and said and not leading.claims(moment)


def _comes(moment: Moment) -> bool:
    """A greeting, or what is read as a goodbye at the first message."""
    said = moment.position == 0 or manners_in(moment.text) == "greeting"
    return moment.heard.act in {"greet", "leave"} and said and not leading.claims(moment)


def _chooses(moment: Moment) -> bool:
    short = len(moment.text) <= answering.SHORT and moment.heard.act not in {"complain", "insult", "correct", "leave"}
    return (
        moment.before.offered == "choice" and short and not leading.claims(moment) and not moment.heard.command
        and any(sign_in(sign, moment.text) for sign in ("ideas", "exercise", "people", "talk"))
        and moment.heard.act not in {"telling", "good_news"} and not moment.heard.act.startswith("ask_")
    )  # fmt: skip


def _names_exercise(moment: Moment) -> bool:
    heard = moment.heard
    name = called_in(heard.text)
    named = name is not None and name not in answering.unwanted(heard.text) and len(heard.text) <= answering.SHORT
    return named and heard.act not in {"decline", "complain", "stop", "good_news"} and not leading.claims(moment)


def _wants_no_exercise(moment: Moment) -> bool:
    heard = moment.heard
    short = len(heard.text) <= answering.SHORT or (heard.act == "ask_exercise" and called_in(heard.text) is not None)
    refused = short and sign_in("no_exercise", heard.text)
    return refused and heard.act not in {"stop", "continue"} and not heard.command


def _resumes(moment: Moment) -> bool:
    asks = moment.heard.act == "continue" and not moment.heard.command and sign_in("resumes", moment.text)
    resumes = moment.heard.command == "resume" or asks
    return resumes and moment.before.paused and bool(moment.before.exercise)


def _answers_question(moment: Moment) -> bool:
    """A bare yes, no or phrase after a question."""
    bare = moment.heard.command in {"yes", "no", "better", "worse"} and moment.before.asked != ""
    return bare or (moment.heard.act == "answer" and moment.heard.command not in {"nod", "again"})


#: Ways that leave the person with something to try or to call.
_GIVING = {
    "answered_question", "advice", "advice_told", "human", "chosen", "information", "not_taken_up",
    "words", "view", "how_to_bear", "pastime", "another_sentence", "dictated",
}  # fmt: skip


def _reacts(sign: str) -> Condition:
    """A short word about the ideas that the last reply gave."""

    def holds(moment: Moment) -> bool:
        heard = moment.heard
        gave = moment.before.ways[-1:] != () and moment.before.ways[-1] in _GIVING
        acts = {"telling", "answer", "agree", "decline", "good_news", "unsure", "joke", ""}
        reacts = heard.act in acts and not heard.command
        short = len(heard.text) <= answering.SHORT and not sign_in("asking", heard.text)
        short = short and not heard.topics and not heard.feelings
        return gave and reacts and short and sign_in(sign, heard.text)

    return holds


def _names_itself(moment: Moment) -> bool:
    named = any(fact.kind == "name" for fact in facts.facts_in(moment))
    return named and len(moment.text) <= answering.SHORT // 2 and not moment.heard.topics


def _wants_pastime(moment: Moment) -> bool:
    """Something to do, asked for outright or by somebody who is or just was bored."""
    heard = moment.heard
    if heard.dark or leading.claims(moment) or moment.count("pastime") >= len(LINES[moment.locale]["pastime"]):
        return False
    if heard.occasion == "ask_pastime":
        return True
    bored = any(sign_in("bored", text) for text in (moment.text, *moment.told[-2:]))
    idle = sign_in("anything_to_do", moment.text) and not heard.topics and heard.kind != "relax"
    idle = idle and heard.act != "ask_abilities"
    asks = sign_in("pastime", moment.text) and heard.act not in {"telling", "good_news", "ask_memory"}
    return asks and (bored or idle)


def _has_answer(moment: Moment) -> bool:
    """Something is asked for, in words for which there is a prepared answer."""
    heard = moment.heard
    asks = heard.act in _ANSWERED or (heard.occasion in _ANSWERED and heard.act not in {"ask_memory", "ask_privacy"})
    asks = asks and not heard.command and not heard.dark and not heard.occasion.startswith("words_")
    return asks and heard.occasion not in _NOT_ANSWERED and not leading.claims(moment) and bool(moment.answer())


def _means_program(moment: Moment) -> bool:
    """A question about the program that neither word nor reader places."""
    return moment.heard.kind == "program" and not leading.claims(moment)


def _dictates(moment: Moment) -> bool:
    """A sentence that is to be written for the person, whatever else the message is taken for."""
    return sign_in("dictate", moment.text) and _asks("words_")(moment)


def _wants_another(moment: Moment) -> bool:
    """Another sentence than the one that was just given."""
    short = len(moment.text) <= answering.SHORT and moment.heard.command in {"", "no", "again"}
    gave = moment.before.ways[-1:] in {("words",), ("dictated",), ("another_sentence",)}
    return gave and short and sign_in("another", moment.text) and not leading.claims(moment)


def _is_pleased(moment: Moment) -> bool:
    """A few words about something that is done, or was nice: no earlier trouble belongs to it."""
    return _is_little(moment) and sign_in("pleased", moment.text) and not moment.heard.dark


def _is_little(moment: Moment) -> bool:
    """A short message that names neither topic nor feeling."""
    heard = moment.heard
    return not heard.topics and not heard.feelings and len(heard.text) <= listening.LITTLE[moment.locale]


#: What may be answered by a prepared answer, and what asks for something else than an answer.
_ANSWERED = {"ask_advice", "ask_info", "ask_reassurance", "ask_human", "ask_exercise", "ask_ok", "ask_why", "ask_sleep",
             "ask_how_feel", "ask_how_do", "ask_how_people", "ask_person", OPEN}  # fmt: skip
_NOT_ANSWERED = {"ask_which", "ask_rehearse", "ask_fun", "ask_pastime", "ask_note", "ask_said", "ask_listen",
                 "ask_program"}  # fmt: skip

TABLE: tuple[Row, ...] = (
    # Safety.
    Row("danger", danger.is_near, danger.meet),
    Row("calm", panic.is_now, panic.start),
    Row("calm_check", panic.is_checked, panic.check),
    # What was asked or offered last.
    Row("mood", lambda m: m.before.asked == "mood" and (m.heard.score is not None or m.heard.command != ""),
        answering.mood),
    Row("resumed", _resumes, leading.resume, aside=False),
    Row("accepted", _agrees, answering.accepted),
    Row("declined", _declines, answering.declined),
    Row("left_open", _leaves_open, answering.left_open),
    Row("no_exercise", _wants_no_exercise, answering.no_exercise),
    Row("chosen", _chooses, answering.chosen),
    # What the person asks for.
    Row("dictated", _dictates, answering.occasion),
    Row("another_sentence", _wants_another, answering.another_sentence),
    Row("pastime", _wants_pastime, lambda m: m.line("pastime")),
    Row("exercise_named", _names_exercise, answering.exercise),
    Row("answered_question", _has_answer, answering.answered),
    Row("exercise", _act("ask_exercise"), answering.exercise),
    Row("tomorrow", _questions("tomorrow", "ask_abilities", "ask_memory", "ask_about_bot", "ask_privacy",
                               "ask_reassurance"), lambda m: m.line("tomorrow")),
    Row("rehearsal", _questions("rehearse", "ask_abilities", "ask_advice", "ask_exercise", "ask_about_bot"),
        lambda m: m.pick("occasion.ask_rehearse", OCCASIONS[m.locale]["ask_rehearse"])),
    Row("journal", _wants_entry, lambda m: m.line("journal")),
    Row("note", _brings_up("ask_note"), answering.note),
    Row("words", _asks("words_"), answering.occasion),
    Row("view", _asks("ask_which", "ask_how_do", "ask_how_people", "ask_rehearse", "ask_fun", "ask_focus"),
        answering.occasion),
    Row("advice", _act("ask_advice"), answering.advice),
    Row("how_to_bear", _asks("ask_how_feel", "ask_why"), answering.occasion),
    Row("advice_told", lambda m: m.before.asked == "advice" and m.heard.act == "telling" and bool(m.heard.topic),
        answering.advice),
    Row("information", _act("ask_info"), answering.information),
    Row("human", _act("ask_human"), answering.human),
    Row("about_bot", _act("ask_about_bot"), answering.about_bot),
    Row("privacy", _act("ask_privacy"), answering.privacy),
    Row("program", _means_program, lambda m: m.line("program")),
    Row("abilities", _act("ask_abilities"), answering.abilities),
    Row("memory", _act("ask_memory"), facts.recall),
    Row("reassurance", _act("ask_reassurance"), answering.reassurance),
    Row("which_request", lambda m: _brings_up(OPEN)(m) and m.heard.act in {"", "telling", "continue"},
        answering.which_request),
    Row("correction", _act("correct"), answering.correct),
    Row("complaint", _act("complain"), answering.complain),
    Row("insult", _act("insult"), lambda m: m.line("insult")),
    Row("leave", _goes, answering.leave),
    Row("thanks", _act("thank"), lambda m: m.line("thanks")),
    Row("greeting", _comes, answering.greet),
    Row("test", _act("test"), answering.test),
    Row("taken_up", _reacts("uptake"), answering.taken_up),
    Row("joke", _act("joke"), lambda m: m.line("joke")),
    Row("chuckle", _command("chuckle"), lambda m: m.line("chuckle")),
    Row("small_talk", _act("small_talk"), answering.small_talk),
    Row("listens", lambda m: _asks("ask_listen", "away", "mock")(m) and not _is_pleased(m), answering.occasion),
    # A running exercise.
    Row("step", leading.claims, leading.proceed, aside=False),
    # Listening.
    Row("signs", lambda m: m.heard.wordless and not m.heard.command and not answering.is_bare_number(m),
        lambda m: m.line("emoji")),
    Row("named", _names_itself, lambda m: m.joined(m.line("took"), m.line("invite"))),
    Row("number", answering.is_bare_number, answering.number),
    Row("stop", _command("stop", "skip", "back"), lambda m: m.line("nothing_to_stop")),
    Row("go_on", _command("resume"), lambda m: m.line("nothing_to_resume")),
    Row("not_taken_up", _reacts("objects"), answering.not_taken_up),
    Row("good_news", lambda m: m.heard.act == "good_news" or _is_pleased(m), listening.good_news),
    Row("so_so", _command("meh", "fine"), lambda m: m.line("meh")),
    Row("unsure", lambda m: m.heard.act == "unsure", lambda m: m.line("unsure")),
    Row("answer", _answers_question, listening.answered),
    Row("nod", lambda m: m.heard.act == "agree" or m.heard.command in {"nod", "again"}, answering.nodded),
    Row("refused", lambda m: m.heard.act in {"decline", "stop"}, answering.refused),
    Row("more", lambda m: _is_little(m) and bool(m.before.topics), listening.answered),
    Row("unclear", lambda m: _is_little(m) and m.heard.act != "telling", listening.unclear),
    Row("telling", lambda m: True, listening.listen),
)  # fmt: skip
