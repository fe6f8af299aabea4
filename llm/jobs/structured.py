"""From a model's text to a value that fits a JSON schema, or to the word that it does not."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import jsonschema

_FENCE = re.compile(r"```(?:json)?\s*\n(.*?)```", re.S)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_THINKING = re.compile(r"^.*?</think>", re.S)


def parse(text: str, schema: Mapping[str, Any]) -> tuple[bool, Any]:
    """(True, the value), or (False, None) when nothing in `text` is JSON that fits `schema`.

    Where a server cannot be held to a schema, models put prose or a fence around their JSON and leave a comma before a
    bracket: these three are taken off. Nothing else is repaired, because a guessed value is no value.
    """
    text = _THINKING.sub("", text, count=1) if "</think>" in text else text
    for candidate in _candidates(text):
        try:
            value = json.loads(candidate)
            jsonschema.validate(value, schema)
        except (ValueError, RecursionError, jsonschema.ValidationError):
            continue
        return True, value
    return False, None


def _candidates(text: str) -> list[str]:
    found = [text.strip(), *(match.strip() for match in _FENCE.findall(text))]
    for left, right in ("{}", "[]"):
        start, end = text.find(left), text.rfind(right)
        if 0 <= start < end:
            found.append(text[start : end + 1])
    return [*found, *(_TRAILING_COMMA.sub(r"\1", one) for one in found)]
