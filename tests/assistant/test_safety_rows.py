"""The crisis rules over hundreds of sentences at once: how much danger they see, and how much calm they leave alone.

What was measured on first sight, before the rules were improved, is in LOG.md: that says how they generalise.
"""

from __future__ import annotations

import re

from assistant.safety import assess
from assistant.types import RiskLevel
from tests.assistant import safety_rows, safety_rows_chinese, safety_rows_english, safety_rows_plain, safety_rows_usual

ROWS = safety_rows.ROWS + safety_rows_english.ROWS + safety_rows_chinese.ROWS + safety_rows_plain.ROWS
ROWS += safety_rows_usual.ROWS
#: Shares that the present rules reach; a change that loses ground fails.
LEAST_DANGER_SEEN = 0.9
MOST_FALSE_CRISES = 0.01


def test_danger_is_seen() -> None:
    danger = [row for row in ROWS if row[1] >= RiskLevel.MODERATE]
    missed = [text for text, lowest, _, earlier in danger if assess(text, earlier).level < lowest]
    assert len(danger) > 150
    assert 1 - len(missed) / len(danger) >= LEAST_DANGER_SEEN, missed


def test_calm_is_left_alone() -> None:
    calm = [row for row in ROWS if row[2] <= RiskLevel.LOW]
    alarmed = [text for text, _, _, earlier in calm if assess(text, earlier).is_crisis]
    assert len(calm) > 150
    assert len(alarmed) / len(calm) <= MOST_FALSE_CRISES, alarmed


def test_evidence_never_holds_the_words() -> None:
    for text, _, _, earlier in ROWS:
        assert all(re.fullmatch(r"[a-z]+(\.[a-z_]+)?", name) for name in assess(text, earlier).evidence)


def test_work_grows_with_the_text_and_not_faster() -> None:
    """A hostile message costs in proportion to its length: counted in patterns' input, not in seconds."""
    short, long = "i want to " * 100, "i want to " * 10_000
    assert assess(short).level == assess(long).level
    assert assess("a " * 50_000 + "我今晚要从楼顶跳下去").is_crisis, "danger at the very end is read"
