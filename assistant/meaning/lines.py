"""The written lines that the reader is trained and measured on, and what each asks of the reader's outputs.

Three kinds of lines: messages with the danger in them (`Line`), messages with what the person does and feels (`Said`),
and sentences of replies with what is wrong with them (`Sentence`). Each names its targets among `outputs.py`: 0 or 1,
or NaN where it teaches nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from assistant.meaning.outputs import ACTS, COUNT, DANGER, FAULTS, FEELINGS, OCCASIONS, TOPICS, part

#: `severity` of an active thought or an act, and of a means, a time, an attempt.
THOUGHT, SEVERE = 2, 3

#: What kinds of the written text are called among the outputs; a kind that is missing here speaks of suicide.
_KINDS = {
    "self_harm": ("self_harm",), "eating_disorder": ("eating",), "violence_planned": ("violence",),
    "abuse_suffered_child": ("abuse",), "psychosis_mania": ("voices",), "third_person_worry": ("third_person",),
    "attempt_odd_words": ("suicide", "emergency"), "eating": ("eating",), "violence": ("violence",),
    "abuse": ("abuse",), "voices": ("voices",), "third_person": ("third_person",), "emergency": ("emergency",),
}  # fmt: skip
_LEVELS = {"none": 0, "low": 1, "moderate": 2, "high": 3, "imminent": 3}
_CHINESE = re.compile("[\u4e00-\u9fff]")

#: A message to the companion that is about one of these may speak of a danger: it teaches nothing about that.
_NEAR_DANGER = {"violence", "trauma", "eating_body", "bullying", "hopeless", "empty"}

#: The occasion that goes with an act, or, of a message that tells something, with its one topic or feeling among these:
#: for lines that name none.
_BY_ACT = {
    "good_news": "good_news", "ask_about_bot": "ask_program", "ask_privacy": "ask_program",
    "ask_abilities": "ask_program", "ask_calm_now": "ask_calm", "ask_exercise": "ask_exercise",
    "ask_memory": "ask_said", "ask_human": "ask_person", "ask_reassurance": "ask_ok", "correct": "correct",
    "complain": "complain", "insult": "complain", "thank": "thanks", "greet": "greeting", "leave": "goodbye",
    "decline": "decline", "stop": "decline", "agree": "agree", "test": "test", "answer": "reply_short",
    "unsure": "unsure",
}  # fmt: skip
_BY_TOPIC = {
    "self_worth": "self_put_down", "caring": "caring", "money": "money_short", "loneliness": "lonely",
    "grief": "loss_news",
}  # fmt: skip
_BY_FEELING = {
    "angry": "anger", "ashamed": "shame", "guilty": "regret", "lonely": "lonely", "empty": "numb",
    "jealous": "comparing", "exhausted": "tired", "afraid": "scared_of", "anxious": "scared_of",
    "overwhelmed": "pressure", "hurt": "hurt_by", "betrayed": "hurt_by", "missing": "missing", "relieved": "relief",
}  # fmt: skip

Targets = NDArray[np.float32]  # [COUNT], NaN where nothing is taught
T = TypeVar("T")


class Taught(Protocol):
    """A text and what it teaches."""

    @property
    def text(self) -> str:
        """The words."""
        ...

    def targets(self) -> Targets:
        """0 or 1 for each output, NaN for those that the text says nothing about."""
        ...


def _targets(**groups: Sequence[float]) -> Targets:
    made = np.full(COUNT, np.nan, dtype=np.float32)
    for name, values in groups.items():
        made[part(name)] = values
    return made


@dataclass(frozen=True, slots=True)
class Line:
    """One written message: its language ("en", "zh", "zh-Hant", "yue"), its kind, and its severity: 0 quiet, 1 a wish
    or despair, 2 a thought or an act, 3 a means, a time or an attempt. `danger` is severity above 0."""

    text: str
    lang: str
    kind: str
    severity: int

    @property
    def danger(self) -> bool:
        """Whether a reader should see danger."""
        return self.severity > 0

    def targets(self) -> Targets:
        """Those of danger; the kinds of danger only where there is one."""
        if not self.danger:
            return _targets(danger=[0.0] * 3 + [np.nan] * (len(DANGER) - 3))
        kinds = _KINDS.get(self.kind, ("suicide",))
        grades = [1.0, float(self.severity >= THOUGHT), float(self.severity >= SEVERE)]
        return _targets(danger=grades + [float(name in kinds) for name in DANGER[3:]])


@dataclass(frozen=True, slots=True)
class Said:
    """One message to the companion: what the person does with it, what it is about and what the person feels, and what
    a listener would take up of it; an `act` or `occasion` of "" teaches nothing about these, and so do topics and
    feelings where they are not `named`. `talk` names the conversation of an ordinary person, in no danger, that it is a
    turn of."""

    text: str
    lang: str
    act: str = ""
    topics: tuple[str, ...] = ()
    feelings: tuple[str, ...] = ()
    talk: str = ""
    occasion: str = ""
    named: bool = True

    @property
    def quiet(self) -> bool:
        """Whether it is known that there is no danger in it."""
        return bool(self.talk) or bool(self.act and not _NEAR_DANGER & {*self.topics, *self.feelings})

    def targets(self) -> Targets:
        """Those of act, topics and feelings, and of the occasion; and that there is no danger, where that is known."""
        taught: dict[str, Sequence[float]] = {}
        if self.quiet:
            taught["danger"] = [0.0] * 3 + [np.nan] * (len(DANGER) - 3)
        if self.act:
            taught["act"] = [float(name == self.act) for name in ACTS]
        if self.act and self.named:
            taught["topics"] = [float(name in self.topics) for name in TOPICS]
            taught["feelings"] = [float(name in self.feelings) for name in FEELINGS]
        if self.occasion:
            taught["occasion"] = [float(name == self.occasion) for name in OCCASIONS]
        return _targets(**taught)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a reply: the fault it has (`bad`) or the one it lies close to and has not."""

    text: str
    lang: str
    kind: str
    bad: bool

    def targets(self) -> Targets:
        """Those of fault; the kinds only where there is one."""
        if not self.bad:
            return _targets(fault=[0.0] + [np.nan] * len(FAULTS))
        return _targets(fault=[1.0] + [float(name == self.kind) for name in FAULTS])


def _known(name: str, allowed: Sequence[str], what: str) -> str:
    if name not in allowed:
        raise ValueError(f"{what} {name!r} is unknown; choices: {', '.join(allowed)}")
    return name


def _line(given: Mapping[str, Any]) -> Line:
    return Line(given["text"], given["lang"], given["kind"], int(given["severity"]))


def _likely_occasion(act: str, topics: Sequence[str], feelings: Sequence[str]) -> str:
    """The occasion of a line that names none, "" where it is open."""
    if act != "telling":
        return _BY_ACT.get(act, "")
    found = {_BY_TOPIC.get(one, "") for one in topics} | {_BY_FEELING.get(one, "") for one in feelings}
    named = found - {""}
    return named.pop() if len(named) == 1 else ""


def _said(given: Mapping[str, Any]) -> Said:
    act = _known(given["act"], ACTS, "act") if "act" in given or "occasion" not in given else ""
    named = bool(act) and "topics" in given
    topics = tuple(_known(name, TOPICS, "topic") for name in given["topics"]) if named else ()
    feelings = tuple(_known(name, FEELINGS, "feeling") for name in given["feelings"]) if named else ()
    occasion = _known(given["occasion"], OCCASIONS, "occasion") if "occasion" in given else ""
    talk = str(given.get("talk", ""))
    if not (occasion or talk):
        occasion = _likely_occasion(act, topics, feelings)
    return Said(given["text"], given["lang"], act, topics, feelings, talk, occasion, named)


def _sentence(given: Mapping[str, Any]) -> Sentence:
    return Sentence(given["text"], given["lang"], _known(given["kind"], FAULTS, "fault"), bool(given["bad"]))


def _read(files: Iterable[Path], made: Callable[[Mapping[str, Any]], T]) -> list[T]:
    found = []
    for path in files:
        for number, row in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                found.append(made(json.loads(row)))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path}:{number}: not a line of this kind: {error}") from error
    return found


def read_lines(files: Iterable[Path]) -> list[Line]:
    """The lines of JSONL files with `text`, `lang`, `kind`, `severity`. Raises ValueError that names a bad line."""
    return _read(files, _line)


def read_said(files: Iterable[Path]) -> list[Said]:
    """The lines of JSONL files with `text`, `lang`, `act`, `topics`, `feelings` (both or neither), some with `talk` and
    `occasion`; or with `occasion` alone. Raises ValueError as read_lines."""
    return _read(files, _said)


def read_sentences(files: Iterable[Path]) -> list[Sentence]:
    """The lines of JSONL files with `text`, `lang`, `kind`, `bad`. Raises ValueError as read_lines."""
    return _read(files, _sentence)


def read_rows(files: Iterable[Path]) -> list[Line]:
    """The crisis rules' rows (`text`, `lowest`, `highest`) as lines; a row that leaves open whether it is quiet, or
    that needs earlier messages, is left out."""
    found = []
    for path in files:
        for row in path.read_text(encoding="utf-8").splitlines():
            given = json.loads(row)
            lowest, highest = _LEVELS[given["lowest"]], _LEVELS[given["highest"]]
            if given.get("earlier") or (lowest == 0 and highest > 1) or (path.stem == "calm" and highest > 1):
                continue
            lang = "zh" if _CHINESE.search(given["text"]) else "en"
            severity = 0 if path.stem == "calm" else lowest
            found.append(Line(given["text"], lang, path.stem if severity else "calm_rows", severity))
    return found


def sentences(text: str) -> list[str]:
    """The sentences of `text`, with their marks; joined they give the text again."""
    return re.findall(r"[^。！？!?.\n…；;]*[。！？!?.\n…；;]+[\s”\"’)）]*|[^。！？!?.\n…；;]+$", text) or [text]


def joined(parts: Sequence[str]) -> str:
    """Sentences to one text."""
    return "".join(part if part.endswith((" ", "\n")) or _CHINESE.search(part) else part + " " for part in parts)
