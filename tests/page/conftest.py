"""The real app in a process of its own, and a real Chromium with a fake camera."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.page.camera import write_clip, write_portrait

#: The number of frames that came back, in the page.
FRAMES = "Number(document.querySelector('#camera-video').dataset.frames || 0)"

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--disable-renderer-backgrounding",
    "--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows",
)  # fmt: skip
#: Patience on a busy machine (milliseconds); nothing waits that long when all is well.
PATIENCE_MS = 60_000


class App:
    """`python app.py` on a free port, with its data and temporary folders of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.data, self.temp = folder / "data", folder / "tmp"
        self.temp.mkdir(parents=True)
        command = [sys.executable, "app.py", "--port", "0", "--data", str(self.data), *options]
        environment = os.environ | {
            "TMPDIR": str(self.temp),
            "GRADIO_TEMP_DIR": str(self.temp / "gradio"),
            "HOME": str(folder),
        }
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.log: list[str] = []
        assert self.process.stderr is not None and self.process.stdout is not None
        threading.Thread(target=self._drain, daemon=True).start()
        said = []
        for line in self.process.stdout:  # what it starts first, such as a model server, and then its address
            said.append(line)
            if found := re.search(r"Beside is at (http://\S+)", line):
                self.url = found[1]
                return
        pytest.fail(f"the app did not start: {''.join(said)} {''.join(self.log)}")

    def _drain(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module")
def start_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., App]]:
    """Start the app with further options; stopped at the module's end."""
    apps: list[App] = []

    def start(*options: str) -> App:
        apps.append(App(tmp_path_factory.mktemp("app"), *options))
        return apps[-1]

    yield start
    for app in apps:
        app.stop()


@pytest.fixture(scope="session")
def portrait_video(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    from skimage import data

    path = write_portrait(data.astronaut(), tmp_path_factory.mktemp("camera") / "portrait.y4m")
    yield path
    path.unlink()


@pytest.fixture(scope="session")
def clip_video(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = write_clip(data / "clips" / "single_face.mp4", tmp_path_factory.mktemp("camera") / "clip.y4m")
    yield path
    path.unlink()


class Visit:
    """One tab, and everything it asked for or complained about."""

    def __init__(self, page: Any, url: str) -> None:
        self.page, self.url = page, url
        self.foreign: list[str] = []
        self.errors: list[str] = []
        self.welcomed = False
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))

    def _note(self, request: Any) -> None:
        if not request.url.startswith((self.url, self.url.replace("http", "ws", 1), "blob:", "data:")):
            self.foreign.append(request.url)

    def open(self, store: bool = False) -> Any:
        """Load the page, accept the first-use notice when it comes, and wait until one can write."""
        page = self.page
        page.goto(self.url, wait_until="domcontentloaded")
        page.wait_for_function("window.Beside && window.Beside.ready")
        self.welcomed = page.locator("#welcome-dialog[open]").count() > 0
        if self.welcomed:
            page.check("#welcome-confirm")
            page.set_checked("#welcome-store", store)
            page.click("#welcome-start")
            page.wait_for_selector("#welcome-dialog", state="hidden")
            page.wait_for_function("document.querySelector('[data-consent=chat]').checked")
            if store:
                page.wait_for_function("document.querySelector('[data-consent=store]').checked")
        return page

    def send(self, words: str) -> None:
        self.page.fill("#message textarea", words)
        self.page.press("#message textarea", "Enter")

    def shown(self) -> str:
        return str(self.page.inner_text("#chat"))

    def wait_for_text(self, words: str, where: str = "#chat") -> None:
        self.page.wait_for_function(
            "([where, words]) => document.querySelector(where)?.innerText.includes(words)", arg=[where, words]
        )

    def wait_until_answered(self) -> None:
        self.page.wait_for_selector("#stop", state="hidden")
        self.page.wait_for_selector("#send", state="visible")

    def talk(self, words: str) -> None:
        """Send, and wait until the reply stands there."""
        before = self.page.locator("#chat .reply-tools").count()
        self.send(words)
        self.page.wait_for_function("n => document.querySelectorAll('#chat .reply-tools').length > n", arg=before)
        self.wait_until_answered()


@contextmanager
def browser_with(camera: Path | None, *further: str) -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (make browser installs it from Debian when it may)")
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed (make browser installs it from Debian when it may)")
    from playwright.sync_api import sync_playwright

    flags = [*FLAGS, *further]
    flags += [f"--use-file-for-fake-video-capture={camera}"] if camera else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def plain_browser() -> Iterator[Any]:
    """No camera file: for tests that never open it."""
    with browser_with(None) as browser:
        yield browser


@pytest.fixture
def visit(plain_browser: Any) -> Iterator[Callable[..., Visit]]:
    """Open a tab in a fresh context; at the end nothing may have been asked of a foreign host."""
    visits: list[Visit] = []

    def start(url: str, **options: Any) -> Visit:
        context = options.pop("context", None) or plain_browser.new_context(**({"locale": "en-GB"} | options))
        visits.append(Visit(context.new_page(), url))
        return visits[-1]

    yield start
    foreign = [address for one in visits for address in one.foreign]
    for one in visits:
        one.page.context.close()
    assert not foreign


def start_camera(one: Visit) -> None:
    one.page.click("#camera-button")
    one.page.wait_for_selector("#ask-dialog[open], #view:not([hidden]), #sensor-problem:not([hidden])")
    if one.page.locator("#ask-dialog[open]").count():
        one.page.click("#ask-yes")
