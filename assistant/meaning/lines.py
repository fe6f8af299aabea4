"""The written lines that the reader is trained and measured on, and what each asks of the reader's outputs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

#: The outputs in order: danger, how severe, then kinds of danger as `Reading.kinds` names them.
OUTPUTS = ("danger", "severe", "suicide", "self_harm", "eating", "violence", "abuse", "voices", "emergency",
           "third_person")  # fmt: skip
#: `severity` from here on is what the second output answers with yes: a means, a time, an attempt.
SEVERE = 3

#: What kinds of the written text are called among the outputs; a kind that is missing here speaks of suicide.
_KINDS = {
    "self_harm": ("self_harm",), "eating_disorder": ("eating",), "violence_planned": ("violence",),
    "abuse_suffered_child": ("abuse",), "psychosis_mania": ("voices",), "third_person_worry": ("third_person",),
    "attempt_odd_words": ("suicide", "emergency"), "eating": ("eating",), "violence": ("violence",),
    "abuse": ("abuse",), "voices": ("voices",), "third_person": ("third_person",), "emergency": ("emergency",),
}  # fmt: skip
_LEVELS = {"none": 0, "low": 1, "moderate": 2, "high": 3, "imminent": 3}
_CHINESE = re.compile("[\u4e00-\u9fff]")


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

    def targets(self) -> list[float]:
        """0 or 1 for each of OUTPUTS."""
        if not self.danger:
            return [0.0] * len(OUTPUTS)
        named = {"danger", *_KINDS.get(self.kind, ("suicide",))} | ({"severe"} if self.severity >= SEVERE else set())
        return [float(name in named) for name in OUTPUTS]


def read_lines(files: Iterable[Path]) -> list[Line]:
    """The lines of JSONL files with `text`, `lang`, `kind`, `severity`. Raises ValueError that names a bad line."""
    found = []
    for path in files:
        for number, row in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                given = json.loads(row)
                found.append(Line(given["text"], given["lang"], given["kind"], int(given["severity"])))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path}:{number}: not a line with text, lang, kind and severity: {error}") from error
    return found


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
