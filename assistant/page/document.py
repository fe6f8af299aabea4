"""The page's HTML as it is sent: Gradio's, with the page's own head, and with addresses that hold under any path.

Gradio writes the address that it takes for its own into the page, from the Host header or from a setting. Behind a
proxy that serves the page under a path, drops the port or sends its own Host that address is wrong; the browser knows
the right one, so a script of two lines puts it in.
"""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.page.gallery import gallery
from assistant.page.texts import TEXTS

#: Where Gradio's template begins its head, and what it says of a manifest that it does not serve here.
_BASE = '<base href="./" />'
_MANIFEST = '<link rel="manifest" href="/manifest.json" />'
#: A script for pages inside other pages, from an address of Gradio's; HEADERS of `guard` allow no such pages.
_FRAMED = re.compile(r"<script>(?:(?!</script>).)*iframeResizer(?:(?!</script>).)*</script>", re.DOTALL)
#: `interactive-widget`: where a phone's keyboard comes up, the page gets shorter instead of being covered.
_HEAD = (
    '<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">'
    '<meta name="referrer" content="no-referrer"><meta name="theme-color" content="#1e6a66">'
    '<link rel="icon" type="image/svg+xml" href="beside/static/icon.svg">'
    '<link rel="apple-touch-icon" href="beside/static/icon-192.png">'
    '<link rel="manifest" href="beside/static/manifest.json" crossorigin="use-credentials">'
)
_ADDRESS = (
    'const here = new URL(".", document.baseURI).href.replace(/\\/$/, ""); let config;'
    "Object.defineProperty(window, 'gradio_config', {configurable: true, get: () => config,"
    " set: (given) => { config = given; config.root = here; }});"
)


def head(help_lines: dict[str, Any], can_store: bool) -> str:
    """The page's script and the data it needs even when the server is gone: texts, crisis lines and exercises."""
    given = {"texts": TEXTS, "help": help_lines, "canStore": can_store, "gallery": gallery()}
    data = json.dumps(given, ensure_ascii=False)
    safe = data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return (
        f"{_HEAD}<script>{_ADDRESS} window.BESIDE = {safe};</script>"
        '<script type="module" src="beside/static/page.js"></script>'
    )


class Document:
    """Puts `head` into the page's HTML. Everything else passes untouched."""

    def __init__(self, app: ASGIApp, head: str) -> None:
        self.app = app
        self._head = head

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            return await self.app(scope, receive, send)
        # Uncompressed, so that it can be read here; the page is small, and a proxy may compress it.
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        start: Message = {}
        body = bytearray()

        async def keep(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            if message["type"] != "http.response.body":
                return await send(message)
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            whole = bytes(body)
            if "text/html" in Headers(raw=start["headers"]).get("content-type", ""):
                whole = self._page(whole.decode("utf-8")).encode("utf-8")
            MutableHeaders(raw=start["headers"]).update({"content-length": str(len(whole))})
            await send(start)
            await send({"type": "http.response.body", "body": whole})

        return await self.app({**scope, "headers": plain}, receive, keep)

    def _page(self, page: str) -> str:
        page = page.replace(_BASE, _BASE + self._head, 1).replace(_MANIFEST, "", 1)
        return _FRAMED.sub("", page, count=1)
