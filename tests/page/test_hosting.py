"""The page behind a real nginx with TLS: below a path, with a Host that proxies change, with sound that starts late."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.page.texts import TEXTS
from tests.page.conftest import FRAMES, App, Visit, browser_with, start_camera
from tests.page.proxy import nginx

pytestmark = [pytest.mark.browser]

EN = TEXTS["en"]


@pytest.fixture(scope="module")
def tls_browser() -> Iterator[Any]:
    with browser_with(None, "--ignore-certificate-errors") as browser:
        yield browser


def tab(browser: Any, url: str) -> Visit:
    context = browser.new_context(
        permissions=["camera", "microphone", "clipboard-write"], locale="en-GB", ignore_https_errors=True
    )
    return Visit(context.new_page(), url)


@pytest.mark.parametrize(("options", "tail"), [((), "/"), (("--root-path", "/companion"), "")])
def test_everything_works_below_a_path(
    start_app: Callable[..., App], tls_browser: Any, tmp_path: Path, options: tuple[str, ...], tail: str
) -> None:
    """Whether the proxy takes the path off, which no option is needed for, or passes it on."""
    app = start_app(*options)
    with nginx(tmp_path, app.url + tail, path="/companion/") as url:
        one = tab(tls_browser, url)
        page = one.open(store=True)
        assert one.welcomed
        page.click("#header .sos")
        page.wait_for_selector("#sos-lines a[href^='tel:']")
        page.click("#sos-dialog [data-act=close]")
        one.talk("I had a long day.")
        start_camera(one)
        page.wait_for_function(f"{FRAMES} > 2")
        cookie = next(c for c in page.context.cookies() if c["name"] == "beside-person")
        assert cookie["httpOnly"] and cookie["secure"] and cookie["sameSite"] == "Strict"
        assert cookie["path"] == ("/companion" if options else "/")
        manifest = page.evaluate("document.querySelector('link[rel=manifest]').href")
        assert manifest.startswith(url) and page.request.get(manifest).json()["start_url"] == "../../"
        assert not one.errors
        page.reload(wait_until="domcontentloaded")
        one.wait_for_text("I had a long day.")
        assert not one.foreign
        page.context.close()


def test_a_proxy_that_drops_the_port_or_is_declared_carries_the_camera(
    start_app: Callable[..., App], tls_browser: Any, tmp_path: Path
) -> None:
    app = start_app("--allow-host", "127.0.0.1")
    for index, host in enumerate(("$host", "localhost")):
        folder = tmp_path / str(index)
        folder.mkdir()
        with nginx(folder, app.url, host=host) as url:
            one = tab(tls_browser, url)
            one.open()
            start_camera(one)
            one.page.wait_for_function(f"{FRAMES} > 2")
            assert not one.errors
            one.page.context.close()


def test_a_proxy_with_a_host_of_its_own_is_explained_in_page_and_log(
    start_app: Callable[..., App], tls_browser: Any, tmp_path: Path
) -> None:
    app = start_app()
    with nginx(tmp_path, app.url, host="localhost") as url:
        one = tab(tls_browser, url)
        one.open()
        start_camera(one)
        one.wait_for_text("proxy_set_header Host", "#sensor-problem")
        told = one.page.inner_text("#sensor-problem")
        assert url.rstrip("/") in told and "localhost" in told
        assert any("Origin" in line and "Host" in line and "--allow-host" in line for line in app.log)
        one.talk("Writing works all the same.")
        one.page.context.close()


#: WebKit begins an AudioContext suspended; `stuck` is a browser that never resumes it.
SUSPENDED = """const Real = window.AudioContext; window.AudioContext = class extends Real {
    constructor(...given) { super(...given); this.suspend(); }
    resume() { return %s; } };"""


@pytest.mark.parametrize("stuck", [False, True])
def test_a_suspended_audio_context_is_resumed_or_told(
    start_app: Callable[..., App], tls_browser: Any, stuck: bool
) -> None:
    app = start_app()
    one = tab(tls_browser, app.url)
    one.page.add_init_script(SUSPENDED % ("new Promise(() => {})" if stuck else "super.resume()"))
    page = one.open()
    page.click("#microphone-button")
    page.click("#ask-yes")
    if stuck:
        one.wait_for_text(EN["err_nosound"], "#sensor-problem")
        assert page.inner_text("#microphone-button") == EN["microphone_start"]
        assert page.locator("#sensors-on").is_hidden()
    else:
        one.wait_for_text(EN["microphone_stop"], "#microphone-button")
        page.wait_for_function("document.querySelector('#level').value > 0")
    page.context.close()
