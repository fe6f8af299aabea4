"""The crisis lines as the page's script takes them: inside the page, so that they need neither server nor model."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assistant.page.texts import LOCALES
from assistant.safety.helplines import Line, Region, load
from llm.types import Locale

#: Codes that people write for a region of the shipped list, beside ISO 3166's two letters.
USUAL_CODES = {
    "UK": "GB", "ENGLAND": "GB", "SCOTLAND": "GB", "USA": "US", "AMERICA": "US", "PRC": "CN", "AUS": "AU", "CAN": "CA",
    "NZL": "NZ", "IND": "IN", "SGP": "SG", "HKG": "HK", "TWN": "TW", "JPN": "JP", "DEU": "DE", "GER": "DE", "FRA": "FR",
    "ZAF": "ZA", "RSA": "ZA", "WORLD": "INT", "INTERNATIONAL": "INT",
}  # fmt: skip


def help_lines(file: Path | None = None, region: str | None = None) -> dict[str, Any]:
    """All regions of `file` (default: the shipped list), and `region` as the one to show first ("": the page chooses).

    Raises OSError, or ValueError for a broken file or for a region that it does not hold.
    """
    found = load(file)
    code = (region or "").strip().upper()
    if code and code not in found.regions:
        near = _near(code, found.regions)
        raise ValueError(f"no region is called {region!r}{near}; choose from {', '.join(found.regions)}")
    return {
        "checked": found.checked.isoformat(),
        "stale": found.is_stale(datetime.now(UTC).date()),
        "region": code,
        "fallback": found.fallback,
        "byLanguage": dict(found.by_language),
        "regions": {key: _region(value) for key, value in found.regions.items()},
    }


def _near(given: str, regions: Mapping[str, Region]) -> str:
    """ "; did you mean X?" for a region's name, another usual code of it, or a slip of the finger; or ""."""
    names = {code: code for code in regions}
    names |= {name.upper(): one.code for one in regions.values() for name in one.name.values()}
    names |= {other: code for other, code in USUAL_CODES.items() if code in regions}
    close = difflib.get_close_matches(given, names, 1, 0.6)
    return f"; did you mean {names[close[0]]}?" if close else ""


def _region(region: Region) -> dict[str, Any]:
    lines = {locale: [_line(line, locale) for line in region.lines[locale]] for locale in LOCALES}
    return {"name": dict(region.name), "emergency": dict(region.emergency), "lines": lines}


def _line(line: Line, locale: Locale) -> dict[str, Any]:
    ways = []
    if line.number:
        ways.append({"text": line.number, "href": f"tel:{_dialled(line.number)}"})
    if line.text:
        ways.append(
            {"text": f"{'短信' if locale == 'zh' else 'SMS'} {line.text}", "href": f"sms:{_dialled(line.text)}"}
        )
    if line.url:
        ways.append({"text": line.url.removeprefix("https://"), "href": line.url})
    between = "；" if locale == "zh" else "; "
    return {"name": line.name, "ways": ways, "note": between.join(part for part in (line.hours, line.note) if part)}


def _dialled(number: str) -> str:
    return "".join(character for character in number if character.isdigit() or character == "+")
