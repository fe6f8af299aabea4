"""A model's text as plain text: nothing in it is rendered or fetched, or hides and reorders words. Linear time."""

from __future__ import annotations

import re

# Controls but tab and line end, zero-width, bidi overrides, tags. The joiner U+200D stays: emoji are built with it.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_TAG = re.compile(r"<[A-Za-z/!?|][^<>]*>")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")
_LEFT_OVER = (
    (re.compile(r"<(?=[A-Za-z/!?|])"), "‹"),  # a tag that is not closed, or that the steps before put together
    (re.compile(r"\](?=[(:])"), "] "),
    (re.compile(r"!(?=\[)"), "! "),
    (re.compile(r":(?=//)"), "："),  # a bare address is text, not something to click
)


def clean_markup(text: str) -> str:
    """`text` without HTML tags and hidden characters; of links and images only their words are left, and what looks
    like the rest of either is made inert. Idempotent."""
    text = _LINK.sub(r"\1", _TAG.sub("", _HIDDEN.sub("", text)))
    for pattern, inert in _LEFT_OVER:
        text = pattern.sub(inert, text)
    return text
