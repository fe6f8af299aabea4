"""One payload of a chat-completions answer -> its text, its reasoning, its end. Tolerant of the shapes in use.

Text is only what is marked as text. Reasoning is never returned as text, in whatever field or part it comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from llm.client.events import Payload
from llm.types import Usage

#: Fields of a delta that hold the model's reasoning.
REASONING_FIELDS = ("reasoning_content", "reasoning", "reasoning_details", "thinking", "thought")
#: Types of content parts: text, and reasoning. Parts of other types (images, tool calls) are left out.
TEXT_TYPES = frozenset({"text", "output_text"})
REASONING_TYPES = frozenset({
    "thinking", "reasoning", "redacted_thinking", "reasoning_text", "reasoning_content", "summary_text", "thought",
})  # fmt: skip
#: What servers write in `finish_reason` when the reply goes on.
_NO_REASON = frozenset({"", "null", "none"})


class StreamedError(Exception):
    """The server reported an error inside its answer; `str(error)` is its message."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one payload adds. `reasoning` says whether some arrived; its words are dropped here. `finish` is the
    server's own word for the end, "" while the reply goes on."""

    text: str = ""
    reasoning: bool = False
    finish: str = ""
    usage: Usage | None = field(default=None)


def read_chunk(payload: Payload) -> Chunk:
    """A payload without choices and without words (a ping) adds nothing. Raises StreamedError for an error object or a
    text in place of a chunk, TypeError or ValueError for other shapes."""
    value = payload.value
    chunk = isinstance(value, Mapping) and ("choices" in value or "usage" in value)
    failed = payload.failed or (isinstance(value, Mapping) and bool(value.get("error") or value.get("error_code")))
    if failed or not chunk:
        said = message_of(value)
        if failed or said:
            raise StreamedError(said or "an error without words")
        return Chunk()
    usage = _usage(value.get("usage"))
    choices = value.get("choices") or []
    if not choices:
        return Chunk(usage=usage)
    choice = choices[0]
    if choice.get("error"):
        raise StreamedError(message_of(choice) or "an error without words")
    part = choice.get("delta") or choice.get("message") or {}
    if not part and "text" in choice:  # the older completions shape
        part = {"content": choice["text"]}
    text, reasoning = split_content(part.get("content"))
    reasoning = reasoning or any(part.get(name) for name in REASONING_FIELDS)
    finish = str(choice.get("finish_reason") or "").lower()
    if finish == "error":
        raise StreamedError("finish_reason error")
    return Chunk(text, reasoning, "" if finish in _NO_REASON else finish, usage)


def split_content(content: Any) -> tuple[str, bool]:
    """Text, and whether reasoning was left out, of content that is a string, a part, or a (nested) list of parts."""
    if content is None:
        return "", False
    if isinstance(content, str):
        return content, False
    if isinstance(content, Mapping):
        kind = content.get("type", "text")
        if kind in REASONING_TYPES or content.get("thought"):
            return "", True
        if kind not in TEXT_TYPES:
            return "", False
        inner = content.get("text")
        return split_content(inner.get("value") if isinstance(inner, Mapping) and "value" in inner else inner)
    if isinstance(content, list):
        parts = [split_content(part) for part in content]
        return "".join(text for text, _ in parts), any(reasoning for _, reasoning in parts)
    raise TypeError(f"content is text or a list of parts, found {type(content).__name__}")


def message_of(value: Any) -> str:
    """The server's own words in the shapes in use: {"error": {"message"}}, {"error": text}, {"message"}, {"detail"},
    a list of these, or bare text."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "; ".join(filter(None, map(message_of, value)))
    if isinstance(value, Mapping):
        for name in ("error", "message", "detail", "msg"):
            if value.get(name):
                where = ".".join(map(str, value["loc"])) + ": " if isinstance(value.get("loc"), list) else ""
                return where + message_of(value[name])
    return ""


def model_ids(body: Any) -> tuple[str, ...]:
    """The names in an answer to /models: {"data": [...]}, {"models": [...]} or the list alone; of objects with `id`,
    `name` or `model`, or of plain names. Raises ValueError for other shapes."""
    rows = body
    if isinstance(body, Mapping):
        rows = next((body[name] for name in ("data", "models") if name in body), ()) or []
    if not isinstance(rows, list):
        raise ValueError("no list of models")
    names = []
    for row in rows:
        name = row
        if isinstance(row, Mapping):
            name = next((row[key] for key in ("id", "name", "model") if row.get(key)), None)
        if not isinstance(name, str):
            raise ValueError("a model without a name")
        names.append(name)
    return tuple(dict.fromkeys(names))


def _usage(value: Any) -> Usage | None:
    if not isinstance(value, Mapping):
        return None
    asked, said = value.get("prompt_tokens"), value.get("completion_tokens")
    if not (isinstance(asked, int) or isinstance(said, int)):
        return None
    return Usage(asked if isinstance(asked, int) else None, said if isinstance(said, int) else None)
