"""From words to signals: which rules match in which clause, and what changes them (negation, past, fiction)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assistant.safety.compile import LOCALES, Rulebook, context, rulebook
from assistant.safety.normalise import normalise, sentences
from assistant.safety.rule import Kind, Rule

#: A negation stands at most so many characters before what it negates (its own length included).
REACH = 80
#: A laugh colours a message of at most so many characters.
SHORT = 120
#: A brief message has at most so many characters (in Chinese: the second).
BRIEF = (50, 16)
#: In a sentence of at most so many characters a complaint about a thing colours all of its clauses.
COMPLAINT = 24
#: Kinds that a word of the past does not move into the past.
_TIMELESS = {Kind.MINOR, Kind.DENIAL, Kind.FAREWELL, Kind.PLACE, Kind.ATTEMPT_NOW, Kind.DANGER_NOW}
_OTHERS = ("", "past", "danger", "urgent")


@dataclass(frozen=True, slots=True)
class Signal:
    """One rule that matched, and how it is meant. `strong` holds of means that are deadly or hoarded."""

    name: str
    kind: Kind
    tags: frozenset[str] = frozenset()
    past: bool = False
    strong: bool = False
    hoarded: bool = False


@dataclass(frozen=True, slots=True)
class Signals:
    """All signals of one message, and the times that it names beside them.

    `other` is somebody else's danger: "", "past", "danger" or "urgent". `leaving`: moving or travelling, so that
    goodbyes and given-away things have another reason. `brief`: of a few words, which say all that there is.
    """

    found: tuple[Signal, ...] = ()
    soon: bool = False
    other: str = ""
    laughing: bool = False
    recovered: bool = False
    leaving: bool = False
    brief: bool = False

    @property
    def denied(self) -> bool:
        """Whether the message denies a danger."""
        return any(signal.kind is Kind.DENIAL for signal in self.found)


def read(text: str) -> Signals:
    """The signals of one message, of any length and content."""
    return read_plain(normalise(text))


def read_plain(normalised: str) -> Signals:
    """The signals of a normalised message."""
    patterns = context()
    plain = patterns["quoted"].sub(" ~ ", normalised)
    found: list[Signal] = []
    soon, other = False, ""
    seen: set[tuple[str, ...]] = set()  # a message that repeats itself is read once
    for clauses in sentences(plain):
        key = tuple(dict.fromkeys(clauses))
        if key in seen:
            continue
        seen.add(key)
        sentence = " , ".join(key)
        for book in map(rulebook, LOCALES):
            if not book.modifiers["written"].search(sentence):
                continue
            somebody = _somebody_else(sentence, book)
            other = max(other, somebody, key=_OTHERS.index)
            new = [] if somebody else _in_sentence(key, sentence, book)
            found += new
            if (new or somebody) and patterns["strong_time"].search(sentence):
                soon = True
    laughing = len(plain) <= SHORT and bool(patterns["laugh"].search(plain))
    recovered = any(rulebook(locale).modifiers["recovered"].search(plain) for locale in LOCALES)
    brief = len(plain) <= BRIEF[bool(rulebook("zh").modifiers["written"].search(plain))]
    return Signals(tuple(found), soon, other, laughing, recovered, bool(patterns["leaving"].search(plain)), brief)


def _somebody_else(sentence: str, book: Rulebook) -> str:
    words, patterns = book.modifiers, context()
    about_others = bool(words["others"].search(sentence))
    if not about_others and not words["third_person_past"].search(sentence):
        return ""
    if patterns["together"].search(sentence) or patterns["to_parents"].search(sentence):
        return ""  # the danger is the person's own
    masked = words["idiom"].sub(" ~ ", sentence)
    if about_others and _did_it(masked, book):
        return "past" if words["past"].search(masked) else "urgent"
    match = words["third_person"].search(masked)
    if words["third_person_past"].search(masked) and not patterns["own_wish"].search(masked):
        return "" if words["fiction"].search(masked) else "past"
    if match is None or patterns["first_person"].search(match[0]):
        return ""
    if words["fiction"].search(masked):
        return ""
    if words["past"].search(masked, match.start(), match.end() + 24) and not patterns["anew"].search(masked):
        return "past"
    return "urgent" if words["third_person_urgent"].search(masked) else "danger"


def _did_it(sentence: str, book: Rulebook) -> bool:
    """Whether an act under way is told in a clause without a first person."""
    if not book.modifiers["others"].search(sentence):
        return False
    acts = [rule.pattern for rule in book.rules if rule.kind is Kind.ATTEMPT_NOW]
    told = [clause for clause in sentence.split(" , ") if any(act.search(clause) for act in acts)]
    return bool(told) and not any(book.modifiers["first_person"].search(clause) for clause in told)


def _in_sentence(clauses: Sequence[str], sentence: str, book: Rulebook) -> list[Signal]:
    """The signals of a sentence: each clause by the rules over clauses, the whole by those over sentences."""
    words = book.modifiers
    past, fiction = bool(words["past"].search(sentence)), bool(words["fiction"].search(sentence))
    said_no = bool(context()["said_no"].search(sentence))
    places = [] if said_no else [(clause, False) for clause in clauses]
    found = []
    for place, whole in (*places, (sentence, True)):
        masked = words["idiom"].sub(" ~ ", place)
        for rule in book.rules:
            match = rule.pattern.search(masked) if rule.whole == whole else None
            if match is None:
                continue
            if _is_negated(masked, match, rule, book):
                found.append(Signal(rule.name + "?", Kind.DENIAL))
            elif not _harmless(rule, sentence, book) and not (fiction and _may_be_fiction(place, rule, book)):
                found.append(_signal(rule, match[0], place, sentence, past, book))
    return found


def _signal(rule: Rule, matched: str, clause: str, sentence: str, past: bool, book: Rulebook) -> Signal:
    patterns = context()
    kind = _weighed(rule, clause if len(sentence) > COMPLAINT else sentence, clause, book)
    was = past and kind not in _TIMELESS and not book.modifiers["again"].search(clause)
    hoarded = bool(patterns["hoard"].search(matched))
    strong = bool(patterns["deadly_thing"].search(matched) or patterns["saved_up"].search(matched))
    complaint = kind is not rule.kind and kind in {Kind.WISH, Kind.VIOLENCE}
    return Signal("hyperbole" if complaint else rule.name, kind, rule.tags, was, strong, hoarded)


def _harmless(rule: Rule, sentence: str, book: Rulebook) -> bool:
    """A cut from shaving, coals for a barbecue."""
    if rule.kind is Kind.MEANS:
        return bool(context()["innocent"].search(sentence))
    return (rule.kind is Kind.SELF_HARM or "wound" in rule.tags) and bool(book.modifiers["accident"].search(sentence))


def _weighed(rule: Rule, complaint: str, clause: str, book: Rulebook) -> Kind:
    """A complaint about a thing weighs less; an overdose of last week is an attempt, not one under way."""
    if rule.kind in {Kind.THOUGHT, Kind.VIOLENCE_INTENT} and book.modifiers["hyperbole"].search(complaint):
        return Kind.WISH if rule.kind is Kind.THOUGHT else Kind.VIOLENCE
    # Of things swallowed yesterday is not too long ago for help.
    over = context()["ago" if "taken" in rule.tags else "before"]
    return Kind.ATTEMPT if rule.kind is Kind.ATTEMPT_NOW and over.search(clause) else rule.kind


def _is_negated(clause: str, match: re.Match[str], rule: Rule, book: Rulebook) -> bool:
    """Whether a negation stands shortly before the heart of what matched."""
    if not rule.negatable:
        return False
    hearts = [m.start() for m in context()["core"].finditer(match[0])]
    heart = match.start() + (hearts[-1] if hearts else 0)
    before = clause[max(0, heart - REACH) : heart]
    return bool(book.modifiers["negation"].search(before)) and not book.modifiers["not_negation"].search(before)


def _may_be_fiction(clause: str, rule: Rule, book: Rulebook) -> bool:
    own = book.modifiers["first_person"].search(clause)
    if rule.kind in {Kind.ATTEMPT_NOW, Kind.INTENT, Kind.MEANS, Kind.MINOR}:
        return not own
    return not own or bool(book.modifiers["fiction"].search(clause))
