"""Conversations for tuning: three row formats in (`llm.rows`), one out; then token ids with a mask, then packed rows.

A row that does not fit its format is never skipped: all of them are listed with their line numbers, and nothing is
trained.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm.rows import MalformedData, malformed, read_rows, turns_of

#: The label that the loss skips (PyTorch's default).
IGNORED = -100

Conversation = list[dict[str, str]]


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


def parse_row(row: Any) -> Conversation:
    """One conversation, checked: known roles, no empty text, the person and the assistant in turn. Raises
    ValueError.
    """
    messages = [{"role": role, "content": content} for role, content in turns_of(row)]
    spoken = [m["role"] for m in messages]
    if spoken[:1] == ["system"]:
        spoken = spoken[1:]
    if not spoken or spoken != [("user", "assistant")[i % 2] for i in range(len(spoken))] or spoken[-1] != "assistant":
        raise ValueError(
            "after an optional system message, user and assistant must take turns and the assistant must end"
        )
    return messages


def _dataset_rows(name: str) -> Iterator[tuple[int, Any]]:
    from datasets import load_dataset

    try:
        rows = load_dataset(name, split="train")
    except (FileNotFoundError, ConnectionError, ValueError, OSError) as error:
        raise MalformedData(f"{name!r} is neither a file here nor a data set that can be loaded: {error}") from error
    yield from enumerate(rows, start=1)


def read_conversations(sources: Sequence[str | Path]) -> list[Conversation]:
    """All conversations of JSON files (see `llm.rows`) or `datasets` ids, in order. Raises MalformedData with every bad
    line."""
    found: list[Conversation] = []
    faults: list[str] = []
    for source in sources:
        path = Path(source)
        for number, row in read_rows(path) if path.is_file() else _dataset_rows(str(source)):
            try:
                if isinstance(row, ValueError):
                    raise row
                found.append(parse_row(row))
            except ValueError as error:
                faults.append(f"{source}:{number}: {error}")
    if faults:
        raise malformed(faults, "nothing was trained")
    if not found:
        raise MalformedData(f"no conversation in {', '.join(map(str, sources))}")
    return found


def check_template(conversations: Sequence[Conversation], tokenizer: Any) -> None:
    """Raises ValueError where conversations have a system message that the chat template refuses or leaves out: the
    model would be tuned on something else than it is sent later."""
    from jinja2 import TemplateError

    systems = sum(messages[0]["role"] == "system" for messages in conversations)
    if not systems:
        return
    mark = "system-message-mark"
    asked = [("system", mark), ("user", "a"), ("assistant", "b")]
    try:
        rendered = tokenizer.apply_chat_template([{"role": r, "content": c} for r, c in asked], tokenize=False)
        why = "" if mark in str(rendered) else "its chat template leaves it out"
    except (TemplateError, ValueError) as error:
        why = f"its chat template says: {error}"
    if why:
        raise ValueError(
            f"this model takes no system message ({why}), and {systems} conversations have one. Next step: put its "
            "text before the person's first message there, or take a base whose template knows the role"
        )


def encode(messages: Conversation, tokenizer: Any) -> Encoded:
    """Render with the model's own chat template and mark what the assistant wrote, with the token that ends its turn.

    Works on the rendered text: the template is asked for each prefix, so that no template has to be known here. Raises
    ValueError for a template that rewrites earlier turns, and for one that ends a turn without a special token (a model
    tuned on it would never learn to stop).
    """
    from jinja2 import TemplateError

    def render(part: Conversation, prompt: bool = False) -> str:
        try:
            return str(tokenizer.apply_chat_template(part, tokenize=False, add_generation_prompt=prompt))
        except TemplateError as error:
            raise ValueError(f"the chat template refuses a conversation: {error}") from error

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
