"""Conversations for tuning: three file formats in, one out; then token ids with a mask, then packed rows.

A row that does not fit its format is never skipped: all of them are listed with their line numbers, and nothing is
trained.
"""

from __future__ import annotations

import json
import lzma
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROLES = {"system": "system", "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant"}
FORMATS = (
    "OpenAI {messages: [{role, content}]}, ShareGPT {conversations: [{from, value}]}, "
    "alpaca {instruction, input, output}"
)
#: The label that the loss skips (PyTorch's default).
IGNORED = -100
LISTED_ERRORS = 20

Conversation = list[dict[str, str]]


class MalformedData(ValueError):
    """Rows that fit no format; the message lists them as file:line."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One conversation as token ids; `labels[i]` is `ids[i]` where the assistant wrote it, else IGNORED."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Packed:
    """Several conversations in one row. `starts` are the places where each begins; positions restart there.

    The first `shared` tokens, where there are any, open every conversation of the row: each sees them and itself, and
    its positions go on from them.
    """

    ids: tuple[int, ...]
    labels: tuple[int, ...]
    starts: tuple[int, ...]
    shared: int = 0


def _turns(row: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """(role, content) pairs of one row in any of the three formats. Raises KeyError, TypeError or ValueError."""
    if "messages" in row:
        return [(m["role"], m["content"]) for m in row["messages"]]
    if "conversations" in row:
        system = [("system", row["system"])] if row.get("system") else []
        return system + [(m["from"], m["value"]) for m in row["conversations"]]
    if "instruction" in row and "output" in row:
        asked = f"{row['instruction']}\n{row['input']}" if row.get("input") else row["instruction"]
        pairs = [
            (role, text)
            for pair in row.get("history") or []
            for role, text in zip(("user", "assistant"), pair, strict=True)
        ]
        system = [("system", row["system"])] if row.get("system") else []
        return [*system, *pairs, ("user", asked), ("assistant", row["output"])]
    raise ValueError("none of the keys messages, conversations, instruction + output")


def parse_row(row: Any) -> Conversation:
    """One conversation, checked: known roles, no empty text, the person and the assistant in turn. Raises
    ValueError.
    """
    if not isinstance(row, Mapping):
        raise ValueError(f"expected an object, found {type(row).__name__}")
    try:
        turns = _turns(row)
    except (KeyError, TypeError) as error:
        raise ValueError(f"a message lacks {error}" if isinstance(error, KeyError) else str(error)) from error
    for role, content in turns:
        if role not in ROLES:
            raise ValueError(f"unknown role {role!r}; known: {', '.join(ROLES)}")
        if not isinstance(content, str) or not content.strip():
            raise ValueError(f"a message of {role} is empty or not text")
    messages = [{"role": ROLES[role], "content": content} for role, content in turns]
    spoken = [m["role"] for m in messages]
    if spoken[:1] == ["system"]:
        spoken = spoken[1:]
    if not spoken or spoken != [("user", "assistant")[i % 2] for i in range(len(spoken))] or spoken[-1] != "assistant":
        raise ValueError(
            "after an optional system message, user and assistant must take turns and the assistant must end"
        )
    return messages


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    opener: Any = lzma.open if path.suffix == ".xz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except json.JSONDecodeError as error:
                    yield number, ValueError(f"not JSON ({error.msg})")


def _dataset_rows(name: str) -> Iterator[tuple[int, Any]]:
    from datasets import load_dataset

    try:
        rows = load_dataset(name, split="train")
    except (FileNotFoundError, ConnectionError, ValueError, OSError) as error:
        raise MalformedData(f"{name!r} is neither a file here nor a data set that can be loaded: {error}") from error
    yield from enumerate(rows, start=1)


def read_conversations(sources: Sequence[str | Path]) -> list[Conversation]:
    """All conversations of .jsonl(.xz) files or `datasets` ids, in order. Raises MalformedData with every bad line."""
    found: list[Conversation] = []
    errors: list[str] = []
    for source in sources:
        path = Path(source)
        for number, row in _lines(path) if path.is_file() else _dataset_rows(str(source)):
            try:
                if isinstance(row, ValueError):
                    raise row
                found.append(parse_row(row))
            except ValueError as error:
                errors.append(f"{source}:{number}: {error}")
    if errors:
        more = [f"... and {len(errors) - LISTED_ERRORS} more"] if len(errors) > LISTED_ERRORS else []
        raise MalformedData(
            "\n".join(
                [
                    f"{len(errors)} rows are malformed, nothing was trained. Known formats: {FORMATS}.",
                    "Next step: repair or remove these:",
                    *errors[:LISTED_ERRORS],
                    *more,
                ]
            )
        )
    if not found:
        raise MalformedData(f"no conversation in {', '.join(map(str, sources))}")
    return found


def encode(messages: Conversation, tokenizer: Any) -> Encoded:
    """Render with the model's own chat template and mark what the assistant wrote, with the token that ends its turn.

    Works on the rendered text: the template is asked for each prefix, so that no template has to be known here. Raises
    ValueError for a template that rewrites earlier turns, and for one that ends a turn without a special token (a model
    tuned on it would never learn to stop).
    """

    def render(part: Conversation, prompt: bool = False) -> str:
        return str(tokenizer.apply_chat_template(part, tokenize=False, add_generation_prompt=prompt))

    text = render(messages)
    spans = []
    for place, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before, after = render(messages[:place], prompt=True), render(messages[: place + 1])
        if not (text.startswith(before) and text.startswith(after)):
            raise ValueError(
                "this chat template rewrites earlier turns when a later one is added; turns cannot be masked with it"
            )
        spans.append((len(before), len(before) + len(after[len(before) :].rstrip())))
    batch = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = batch["input_ids"], batch["offset_mapping"]
    labels, span = [IGNORED] * len(ids), 0
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    for place, (left, right) in enumerate([*offsets, (len(text), len(text) + 1)]):
        if span < len(spans) and right > spans[span][1]:
            if ids[place - 1] not in special:
                raise ValueError(
                    "this chat template ends a turn without a special token; a model tuned on it would never stop"
                )
            span += 1
        if span < len(spans) and spans[span][0] <= left and right <= spans[span][1]:
            labels[place] = ids[place]
    return Encoded(tuple(ids), tuple(labels))


def encode_within(messages: Conversation, tokenizer: Any, limit: int) -> Encoded | None:
    """`encode`, with the last exchanges left out until at most `limit` tokens remain; None where not even one fits."""
    lead = 1 if messages[0]["role"] == "system" else 0
    part = messages
    while len(part) >= lead + 2:
        encoded = encode(part, tokenizer)
        if len(encoded.ids) <= limit:
            return encoded
        part = part[:-2]
    return None


def pack(rows: Iterable[Encoded], block: int) -> list[Packed]:
    """First-fit-decreasing bins of at most `block` tokens: few, full rows, each conversation whole."""
    bins: list[tuple[int, list[Encoded]]] = []
    for row in sorted(rows, key=lambda r: len(r.ids), reverse=True):
        for place, (room, members) in enumerate(bins):
            if len(row.ids) <= room:
                bins[place] = (room - len(row.ids), [*members, row])
                break
        else:
            bins.append((block - len(row.ids), [row]))
    return [joined(members) for _, members in bins]


def joined(members: Sequence[Encoded]) -> Packed:
    """One row of several conversations; the first token of each is never a target."""
    starts, place = [], 0
    for member in members:
        starts.append(place)
        place += len(member.ids)
    ids = tuple(i for m in members for i in m.ids)
    # The first token of a conversation is never a target: the one before it belongs to somebody else.
    labels = tuple(IGNORED if n == 0 else label for m in members for n, label in enumerate(m.labels))
    return Packed(ids, labels, tuple(starts))


def epoch_order(count: int, seed: int, epoch: int) -> list[int]:
    """The order of rows in one epoch: a function of seed and epoch alone, so that a resumed run sees the same."""
    order = list(range(count))
    random.Random(f"{seed}/{epoch}").shuffle(order)
    return order
