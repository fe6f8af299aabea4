"""Crisis lines by region, from a dated file that an operator may replace (helplines.toml says how)."""

from __future__ import annotations

import logging
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from llm.types import Locale

log = logging.getLogger(__name__)

SHIPPED = Path(__file__).with_name("helplines.toml")
#: Days after which a list asks to be checked again. Lines move; half a year is our choice, no standard sets it.
MAX_AGE_DAYS = 180
LOCALES: tuple[Locale, ...] = ("en", "zh")
_NUMBER = re.compile(r"\+?\d[\d -]{1,18}\d")
_FIELDS = {"name", "number", "text", "url", "hours", "note", "languages"}


class HelplineError(ValueError):
    """What is wrong in a file of crisis lines, and where."""


@dataclass(frozen=True, slots=True)
class Line:
    """A way to reach people, in the words of one locale.

    `number` is to call, `text` to write an SMS to; either may be empty where there is only a `url` (https). `hours` and
    `note` are empty when nothing may be claimed. `emergency` is the emergency number of the line's `region`, as words.
    """

    name: str
    number: str = ""
    text: str = ""
    url: str = ""
    hours: str = ""
    note: str = ""
    region: str = ""
    languages: tuple[str, ...] = ()
    emergency: str = ""

    @property
    def way(self) -> str:
        """What to call, or else where to look."""
        return self.number or self.url.removeprefix("https://")


@dataclass(frozen=True, slots=True)
class Region:
    """A region's name, emergency number (as words) and lines, by locale."""

    code: str
    name: Mapping[Locale, str]
    emergency: Mapping[Locale, str]
    lines: Mapping[Locale, tuple[Line, ...]]


@dataclass(frozen=True, slots=True)
class Helplines:
    """A whole file. `fallback` is a key of `regions`, and so is every value of `by_language`."""

    checked: date
    fallback: str
    by_language: Mapping[str, str]
    regions: Mapping[str, Region]

    def region(self, locale: Locale, code: str | None = None) -> Region:
        """The region of that code, or of the language where the code is unknown, or the fallback."""
        known = self.regions.get((code or "").strip().upper())
        if known:
            return known
        return self.regions[self.fallback if code else self.by_language.get(locale, self.fallback)]

    def is_stale(self, today: date) -> bool:
        """Whether `checked` is more than MAX_AGE_DAYS before `today`, or in the future (a day is allowed for zones)."""
        return not -1 <= (today - self.checked).days <= MAX_AGE_DAYS


def load(file: Path | None = None) -> Helplines:
    """The lines of `file` (default: the shipped one). Raises OSError, or HelplineError that names the place."""
    return _parse(file or SHIPPED)


def lines_for(locale: Locale, region: str | None = None, file: Path | None = None) -> tuple[Line, ...]:
    """The lines of a region, never empty. A broken `file` is logged and the shipped one used: nobody in danger is left
    without a number because of a typing error."""
    return _usable(file).region(locale, region).lines[locale]


def emergency_number(region: str | None, locale: Locale = "en", file: Path | None = None) -> str:
    """The emergency number of a region, as words that can follow "call"."""
    return _usable(file).region(locale, region).emergency[locale]


def checked_on(file: Path | None = None) -> date:
    """The day on which the list in use was last checked."""
    return _usable(file).checked


def is_stale(today: date, file: Path | None = None) -> bool:
    """Whether the list in use has passed its age limit on `today`."""
    return _usable(file).is_stale(today)


def _usable(file: Path | None) -> Helplines:
    if file is None:
        return _shipped()
    try:
        return load(file)
    except (OSError, HelplineError) as error:
        log.warning("crisis lines: %s; the built-in list is used until the file is mended", error)
        return _shipped()


@lru_cache(maxsize=1)
def _shipped() -> Helplines:
    return _parse(SHIPPED)


def _parse(file: Path) -> Helplines:
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise HelplineError(f"{file}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:  # its message holds line and column
        raise HelplineError(f"{file}: not valid TOML: {error}") from error
    try:
        return _helplines(data)
    except HelplineError as error:
        raise HelplineError(f"{file}: {error}") from None


def _helplines(data: Mapping[str, Any]) -> Helplines:
    checked = data.get("checked")
    if type(checked) is not date:
        raise HelplineError(f"checked = {checked!r}; expected a day such as 2026-11-21, without quotes")
    tables = data.get("regions")
    if not isinstance(tables, dict) or not tables:
        raise HelplineError("no [regions.XX] table; at least one region is needed")
    regions = {code.upper(): _region(code.upper(), table) for code, table in tables.items()}
    fallback, by_language = data.get("fallback"), data.get("by_language", {})
    if not isinstance(by_language, dict):
        raise HelplineError(f"by_language = {by_language!r}; expected a table such as {{ en = 'US' }}")
    for key, code in [("fallback", fallback), *((f"by_language.{name}", code) for name, code in by_language.items())]:
        if not isinstance(code, str) or code not in regions:
            raise HelplineError(f"{key} = {code!r}; expected one of {', '.join(regions)}")
    return Helplines(checked, str(fallback), MappingProxyType(by_language), MappingProxyType(regions))


def _region(code: str, table: Any) -> Region:
    where = f"region {code}"
    if not isinstance(table, dict) or not isinstance(table.get("lines"), list) or not table["lines"]:
        raise HelplineError(f"{where}: no [[regions.{code}.lines]]; at least one line is needed")
    name, emergency = _words(table, "name", where), _words(table, "emergency", where)
    for locale in LOCALES:
        if not re.search(r"\d", emergency[locale]):
            raise HelplineError(f"{where}: emergency.{locale} = {emergency[locale]!r} holds no number")
    lines: dict[Locale, tuple[Line, ...]] = {
        locale: tuple(_line(code, i, line, locale, emergency) for i, line in enumerate(table["lines"], 1))
        for locale in LOCALES
    }
    return Region(code, name, emergency, MappingProxyType(lines))


def _line(code: str, index: int, table: Any, locale: Locale, emergency: Mapping[Locale, str]) -> Line:
    where = f"region {code}, line {index}"
    if not isinstance(table, dict):
        raise HelplineError(f"{where}: expected a table, found {table!r}")
    name = _words(table, "name", where)[locale]
    where = f"{where} ({name})"
    if unknown := set(table) - _FIELDS:
        raise HelplineError(f"{where}: unknown {', '.join(sorted(unknown))}; choose from {', '.join(sorted(_FIELDS))}")
    number, text, url = (_plain(table, key, where) for key in ("number", "text", "url"))
    for key, value in (("number", number), ("text", text)):
        if value and not _NUMBER.fullmatch(value):
            raise HelplineError(f"{where}: {key} = {value!r}; expected digits with blanks or hyphens, 3 to 20 in all")
    if url and not re.fullmatch(r"https://[^\s\"'<>]+", url):
        raise HelplineError(f"{where}: url = {url!r}; expected an address that begins with https://")
    if not number and not url:
        raise HelplineError(f"{where}: neither number nor url; give at least one")
    languages = table.get("languages", [])
    if not isinstance(languages, list) or not all(isinstance(each, str) for each in languages):
        raise HelplineError(f"{where}: languages = {languages!r}; expected a list such as ['en']")
    hours, note = (_words(table, key, where, "")[locale] for key in ("hours", "note"))
    return Line(name, number, text, url, hours, note, code, tuple(languages), emergency[locale])


def _plain(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise HelplineError(f"{where}: {key} = {value!r}; expected text in quotes")
    return value.strip()


def _words(table: Mapping[str, Any], key: str, where: str, default: str | None = None) -> Mapping[Locale, str]:
    """A text in both locales: either one string for both, or a table with `en` and `zh`. One printable line each."""
    value = table.get(key, default)
    both = value if isinstance(value, dict) else dict.fromkeys(LOCALES, value)
    found: dict[Locale, str] = {}
    for locale in LOCALES:
        words = both.get(locale)
        if not isinstance(words, str) or not (words.strip() or default is not None) or not words.isprintable():
            raise HelplineError(f"{where}: {key}.{locale} = {words!r}; expected one line of text in quotes")
        found[locale] = words.strip()
    return MappingProxyType(found)
