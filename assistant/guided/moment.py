"""One message and everything known as it comes, and what the reply to it leaves: the state and the lines used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from assistant.guided.cues import as_tables, topics_in
from assistant.guided.hearing import Heard
from assistant.guided.tables import ANSWERS, FEELINGS, LINES, OCCASIONS, TOPICS, WORDINGS, Topic
from assistant.types import GuidedState
from llm.types import Locale

#: Topics that may only be the scene of a trouble that was told before.
SCENES = {"medication", "parents", "siblings", "children", "partner", "friends", "work", "housing", "faith", "ageing"}
#: Topics that say how it is and not what happened: they do not outlast what happened.
MOODS = {"anger", "worry", "low_mood", "self_worth", "loneliness", "future_meaning", "panic", "sleep"}
#: What happened, and the topics that belong to it when they come up after it.
OUTLASTS = {
    "violence": {"new_baby", "children", "partner", "sleep", "money", "anger", "housing", "worry"},
    "grief": {"illness", "pain", "sleep", "caring", "low_mood"},
    "pregnancy_loss": {"new_baby", "illness", "pain", "sleep"},
    "new_baby": {"sleep", "low_mood", "worry"},
    "caring": {"illness", "sleep"},
    "gambling_gaming": {"money"},
}
#: A wish that is longer than this (characters) names its own matter. For a shorter one whose kind is known it is looked
#: for in so many of the person's last messages, too.
OWN: dict[Locale, int] = {"en": 70, "zh": 25}
EARLIER = 2
#: How many ways and shapes of the last replies are kept.
KEPT = 4


@dataclass(slots=True)
class Moment:
    """`before` is the state as the message came, `after` what the reply leaves (mutable while a reply is made).

    `replies` are earlier replies as they stand in the prompt; they are compared with, and never read. `skip` shifts
    the choice among variants: the person asked for another reply to the same message. `told` are the person's earlier
    messages as they stand in the prompt, for the question what was said.
    """

    locale: Locale
    tone: str
    heard: Heard
    before: GuidedState
    replies: tuple[str, ...] = ()
    skip: int = 0
    told: tuple[str, ...] = ()
    after: GuidedState = field(init=False)
    _used: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.after = replace(self.before, offered="", asked="")
        self._used = dict(self.before.said)

    @property
    def text(self) -> str:
        """The message."""
        return self.heard.text

    @property
    def position(self) -> int:
        """How many messages of the person came before this one."""
        return self.before.messages

    @property
    def topic(self) -> str:
        """The topic of this message, or the last one before it, whatever it is."""
        return self.heard.topic or self.lead or "".join(self.before.topics[-1:])

    @property
    def lead(self) -> str:
        """The trouble that is spoken of: this message's, or the last one before it; a scene only while it is named."""
        earlier = self.before.topics[::-1]
        events = tuple(topic for topic in earlier if topic not in MOODS)
        found = tuple(topic for topic in (*self.heard.topics, *events, *earlier) if topic not in SCENES)
        first = next(iter(found), self.heard.topic)
        return next((topic for topic in events if first in OUTLASTS.get(topic, ())), first)

    @property
    def matter(self) -> str:
        """What the conversation is about: this message's trouble; else of those before it the one that most messages
        name by words, too; else the lead."""
        if own := next((topic for topic in self.heard.topics if topic not in SCENES), ""):
            return own
        named = Counter(topic for text in self.told for topic in topics_in(text))
        best = max((one for one in self.before.topics if one not in SCENES), key=lambda one: named[one], default="")
        return best if named[best] > named[self.lead] else self.lead or self.topic

    def change(self, **values: Any) -> None:
        """Change what the reply leaves."""
        self.after = replace(self.after, **values)

    def count(self, key: str) -> int:
        """How often lines of this key were used."""
        return self._used.get(key, 0)

    def ago(self, way: str) -> int:
        """Replies since one that was found in this way; many when there was none of late."""
        return next((at for at, name in enumerate(reversed(self.before.ways)) if name == way), 1000)

    def pick(self, key: str, texts: Sequence[str], **values: object) -> str:
        """The next of `texts` in turn, counted under `key`."""
        at = self.count(key)
        self._used[key] = at + 1
        return texts[(at + self.skip) % len(texts)].format(**values)

    def line(self, key: str, **values: object) -> str:
        """The next of the lines called `key`."""
        return self.pick(key, LINES[self.locale][key], **values)

    def new(self, key: str, texts: Sequence[str], **values: object) -> str:
        """As `pick`, or "" when all of them were used."""
        return self.pick(key, texts, **values) if self.count(key) + self.skip < len(texts) else ""

    def about(self, topic: str) -> Topic:
        """What there is to say about a topic."""
        return TOPICS[self.locale][topic]

    def felt(self, feeling: str) -> str:
        """A line about a feeling, "" when all were used."""
        return self.new(f"feeling.{feeling}", FEELINGS[self.locale][feeling])

    def for_occasion(self) -> str:
        """A line to what the message asks for, of those that were not used; "" where there is none left."""
        name = self.heard.occasion
        return self.worded(name) or self.new(f"occasion.{name}", OCCASIONS[self.locale].get(name, ()))

    def worded(self, occasion: str) -> str:
        """A sentence for the matter that this message names, or one of the last two, that was not given yet, or ""."""
        for key, says in self._wordings(occasion):
            return self.pick(key, (says,))
        return ""

    def _wordings(self, occasion: str) -> Iterator[tuple[str, str]]:
        """The sentences that `worded` may give, each with the key under which it is counted."""
        short = len(self.text) <= OWN[self.locale] and occasion != "words_other"
        texts = (self.text, *(self.told[: -EARLIER - 1 : -1] if short else ()))
        for text in () if self.skip else map(as_tables, texts):
            for number, row in enumerate(WORDINGS[self.locale].get(occasion, ())):
                if row.about.search(text) and not self.count(key := f"wording.{occasion}.{number}"):
                    yield key, row.says

    def answer(self) -> str:
        """The name of a prepared answer to what this message asks for that was not given yet, or ""."""
        text, rows = as_tables(self.text), ANSWERS[self.locale].items()
        fits = (name for name, row in rows if row.about.search(text) and not self.count(f"answer.{name}"))
        return "" if self.skip else next(fits, "")

    def has_for_occasion(self) -> bool:
        """Whether `for_occasion` has something to say."""
        name = self.heard.occasion
        left = self.count(f"occasion.{name}") + self.skip < len(OCCASIONS[self.locale].get(name, ()))
        return left or any(True for _ in self._wordings(name))

    def joined(self, *parts: str) -> str:
        """The parts that are not empty, as one paragraph, each with a capital letter where the language has them."""
        gap = "" if self.locale == "zh" else " "
        return gap.join(part[0].upper() + part[1:] for part in parts if part)

    def left(self, way: str) -> GuidedState:
        """The state that goes with the reply."""
        ways = (*self.before.ways, way)[-KEPT:]
        said = tuple(sorted(self._used.items()))
        return replace(self.after, said=said, ways=ways, shapes=self.after.shapes[-KEPT:], messages=self.position + 1)

    def fresh(self, reply: str) -> str:
        """`reply`, or, where exactly this was said before, the same with another opening."""
        if reply not in self.replies:
            return reply
        table = LINES[self.locale]
        openings = [*table["again"], *(f"{pace} {again}" for pace in table["pace"] for again in table["again"])]
        for turn in range(len(openings)):
            opening = openings[(self.position + turn) % len(openings)]
            other = f"{opening} {reply}".replace("： ", "：").replace("。 ", "。")
            if other not in self.replies:
                return other
        return reply
