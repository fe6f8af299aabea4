"""From words to a Risk: signals by clause, what changes them (negation, past, fiction), what they make together.

The shape is that of the Columbia Suicide Severity Rating Scale screener (C-SSRS): a wish to be dead, active thoughts,
method, intent, plan and time, behaviour. The rules are ours; they are a net with a mesh, not a diagnosis.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from assistant.safety import context, rules_en, rules_zh
from assistant.safety.normalise import normalise, sentences
from assistant.safety.rule import Kind, Rule
from assistant.types import Risk, RiskLevel

NONE, LOW, MODERATE, HIGH, IMMINENT = RiskLevel
#: So many of the person's earlier messages still count.
REMEMBERED = 6
#: A negation stands at most so many characters before what it negates (its own length included).
REACH = 80
#: A laugh colours a message of at most so many characters.
SHORT = 120
#: An answer to a question has at most so many characters.
ANSWER = 40
#: After a message of `high` or more, this many later ones stay at least `moderate`, unless they say that it is over.
WATCHFUL = 3

_NEGATABLE = {
    Kind.THOUGHT, Kind.INTENT, Kind.METHOD, Kind.ATTEMPT, Kind.SELF_HARM, Kind.SELF_HARM_URGE, Kind.VIOLENCE,
    Kind.VIOLENCE_INTENT, Kind.ABUSE, Kind.ATTEMPT_NOW, Kind.VOICES, Kind.DEADLY,
}  # fmt: skip
_NEGATIVE_BY_NATURE = {
    "en.not_live", "zh.not_live", "en.bleeding", "en.cut_now", "zh.cut_now", "zh.took_overdose",
    "en.not_trust", "en.not_tonight", "zh.not_today", "en.control", "zh.hits", "en.rehearsed", "zh.took_much",
    "zh.still_alive", "en.no_food_days", "zh.no_food_days",
    "en.not_safe_home", "en.not_alone_tonight", "en.havent_cut", "zh.havent_cut", "zh.nothing_but_death",
    "zh.choked_out",
}  # fmt: skip
_TIMELESS = {Kind.MINOR, Kind.DENIAL, Kind.FAREWELL, Kind.PLACE, Kind.TIME, Kind.ATTEMPT_NOW, Kind.DANGER_NOW}
#: Laughter beside these is no sign of a joke.
_NO_JOKE = {Kind.MEANS, Kind.ATTEMPT_NOW, Kind.SELF_HARM, Kind.PREPARATION}
#: So plain that a laugh beside them asks for a question rather than for nothing.
_PLAIN_WORDS = {
    "en.kill_myself", "en.suicid", "en.end_life", "en.self_end", "zh.suicide", "zh.not_live", "en.intent", "zh.intent",
}  # fmt: skip
#: Rules of things swallowed: yesterday is not too long ago for help.
_TAKEN = ("took", "overdos", "whole", "swallow")
_SELF_IDEATION = {Kind.WISH, Kind.THOUGHT, Kind.METHOD, Kind.INTENT, Kind.PREPARATION, Kind.METHOD_QUESTION}


@dataclass(frozen=True, slots=True)
class Signal:
    """One rule that matched, and how it is meant. `strong` holds of means that are deadly or hoarded."""

    name: str
    kind: Kind
    past: bool = False
    strong: bool = False
    hoarded: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """All signals of one message, and the times that it names beside them."""

    signals: tuple[Signal, ...] = ()
    soon: bool = False
    other: str = ""  # "", "past", "danger" or "urgent": somebody else's danger
    laughing: bool = False
    recovered: bool = False
    leaving: bool = False  # moving or travelling: goodbyes and given-away things have another reason


def assess(text: str, history: Iterable[Any] = ()) -> Risk:
    """The Risk of a message, from the person's words alone.

    `text` may be of any length and hold anything. `history` holds earlier messages, oldest first: strings, Turns,
    Messages or {"role", "content"} mappings; only the person's own words count. It can raise the level, never lower it.
    """
    reading = read(text)
    earlier = [read(words) for words in own_words(history)[-REMEMBERED:]]
    risk = _risk(reading)
    return _with_history(text, reading, risk, earlier) if earlier else risk


def own_words(history: Iterable[Any]) -> list[str]:
    """The person's own messages in a history of any of the shapes that `assess` takes."""
    words = []
    for item in history:
        if isinstance(item, str):
            words.append(item)
            continue
        get = item.get if isinstance(item, dict) else lambda name, item=item: getattr(item, name, None)
        own = get("user_text")
        if own is None and get("role") == "user":
            own = get("content")
        if isinstance(own, str):
            words.append(own)
    return words


def read(text: str) -> Reading:
    """The signals of one message."""
    plain = context.QUOTED.sub(" ~ ", normalise(text))
    signals: list[Signal] = []
    soon, other = False, ""
    seen: set[tuple[str, ...]] = set()  # a message that repeats itself is read once
    for clauses in sentences(plain):
        key = tuple(clauses)
        if key in seen:
            continue
        seen.add(key)
        sentence = " , ".join(clauses)
        for rules in (rules_en, rules_zh):
            if not rules.WRITTEN.search(sentence):
                continue
            somebody = _somebody_else(sentence, rules)
            other = max(other, somebody, key=["", "past", "danger", "urgent"].index)
            found = [] if somebody else _in_sentence(clauses, sentence, rules)
            signals += found
            if context.STRONG_TIME.search(sentence) and (found or somebody):
                soon = True
    laughing, leaving = _laughing(plain), bool(context.LEAVING.search(plain))
    return Reading(tuple(signals), soon, other, laughing, _recovered(plain), leaving)


def _laughing(plain: str) -> bool:
    """Whether the message as a whole is meant as fun: a laugh far from the words that matter says nothing of them."""
    return len(plain) <= SHORT and bool(context.LAUGH.search(plain))


def _recovered(plain: str) -> bool:
    return bool(rules_en.RECOVERED.search(plain) or rules_zh.RECOVERED.search(plain))


def _somebody_else(sentence: str, rules: ModuleType) -> str:
    if not re.search(rules.OTHERS, sentence) and not rules.THIRD_PERSON_PAST.search(sentence):
        return ""
    if context.TOGETHER.search(sentence) or context.TO_PARENTS.search(sentence):
        return ""  # the danger is the person's own
    masked = rules.IDIOM.sub(" ~ ", sentence)
    if _did_it(masked, rules):
        return "past" if rules.PAST.search(masked) else "urgent"
    match = rules.THIRD_PERSON.search(masked)
    if rules.THIRD_PERSON_PAST.search(masked) and not context.OWN_WISH.search(masked):
        return "" if rules.FICTION.search(masked) else "past"
    if match is None or re.search(r"\b(?:i|im|ive|id|ill)\b", match[0]):
        return ""
    if rules.FICTION.search(masked):
        return ""
    if rules.PAST.search(masked, match.start(), match.end() + 24) and not context.ANEW.search(masked):
        return "past"
    return "urgent" if rules.THIRD_PERSON_URGENT.search(masked) else "danger"


def _did_it(sentence: str, rules: ModuleType) -> bool:
    """Whether an act under way is told of somebody else: a relation is named, the act's clause has no first person."""
    if not re.search(rules.OTHERS, sentence):
        return False
    acts = [rule.pattern for rule in rules.RULES if rule.kind is Kind.ATTEMPT_NOW]
    told = [clause for clause in sentence.split(" , ") if any(act.search(clause) for act in acts)]
    return bool(told) and not any(rules.FIRST_PERSON.search(clause) for clause in told)


def _in_sentence(clauses: Sequence[str], sentence: str, rules: ModuleType) -> list[Signal]:
    past = bool(rules.PAST.search(sentence))
    fiction = bool(rules.FICTION.search(sentence))
    masked_sentence = rules.IDIOM.sub(" ~ ", sentence)
    said_no = bool(context.SAID_NO.search(sentence))
    found = []
    for clause in clauses:
        masked = rules.IDIOM.sub(" ~ ", clause)
        for rule in rules.RULES:
            match = rule.pattern.search(masked_sentence if rule.whole else masked)
            if match is None or (said_no and not rule.whole):
                continue
            if _is_negated(masked, match, rule, rules):
                found.append(Signal(rule.name + "?", Kind.DENIAL))
            elif _harmless(rule.kind, rule.name, sentence, rules):
                continue
            elif not (fiction and _may_be_fiction(clause, rule, rules)):
                kind = _weighed(rule.name, rule.kind, clause, rules)
                was = past and kind not in _TIMELESS and not rules.AGAIN.search(clause)
                hoarded = bool(context.HOARD.search(match[0]))
                strong = bool(context.DEADLY_THING.search(match[0])) or bool(context.SAVED_UP.search(match[0]))
                complaint = kind is not rule.kind and kind in {Kind.WISH, Kind.VIOLENCE}
                found.append(Signal("hyperbole" if complaint else rule.name, kind, was, strong, hoarded))
    return found


def _harmless(kind: Kind, name: str, sentence: str, rules: ModuleType) -> bool:
    """A cut from shaving, coals for a barbecue."""
    if kind is Kind.MEANS:
        return bool(context.INNOCENT.search(sentence))
    return (kind is Kind.SELF_HARM or name == "en.bleeding") and bool(rules.ACCIDENT.search(sentence))


def _weighed(name: str, kind: Kind, clause: str, rules: ModuleType) -> Kind:
    """A complaint about a thing weighs less; an overdose of last week is an attempt, not one under way."""
    if kind in {Kind.THOUGHT, Kind.VIOLENCE_INTENT} and rules.HYPERBOLE.search(clause):
        return Kind.WISH if kind is Kind.THOUGHT else Kind.VIOLENCE
    over = context.AGO if name.split(".")[1].startswith(_TAKEN) else context.BEFORE
    return Kind.ATTEMPT if kind is Kind.ATTEMPT_NOW and over.search(clause) else kind


def _is_negated(clause: str, match: re.Match[str], rule: Rule, rules: ModuleType) -> bool:
    """Whether a negation stands shortly before the heart of what matched."""
    if rule.kind not in _NEGATABLE or rule.name in _NEGATIVE_BY_NATURE:
        return False
    hearts = [m.start() for m in context.CORE.finditer(match[0])]
    heart = match.start() + (hearts[-1] if hearts else 0)
    before = clause[max(0, heart - REACH) : heart]
    return bool(rules.NEGATION.search(before)) and not rules.NOT_NEGATION.search(before)


def _may_be_fiction(clause: str, rule: Rule, rules: ModuleType) -> bool:
    if rule.kind in {Kind.ATTEMPT_NOW, Kind.INTENT, Kind.MEANS, Kind.MINOR}:
        return not rules.FIRST_PERSON.search(clause)
    return not rules.FIRST_PERSON.search(clause) or bool(rules.FICTION.search(clause))


def _risk(reading: Reading) -> Risk:
    level, category = _level(reading)
    names = tuple(dict.fromkeys(s.name for s in reading.signals if s.kind is not Kind.DENIAL))
    if reading.other:
        names += (f"other.{reading.other}",)
    return Risk(level, names, category if level else "")


def _level(reading: Reading) -> tuple[RiskLevel, str]:
    """The strongest of what the signals make, with its category."""
    if reading.laughing and not {s.kind for s in reading.signals} & _NO_JOKE:
        plain_words = any(s.name in _PLAIN_WORDS for s in reading.signals)
        return min(_strongest(reading), (MODERATE if plain_words else LOW, "suicide"), key=lambda pair: pair[0])
    return _strongest(reading)


def _strongest(reading: Reading) -> tuple[RiskLevel, str]:
    ways = (_suicide, _self_harm, _violence, _abuse, _emergency, _other)
    return max((way(reading) for way in ways), key=lambda pair: pair[0])


def _suicide(reading: Reading) -> tuple[RiskLevel, str]:
    now = [s for s in reading.signals if not s.past]
    kinds = {s.kind for s in now}
    medical = any(s.kind is Kind.ATTEMPT_NOW and s.name.split(".")[1].startswith(_TAKEN) for s in now)
    if Kind.ATTEMPT_NOW in kinds:
        return IMMINENT, "medical" if medical else "suicide"
    core = kinds & {Kind.THOUGHT, Kind.METHOD, Kind.INTENT, Kind.PREPARATION}
    heavy = kinds & {Kind.WISH, Kind.BURDEN, Kind.HOPELESS, Kind.FAREWELL}
    means = [s for s in now if s.kind is Kind.MEANS]
    if means or Kind.PLACE in kinds:
        at_once = any(s.name.endswith(("in_hand", "brink")) for s in now)
        level = max(HIGH if at_once else NONE, _with_means(kinds, core, heavy, means, reading.soon))
        if level:
            return level, "suicide"
    if Kind.VOICES in kinds:
        return HIGH, "voices"
    if reading.soon and kinds & {Kind.INTENT, Kind.METHOD}:
        return IMMINENT, "suicide"
    return max(_ideation(now, kinds, heavy, reading), _past(reading, core)), "suicide"


def _with_means(
    kinds: set[Kind], core: set[Kind], heavy: set[Kind], means: Sequence[Signal], soon: bool
) -> RiskLevel:
    """Means at hand, or standing at the place: weighty beside other signals, and little without them."""
    if means and (core or (Kind.PLACE in kinds and any(s.strong for s in means))):
        return IMMINENT
    if Kind.ALONE in kinds and (means or Kind.PLACE in kinds):
        return IMMINENT if soon else HIGH
    if means and heavy:
        return IMMINENT if soon else HIGH
    if any(s.hoarded for s in means) and soon:
        return IMMINENT
    if Kind.PLACE in kinds and (core or Kind.FAREWELL in kinds):
        return IMMINENT
    if Kind.PLACE in kinds and heavy:
        return HIGH
    if soon and any(s.strong for s in means):
        return HIGH
    if any(s.hoarded for s in means):
        return HIGH if any(s.hoarded and (s.strong or s.name.endswith(".hoarding")) for s in means) else MODERATE
    return NONE


def _ideation(now: Sequence[Signal], kinds: set[Kind], heavy: set[Kind], reading: Reading) -> RiskLevel:
    prepared = [s for s in now if s.kind is Kind.PREPARATION]
    if kinds & {Kind.INTENT, Kind.METHOD, Kind.METHOD_QUESTION, Kind.ATTEMPT}:
        return HIGH
    if prepared and not (reading.leaving and not kinds & (_SELF_IDEATION - {Kind.PREPARATION})):
        certain = len(prepared) > 1 or reading.soon or heavy or Kind.THOUGHT in kinds or "letters" in prepared[0].name
        if reading.soon and any("letters" in s.name for s in prepared):
            return IMMINENT
        return HIGH if certain else MODERATE
    farewells = sum(s.kind is Kind.FAREWELL for s in now)
    if farewells > 1 and not reading.leaving and Kind.THOUGHT not in kinds:
        return HIGH if reading.soon or farewells > 2 else MODERATE
    if Kind.THOUGHT in kinds:
        return HIGH if reading.soon or Kind.FAREWELL in kinds else MODERATE
    wishes = {s.name for s in now if s.kind is Kind.WISH}
    if len(wishes) > 1 or (wishes and heavy - {Kind.WISH}):
        return MODERATE
    if wishes:
        return LOW
    if Kind.BURDEN in kinds:
        return MODERATE if Kind.HOPELESS in kinds or Kind.FAREWELL in kinds else LOW
    return NONE


def _past(reading: Reading, core: set[Kind]) -> RiskLevel:
    past = {s.kind for s in reading.signals if s.past}
    if Kind.ATTEMPT in past:
        return HIGH if core else LOW if reading.recovered else MODERATE
    return LOW if past & (_SELF_IDEATION | {Kind.SELF_HARM}) else NONE


def _self_harm(reading: Reading) -> tuple[RiskLevel, str]:
    now = {s.kind for s in reading.signals if not s.past}
    if Kind.SELF_HARM in now:
        return HIGH, "self_harm"
    return (MODERATE if Kind.SELF_HARM_URGE in now else NONE), "self_harm"


def _violence(reading: Reading) -> tuple[RiskLevel, str]:
    kinds = {s.kind for s in reading.signals if not s.past}
    meant = Kind.MEANS in kinds or Kind.VIOLENCE_PLAN in kinds or reading.soon
    if Kind.VIOLENCE_INTENT in kinds:
        return (HIGH if meant else MODERATE), "violence"
    if Kind.VIOLENCE in kinds:
        return (HIGH if meant else LOW), "violence"
    return NONE, "violence"


def _abuse(reading: Reading) -> tuple[RiskLevel, str]:
    kinds = {s.kind for s in reading.signals if not s.past}
    if Kind.DEADLY in kinds:
        return HIGH, "abuse"
    near = {s.name for s in reading.signals if s.kind is Kind.DANGER_NOW}
    if Kind.ABUSE in kinds:
        return (HIGH if near or Kind.MINOR in kinds else MODERATE), "abuse"
    return (HIGH if len(near) > 1 else MODERATE if near else NONE), "abuse"


def _emergency(reading: Reading) -> tuple[RiskLevel, str]:
    return (HIGH if any(s.kind is Kind.MEDICAL and not s.past for s in reading.signals) else NONE), "emergency"


def _other(reading: Reading) -> tuple[RiskLevel, str]:
    return {"": NONE, "past": LOW, "danger": MODERATE, "urgent": HIGH}[reading.other], "third_person"


def _answered(plain: str, lately: RiskLevel, ever: RiskLevel) -> RiskLevel:
    """What a few words add as the answer to a question about danger: yes, here, soon, begun, on the ninth floor."""
    if len(plain) >= ANSWER or lately < MODERATE or context.SAFE_NOW.search(plain):
        return NONE
    if ever >= HIGH and context.BEGUN.search(plain):
        return IMMINENT
    if context.YES.match(plain) or context.AT_HAND.search(plain):
        return IMMINENT if ever == IMMINENT else HIGH
    soon = context.SOON.search(plain) or context.STRONG_TIME.match(plain)
    return HIGH if soon or (ever >= HIGH and context.DETAIL.search(plain)) else NONE


def _with_history(text: str, reading: Reading, risk: Risk, earlier: Sequence[Reading]) -> Risk:
    """Earlier words can make today's weightier: a time, a means or a yes after a thought."""
    together = Reading(tuple(s for past in earlier for s in past.signals), any(past.soon for past in earlier))
    levels = [*(_level(past)[0] for past in earlier[:-1]), max(_level(earlier[-1])[0], _level(together)[0])]
    danger = [s for past in earlier for s in past.signals if not s.past and (s.kind in _SELF_IDEATION or s.hoarded)]
    level, category, names = risk.level, risk.category, risk.evidence
    plain = normalise(text).strip()
    if danger and max(levels) >= MODERATE:
        soon = bool(context.STRONG_TIME.search(plain)) and len(plain) < 60
        joint = Reading((*reading.signals, *danger), reading.soon or soon, reading.other)
        new = {s.kind for s in reading.signals} & (_SELF_IDEATION | {Kind.MEANS, Kind.PLACE, Kind.FAREWELL})
        if new or (soon and not reading.signals):
            level = max(level, _level(joint)[0])
    answer = _answered(plain, max(levels[-2:]), max(levels))
    if answer:
        level, names = max(level, answer), (*names, "history.answer")
    safe = bool(context.SAFE_NOW.search(plain)) or any(s.kind is Kind.DENIAL for s in reading.signals)
    watched = max(levels[-WATCHFUL:])
    if level < MODERATE and watched >= HIGH and (not safe or watched == IMMINENT):
        level, names = max(level, LOW if safe else MODERATE), (*names, "history.watchful")
    if level > risk.level and not category:
        category = next((c for past in reversed(earlier) if (c := _level(past)[1]) and _level(past)[0]), "suicide")
    return Risk(level, names if names else ("history",) if level else (), category if level else "")
