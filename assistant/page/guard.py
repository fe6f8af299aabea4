"""Who may ask for the page: under which host names, from which origins, below which path."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi.responses import PlainTextResponse, RedirectResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

#: Gradio's page needs inline scripts and `eval`; what matters here is that nothing can be fetched from, or sent to,
#: elsewhere.
POLICY = "; ".join((
    "default-src 'self'", "script-src 'self' 'unsafe-inline' 'unsafe-eval'", "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:", "media-src 'self' blob: mediastream:", "font-src 'self' data:", "connect-src 'self'",
    "worker-src 'self' blob:", "manifest-src 'self'", "object-src 'none'", "base-uri 'self'", "form-action 'self'",
    "frame-ancestors 'none'",
))  # fmt: skip
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def host_name(netloc: str) -> str:
    """The lower-case name in "name:port", "" where there is none or it cannot be read."""
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""


@dataclass(frozen=True)
class Access:
    """The names under which the page may be asked for. `declared` are those of them that the operator named with
    --host or --allow-host; `root_path` is the path below which a proxy serves the page, "" for none."""

    hosts: frozenset[str]
    declared: frozenset[str] = frozenset()
    root_path: str = ""

    @classmethod
    def of(cls, hosts: Iterable[str], declared: Iterable[str] = (), root_path: str = "") -> Access:
        """With names and path as they are written on a command line."""

        def names(given: Iterable[str]) -> frozenset[str]:
            return frozenset(name.strip("[]").lower() for name in given)

        path = root_path.strip("/")
        return cls(names(hosts) | names(declared), names(declared), f"/{path}" if path else "")

    def knows(self, host: str) -> bool:
        """Whether a Host header names this page. A page elsewhere whose name was turned to this address (DNS rebinding)
        must not become "the same origin"."""
        return host_name(host) in self.hosts

    def same_origin(self, connection: HTTPConnection) -> bool:
        """Whether a request comes from this page: browsers send Origin with every WebSocket and POST, and let no script
        set it (RFC 6455, 10.2).

        Origin and Host agree where no proxy changes Host. One that drops the port (nginx: `$host`) leaves the same name
        without a port, and one that sends a Host of its own leaves a name of ours; the origin then has to be one that
        the operator declared, because on this computer any program's page has an origin called localhost.
        """
        origin = urlsplit(connection.headers.get("origin", ""))
        host = connection.headers.get("host", "")
        if origin.scheme not in {"http", "https"} or not origin.netloc:
            return False
        name = host_name(origin.netloc)
        return origin.netloc == host or (self.knows(host) and (name == host or name in self.declared))


class Guard:
    """Adds HEADERS to every answer, refuses requests under a host name that is not this page's, and takes the root path
    off where a proxy left it on. Plain ASGI, so that streamed answers are not buffered."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self.access = access
        self._told: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            return await self.app(scope, receive, send)
        host = Headers(scope=scope).get("host", "")
        if not self.access.knows(host):
            return await self._refuse(host, scope, receive, send)
        root = self.access.root_path
        if root and scope["path"] == root and scope["type"] == "http":
            return await RedirectResponse(f"{root}/")(scope, receive, send)
        if root and scope["path"].startswith(f"{root}/"):
            scope = {**scope, "path": scope["path"][len(root) :], "raw_path": scope["raw_path"][len(root) :]}

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        return await self.app(scope, receive, with_headers if scope["type"] == "http" else send)

    async def _refuse(self, host: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Once per name in the log (a few names only: they come from outside), and to whoever asked."""
        name = host_name(host) or "(none)"
        if name not in self._told and len(self._told) < 100:
            self._told.add(name)
            log.warning("a request under the unknown host name %r was refused; if it is yours: --allow-host NAME", name)
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008})
        words = (
            f"This page was asked for under the host name {name!r}, which it does not know.\n"
            f"Next step, if the name is yours: start it with --allow-host {name}; or let the proxy in front of it pass "
            "on the Host header as the browser sent it (nginx: proxy_set_header Host $http_host;).\n"
        )
        return await PlainTextResponse(words, status_code=421)(scope, receive, send)
