"""What a message does and is about: by the learned reader where there is one and it is sure, by the tables of words for
bare commands, and for everything where there is no reader."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace

from assistant.guided.correcting import is_correction
from assistant.guided.cues import (
    ACT_OF,
    COMMAND_OF,
    acts_in,
    certain_in,
    command_in,
    feelings_in,
    good_in,
    manners_in,
    score_in,
    shows,
    sign_in,
    topics_in,
    wording_for,
)
from assistant.guided.tables import NEAR
from assistant.meaning.base import ACT_FROM, Meaning, Understands
from assistant.meaning.outputs import ASKING, OCCASIONS

#: Wordings that are said to the companion and to nobody else: they count also where a reader takes them for telling.
_OUTRIGHT = {
    "useless", "no_questions", "repeating", "ask_mood", "inject", "real", "relax", "remember", "calm", "secrecy",
    "mock", "abilities", "misunderstood", "places",
}  # fmt: skip
#: Wordings that ask only where the message is a question.
_QUESTIONS = {"medication", "diagnosis", "opinion", "normal", "reassure", "info", "offtopic"}
_MANNERS = {"bye", "thanks", "greeting"}
#: Topics that are never read from between the lines: a loss that was none is the worst thing to be told.
_NAMED_ONLY = {"pregnancy_loss"}
#: A reader this sure of what is asked is not contradicted by words; a greeting, a goodbye or a bare wish for advice is
#: not longer than this (characters).
SURE, POLITE = 0.9, 24
#: A reader this sure needs no word of the message for what is asked of the companion, but for what is asked about it.
CERTAIN = 0.85
_ABOUT_IT = {"ask_privacy", "ask_about_bot", "ask_abilities", "joke"}
_TELLS = {"telling", "answer", "unsure"}
#: What a reader takes "stop asking" for.
_REFUSES = {"stop", "decline"}
#: What a message that says "I want to tell you something" is mistaken for.
_BEGINS = {"agree", "decline", "continue", "stop"}
#: Wordings that ask for something whatever the message is taken for.
_OUTRIGHT_REQUESTS = {"just_listen": "ask_listen", "noting": "ask_note"}
#: Requests to the companion about itself or the conversation: seen in one sentence only they are mostly none.
_OF_THE_WHOLE = {"ask_said", "ask_program", "ask_fun", "ask_exercise", "ask_note"}
#: Manners and play that may stand before what is really asked.
_BEFORE = {"thank", "greet", "agree", "joke", "small_talk"}
_LETTERS = re.compile(r"[^\W_]")
#: An occasion is spoken to from here on; from the second on it speaks for an act that the reader does not see, and an
#: act that leads away from listening is not believed where less than the third speaks for it.
OCCASION_FROM, OCCASION_SURE, OCCASION_LEAST = 0.4, 0.6, 0.1
#: A goodbye, thanks or a greeting is taken as such where act and occasion are each at least this sure of it.
BOTH_FROM = 0.3
_PARTING = {"leave", "thank", "greet"}
#: A message, or a sentence of it, asks for something from here on; what it asks for is named where its kind has the
#: second (beside an act that asks for something itself, the third), below it stays open. So many of the last sentences,
#: and the first, are read by themselves.
REQUEST_FROM, NAMED_FROM, NAMED_BESIDE, LAST_SENTENCES = 0.5, 0.25, 0.5, 3
#: Requests of one kind, which are answered alike: the kind is read rightly more often than which of it.
_KINDS = {
    "ask_ok": "whether", "ask_why": "whether", "ask_calm": "now", "ask_sleep": "now", "ask_focus": "now",
    "ask_exercise": "now", "ask_fun": "play", "ask_rehearse": "play", "ask_pastime": "play", "ask_program": "here",
    "ask_said": "here", "ask_note": "here",
}  # fmt: skip
#: The occasion of a request that cannot be placed.
OPEN = "ask_open"
_SENTENCE = re.compile(r"(?<=[.!?…。！？；;\n])\s*|(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])")
#: What is told without a trouble in it, and from which share of all occasions on a message counts as that.
_LIGHT = {"funny", "fond", "kindness", "small_step", "good_news", "relief", "shares_text", "away", "mock", "agree"}
LIGHT_FROM = 0.4
#: Acts that are read wrongly in one of ten or more (held-out lines): they need their occasion.
_DOUBTED = {
    "ask_exercise",
    "correct",
    "complain",
    "good_news",
    "joke",
    "ask_about_bot",
    "ask_abilities",
    "test",
    "leave",
    "greet",
}
#: Where words are asked for, and none of the message's own says which, the likeliest are given from here on: which they
#: are is read rightly in one of three (held-out conversations).
WORDS_FROM = 0.4
#: Questions: they need a word that asks.
_QUESTIONING = {"ask_which", "ask_why", "ask_how_feel", "ask_how_do", "ask_how_people"}
#: What acts that lead away from listening are called among the occasions: the two are read from one message by
#: different outputs, and a message that only one of them takes so is mostly something else.
_WORDS = {name for name in OCCASIONS if name.startswith("words_")}
_ASKS = {name for name in OCCASIONS if name.startswith("ask_")}
OCCASIONS_OF = {
    "correct": {"correct"}, "complain": {"complain", "mock"}, "insult": {"complain", "mock"},
    "leave": {"goodbye", "thanks", "away"}, "thank": {"thanks", "goodbye"}, "greet": {"greeting"},
    "test": {"test", "mock", "ask_fun"}, "joke": {"funny", "mock", "ask_fun"},
    "small_talk": {"ask_fun", "greeting", "mock"}, "good_news": {"good_news", "relief", "kindness", "small_step"},
    "ask_exercise": {"ask_exercise", "ask_calm", "ask_sleep", "ask_focus"},
    "ask_calm_now": {"ask_calm", "ask_exercise", "body", "scared_of", "ask_sleep"}, "ask_abilities": {"ask_program"},
    "ask_privacy": {"ask_program"}, "ask_about_bot": {"ask_program", "ask_fun", "mock"},
    "ask_memory": {"ask_said", "ask_program"}, "ask_human": {"ask_person", "ask_program"}, "ask_advice": _ASKS | _WORDS,
    "ask_info": {"ask_how_do", "ask_why", "ask_ok", "ask_how_feel", "ask_program"},
    "ask_reassurance": {"ask_ok", "ask_which", "ask_why"}, "decline": {"decline", "ask_listen", "complain"},
    "stop": {"decline", "away", "goodbye", "complain"}, "agree": {"agree", "small_step"},
}  # fmt: skip
#: The act that an occasion speaks for where it is sure of itself and the reader's act is not.
ACT_OF_OCCASION = {
    "goodbye": "leave", "thanks": "thank", "greeting": "greet", "ask_exercise": "ask_exercise",
    "ask_sleep": "ask_exercise", "ask_calm": "ask_exercise", "ask_person": "ask_human", "ask_said": "ask_memory",
    "unsure": "unsure", "ask_ok": "ask_reassurance", "ask_program": "ask_abilities",
}  # fmt: skip
#: Of these the occasion says more than that advice is asked for.
_BY_OCCASION = {"ask_sleep", "ask_calm", "ask_exercise", "ask_person"}
#: What `ask_program` may be: which of them is told by the words, or by the reader.
_OF_PROGRAM = {"ask_abilities", "ask_privacy", "ask_about_bot", "ask_memory"}


@dataclass(frozen=True, slots=True)
class Heard:
    """One message. `act` is one of `outputs.ACTS`, "" where nobody is sure. `command` is what the whole message is by
    itself ("stop", "yes", "better" ...), `kind` the variety of an act by its words ("repeating", "camera" ...),
    `occasion` one of `outputs.OCCASIONS`, OPEN for a request that cannot be placed, "" where the reader is not
    sure."""

    text: str
    act: str = ""
    command: str = ""
    kind: str = ""
    topics: tuple[str, ...] = ()
    feelings: tuple[str, ...] = ()
    score: int | None = None
    dark: bool = False  # words about dying or self-harm
    occasion: str = ""
    light: bool = False  # told without a trouble in it, as far as the reader sees

    @property
    def topic(self) -> str:
        """The likeliest topic, or ""."""
        return self.topics[0] if self.topics else ""

    @property
    def feeling(self) -> str:
        """The likeliest feeling, or ""."""
        return self.feelings[0] if self.feelings else ""

    @property
    def wordless(self) -> bool:
        """Only signs."""
        return not _LETTERS.search(self.text)


def hear(text: str, reader: Understands | None) -> Heard:
    """The message as it is understood."""
    command, kinds = command_in(text), acts_in(text)
    dark = "dark" in kinds
    asking = sign_in("asking", text)
    kinds = tuple(kind for kind in (*kinds, manners_in(text)) if kind in ACT_OF and (asking or kind not in _QUESTIONS))
    topics, feelings, score = topics_in(text), feelings_in(text), score_in(text)
    if command:
        return Heard(text, COMMAND_OF[command], command, "", topics, feelings, score, dark)
    if is_correction(text):
        return Heard(text, "correct", "", "misread", topics, feelings, score, dark)
    told = ACT_OF[kinds[0]] if kinds else "good_news" if good_in(text) else ""
    occasion, light = "", False
    if reader and _LETTERS.search(text):
        meaning = reader.understand(text)
        act = _agreed(_act(meaning, text, told, kinds, asking), told, meaning)
        if sign_in("announces", text) and (act in _BEGINS or (act == "ask_advice" and not asking)):
            act = "telling"
        asked = _with_sentences(meaning, text, reader)
        occasion = _checked(_occasion(asked, text, act, asking), text)
        act = _asked_by(occasion, act, told, asked, text)
        if act == "ask_abilities" and occasion == "ask_program" and act not in (told, asked.act):
            kinds = ("program",)
        light = sum(share for name, share in meaning.occasions if name in _LIGHT) >= LIGHT_FROM and not dark
        # A word alone names no topic that the reader does not see at all: "tablet", "lost", "nights".
        named = topics
        topics = meaning.topics or tuple(topic for topic in topics if topic in meaning.maybe)
        topics = tuple(topic for topic in topics if topic not in _NAMED_ONLY or topic in named)
        feelings = meaning.feelings or feelings
    else:
        act = told or ("telling" if _LETTERS.search(text) else "")
    kind = next((kind for kind in kinds if ACT_OF[kind] == act), "")
    if sign_in("drinks_other", text) and not sign_in("drinks_self", text):
        topics = tuple(NEAR.get(topic, topic) for topic in topics)
    violent = tuple(topic for topic in topics if topic == "violence")  # leads, whatever else is certain
    topics = tuple(dict.fromkeys((*violent, *certain_in(text), *topics)))[:2]
    if sign_in("games_other", text):
        topics = tuple(topic for topic in topics if topic != "gambling_gaming")
    if sign_in("feels_other", text):
        feelings = tuple(feeling for feeling in feelings if feeling != "guilty")
    return Heard(text, act, "", kind, topics, feelings, score, dark, occasion, light and not feelings)


def _with_sentences(whole: Meaning, text: str, reader: Understands) -> Meaning:
    """What a message asks for, seen in all of it and in the sentence that asks most: the mean of both, with that
    sentence's act where it is one that asks."""
    parts = [part for part in _SENTENCE.split(text) if _LETTERS.search(part)]
    if len(parts) < 2:
        return whole
    best = max(map(reader.understand, dict.fromkeys((*parts[-LAST_SENTENCES:], parts[0]))), key=lambda one: one.asking)
    shares: dict[str, float] = defaultdict(float)
    for name, share in (*whole.occasions, *best.occasions):
        shares[name] += share / 2
    occasions = tuple(sorted(shares.items(), key=lambda one: -one[1]))
    act, sure = (best.act, best.sure) if best.act.startswith("ask_") else (whole.act, whole.sure)
    asking = (whole.asking + best.asking) / 2
    if occasions and occasions[0][0] in _OF_THE_WHOLE and whole.asking < REQUEST_FROM:
        return whole
    return replace(whole, act=act, sure=sure, occasions=occasions, asking=asking)


def _checked(occasion: str, text: str) -> str:
    """The occasion where the words bear it out: play is asked for in words, and a wish for sleep is one for sleep,
    whatever else it was taken for."""
    if occasion == "ask_fun" and not sign_in("fun", text):
        return ""
    if occasion in {OPEN, "ask_focus", "ask_calm", "ask_exercise", "ask_how_feel", "ask_how_do"}:
        return "ask_sleep" if sign_in("sleeping", text) else occasion
    return occasion


def _asked_by(occasion: str, act: str, told: str, meaning: Meaning, text: str) -> str:
    """The act of a request whose message was taken for telling, manners or play; else `act`."""
    if act in {"ask_advice", "ask_info", "ask_reassurance"} and occasion in _BY_OCCASION:
        return ACT_OF_OCCASION[occasion]
    if not occasion.startswith(ASKING) or act not in {"", "continue", *_TELLS, *_BEFORE} or (act and act == told):
        return act
    if occasion == OPEN and meaning.act.startswith("ask_") and meaning.sure >= ACT_FROM:
        return meaning.act
    if occasion == "ask_program":
        found = next((one for one in (told, act, meaning.act) if one in _OF_PROGRAM), ACT_OF_OCCASION[occasion])
        return "ask_privacy" if found == "ask_abilities" and sign_in("who_reads", text) else found
    return ACT_OF_OCCASION.get(occasion, "telling")


def _occasion(meaning: Meaning, text: str, act: str, asking: bool) -> str:
    """What the message asks for, OPEN where only that it does is sure, "" where not even that. A wish for words is one
    also where it is open which: where the reader sees some, where advice is asked for and the words speak of saying,
    where something is to be written."""
    asking = asking or meaning.asking >= OCCASION_SURE
    name, share = next(iter(meaning.occasions), ("", 0.0))
    if act not in {"good_news", "leave"}:
        for sign, outright in _OUTRIGHT_REQUESTS.items():
            if sign_in(sign, text):
                return outright
    view = act in {"ask_advice", "ask_reassurance"} or sign_in("asks_view", text)
    if view and sign_in("either", text) and (name, share >= OCCASION_FROM) != ("ask_ok", True):
        return "ask_which"
    if sign_in("what_to_do", text) or (sign_in("announces", text) and not asking and share < OCCASION_SURE):
        return ""  # advice in general; or a telling that says that it comes
    kinds = [one for one in meaning.occasions if one[0].startswith("words_")]
    words = sum(share for _, share in kinds)
    wording = act in {"ask_advice", "ask_reassurance", "unsure"} and sign_in("wording", text) and asking
    dictated = sign_in("dictate", text) and act != "good_news"
    if dictated or (share < OCCASION_FROM and (words >= OCCASION_FROM or wording or sign_in("dictate", text))):
        found, likely = next(iter(kinds), ("words_other", 0.0))
        return wording_for(text) or (found if likely >= WORDS_FROM else "words_other")
    if name == "words_other" and share >= OCCASION_FROM:
        return wording_for(text) or name
    if share < OCCASION_FROM and meaning.asking >= REQUEST_FROM:
        return _of_kind(meaning, text, NAMED_BESIDE if act.startswith("ask_") else NAMED_FROM)
    return name if share >= OCCASION_FROM and (asking or name not in _QUESTIONING) else ""


def _of_kind(meaning: Meaning, text: str, least: float) -> str:
    """The likeliest request of the likeliest kind, OPEN where no kind has as much as `least`."""
    kinds: dict[str, float] = defaultdict(float)
    asked = [(name, share) for name, share in meaning.occasions if name.startswith(ASKING)]
    for name, share in asked:
        kinds[kind_of(name)] += share
    kind = max(kinds, key=lambda one: kinds[one], default="")
    if kinds[kind] < least:
        return OPEN
    name, share = next(one for one in asked if kind_of(one[0]) == kind)
    if kind == "words":
        return wording_for(text) or (name if share >= WORDS_FROM else "words_other")
    return name


def kind_of(name: str) -> str:
    """The kind of a request (its name in `outputs.OCCASIONS`)."""
    return "words" if name.startswith("words_") else _KINDS.get(name, name)


def _agreed(act: str, told: str, meaning: Meaning) -> str:
    """`act` where words tell it or the occasions speak for it, too; else the act that a sure occasion speaks for (what
    asks for something comes in `_asked_by`), or "telling"."""
    if not meaning.occasions or (act and act == told):
        return act
    seen = dict(meaning.occasions)
    name, sure = meaning.occasions[0]
    found = ACT_OF_OCCASION.get(name, "") if sure >= OCCASION_SURE and not name.startswith(ASKING) else ""
    if act in _DOUBTED and max(seen.get(one, 0.0) for one in OCCASIONS_OF[act]) < OCCASION_LEAST:
        return found or "telling"
    return found or act if act in {"", *_TELLS} else act


def _is_sure(meaning: Meaning) -> bool:
    """Whether the act may be acted on: also a goodbye, thanks or a greeting that both outputs take for likeliest."""
    name, share = next(iter(meaning.occasions), ("", 0.0))
    both = meaning.act in _PARTING and name in OCCASIONS_OF[meaning.act] and min(share, meaning.sure) >= BOTH_FROM
    return meaning.sure >= ACT_FROM or both


def _is_unfounded(meaning: Meaning, text: str) -> bool:
    """Whether no word of the message speaks for the act, and the reader is not sure enough to do without."""
    return not shows(meaning.act, text) and (meaning.sure < CERTAIN or meaning.act in _ABOUT_IT)


def _act(meaning: Meaning, text: str, told: str, kinds: tuple[str, ...], asking: bool) -> str:
    """The reader's act where it is sure and the words allow it; what the words say (`told`) where it is not sure, where
    it takes a question or a word to the companion for telling, and where the two differ in what is asked; "" where
    nothing says."""
    if "tries" in kinds:
        return "test"
    if "useless" in kinds and meaning.act in _TELLS | {"ask_about_bot", "insult"}:
        return "complain"
    if not _is_sure(meaning) or _is_unfounded(meaning, text):
        return told
    if not told:
        return meaning.act
    polite = kinds[:1] != () and kinds[0] in _MANNERS | {"advice"} and len(text) <= POLITE
    outright = kinds[:1] != () and (kinds[0] in _OUTRIGHT or asking or polite)
    asks = meaning.act.startswith("ask_") and asking and (meaning.sure < SURE or meaning.act == "ask_about_bot")
    doubted = meaning.act in _TELLS | _REFUSES | _BEFORE or meaning.sure < SURE
    return told if asks or (outright and doubted) else meaning.act
