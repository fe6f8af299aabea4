"""Both languages are whole, and every text that the page asks for exists."""

from __future__ import annotations

import re
import string

import pytest

from assistant.page.build import STATIC
from assistant.page.live import Refused
from assistant.page.texts import LOCALES, TEXTS, locale_of, text
from perception.types import EXPRESSIONS, Quality


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("key", sorted(TEXTS["en"]))
def test_a_text_stands_in_both_languages_with_the_same_blanks(key: str) -> None:
    assert all(TEXTS[locale][key].strip() for locale in LOCALES)
    assert fields(TEXTS["en"][key]) == fields(TEXTS["zh"][key])
    assert re.search(r"[\u4e00-\u9fff]", TEXTS["zh"][key]) and not re.search(r"[\u4e00-\u9fff]", TEXTS["en"][key])


def test_the_product_never_claims_to_be_therapy() -> None:
    for words in TEXTS["en"].values():
        assert not re.search(r"therap|treatment", words, re.IGNORECASE)
    assert not any("治疗师" in words or "疗法" in words for words in TEXTS["zh"].values())


def test_every_text_that_the_script_and_the_markup_name_exists() -> None:
    named: set[str] = set()
    for path in STATIC.iterdir():
        source = path.read_text(encoding="utf-8") if path.suffix in {".html", ".js"} else ""
        if path.suffix == ".html":
            named |= set(re.findall(r'data-t(?:-label|-placeholder)?="(\w+)"', source))
        elif path.suffix == ".js":
            named |= set(re.findall(r'\bt\("(\w+)"', source)) | set(
                re.findall(r'"(err_\w+|sentence_\w+|consent_\w+)"', source)
            )
            named |= set(re.findall(r'show\([^,]+(?:\([^)]*\))?, "(\w+)"', source))
    assert len(named) > 60
    assert named - {"consent_", "err_"} <= set(TEXTS["en"])


def test_every_quality_and_expression_has_its_words() -> None:
    for quality in Quality.__args__:  # type: ignore[attr-defined]
        assert f"quality_{quality}" in TEXTS["en"]
    assert set(EXPRESSIONS) <= set(TEXTS["zh"])
    for code in ("note_session", "err_consent", "err_idle", "err_session", "err_vision"):
        assert Refused(code).code in TEXTS["en"]


@pytest.mark.parametrize(("header", "locale"), [
    ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en-US,en;q=0.9,zh;q=0.8", "en"),
    ("fr-FR,zh;q=0.4,en;q=0.3", "zh"),
    ("de", "en"), ("", "en"),
    ("zh;q=0,en;q=0.1", "en"), ("zh;q=banana,en", "en"), ("ZH-Hant", "zh"), (",;q=,,", "en"),
    ("en;q=0.5,zh", "zh"),
])  # fmt: skip
def test_the_language_follows_the_browsers_header(header: str, locale: str) -> None:
    assert locale_of(header) == locale


def test_an_unknown_text_is_an_error() -> None:
    with pytest.raises(KeyError):
        text("en", "no such text")
