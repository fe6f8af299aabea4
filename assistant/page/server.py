"""The web application: Gradio's page, the live connection, and the few JSON calls of the page's own script."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from assistant.page import live
from assistant.page.build import STATIC, Page, head, theme
from assistant.page.reply import report
from assistant.page.session import Services, Session, Sessions

log = logging.getLogger(__name__)

TIDY_EVERY_S = 5.0
#: The page makes no upload; Gradio's own limit is unlimited unless set.
MAX_FILE_SIZE = "1mb"
MAX_JSON_BYTES = 10_000

#: Gradio's page needs inline scripts and `eval`; what matters here is that nothing can be fetched from, or sent to,
#: elsewhere.
POLICY = "; ".join((
    "default-src 'self'", "script-src 'self' 'unsafe-inline' 'unsafe-eval'", "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:", "media-src 'self' blob: mediastream:", "font-src 'self' data:", "connect-src 'self'",
    "worker-src 'self' blob:", "object-src 'none'", "base-uri 'self'", "form-action 'self'", "frame-ancestors 'none'",
))  # fmt: skip
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Adds HEADERS to every answer, and refuses requests under a foreign host name: a page elsewhere whose name was
    turned to this address (DNS rebinding) must not become "the same origin". Plain ASGI, so that streamed answers
    are not buffered."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"} and not self._known(Headers(scope=scope).get("host", "")):
            if scope["type"] == "websocket":
                return await send({"type": "websocket.close", "code": 1008})
            return await PlainTextResponse("Unknown host name. See --allow-host.", status_code=421)(
                scope, receive, send
            )

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        return await self.app(scope, receive, with_headers if scope["type"] == "http" else send)

    def _known(self, host: str) -> bool:
        try:
            return urlsplit(f"//{host}").hostname in self.hosts
        except ValueError:
            return False


def same_origin(socket: WebSocket) -> bool:
    """Whether a WebSocket comes from this page: browsers send Origin always, and let no script set it (RFC 6455,
    10.2)."""
    origin = urlsplit(socket.headers.get("origin", ""))
    return origin.scheme in {"http", "https"} and bool(origin.netloc) and origin.netloc == socket.headers.get("host")


def make_app(services: Services, hosts: Iterable[str]) -> FastAPI:
    """The application. `hosts` are the names under which it may be asked for ."""
    sessions = Sessions(services)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tidying = asyncio.create_task(_tidy(sessions))
        try:
            yield
        finally:
            tidying.cancel()
            await asyncio.to_thread(sessions.close)
            services.status.close()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.sessions = sessions
    app.mount("/beside/static", StaticFiles(directory=STATIC))
    _routes(app, sessions)
    app.add_middleware(Guard, hosts=frozenset(name.strip("[]").lower() for name in hosts))
    page = Page(sessions).build()
    can_store = services.keeping.available
    return gr.mount_gradio_app(  # type: ignore[no-any-return]
        app,
        page,
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=MAX_FILE_SIZE,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        pwa=False,
        theme=theme(),
        css_paths=[STATIC / "page.css"],
        head=head(dict(services.help), can_store),
    )


async def _tidy(sessions: Sessions) -> None:
    while True:
        await asyncio.sleep(TIDY_EVERY_S)
        await asyncio.to_thread(sessions.tidy)


def _routes(app: FastAPI, sessions: Sessions) -> None:
    """The page's own calls. Each carries the session's token in a header, which a foreign page cannot set (no CORS)."""

    def session_of(request: Request) -> Session | None:
        return sessions.find(request.headers.get("x-beside-token", ""))

    @app.websocket("/live")
    async def live_connection(socket: WebSocket) -> None:
        await live.serve(socket, sessions.find, same_origin)

    @app.post("/beside/{call}")
    async def called(call: str, request: Request) -> Response:
        session = session_of(request)
        if session is None:
            return JSONResponse({"problem": "note_session"}, status_code=403)
        if (
            not request.headers.get("content-length", "").isdecimal()
            or int(request.headers["content-length"]) > MAX_JSON_BYTES
        ):
            return JSONResponse({"problem": "too long"}, status_code=413)
        body = live.parse((await request.body()).decode("utf-8", "replace"))
        try:
            return await asyncio.to_thread(answer, call, sessions, session, body)
        except ValueError:
            return JSONResponse({"problem": "bad request"}, status_code=400)
        except Exception as error:  # noqa: BLE001  the edge of the page
            return JSONResponse({"problem": "error", "id": report(f"the call {call[:20]!r}", error)}, status_code=500)


def answer(call: str, sessions: Sessions, session: Session, body: dict[str, Any]) -> Response:
    """One call of the page's script. Raises ValueError for one that does not exist or lacks something."""
    if call == "status":
        return JSONResponse(session.services.status.public())
    if call == "consent":
        sessions.consent(session, str(body.get("name")), body.get("on") is True, delete=body.get("delete") is True)
        return JSONResponse({"consents": session.consents.as_dict()})
    if call == "region":
        session.choose_region(str(body.get("region")))
        return JSONResponse({"region": session.region})
    if call == "forget":
        session.forget_affect()
        return JSONResponse({"forgotten": True})
    if call == "export" and session.consents.store:
        kind = str(body.get("format"))
        content = session.services.keeping.export(str(body.get("conversation")), kind, session.locale)
        types = {"json": "application/json", "html": "text/html"}
        return Response(content, media_type=f"{types[kind]}; charset=utf-8", headers={
            # Saved as a file by the page's script; should it ever be opened in place, it may do nothing.
            "Content-Disposition": f'attachment; filename="beside.{kind}"', "Cache-Control": "no-store",
        })  # fmt: skip
    raise ValueError(f"there is no call {call!r}")
