"""Packing for conversations that all open with one long system prompt: the prompt is computed once a row, not once a
conversation.

What a token of the opening computes never depends on what follows it, so each conversation may look at one copy. The
losses are those of separate rows, in exact arithmetic; a prompt of 800 tokens before a conversation of 150 then costs a
tenth instead of five sixths of the work.
"""

from __future__ import annotations

from collections.abc import Sequence

from llm.tuning.training_data import IGNORED, Encoded, Packed, joined, pack

#: Rows are compared by this many first tokens, and a shorter opening is not worth sharing.
LEAST_SHARED = 32


def common_opening(rows: Sequence[Encoded]) -> int:
    """How many first tokens all `rows` share, none of them a target and none the last of its row."""
    first = rows[0]
    length = min(min(len(row.ids) for row in rows) - 1, next(i for i, n in enumerate(first.labels) if n != IGNORED))
    for row in rows:
        while row.ids[:length] != first.ids[:length] or any(n != IGNORED for n in row.labels[: length + 1]):
            length -= 1
    return length


def pack_shared(rows: Sequence[Encoded], block: int) -> list[Packed]:
    """Rows of at most `block` tokens, each an opening and the rests of the conversations that begin with it."""
    groups: dict[tuple[int, ...], list[Encoded]] = {}
    for row in rows:
        groups.setdefault(row.ids[:LEAST_SHARED], []).append(row)
    packed = []
    for members in groups.values():
        shared = common_opening(members) if len(members) > 1 else 0
        if shared < LEAST_SHARED:
            packed += pack(members, block)
            continue
        opening = Encoded(members[0].ids[:shared], (IGNORED,) * shared)
        rests = [Encoded(row.ids[shared:], row.labels[shared:]) for row in members]
        for part in pack(rests, block - shared):
            whole = joined([opening, Encoded(part.ids, part.labels)])
            packed.append(Packed(whole.ids, whole.labels, (0, *(shared + n for n in part.starts)), shared))
    return packed
