"""Text to a value that fits a schema: prose, fences and a trailing comma are taken off, nothing is guessed."""

from __future__ import annotations

import pytest

from llm.jobs.structured import parse

SCHEMA = {
    "type": "object", "required": ["label"], "additionalProperties": False,
    "properties": {"label": {"enum": ["source", "none"]}, "span": {"type": "string"}},
}  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        '{"label": "none"}',
        '  \n{"label": "none"}\n',
        'Here it is:\n```json\n{"label": "none"}\n```\nDone.',
        '```\n{"label": "none"}\n```',
        '好的，结果如下：{"label": "none",}',
        '<think>{"label": "source"}? no.</think>{"label": "none"}',
    ],
)
def test_what_is_taken_off(text: str) -> None:
    assert parse(text, SCHEMA) == (True, {"label": "none"})


@pytest.mark.parametrize(
    "text", ["", "none", '{"label": "maybe"}', '{"label": "none", "more": 1}', '{"label": "none"', "[1, 2]", "{" * 5000]
)
def test_what_does_not_fit_is_no_value(text: str) -> None:
    assert parse(text, SCHEMA) == (False, None)
