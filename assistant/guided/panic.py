"""Panic: a pace to breathe by and grounding in the very reply, then a look at whether it helps."""

from __future__ import annotations

from assistant.guided import leading
from assistant.guided.cues import sign_in
from assistant.guided.moment import Moment

#: What a person may do in the middle of it that has its own answer.
_ELSEWHERE = {
    "ask_about_bot", "ask_privacy", "ask_human", "ask_memory", "ask_exercise", "complain", "insult", "leave", "thank",
    "stop", "ask_advice", "ask_info", "good_news",
}  # fmt: skip

#: What shows that it is not over, in a message up to the second length; one up to the first says nothing else
#: (characters).
_SIGNS = ("fear", "easing", "body", "worse")
SHORT, LONGEST = 30, 80
#: For how many replies after it.
STAYS = 4


def is_now(moment: Moment) -> bool:
    """Whether the person asks for calm at once, or tells of panic that is not past."""
    heard = moment.heard
    if sign_in("no_exercise", heard.text):
        return False
    if heard.act == "ask_calm_now":
        return not moment.before.asked.startswith("panic")
    panicking = "panic" in heard.topics or "panicked" in heard.feelings
    if not panicking or moment.before.asked.startswith("panic") or heard.act not in {"telling", "answer", ""}:
        return False
    return sign_in("now", heard.text) and not sign_in("past", heard.text)


def start(moment: Moment) -> str:
    """Breathing and grounding to do at once; physical warning signs, once."""
    leading.pause(moment)
    warning = "" if moment.count("panic_warning") else moment.line("panic_warning")
    moment.change(asked="panic")
    pace = moment.line("panic_pace" if not moment.count("panic_pace") else "panic_other")
    return "\n\n".join(part for part in (pace, moment.line("panic_ground"), warning) if part)


def is_checked(moment: Moment) -> bool:
    """Whether this message answers how the breathing goes, or shows that it is not over."""
    heard, stage = moment.heard, moment.before.asked
    if not stage.startswith("panic") or (heard.act in _ELSEWHERE and not _shows(moment, "easing")):
        return False
    if heard.topics and "panic" not in heard.topics and not any(_shows(moment, one) for one in ("fear", "body")):
        return False  # it has turned to something else
    if stage != "panic.after" or heard.act == "ask_calm_now" or any(_shows(moment, one) for one in _SIGNS):
        return True
    return heard.command in {"yes", "nod"} and not moment.count("panic_check")


def stays(moment: Moment) -> bool:
    """Whether panic was met so recently that its signs still count."""
    return moment.before.asked.startswith("panic") and len(moment.before.topics) > 0 and (
        moment.ago("calm_check") < STAYS or moment.ago("calm") < STAYS or not moment.before.ways
    )  # fmt: skip


def check(moment: Moment) -> str:
    """What follows: fear of the worst, odd things in the body, no ease, ease, or nothing said yet."""
    heard, stage = moment.heard, moment.before.asked
    moment.change(asked="panic.after")
    worse = heard.command in {"worse", "no"} or _shows(moment, "worse") or heard.act == "ask_calm_now"
    if _shows(moment, "fear") and moment.count("panic_fear") < 2:
        return moment.line("panic_fear")
    if heard.command == "better" or heard.feeling in {"calm", "relieved"} or (_shows(moment, "easing") and not worse):
        moment.change(asked="")  # over, unless signs of it come again
        return moment.line("panic_easing")
    if _shows(moment, "body") and not moment.count("panic_body"):
        moment.change(asked="panic")
        return moment.line("panic_body")
    if worse:
        moment.change(asked="panic")
        return moment.joined(moment.line("panic_more"), moment.line("panic_person"))
    if (
        (stage == "panic" or heard.command)
        and (heard.command or len(heard.text) < SHORT)
        and moment.count("panic_check") < 2
    ):
        moment.change(asked="panic.check")
        return moment.line("panic_check")
    return moment.line("panic_easing" if heard.command in {"yes", "nod"} else "panic_after")


def _shows(moment: Moment, sign: str) -> bool:
    return len(moment.text) <= LONGEST and sign_in(sign, moment.text)
