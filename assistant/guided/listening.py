"""Listening: what was heard, said back briefly, in shapes that change; a question at most every other time."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from assistant.guided.answering import TENDER, fitting, offer
from assistant.guided.moment import SCENES, Moment
from assistant.guided.reflect import reflect
from assistant.guided.tables import FEELINGS, LINES
from llm.types import Locale

#: Replies before the first offer of an exercise and of a choice of ways to go on, and between two of each.
OFFER_AFTER, CHOICE_AFTER, OFFER_EVERY, CHOICE_EVERY = 3, 5, 5, 6
#: A message longer than this (characters) is a lot at once; a shorter one than the second is too little to go by.
LONG: dict[Locale, int] = {"en": 420, "zh": 140}
LITTLE: dict[Locale, int] = {"en": 24, "zh": 8}
#: Longest clause that is given back (characters).
SAID_BACK: dict[Locale, int] = {"en": 52, "zh": 14}
#: Topics at which a person may need more than a program as soon as they come up again.
GRAVE = {
    "violence",
    "new_baby",
    "pregnancy_loss",
    "grief",
    "alcohol_drugs",
    "drinker_near",
    "gambling_gaming",
    "money",
    "illness",
    "eating_body",
    "trauma",
    "caring",
    "bullying",
    "medication",
}
#: Feelings at which a person may need more than a program.
HEAVY = {"hopeless", "overwhelmed", "empty", "afraid", "panicked", "ashamed"}
#: Topics that people want to tell first: who helps is said unasked from this message on (the first is 0).
TOLD_FIRST = {"grief", "illness", "caring", "money"}
HELP_AFTER = 3
#: What makes a person or a place the matter itself: a mother who sends soup is no trouble with a mother.
TROUBLE = {"hurt_by", "unfair", "ignored", "pressure", "worried_for", "conflict", "anger", "family_duty", "caring",
           "regret"}  # fmt: skip

#: What begins with "your mother" is no clause about the person.
_KIN = re.compile("你(妈|媽|爸|老|女|儿|兒|孩|弟|妹|哥|姐|奶|爷|爺|公|婆|家|们|們|室|同|朋|前)")
#: The shapes of a reply, in the order in which they are tried; the turn of the conversation shifts where it begins.
ASKING = ("feeling+ask", "says+ask", "feeling+says+ask", "ack+ask")
NOT_ASKING = (
    "feeling+says", "clause+support", "feeling+invite", "says+invite", "ack", "clause+invite", "feeling+support",
    "says+support", "ack+invite", "invite", "support+invite", "ack+support",
)  # fmt: skip


#: How a bare answer is taken where nothing else is due.
TAKEN = ("took+invite", "invite", "took")


def listen(moment: Moment) -> str:
    """A reply to whatever the person tells."""
    if len(moment.text) > LONG[moment.locale] and moment.count("much") < 2:
        return _shaped(moment, "much+says+part" if _has(moment, "says") else "much+part")
    if reply := helped(moment) or offered(moment):
        return reply
    return _shaped(moment, next_shape(moment))


def helped(moment: Moment) -> str:
    """Who helps, once a topic needs more than a program: when it comes up again, or with a heavy feeling."""
    topic = moment.lead
    about = moment.about(topic) if topic else None
    if not about or not about.help or moment.count(f"{topic}.help") or moment.heard.light:
        return ""
    if moment.position < (HELP_AFTER if topic in TOLD_FIRST else 1) and not HEAVY & set(moment.heard.feelings):
        return ""
    here, again = topic in moment.heard.topics, topic in moment.before.topics
    heavy = bool(HEAVY & set(moment.heard.feelings))
    if not ((here and again and topic in GRAVE) or (here and heavy) or (again and topic in GRAVE and heavy)):
        return ""
    return _shaped(moment, ("feeling" if _has(moment, "feeling") else "help_lead") + "+help")


def offered(moment: Moment) -> str:
    """An exercise that fits, or a choice of ways to go on, once in a while."""
    if moment.before.no_questions or moment.before.offered or moment.heard.light:
        return ""
    if moment.tone == "slow" and moment.position >= 1 and "box" not in moment.before.offers + moment.before.declined:
        return moment.joined(moment.line("pace"), offer(moment, "box"))
    if moment.position < OFFER_AFTER:
        return ""
    every = OFFER_EVERY * (1 + len(moment.before.declined))
    tender = (TENDER | GRAVE) & {*moment.before.topics, *moment.heard.topics}
    since = _since_offer(moment)
    spoken = _is_matter(moment)  # what was told before may be long past
    fits = spoken and not tender and moment.lead not in SCENES and since >= every
    if fits and (name := fitting(moment, (moment.lead,))):
        return moment.joined(_opening(moment), offer(moment, name))
    troubled = spoken or bool(moment.heard.feelings)
    due = moment.position >= CHOICE_AFTER and since >= CHOICE_EVERY and moment.count("choice") < 2
    if not tender and troubled and due:
        moment.change(offered="choice")
        return moment.joined(_opening(moment), moment.line("choice"))
    return ""


def good_news(moment: Moment) -> str:
    """What went well, met without weighing it."""
    asks = moment.new("good_ask", LINES[moment.locale]["good_ask"]) if _may_ask(moment) else ""
    lead = moment.new("bright", LINES[moment.locale]["bright"]) if moment.tone == "bright" else ""
    _note(moment, "good+ask" if asks else "good")
    return moment.joined(lead or moment.felt(moment.heard.feeling) if moment.heard.feeling else lead,
                         moment.line("good_news"), asks)  # fmt: skip


def answered(moment: Moment) -> str:
    """A bare answer: taken, and left room; no second question at once."""
    topic = moment.lead
    if len(moment.text) > LONG[moment.locale] // 4:
        return listen(moment)
    due = _may_ask(moment) and moment.ago("answer") > 0 and _is_matter(moment)
    if due and (asked := moment.new(f"{topic}.asks", moment.about(topic).asks)):
        _note(moment, "took+ask")
        return moment.joined(moment.line("took"), asked)
    if (
        moment.count("choice") < 2
        and not moment.before.offered
        and _since_offer(moment) >= CHOICE_EVERY - 1
        and _may_choose(moment)
    ):
        _note(moment, "took+choice")
        moment.change(offered="choice")
        return moment.joined(moment.line("took"), moment.line("choice"))
    return _shaped(moment, next(shape for shape in TAKEN if shape not in moment.before.shapes[-2:]))


def unclear(moment: Moment) -> str:
    """Too little to go by: it says so, and asks simply."""
    _note(moment, "unclear+ask" if _may_ask(moment) else "invite")
    return moment.line("unclear" if _may_ask(moment) else "invite")


def next_shape(moment: Moment) -> str:
    """The first shape that can be filled and was not among the last two, beginning elsewhere at every turn."""
    # "What is that like for you?" stings after bare facts, where nothing was told that is like anything.
    told = bool(moment.heard.feelings) or moment.heard.light or _is_matter(moment)
    asking = _turned(ASKING, moment.position) if told and _may_ask(moment) else ()
    order = [*asking, *_turned(NOT_ASKING, 3 * moment.position + 1)]
    order.sort(key=lambda shape: "feeling" not in shape and _has(moment, "feeling") and "ask" not in shape)
    if moment.lead in GRAVE:
        order.sort(key=lambda shape: "says" not in shape)
    recent = moment.before.shapes[-2:]
    fits = [shape for shape in order if all(_has(moment, part) for part in shape.split("+"))]
    return next((shape for shape in fits if shape not in recent), "ack+invite")


def _shaped(moment: Moment, shape: str) -> str:
    _note(moment, shape)
    return moment.joined(*(_PARTS[part](moment) for part in shape.split("+")))


def _note(moment: Moment, shape: str) -> None:
    moment.change(shapes=(*moment.before.shapes, shape))


def _opening(moment: Moment) -> str:
    part = "feeling" if _has(moment, "feeling") else "says" if _has(moment, "says") else "ack"
    _note(moment, f"{part}+offer")
    return _PARTS[part](moment)


def _may_ask(moment: Moment) -> bool:
    """Whether a question is due: not where it was unwanted, and not twice in a row."""
    if moment.before.no_questions:
        return False
    span = 2 if moment.before.complaints else 1
    return not any("ask" in shape or "part" in shape for shape in moment.before.shapes[-span:])


def _is_matter(moment: Moment) -> bool:
    """Whether this message is about the topic that leads, and not only set among such people and places."""
    topic, heard = moment.lead, moment.heard
    return topic in heard.topics and (topic not in SCENES or heard.occasion in TROUBLE)


def _may_choose(moment: Moment) -> bool:
    if moment.before.no_questions or moment.position < OFFER_AFTER:
        return False
    return not TENDER & {*moment.before.topics, *moment.heard.topics}


def _since_offer(moment: Moment) -> int:
    shapes = reversed(moment.before.shapes)
    return next((at for at, shape in enumerate(shapes) if "offer" in shape or "choice" in shape), 1000)


def _has(moment: Moment, part: str) -> bool:
    """Whether there is something to fill this part with that was not said before."""
    topic, heard = moment.lead, moment.heard
    if heard.light and part in {"says", "support"}:
        return False
    if part == "feeling":
        return heard.feeling != "" and moment.count(f"feeling.{heard.feeling}") < len(
            FEELINGS[moment.locale][heard.feeling]
        )
    if part == "clause":
        return not any("clause" in shape for shape in moment.before.shapes[-2:]) and bool(_clause(moment))
    if part == "says":
        return _is_matter(moment) and moment.count(f"{topic}.says") < len(moment.about(topic).says)
    if part == "ask":
        here = _is_matter(moment) and moment.count(f"{topic}.asks") < len(moment.about(topic).asks)
        return here or moment.count("ask") < len(LINES[moment.locale]["ask"])
    if part == "support":
        left = moment.count("support") < len(LINES[moment.locale]["support"])
        return left and bool(heard.feelings or _is_matter(moment))
    return True


def _clause(moment: Moment) -> str:
    """A clause to be given back: a short one that begins with the person and is half of the message or more. Longer
    ones, and those about others, came out broken as often as not; one of many is seldom the one that matters."""
    clause = reflect(moment.text, moment.locale)
    short = len(moment.text) / 2 <= len(clause) <= SAID_BACK[moment.locale]
    own = clause.startswith(("you ", "you're ", "you've ", "你")) and not _KIN.match(clause)
    return clause if short and own else ""


def _says(moment: Moment) -> str:
    topic = moment.lead
    return moment.pick(f"{topic}.says", moment.about(topic).says)


def _ask(moment: Moment) -> str:
    topic = moment.lead
    if moment.heard.light:
        moment.change(asked="open")
        return moment.line("ask_light")
    asked = moment.new(f"{topic}.asks", moment.about(topic).asks) if _is_matter(moment) else ""
    moment.change(asked=f"topic.{topic}" if asked else "open")
    return asked or moment.line("ask")


def _help(moment: Moment) -> str:
    topic = moment.lead
    return moment.pick(f"{topic}.help", (moment.about(topic).help,))


def _turned(shapes: Sequence[str], by: int) -> tuple[str, ...]:
    by %= len(shapes)
    return (*shapes[by:], *shapes[:by])


def _line(key: str) -> Callable[[Moment], str]:
    return lambda moment: moment.line(key)


_PARTS: dict[str, Callable[[Moment], str]] = {
    "feeling": lambda moment: moment.felt(moment.heard.feeling),
    "clause": lambda moment: moment.line("reflect", clause=_clause(moment)),
    "says": _says,
    "ask": _ask,
    "help": _help,
    **{key: _line(key) for key in ("part", "ack", "support", "invite", "much", "help_lead", "took")},
}
