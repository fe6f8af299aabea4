"""Crisis lines: what is claimed, which region answers, and what a damaged file of an operator does."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from assistant.safety import helplines
from assistant.safety.helplines import (
    MAX_AGE_DAYS,
    SHIPPED,
    HelplineError,
    checked_on,
    emergency_number,
    is_stale,
    lines_for,
    load,
)
from llm.types import Locale

LOCALES: tuple[Locale, ...] = ("en", "zh")
OWN = """
checked = 2026-10-01
fallback = "NZ"
[regions.NZ]
name = "Aotearoa"
emergency = "111"
[[regions.NZ.lines]]
name = "1737"
number = "1737"
"""


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    ("region", "number", "emergency"),
    [
        ("US", "988", "911"),
        ("GB", "116 123", "999"),
        ("IE", "116 123", "112"),
        ("CN", "12356", "120"),
        ("EU", "116 123", "112"),
        ("CA", "988", "911"),
        ("AU", "13 11 14", "000"),
        ("NZ", "1737", "111"),
        ("IN", "14416", "112"),
        ("SG", "1767", "995"),
        ("HK", "18111", "999"),
        ("TW", "1925", "119"),
        ("JP", "0120-279-338", "119"),
        ("DE", "0800 111 0 111", "112"),
        ("FR", "3114", "15"),
        ("ZA", "0800 567 567", "112"),
    ],
)
def test_a_regions_first_line_and_emergency_number(region: str, number: str, emergency: str, locale: Locale) -> None:
    lines = lines_for(locale, region)
    assert lines[0].number == number and all(line.region == region for line in lines)
    assert emergency in emergency_number(region, locale) and lines[0].emergency == emergency_number(region, locale)
    assert lines_for(locale, region.lower()) == lines


def test_without_a_region_chinese_means_china_and_english_names_several_countries() -> None:
    assert [line.number for line in lines_for("zh")][:2] == ["12356", "400-161-9995"]
    ways = [line.way for line in lines_for("en")]
    assert ways[:2] == ["988", "116 123"] and ways[-1] == "findahelpline.com"
    assert {"911", "999", "112"} <= set(emergency_number(None, "en").replace("(", " ").replace(",", " ").split())
    assert lines_for("en", "XX") == lines_for("en") and lines_for("zh", "XX")[-1].way == "findahelpline.com"


def test_no_round_the_clock_hours_are_claimed_for_china_or_all_of_europe() -> None:
    national, hope = lines_for("zh", "CN")[:2]
    assert "18" in national.hours and "24" not in national.hours
    assert hope.hours == "" and "无人接听" in hope.note
    assert all("24" not in line.hours + line.note for line in lines_for("en", "EU"))
    assert "not in all" in lines_for("en", "EU")[0].note
    assert "24 hours" in lines_for("en", "US")[0].hours and lines_for("en", "US")[0].text == "988"


def test_every_line_of_the_shipped_file_has_a_dated_source_and_every_region_the_world_directory() -> None:
    words = SHIPPED.read_text(encoding="utf-8")
    lines = words.splitlines()
    for index, line in enumerate(lines):
        if line.startswith("[[regions."):
            assert re.search(r"^# Source: \S.*20\d\d-\d\d-\d\d$", lines[index - 1]), line
    for code, region in load().regions.items():
        if code not in {"US", "GB", "IE"}:
            assert any("findahelpline" in line.url for line in region.lines["en"]), code


def test_every_line_of_the_shipped_file_can_be_reached_in_both_languages() -> None:
    for region in load().regions.values():
        for locale in LOCALES:
            assert all(line.name and line.way for line in region.lines[locale])
            assert any(ch.isdigit() for ch in region.emergency[locale])


@pytest.mark.parametrize(
    ("days", "stale"), [(-2, True), (-1, False), (0, False), (MAX_AGE_DAYS, False), (MAX_AGE_DAYS + 1, True)]
)
def test_a_list_grows_stale_and_one_from_the_future_is_not_believed(days: int, stale: bool) -> None:
    assert is_stale(checked_on() + timedelta(days=days)) is stale


def test_an_operators_copy_wins(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(OWN, encoding="utf-8")
    for locale in LOCALES:
        assert [line.number for line in lines_for(locale, file=own)] == ["1737"]
    assert emergency_number("US", file=own) == "111" and checked_on(own) == date(2026, 10, 1)
    assert not is_stale(date(2026, 10, 2), own)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('number = "1737"', 'number = "call us"', "region NZ, line 1 (1737): number = 'call us'"),
        ('number = "1737"', "number = 1737", "region NZ, line 1 (1737): number = 1737"),
        ('number = "1737"', 'numbr = "1737"', "region NZ, line 1 (1737): unknown numbr"),
        ('number = "1737"', "", "region NZ, line 1 (1737): neither number nor url"),
        ('number = "1737"', 'url = "javascript:alert(1)"', "region NZ, line 1 (1737): url"),
        ('name = "1737"', "", "region NZ, line 1: name.en"),
        ('name = "1737"', 'name = { en = "1737" }', "region NZ, line 1: name.zh"),
        ('emergency = "111"', 'emergency = "the police"', "region NZ: emergency.en"),
        ('fallback = "NZ"', 'fallback = "US"', "fallback = 'US'; expected one of NZ"),
        ('fallback = "NZ"', 'fallback = ["NZ"]', "fallback = ['NZ']"),
        ("checked = 2026-10-01", 'checked = "soon"', "checked = 'soon'"),
        ("checked = 2026-10-01", "checked = 2026-10-01T10:00:00", "checked = "),
        ('[[regions.NZ.lines]]\nname = "1737"\nnumber = "1737"', "", "region NZ: no [[regions.NZ.lines]]"),
        ('fallback = "NZ"', "fallback = NZ", "line 3"),
    ],
)
def test_a_damaged_file_names_the_place_and_leaves_nobody_without_a_number(
    old: str, new: str, named: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(OWN.replace(old, new), encoding="utf-8")
    with pytest.raises(HelplineError) as error:
        load(own)
    assert named in str(error.value) and str(own) in str(error.value)
    assert lines_for("zh", "CN", own) == lines_for("zh", "CN")
    assert named in caplog.text and "built-in list" in caplog.text


def test_a_missing_or_unreadable_file_is_an_error_at_the_start_and_a_fallback_later(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"gone\.toml"):
        load(tmp_path / "gone.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(HelplineError, match="UTF-8"):
        load(tmp_path / "bytes.toml")
    for name in ("gone.toml", "bytes.toml"):
        assert lines_for("en", file=tmp_path / name) == lines_for("en")


def test_the_shipped_file_can_be_copied_and_edited_as_it_says(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        SHIPPED.read_text(encoding="utf-8").replace('number = "12356"', 'number = "12320"'), encoding="utf-8"
    )
    assert lines_for("zh", file=own)[0].number == "12320" and helplines.lines_for("zh")[0].number == "12356"
