"""Values and stand-ins that several test modules share."""

from __future__ import annotations

from typing import Any

#: Crisis lines as the page takes them, with none in them.
HELP: dict[str, Any] = {"regions": {}, "checked": "", "stale": False, "region": "", "fallback": "", "byLanguage": {}}
