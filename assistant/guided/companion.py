"""The guided companion: a ChatModel without a language model. Everything it knows is in the prompt's messages."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Sequence

from assistant.guided import leading
from assistant.guided.cues import act_in, command_in, manners_in, score_in, topic_in
from assistant.guided.exercises import called_in
from assistant.guided.listening import listen, question, tender_topic
from assistant.guided.memory import Memory, fixed_part, recall
from assistant.guided.tables import LINES
from assistant.guided.wording import fresh, joined, line, turning
from assistant.safety.texts import texts
from llm.base import ChatModel, Tell
from llm.types import Prompt, Reply

#: A message up to this long (characters) may be a bare yes or no to an offer, or the name of an exercise.
SHORT = 60
_LETTERS = re.compile(r"[^\W_]")
_YES = re.compile(
    r"^((yes|yeah|yep|ok(ay)?|sure|please)\b|好|嗯|可以|行|要|愿意|想|是|有|在想)"
    r"(?!.*\b(but|not)\b)(?!.*(但|不过|不))",
    re.I,
)
_NO = re.compile(r"^(no|nope|nah)\b|^not (now|really|today|yet)\b|^i'?m not\b|^(不(?!知|清|好说|晓)|没|算了)", re.I)


class Guided:
    """Reflective listening, open questions, a mood check-in and guided exercises, in English and Chinese.

    The same prompt gives the same reply. It raises nothing and needs no network. The reply comes in words (Chinese: in
    characters), with `pause_s` seconds between them. `avoid` are replies that are not to be given again: the person
    asked for another one.
    """

    name = "guided"

    def __init__(self, pause_s: float = 0.0, avoid: Sequence[str] = ()) -> None:
        self._pause_s = pause_s
        self._avoid = tuple(avoid)

    def stream(self, prompt: Prompt, tell: Tell | None = None) -> Generator[str, None, Reply]:
        """Yield the reply piece by piece; return it whole. It never thinks, so `tell` is not called."""
        started = time.monotonic()
        text = reply_to(prompt, self._avoid)
        first_s = time.monotonic() - started
        for piece in _pieces(text):
            yield piece
            if self._pause_s:
                time.sleep(self._pause_s)
        return Reply(text, self.name, "stop", first_token_s=first_s, latency_s=time.monotonic() - started)


def is_companion(model: ChatModel) -> bool:
    """Whether the companion answers here, also from behind the page's switch and stop button: those carry its name, and
    not its class."""
    return model.name == Guided.name


def reply_to(prompt: Prompt, avoid: Sequence[str] = ()) -> str:
    """The whole reply, none of `avoid`. Each way of answering is tried in this order; the first that applies counts."""
    memory = recall(prompt)
    memory.replies[:0] = avoid  # said longest ago: neither the last reply nor the running exercise changes
    ways: tuple[Callable[[Memory], str], ...] = (
        _danger, _exercise, _offer, _score, _order, _about_itself, _manners, _short, listen,
    )  # fmt: skip
    return fresh(memory, next(reply for way in ways if (reply := way(memory))))


def _danger(memory: Memory) -> str:
    """Words about dying or self-harm below the crisis path, and the answer to being asked about them."""
    direct = texts(memory.locale).steps["suicide", "moderate"][0].say  # the crisis path's question
    asked = fixed_part(LINES[memory.locale]["dark"][0]) in memory.last or direct in memory.last
    if asked and len(memory.text) <= SHORT and (_NO.search(memory.text) or _YES.search(memory.text)):
        return line(memory, "dark_no" if _NO.search(memory.text) else "dark_yes")
    return line(memory, "dark") if act_in(memory.text) == "dark" else ""


def _exercise(memory: Memory) -> str:
    return leading.proceed(memory, memory.place) if memory.running and memory.place else ""


def _offer(memory: Memory) -> str:
    name, text = memory.offered, memory.text
    if name is None or len(text) > SHORT:
        return ""
    if command_in(text) in {"no", "stop", "skip"} or (_NO.search(text) and len(text) <= SHORT // 2):
        return line(memory, "declined")
    return leading.start(memory, name) if command_in(text) in {"yes", "nod", "resume"} or _YES.search(text) else ""


def _score(memory: Memory) -> str:
    if memory.asked_mood and command_in(memory.text) in {"yes", "no", "nod", "unsure", "skip"}:
        return joined(memory, line(memory, "no_number"), question(memory))
    if re.fullmatch(r"\d{2,6}", memory.text) and memory.text != "10":
        return line(memory, "number", score=memory.text)
    score = score_in(memory.text)
    if score is None:
        return ""
    if not memory.asked_mood:
        return line(memory, "number", score=score) if not re.search(r"[^\W\d]", memory.text) else ""
    if not memory.moods:
        return line(memory, "mood_low" if score <= 3 else "mood_mid" if score <= 6 else "mood_high", score=score)
    before = memory.moods[-1]
    key = "mood_up" if score > before else "mood_down" if score < before else "mood_same"
    return line(memory, key, score=score, before=before)


def _order(memory: Memory) -> str:
    """A wish for an exercise, or a command outside one."""
    name, command = called_in(memory.text), command_in(memory.text)
    if name and len(memory.text) <= SHORT and not _NO.search(memory.text):
        return leading.start(memory, name)
    if command == "menu":
        return line(memory, "menu", titles=leading.titles(memory.locale))
    if command == "resume":
        return leading.resume(memory)
    return line(memory, "nothing_to_stop") if command in {"stop", "skip", "back"} else ""


def _about_itself(memory: Memory) -> str:
    act = act_in(memory.text)
    if not act:
        return ""
    if act == "advice" and (told := topic_in(memory.text)):
        return listen(memory) if memory.position % 2 and told not in memory.topics else line(memory, "advice")
    return line(memory, act, titles=leading.titles(memory.locale))


def _manners(memory: Memory) -> str:
    key = manners_in(memory.text)
    return line(memory, "greeting_again" if key == "greeting" and memory.position else key) if key else ""


def _short(memory: Memory) -> str:
    """Signs without words, bare answers, and nods."""
    if not _LETTERS.search(memory.text):
        return line(memory, "emoji")
    command = command_in(memory.text)
    key = {"yes": "yes_bare", "no": "no_bare", "nod": "nod", "again": "nod", "unsure": "unsure"}.get(command, "")
    if not key:
        return ""
    said = all(any(fixed_part(text) in reply for reply in memory.replies) for text in LINES[memory.locale][key])
    if said or (tender_topic(memory) and key != "yes_bare"):
        return joined(memory, turning(memory, "pace"), question(memory))
    return line(memory, key)


def _pieces(text: str) -> list[str]:
    return re.findall(r"[\u2e80-\uffef]|[^\S\n]*[^\s\u2e80-\uffef]+|\s+", text)
