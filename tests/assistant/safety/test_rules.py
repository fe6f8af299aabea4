"""The rules as data: what the compiler refuses, and that each rule is needed for its own examples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from assistant.safety import assess, signals
from assistant.safety.compile import LOCALES, RulesInvalid, read_rules, rulebook
from assistant.safety.levels import level_of, rows
from assistant.safety.rule import Kind, Rule
from assistant.safety.signals import Signals, read
from assistant.types import RiskLevel

RULES = [rule for locale in LOCALES for rule in rulebook(locale).rules]
GOOD = """
[[rule]]
name = "x.one"
kind = "wish"
patterns = ['\\bgone\\b']
yes = ["gone"]
no = ["here"]
"""


def read_as(found: Signals) -> tuple[RiskLevel, str, bool, bool]:
    """What a message's signals amount to; being under age and denying a danger count beside the level."""
    return (*level_of(found), any(signal.kind is Kind.MINOR for signal in found.found), found.denied)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_without_the_rule_one_of_its_own_examples_is_read_otherwise(
    rule: Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = [read_as(read(text)) for text in rule.yes]
    books = {locale: rulebook(locale) for locale in LOCALES}
    without = {
        locale: replace(book, rules=tuple(other for other in book.rules if other.name != rule.name))
        for locale, book in books.items()
    }
    monkeypatch.setattr(signals, "rulebook", without.__getitem__)
    assert [read_as(read(text)) for text in rule.yes] != whole


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_rule_leaves_its_look_alikes_alone(rule: Rule) -> None:
    for text in rule.no:
        assert rule.name not in {signal.name for signal in read(text).found}, text


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("gone\\b", "<nobody>"), "unknown class <nobody>"),
        (('"wish"', '"wishes"'), "unknown kind 'wishes'"),
        (('yes = ["gone"]', ""), "missing"),
        (('no = ["here"]', "no = []"), "missing"),
        (('yes = ["gone"]', 'yes = ["gone"]\ntags = ["red"]'), "unknown tags"),
        (('yes = ["gone"]', 'yes = ["gone"]\ncolour = 1'), "unknown fields"),
        (("gone\\b", "(gone"), "missing \\)"),
        (("[[rule]]", "[[rule"), "at line"),
    ],
)
def test_a_faulty_file_is_refused(tmp_path: Path, change: tuple[str, str], complaint: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(GOOD.replace(*change), encoding="utf-8")
    with pytest.raises(RulesInvalid, match=complaint):
        read_rules([path], {})


def test_a_name_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert [rule.name for rule in read_rules([path], {})] == ["x.one"]
    with pytest.raises(RulesInvalid, match="two rules"):
        read_rules([path, path], {})


def test_each_row_of_the_levels_can_be_reached() -> None:
    """Each row's own facts make that row or one above it, and no row stands below another that takes all of its."""
    for number, row in enumerate(rows()):
        for earlier in rows()[:number]:
            covers = all(any(need <= wanted for need in row.wanted) for wanted in earlier.wanted)
            assert not (covers and earlier.unwanted <= row.unwanted), (earlier, row)


@pytest.mark.parametrize("text", ["", " ", "\n" * 50, "。" * 50, "\u200b", "😀" * 30, "\ud800"])
def test_nothing_to_read_is_no_risk(text: str) -> None:
    assert assess(text).level is RiskLevel.NONE


def test_danger_at_the_end_of_a_long_message_is_read() -> None:
    assert assess("a " * 50_000 + "我今晚要从楼顶跳下去").is_crisis


@pytest.mark.parametrize("unit", [", i feel so", ", i feel so {}", ".", "a", "我想要", "药", "rope ", "k i l l "])
def test_the_work_is_linear(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in characters handed to the rules, not in seconds: twice the text, at most twice the work and a half."""
    handed: list[int] = []
    in_sentence = signals._in_sentence

    def counted(clauses: tuple[str, ...], sentence: str, book: object) -> object:
        handed.append(sum(map(len, clauses)) + len(sentence))
        return in_sentence(clauses, sentence, book)  # type: ignore[arg-type]

    monkeypatch.setattr(signals, "_in_sentence", counted)
    work = []
    for times in (200, 400):
        handed.clear()
        read("".join(unit.format(number) for number in range(times)))
        work.append(sum(handed))
    assert work[1] <= 2.5 * work[0]
