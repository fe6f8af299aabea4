"""Whose page this is: a random number of 256 bits in a cookie that no script can read; the store knows only its hash.

The cookie is given in answer to a call of the page's own script, never with the page itself: after a link from
elsewhere a browser asks for the page without its SameSite=Strict cookies, and a new one would then replace the old one.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping

COOKIE = "beside-person"
#: Browsers keep a cookie no longer than 400 days (RFC 6265bis, 5.5); each visit begins them anew.
MAX_AGE_S = 400 * 86_400
_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")


def identity_in(cookies: Mapping[str, str]) -> str:
    """The identity that a request carries, or ""."""
    value = cookies.get(COOKIE, "")
    return value if _VALUE.fullmatch(value) else ""


def person_of(cookies: Mapping[str, str]) -> str:
    """The name under which the store knows the person: the SHA-256 of the identity in hex; "" without one."""
    identity = identity_in(cookies)
    return hashlib.sha256(identity.encode("ascii")).hexdigest() if identity else ""


def set_cookie(cookies: Mapping[str, str], path: str, secure: bool, lasting: bool) -> str:
    """The Set-Cookie header (RFC 6265) for the identity that the request carries, or for a new one. `lasting`: for
    later visits, too, because something may be kept; otherwise until the browser is closed."""
    identity = identity_in(cookies) or secrets.token_urlsafe(32)
    age = f"; Max-Age={MAX_AGE_S}" if lasting else ""
    return f"{COOKIE}={identity}; Path={path or '/'}; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}{age}"
