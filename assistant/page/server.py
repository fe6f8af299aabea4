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
from fastapi.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from assistant.page import journal, live
from assistant.page.build import STATIC, Page, theme
from assistant.page.document import Document, head
from assistant.page.guard import Access, Guard, host_name
from assistant.page.identity import set_cookie
from assistant.page.reply import report
from assistant.page.session import Services, Session, Sessions

log = logging.getLogger(__name__)

TIDY_EVERY_S = 5.0
#: The page makes no upload; Gradio's own limit is unlimited unless set.
MAX_FILE_SIZE = "1mb"
MAX_JSON_BYTES = 10_000


def make_app(services: Services, hosts: Iterable[str], declared: Iterable[str] = (), root_path: str = "") -> FastAPI:
    """The application. `hosts` are the names under which it may be asked for, `declared` further ones that the operator
    vouches for, `root_path` is the path below which a proxy serves it."""
    access = Access.of(hosts, declared, root_path)
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
            if services.small is not None:
                services.small.close()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.sessions = sessions
    app.mount("/beside/static", StaticFiles(directory=STATIC))
    _routes(app, sessions, access)
    can_store = services.keeping.available
    app.add_middleware(Document, head=head(dict(services.help), can_store))
    app.add_middleware(Guard, access=access)
    page = Page(sessions).build()
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
        css_paths=[STATIC / name for name in ("page.css", "exercises.css", "journal.css")],
    )


async def _tidy(sessions: Sessions) -> None:
    while True:
        await asyncio.sleep(TIDY_EVERY_S)
        await asyncio.to_thread(sessions.tidy)


def _routes(app: FastAPI, sessions: Sessions, access: Access) -> None:
    """The page's own calls. Each carries the session's token in a header, which a foreign page cannot set (no CORS)."""

    def session_of(request: Request) -> Session | None:
        return sessions.find(request.headers.get("x-beside-token", ""))

    @app.websocket("/live")
    async def live_connection(socket: WebSocket) -> None:
        await live.serve(socket, sessions.find, access.same_origin)

    @app.post("/beside/person")
    async def person(request: Request) -> Response:
        """Give the browser its identity, or begin its time anew. `agrees`: Origin and Host show the same page."""
        # A form of another page can post here, without the cookie, and would have it replaced; but no form sends JSON.
        if not request.headers.get("content-type", "").startswith("application/json"):
            return JSONResponse({"problem": "bad request"}, status_code=415)
        origin, host = (request.headers.get(name, "") for name in ("origin", "host"))
        agrees = access.same_origin(request)
        if not agrees:
            log.warning(
                "Origin %.200r and Host %.200r do not show the same page, so camera and microphone are refused. Let "
                "the proxy pass on Host as the browser sent it (nginx: proxy_set_header Host $http_host;), or start "
                "with --allow-host %.100s", origin, host, host_name(urlsplit(origin).netloc),
            )  # fmt: skip
        secure = origin.startswith("https:") or request.url.scheme == "https"
        cookie = set_cookie(request.cookies, access.root_path, secure, sessions.services.keeping.available)
        body = {"agrees": agrees, "origin": origin, "host": host}
        return JSONResponse(body, headers={"Set-Cookie": cookie, "Cache-Control": "no-store"})

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
        return JSONResponse(_status(session.services))
    if call == "small" and session.services.small is not None:
        session.services.small.start() if body.get("on") is True else session.services.small.back()
        return JSONResponse(_status(session.services))
    if call == "consent":
        sessions.consent(session, str(body.get("name")), body.get("on") is True, delete=body.get("delete") is True)
        return JSONResponse({"consents": session.consents.as_dict()})
    if call == "region":
        session.choose_region(str(body.get("region")))
        return JSONResponse({"region": session.region})
    if call == "forget":
        session.forget_affect()
        return JSONResponse({"forgotten": True})
    if session.consents.store and call in KEPT:
        return KEPT[call](session, body)
    if call == "history":
        return JSONResponse({"conversations": [], "current": session.conversation_id})
    raise ValueError(f"there is no call {call!r}")


def _status(services: Services) -> dict[str, Any]:
    """Who answers, and what could."""
    status = services.status.public()
    if services.small is None:
        return status
    small = services.small.public()
    if small["standing"] == "running":
        status = {"key": "status_small", "values": {"model": small["name"]}, "level": "ok", "model": small["name"]}
    return {**status, "small": small}


def _history(session: Session, body: dict[str, Any]) -> Response:
    listed = session.keeping.conversations(str(body.get("words", ""))[:200])
    rows = [{"id": c.id, "title": c.title, "last": c.last, "pinned": c.pinned} for c in listed]
    return JSONResponse({"conversations": rows, "current": session.conversation_id})


def _rename(session: Session, body: dict[str, Any]) -> Response:
    session.keeping.rename(str(body.get("conversation")), str(body.get("title", ""))[:200])
    return JSONResponse({"renamed": True})


def _pin(session: Session, body: dict[str, Any]) -> Response:
    session.keeping.pin(str(body.get("conversation")), body.get("pinned") is True)
    return JSONResponse({"pinned": body.get("pinned") is True})


def _export(session: Session, body: dict[str, Any]) -> Response:
    kind = str(body.get("format"))
    if body.get("everything") is True:
        content = session.keeping.export_all(kind, session.locale)
    else:
        content = session.keeping.export(str(body.get("conversation")), kind, session.locale)
    types = {"json": "application/json", "html": "text/html"}
    return Response(content, media_type=f"{types[kind]}; charset=utf-8", headers={
        # Saved as a file by the page's script; should it ever be opened in place, it may do nothing.
        "Content-Disposition": f'attachment; filename="beside.{kind}"', "Cache-Control": "no-store",
    })  # fmt: skip


#: Calls about what is kept, which need the person's consent to storing. Each raises ValueError for what is not theirs.
KEPT = {"history": _history, "rename": _rename, "pin": _pin, "export": _export, **journal.CALLS}
