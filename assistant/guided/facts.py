"""What the person told, kept in their words: names, people, amounts, times, and the clause that carried a message; and
the answer to what was said before."""

from __future__ import annotations

import re
from collections import Counter

from assistant.guided.cues import feelings_in, sign_in, topics_in
from assistant.guided.moment import Moment
from assistant.guided.tables import HERE, load
from assistant.types import Fact
from llm.types import Locale

#: How many facts are kept, how many are named at once, and the longest words of one (characters).
KEPT, NAMED, LONGEST = 24, 3, 90
#: A message up to this long (characters) is kept whole.
SHORT: dict[Locale, int] = {"en": 70, "zh": 30}
#: How many clauses of one message are kept.
PER_MESSAGE = 2
_WORDS = load(HERE / "facts.toml")
_KINDS = {kind: re.compile("|".join(patterns), re.I) for kind, patterns in _WORDS["kinds"].items()}
#: Whom or what something is about, by its words in either language.
_ABOUT = {name: re.compile("|".join(patterns), re.I) for name, patterns in _WORDS["about"].items()}
_SPLIT = re.compile(r"[.!?;\n…。！？；]+|,\s+(?=(?:and |but |so )?(?:i|my|he|she|we|they|it)\b)|[，,]", re.I)
_NAME = re.compile(r"\bname\b|叫|名字", re.I)
#: So many clauses are given back that share words with the question; a word is known by so many first letters.
ALIKE, STEM = 2, 5
#: So many clauses with numbers are given back to a question for numbers whose words no clause shares.
NUMBERS = 6
_NUMBER = re.compile(r"\d|[一二两三四五六七八九十百千万](个|多)?[块元万千百点岁歲斤天周月年笔次台号]")
_WORD, _HAN = re.compile("[a-z']+"), re.compile("[\u4e00-\u9fff]+")
_COMMON = re.compile("|".join(_WORDS["common"]["stems"]))
#: Words that ask to have something noted, and between which parts of a message it is looked for.
_NOTE = re.compile("|".join(_WORDS["note"]["asking"]), re.I)
_POINTS_BACK = re.compile(r"(you )?(one|it|that|this|for me)\b|(这|這|那|这个|那个)?$", re.I)
_NOTE_SPLIT = re.compile(r"(?<!\d)[.]+|[.]+(?!\d)|[!?;\n…。！？；]+")
_MARKS = re.compile(r"[“”\"<>\[\]{}|`*_]")
_LETTER = re.compile(r"[^\W\d_]")
#: Acts in which nothing is told that is worth keeping.
_EMPTY = {
    "ask_about_bot", "ask_privacy", "ask_abilities", "ask_memory", "complain", "insult", "thank", "greet", "leave",
    "stop", "continue", "test", "joke", "small_talk", "agree", "decline", "unsure",
}  # fmt: skip


def about(text: str) -> tuple[str, ...]:
    """Whom and what the text names."""
    return tuple(name for name, pattern in _ABOUT.items() if pattern.search(text))


def facts_in(moment: Moment) -> tuple[Fact, ...]:
    """What this message tells that is worth keeping."""
    if moment.heard.command or moment.heard.dark or moment.heard.act in _EMPTY:
        return ()
    whole = len(moment.text) <= SHORT[moment.locale]
    parts = [moment.text] if whole else _SPLIT.split(moment.text)
    clauses = [clause for part in parts if (clause := _plain(part))]
    if not clauses:
        return ()
    ranked = sorted(clauses, key=_weight, reverse=True)[:PER_MESSAGE]
    chosen = [clause for clause in clauses if clause in ranked and (_weight(clause) > 0 or clause == ranked[0])]
    return tuple(Fact(_kind(clause), clause, next(iter(about(clause)), "")) for clause in chosen)


def noted(text: str) -> str:
    """What of a message is to be noted: the part that asks for it, without the asking; "" where nothing is left."""
    parts = [part for part in _NOTE_SPLIT.split(text) if _plain(part)]
    asking = next((at for at, part in enumerate(parts) if _NOTE.search(part)), 0)
    chosen = [_plain(_NOTE.sub("", part)) for part in parts[asking:]]
    if asking and _POINTS_BACK.match(chosen[0]):
        return _plain(parts[asking - 1])  # "... You keep that one for me"
    return next((words for words in chosen if words), "") or next(iter(map(_plain, parts[:asking][::-1])), "")


def kept(before: tuple[Fact, ...], new: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """The facts with new ones; when there are too many, the oldest that only tell something go first."""
    known = {fact.words for fact in before}
    facts = [*before, *(fact for fact in new if fact.words not in known)]
    while len(facts) > KEPT:
        facts.remove(next((fact for fact in facts if fact.kind == "told"), facts[0]))
    return tuple(facts)


def recall(moment: Moment) -> str:
    """The answer to what was said before: the person's own words, or that there are none."""
    if not _NAME.search(moment.text) and (alike := _alike(moment)):
        return moment.line("memory", told=_listed(moment, alike))
    facts, named = moment.before.facts, about(moment.text)
    if named:
        facts = tuple(fact for fact in facts if fact.about in named or set(about(fact.words)) & set(named))
    elif _NAME.search(moment.text):
        facts = tuple(fact for fact in facts if fact.kind == "name")
    if facts:
        return moment.line("memory", told=_listed(moment, [fact.words for fact in _chosen(facts)]))
    if named and moment.before.facts:
        others = _listed(moment, [fact.words for fact in _chosen(moment.before.facts)])
        return moment.line("memory_else", told=others)
    return moment.line("memory_none")


def _alike(moment: Moment) -> list[str]:
    """The clauses told before that share the rarest words with the question, in the order in which they were told. A
    question for numbers is answered by those with numbers."""
    asked = _stems(moment.text)
    numbers = sign_in("numbers", moment.text)
    said = [text for text in moment.told if not sign_in("asking", text)]
    told = [clause for text in said for part in _SPLIT.split(text) if (clause := _plain(part))]
    told = [clause for clause in told if not numbers or _NUMBER.search(clause)]
    stems = [_stems(clause) for clause in told]
    often = Counter(stem for one in stems for stem in one)
    weights = [sum(1.0 / often[stem] for stem in one & asked) for one in stems]
    best = sorted(range(len(told)), key=lambda at: weights[at], reverse=True)[:ALIKE]
    found = [told[at] for at in sorted(best) if weights[at] > 0.0 and weights[at] >= weights[best[0]] / 2]
    return found or (told[-NUMBERS:] if numbers else [])


def _stems(text: str) -> set[str]:
    """What of the words may tell one clause from another: beginnings of English words, pairs of Chinese characters."""
    words = {word[:STEM] for word in _WORD.findall(text.lower()) if len(word) >= 3}
    pairs = {run[at : at + 2] for run in _HAN.findall(text) for at in range(len(run) - 1)}
    return {stem for stem in words | pairs if not _COMMON.fullmatch(stem)}


def _chosen(facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """Those that name someone or something first, in the order in which they were told."""
    best = sorted(facts, key=lambda fact: fact.kind == "told")[:NAMED]
    return tuple(fact for fact in facts if fact in best)


def _listed(moment: Moment, told: list[str]) -> str:
    gap = "" if moment.locale == "zh" else "; "
    return gap.join(f"“{words}”" for words in told)


def _kind(clause: str) -> str:
    return next((kind for kind, pattern in _KINDS.items() if pattern.search(clause)), "told")


def _weight(clause: str) -> float:
    names = 2.0 * (_kind(clause) != "told") + 1.5 * bool(about(clause))
    return names + bool(feelings_in(clause)) + bool(topics_in(clause)) + 0.001 * len(clause)


def _plain(part: str) -> str:
    """A clause on one line, without marks that could be taken for the end of a quotation; "" for a scrap."""
    words = " ".join(_MARKS.sub("", part).split()).strip(" ,，、:：-。.!！?？")
    if len(_LETTER.findall(words)) < 3 or not words.isprintable():
        return ""
    return words if len(words) <= LONGEST else words[: LONGEST - 1].rstrip() + "…"
