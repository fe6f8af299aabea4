"""The camera path in a real browser: frames in, landmarks drawn, a state, a sentence, and nothing left behind."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.page.live import HEADER, SOUND
from assistant.page.texts import TEXTS
from assistant.store import Store
from tests.faulty_server import FaultyServer
from tests.page.conftest import FRAMES, App, Visit, browser_with, start_camera

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EN = TEXTS["en"]
#: Frames per second that must reach the server and come back as landmarks, even on two busy cores.
MIN_FPS = 8
DRAWN = """() => { const c = document.querySelector('#overlay'); if (!c.width) return false;
    return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v > 0); }"""
#: How pictures begin: JPEG, PNG, GIF, WebP and AVIF containers, raw video of the fake camera, WebM.
PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"YUV4MPEG", b"\x1a\x45\xdf\xa3")


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with FaultyServer(pieces=["Thank you for telling me. ", "What else?"]) as running:
        yield running


@pytest.fixture(scope="module")
def app(start_app: Callable[..., App], server: FaultyServer) -> App:
    return start_app("--llm", server.url, "--model", "tiny")


def tab(browser: Any, url: str, **options: Any) -> Visit:
    context = browser.new_context(permissions=["camera", "microphone"], locale="en-GB", **options)
    return Visit(context.new_page(), url)


def sound_in(message: str | bytes) -> bytes:
    """The samples in a message of the page's socket, b'' when it holds something else."""
    return message[HEADER.size :] if isinstance(message, bytes) and message[0] == SOUND else b""


def frames_per_second(page: Any, needed: float) -> float:
    """The best rate over two seconds, once it is enough; other programs share the machine."""
    best = 0.0
    for _ in range(15):
        rate = page.evaluate(f"""async () => {{ const [n, t] = [{FRAMES}, performance.now()];
            await new Promise(r => setTimeout(r, 2000));
            return ({FRAMES} - n) / ((performance.now() - t) / 1000); }}""")
        best = max(best, rate)
        if best >= needed:
            break
    return best


def pictures_in(*folders: Path) -> list[Path]:
    files = (file for folder in folders for file in folder.rglob("*") if file.is_file())
    return [file for file in files if any(mark in file.read_bytes() for mark in PICTURES)]


def test_from_the_first_frame_to_the_sentence_in_the_prompt(
    app: App, server: FaultyServer, portrait_video: Path
) -> None:
    with browser_with(portrait_video) as browser:
        one = tab(browser, app.url)
        page = one.open(store=True)
        assert page.evaluate("!document.querySelector('#camera-video').srcObject"), "the camera is off until allowed"
        start_camera(one)
        page.wait_for_function(f"{FRAMES} > 5")
        page.wait_for_selector("#state[data-known=false]")
        assert page.locator("#sensors-on").is_visible(), "no sign at the top that the camera is on"
        page.wait_for_function(DRAWN)
        page.wait_for_selector("#quality[data-quality=ok]")
        page.wait_for_selector("#state[data-known=true]")
        assert frames_per_second(page, MIN_FPS) >= MIN_FPS

        # Not for replies until that is allowed, too.
        assert page.inner_text("#sentence") == EN["sentence_blocked"]
        page.locator("#panel [data-consent=affect]").first.check()
        # The portrait smiles.
        page.wait_for_function("document.querySelector('#sentence').innerText.includes('smiling')")
        one.send("This week was a lot.")
        one.wait_for_text("Thank you for telling me.")
        one.wait_until_answered()
        passed = page.inner_text("#passed-sentence")
        prompt = server.requests[-1].body["messages"][0]["content"]
        assert "smiling" in passed and passed in prompt
        with Store(app.data) as store:
            turn = store.turns()[-1]
        assert turn.affect_sentence == passed and turn.state.known
        assert turn.prompt is not None and passed in turn.prompt.messages[0].content

        page.click("#pause-button")
        one.wait_for_text(EN["paused"], "#quality")
        page.wait_for_function(
            f"async () => {{ const n = {FRAMES}; await new Promise(r => setTimeout(r, 1500)); return {FRAMES} === n; }}"
        )
        one.send("And while paused?")
        one.wait_until_answered()
        one.wait_for_text(EN["passed_none"], "#passed")
        page.click("#pause-button")
        seen = page.evaluate(FRAMES)
        page.wait_for_function(f"{FRAMES} > {seen + 3}")

        assert page.locator("#moments-note").is_hidden(), "brief movements are not watched for until asked"
        page.check("#moments")
        one.wait_for_text("pictures a second", "#moments-note")  # a fake camera here is too slow, and it is said
        page.uncheck("#moments")
        page.wait_for_selector("#moments-note", state="hidden")

        page.click("#forget-button")
        page.click("#ask-yes")
        one.wait_for_text(EN["forgotten"], "#forgotten")
        with Store(app.data) as store:
            assert not any(t.state.known or t.affect_sentence for t in store.turns())
        assert not any(passed.encode() in file.read_bytes() for file in app.data.rglob("*") if file.is_file())

        page.click("#camera-button")
        page.wait_for_selector("#view", state="hidden")
        assert page.evaluate("!document.querySelector('#camera-video').srcObject")
        assert page.locator("#sensors-on").is_hidden()
        assert not one.foreign and not one.errors
    assert not pictures_in(app.data, app.temp)
    assert not list(Path(tempfile.gettempdir()).glob("gradio/**/*.jp*g"))


def test_a_real_clip_is_seen_and_the_microphone_runs_beside_it(app: App, clip_video: Path) -> None:
    with browser_with(clip_video) as browser:
        one = tab(browser, app.url, viewport={"width": 390, "height": 844})
        heard: list[bytes] = []
        one.page.on("websocket", lambda socket: socket.on("framesent", lambda sent: heard.append(sound_in(sent))))
        page = one.open()
        start_camera(one)
        page.wait_for_function(DRAWN)
        page.wait_for_selector("#state[data-known=true]")
        page.click("#microphone-button")
        page.wait_for_selector("#ask-dialog[open], #microphone-button[aria-pressed=true]")
        if page.locator("#ask-dialog[open]").count():
            page.click("#ask-yes")
        one.wait_for_text(EN["microphone_stop"], "#microphone-button")
        for _ in range(100):
            if any(any(samples) for samples in heard):
                break
            page.wait_for_timeout(200)
        assert any(any(samples) for samples in heard), "no sound but silence was sent (the fake microphone beeps)"
        seen = page.evaluate(FRAMES)
        page.wait_for_function(f"{FRAMES} > {seen + 10}")
        # Taking the consent back stops the camera at once.
        page.click("#consents summary")
        page.click("#consents [data-consent=camera]")
        page.wait_for_selector("#view", state="hidden")
        assert not one.foreign and not one.errors
    assert not pictures_in(app.data, app.temp)


@pytest.mark.parametrize(("name", "key"), [
    ("NotFoundError", "err_nodevice"), ("NotAllowedError", "err_denied"), ("NotReadableError", "err_busy"),
])  # fmt: skip
def test_a_camera_that_does_not_open_is_explained(app: App, visit: Callable[..., Visit], name: str, key: str) -> None:
    one = visit(app.url)
    # The error is the browser's own type; only its cause (no device on this machine) is made here.
    one.page.add_init_script(
        f"navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '{name}'));"
    )
    one.open()
    start_camera(one)
    one.wait_for_text(EN[key], "#sensor-problem")
    one.send("I can still write.")
    one.wait_for_text("What else?")


def test_an_insecure_origin_is_explained(app: App, visit: Callable[..., Visit]) -> None:
    one = visit(app.url)
    one.page.add_init_script("Object.defineProperty(window, 'isSecureContext', {get: () => false});")
    one.open()
    start_camera(one)
    one.wait_for_text(EN["err_insecure"], "#sensor-problem")


def test_a_broken_connection_is_explained(app: App, visit: Callable[..., Visit]) -> None:
    one = visit(app.url, permissions=["camera"])
    one.page.route_web_socket("**/live", lambda socket: socket.close())
    one.open()
    start_camera(one)
    one.wait_for_text(EN["err_socket"], "#sensor-problem")
    assert one.page.evaluate("!document.querySelector('#camera-video').srcObject")
