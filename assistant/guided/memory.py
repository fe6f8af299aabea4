"""What the companion knows: derived from the messages of a prompt and from nothing else, so that a reply can be
replayed."""

from __future__ import annotations

from dataclasses import dataclass, field

from assistant.guided.cues import command_in, score_in, topic_in
from assistant.guided.exercises import Place, offered_in, place_in
from assistant.guided.steps import Step
from assistant.guided.tables import LINES
from llm.types import Locale, Prompt


def used(key: str, reply: str) -> bool:
    """Whether `reply` holds one of the lines called `key`, in either language."""
    return any(fixed_part(line) in reply for lines in LINES.values() for line in lines[key])


def fixed_part(line: str) -> str:
    """The longest stretch of a line without a placeholder."""
    pieces = [piece.split("}")[-1] for piece in line.split("{")]
    return max(pieces, key=len)


@dataclass(slots=True)
class Memory:
    """The conversation so far. `text` is the message to answer; `place` the last exercise step said, `running`
    whether the last reply said it; `since(key)` counts replies since a kind of line."""

    locale: Locale
    tone: str
    text: str = ""
    heard: list[str] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)
    moods: list[int] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    place: Place | None = None
    running: bool = False

    @property
    def position(self) -> int:
        """How many messages of the person came before this one."""
        return len(self.heard)

    @property
    def last(self) -> str:
        """The last reply, or ""."""
        return self.replies[-1] if self.replies else ""

    @property
    def offered(self) -> str | None:
        """The exercise that the last reply offered."""
        return offered_in(self.last)

    @property
    def asked_mood(self) -> bool:
        """Whether the last reply asked for a number."""
        return used("ask_mood", self.last)

    def since(self, *keys: str) -> int:
        """Replies since one with a line of `keys`; many when there was none. "offer" stands for any exercise's
        offer."""
        for ago, reply in enumerate(reversed(self.replies)):
            if any(offered_in(reply) is not None if key == "offer" else used(key, reply) for key in keys):
                return ago
        return 1000

    def was_offered(self, name: str) -> bool:
        """Whether this exercise was offered or done before."""
        places = (place_in(reply) for reply in self.replies)
        return any(offered_in(reply) == name for reply in self.replies) or any(p and p.name == name for p in places)

    @property
    def theme(self) -> str:
        """The topic of this message, or else the last one of the two messages before it."""
        return topic_in(self.text) or next((t for text in self.heard[:-3:-1] if (t := topic_in(text))), "")


def recall(prompt: Prompt) -> Memory:
    """Walk through the prompt's messages and keep what matters."""
    memory = Memory(prompt.locale, prompt.tone)
    for message in prompt.messages[:-1]:
        if message.role == "assistant":
            _hear_self(memory, message.content)
        elif message.role == "user":
            _hear(memory, message.content)
    memory.text = prompt.messages[-1].content
    keep_answer(memory, memory.text)
    return memory


def _hear_self(memory: Memory, reply: str) -> None:
    memory.replies.append(reply)
    place = place_in(reply)
    memory.running = place is not None and not place.finished
    if place is None:
        return
    if place.finished:
        memory.finished.append(place.name)
    elif place.index == 0:
        memory.answers.clear()
    memory.place = None if place.finished else place


def _hear(memory: Memory, text: str) -> None:
    keep_answer(memory, text)
    if not memory.running:
        if memory.asked_mood and (score := score_in(text)) is not None:
            memory.moods.append(score)
        topic = topic_in(text)
        if topic and topic not in memory.topics[-1:]:
            memory.topics.append(topic)
    memory.heard.append(text)


def is_answer(step: Step, text: str) -> bool:
    """Whether `text` says something where `step` wants an answer: a bare "ok" does not, a "no" only where invited."""
    command = command_in(text)
    return command == "" or (command == "no" and any(no in step.say for no in ("“no”", "“没有”", "没有也可以")))


def keep_answer(memory: Memory, text: str) -> None:
    """Keep `text` as the answer to the running step, if that step asks for one and this is not a command."""
    if memory.running and memory.place is not None:
        step = memory.place.step(memory.locale)
        if step.keep and is_answer(step, text):
            memory.answers[step.keep] = text
