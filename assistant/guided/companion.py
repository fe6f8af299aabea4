"""The guided companion: a ChatModel without a language model. What it knows is in the prompt's last message and in the
state that the prompt carries."""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Sequence

from assistant.carried import from_text, to_text
from assistant.guided import answering, facts, panic
from assistant.guided.correcting import corrected
from assistant.guided.cues import topics_in
from assistant.guided.deciding import decided
from assistant.guided.hearing import hear
from assistant.guided.moment import Moment
from assistant.meaning.base import Understands
from assistant.script import simplified
from assistant.types import GuidedState
from llm.base import ChatModel, Tell
from llm.types import Prompt, Reply

#: Acts whose topics are kept.
_TELLS = {"telling", "answer", "good_news", "ask_advice", "ask_calm_now", "ask_info", "correct", "ask_human", ""}
#: How often another reply is looked for, where replies are to be avoided.
TRIES = 6


class Guided:
    """Listening, exercises, ideas, and who helps, in English and Chinese.

    The same prompt gives the same reply. It raises nothing and needs no network. The reply comes in words (Chinese: in
    characters), with `pause_s` seconds between them. `avoid` are replies that are not to be given again: the person
    asked for another one. `reader` says what a message does and is about; without one, tables of words do.
    """

    name = "guided"

    def __init__(self, pause_s: float = 0.0, avoid: Sequence[str] = (), reader: Understands | None = None) -> None:
        self._pause_s = pause_s
        self._avoid = tuple(avoid)
        self._reader = reader

    def stream(self, prompt: Prompt, tell: Tell | None = None) -> Generator[str, None, Reply]:
        """Yield the reply piece by piece; return it whole. It never thinks, so `tell` is not called."""
        started = time.monotonic()
        text, state = reply_to(prompt, self._avoid, self._reader)
        first_s = time.monotonic() - started
        for piece in _pieces(text):
            yield piece
            if self._pause_s:
                time.sleep(self._pause_s)
        latency_s = time.monotonic() - started
        return Reply(text, self.name, "stop", first_token_s=first_s, latency_s=latency_s, carried=to_text(state))


def is_companion(model: ChatModel) -> bool:
    """Whether the companion answers here, also from behind the page's switch and stop button: those carry its name, and
    not its class."""
    return model.name == Guided.name


def reply_to(prompt: Prompt, avoid: Sequence[str] = (), reader: Understands | None = None) -> tuple[str, GuidedState]:
    """The whole reply, none of `avoid` where that can be, and the state that goes with it."""
    heard = hear(prompt.messages[-1].content, reader)
    before = from_text(prompt.carried)
    avoid = [simplified(text) if prompt.locale == "zh" else text for text in avoid]
    shown = (message.content for message in prompt.messages if message.role == "assistant")
    earlier = (*(simplified(text) if prompt.locale == "zh" else text for text in shown), *avoid)
    told = tuple(message.content for message in prompt.messages[:-1] if message.role == "user")
    for skip in range(TRIES):
        moment = Moment(prompt.locale, prompt.tone, heard, before, earlier, skip, told)
        way, reply = decided(moment)
        if reply not in avoid:
            break
    _remember(moment, way)
    return moment.fresh(reply), moment.left(way)


def _remember(moment: Moment, way: str) -> None:
    """Keep topics and facts of the message; not those of an exercise's answers, or of what was noted as it was said."""
    if way in {"step", "note"}:
        return
    if ruled_out := answering.unwanted(moment.text):
        moment.change(declined=tuple(dict.fromkeys((*moment.after.declined, *ruled_out))))
    if panic.stays(moment) and not moment.after.asked:
        moment.change(asked="panic.after")
    heard = moment.heard.topics if moment.heard.act != "correct" else topics_in(corrected(moment.text)[0])
    topics = [topic for topic in heard if topic not in moment.before.topics[-1:]]
    if moment.heard.act in _TELLS:
        moment.change(topics=(*(one for one in moment.before.topics if one not in topics), *reversed(topics)))
    moment.change(facts=facts.kept(moment.after.facts, facts.facts_in(moment)))


def _pieces(text: str) -> list[str]:
    return re.findall(r"[\u2e80-\uffef]|[^\S\n]*[^\s\u2e80-\uffef]+|\s+", text)
