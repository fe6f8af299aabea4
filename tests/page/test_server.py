"""The application's own calls, headers and limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import HTTPConnection
from starlette.testclient import TestClient

from assistant.page.guard import Access
from assistant.page.identity import COOKIE
from assistant.page.keeping import Keeping
from assistant.page.server import make_app
from assistant.page.session import Services
from assistant.page.status import ModelStatus
from assistant.store import Store
from llm.client.scripted import Scripted
from tests.fakes import HELP


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    keeping = Keeping(Store(tmp_path_factory.mktemp("data")))
    services = Services(Scripted(), Scripted(), keeping, ModelStatus("scripted"), HELP)
    with TestClient(make_app(services, ["127.0.0.1"]), base_url="http://127.0.0.1") as made:
        yield made
    keeping.close()


def test_the_page_allows_nothing_from_elsewhere(client: TestClient) -> None:
    answer = client.get("/")
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert "default-src 'self'" in policy and "connect-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert answer.headers["permissions-policy"].startswith("camera=(self)")
    assert "fonts.googleapis" not in answer.text and "cdnjs" not in answer.text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[", "127.0.0.2"])
def test_a_foreign_host_name_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/", headers={"host": host})
    assert answer.status_code == 421 and "--allow-host" in answer.text and "proxy_set_header" in answer.text


@pytest.mark.parametrize(("origin", "host", "same"), [
    ("http://127.0.0.1:7860", "127.0.0.1:7860", True), ("https://chat.example", "chat.example", True),
    ("http://127.0.0.1:7860", "127.0.0.1", True),  # a proxy that drops the port
    ("https://chat.example", "127.0.0.1:7860", True),  # a proxy with a Host of its own, declared by --allow-host
    ("http://localhost:9999", "127.0.0.1:7860", False),  # another program's page on this computer
    ("http://127.0.0.1:9999", "127.0.0.1:7860", False), ("https://other.example", "chat.example", False),
    ("http://evil.example", "evil.example:7860", False), ("null", "127.0.0.1", False), ("", "127.0.0.1", False),
    ("https://chat.example", "evil.example", False), ("ftp://127.0.0.1", "127.0.0.1", False),
])  # fmt: skip
def test_who_counts_as_the_same_page(origin: str, host: str, same: bool) -> None:
    access = Access.of(["127.0.0.1", "localhost"], ["chat.example"], "/companion/")
    headers = [(b"origin", origin.encode()), (b"host", host.encode())]
    assert access.same_origin(HTTPConnection({"type": "http", "headers": headers})) is same
    assert access.root_path == "/companion"


def test_the_identity_comes_by_the_pages_own_call_and_stays(client: TestClient) -> None:
    assert "set-cookie" not in client.get("/").headers, "a link from elsewhere would begin a new person"
    first = client.post("/beside/person", json={}, headers={"origin": "http://127.0.0.1"})
    assert first.json() == {"agrees": True, "origin": "http://127.0.0.1", "host": "127.0.0.1"}
    value = first.cookies[COOKIE]
    form = client.post("/beside/person", data={"a": "b"}, headers={"origin": "http://evil.example"})
    assert form.status_code == 415 and "set-cookie" not in form.headers
    again = client.post(
        "/beside/person", json={}, headers={"origin": "https://127.0.0.1:1", "cookie": f"{COOKIE}={value}"}
    )
    assert value in again.headers["set-cookie"] and "Secure" in again.headers["set-cookie"]


@pytest.mark.parametrize("call", ["status", "consent", "forget", "export", "nothing"])
def test_no_call_without_the_sessions_token(client: TestClient, call: str) -> None:
    assert client.post(f"/beside/{call}", json={}).status_code == 403
    assert client.post(f"/beside/{call}", json={}, headers={"x-beside-token": "guess"}).status_code == 403


def test_calls_that_make_no_sense_are_refused_plainly(client: TestClient) -> None:
    session = client.app.state.sessions.open("", "en", "a page")  # type: ignore[attr-defined]
    headers = {"x-beside-token": session.token}
    assert client.post("/beside/nothing", json={}, headers=headers).status_code == 400
    assert client.post("/beside/consent", json={"name": "token", "on": True}, headers=headers).status_code == 400
    assert client.post("/beside/consent", content=b"\xff\xfe", headers=headers).status_code == 400
    assert (
        client.post("/beside/export", json={"conversation": "x", "format": "exe"}, headers=headers).status_code == 400
    )
    assert client.post("/beside/status", content=b" " * 20_000, headers=headers).status_code == 413
    assert client.post("/beside/status", json={}, headers=headers).json()["level"] == "ok"


def test_an_error_gives_a_number_and_no_details(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    session = client.app.state.sessions.open("", "en", "a page")  # type: ignore[attr-defined]
    session.keeping.forget_affect = lambda: {}["the person's words"]
    try:
        answer = client.post("/beside/forget", json={}, headers={"x-beside-token": session.token})
    finally:
        del session.keeping.forget_affect
    assert answer.status_code == 500
    assert "words" not in answer.text and "words" not in caplog.text
    assert answer.json()["id"] in caplog.text and "KeyError" in caplog.text


def test_no_upload_and_no_file_of_the_machine(client: TestClient, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret", encoding="utf-8")
    assert client.get(f"/gradio_api/file={secret}").status_code in {403, 404}
    big = client.post("/gradio_api/upload", files={"files": ("x.bin", b"0" * 2_000_000)})
    assert big.status_code >= 400
