"""The chat's own parts in a real browser: waiting, Markdown, copy and ask again, the first screen, keys, a phone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest

from assistant.page.texts import TEXTS
from tests.faulty_server import FaultyServer
from tests.page.conftest import App, Visit

pytestmark = [pytest.mark.browser]

EN, ZH = TEXTS["en"], TEXTS["zh"]
Start = Callable[..., Visit]
#: Half of a usual phone's height is left above its keyboard.
PHONE, HALF = {"width": 390, "height": 844}, {"width": 390, "height": 422}


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture(scope="module")
def app(start_app: Callable[..., App], server: FaultyServer) -> App:
    return start_app("--llm", server.url)


@pytest.fixture(scope="module")
def guided(start_app: Callable[..., App]) -> App:
    return start_app()


@pytest.fixture(autouse=True)
def calm_server(server: FaultyServer) -> None:
    server.behaviours, server.pieces, server.delay_s = ["ok"], ["That sounds heavy. ", "What weighs most?"], 0.0


def test_waiting_is_visible_and_counts_after_three_seconds(app: App, server: FaultyServer, visit: Start) -> None:
    server.pieces, server.delay_s = ["That sounds heavy."], 8.0
    one = visit(app.url)
    page = one.open()
    one.send("Please take your time.")
    one.wait_for_text(EN["waiting"])
    assert page.inner_text("#chat .typing-seconds") == ""
    page.wait_for_function("/[3-9] s/.test(document.querySelector('#chat .typing-seconds')?.innerText)")
    one.wait_for_text("That sounds heavy.")
    one.wait_until_answered()
    assert page.locator("#chat .typing").count() == 0
    one.wait_for_text(server.models[0], "#status")
    assert "127.0.0.1" not in page.inner_text("#status") and not one.errors


def test_a_models_reasoning_is_shown_as_thinking_and_never_said(app: App, server: FaultyServer, visit: Start) -> None:
    def event(**delta: str) -> bytes:
        chunk = {
            "id": "c",
            "object": "chat.completion.chunk",
            "model": "tiny",
            "choices": [{"index": 0, "delta": delta}],
        }
        return f"data: {json.dumps(chunk)}\n\n".encode()

    thoughts: list[bytes | float | None] = []
    for _ in range(9):
        thoughts += [event(reasoning_content="SECRET thought. "), 0.5]
    server.behaviours, server.raw = ["raw"], [*thoughts, event(content="I hear you. "), b"data: [DONE]\n\n"]
    one = visit(app.url)
    page = one.open()
    one.send("What do you make of it?")
    one.wait_for_text(EN["thinking"])
    page.wait_for_function("/[3-9] s/.test(document.querySelector('#chat .thinking .typing-seconds')?.innerText)")
    one.wait_for_text("I hear you.")
    one.wait_until_answered()
    assert "SECRET" not in one.shown() and page.locator("#chat .typing").count() == 0


def test_markdown_is_shown_from_a_safe_subset(app: App, server: FaultyServer, visit: Start) -> None:
    server.pieces = [
        "Some **bold** and *soft* words.\n\n- first\n- second\n\n> a quote\n\n1. one\n2. two\n\nUse `code` here. ",
        "<b onclick=alert(1)>x</b> [a](http://evil.example) ![i](http://evil.example/i.png)",
    ]
    one = visit(app.url)
    page = one.open()
    one.talk("Show me.")
    reply = page.locator("#chat .bot.message, #chat .message.bot").last
    for selector, words in (
        ("strong", "bold"), ("em", "soft"), ("ul li >> nth=1", "second"), ("blockquote", "a quote"), ("code", "code"),
        ("ol li >> nth=1", "two"),
    ):  # fmt: skip
        assert page.locator(f"#chat .md {selector}").last.inner_text().strip() == words
    assert reply.count() <= 1 and page.locator("#chat a, #chat img, #chat [onclick]").count() == 0
    assert "**" not in one.shown() and not one.foreign and not one.errors


def test_a_reply_is_copied_and_an_earlier_one_asked_again(app: App, server: FaultyServer, visit: Start) -> None:
    one = visit(app.url, permissions=["clipboard-read", "clipboard-write"])
    page = one.open()
    server.pieces = ["The **first** answer stands here."]
    one.talk("One question.")
    server.pieces = ["The second answer stands here."]
    one.talk("Another question.")
    page.locator("#chat .act-copy").first.click()
    one.wait_for_text(EN["copied"])
    assert page.evaluate("navigator.clipboard.readText()") == "The first answer stands here."
    server.pieces = ["A new first answer stands here."]
    page.locator("#chat .act-again").first.click()
    one.wait_for_text("A new first answer")
    one.wait_until_answered()
    said = one.shown()
    assert "The first answer" not in said
    assert said.index("A new first answer") < said.index("Another question") < said.index("The second answer")
    assert "Another question" not in str(server.requests[-1].body["messages"])
    labels = page.evaluate("[...document.querySelectorAll('#chat [aria-label]')].map(e => e.ariaLabel)")
    assert not any("<" in label for label in labels), "a message is named by its HTML"


def test_asking_again_in_guided_mode_never_gives_the_same_text(guided: App, visit: Start) -> None:
    one = visit(guided.url)
    page = one.open()
    one.talk("I argued with my brother about money.")
    seen: set[str] = set()
    for _ in range(5):
        page.wait_for_selector("#chat .act-again >> visible=true")
        said = page.locator("#chat .md").last.inner_text()
        assert said not in seen
        seen.add(said)
        page.locator("#chat .act-again").last.click()
        page.wait_for_function(
            "s => { const all = [...document.querySelectorAll('#chat .md')];"
            " return all.length === 3 && all[2].innerText !== s && document.querySelector('#chat .reply-tools'); }",
            arg=said,
        )
        one.wait_until_answered()


@pytest.mark.parametrize(("locale", "texts", "marks"), [
    ("en-GB", EN, {"mood": "0", "calm": "5", "sleep": "night", "how": "listen"}),
    ("zh-CN", ZH, {"mood": "0", "calm": "一、二、三、四", "sleep": "睡", "how": "听"}),
])  # fmt: skip
def test_the_first_screen_offers_six_ways_to_begin(
    guided: App, visit: Start, locale: str, texts: dict[str, str], marks: dict[str, str]
) -> None:
    one = visit(guided.url, locale=locale)
    page = one.open()
    page.wait_for_function("document.activeElement === document.querySelector('#message textarea')")
    page.wait_for_selector("#invitation >> visible=true")
    assert page.locator("#invitation .starter").count() == 6
    page.click("[data-starter=talk]")
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA" and page.is_visible("#invitation")
    for name, mark in marks.items():
        page.wait_for_selector("#invitation >> visible=true")
        page.click(f"[data-starter={name}]")
        one.wait_for_text(texts[f"starter_{name}_says"])
        page.wait_for_selector("#chat .reply-tools")
        one.wait_until_answered()
        assert page.is_hidden("#invitation")
        assert mark in page.locator("#chat .md").last.inner_text(), name
        page.click("#new")
    assert not one.errors


def test_keys_have_a_help_and_can_be_switched_off(guided: App, visit: Start) -> None:
    one = visit(guided.url)
    page = one.open()
    page.keyboard.press("?")
    assert page.input_value("#message textarea") == "?", "a key is taken while one writes"
    page.fill("#message textarea", "")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    page.wait_for_selector("#keys-dialog[open]")
    page.click("#keys-on")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.tagName") != "TEXTAREA"
    page.click(".keys-hint")
    page.click("#keys-on")
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"


def in_view(page: object, selector: str, height: int) -> bool:
    box = page.locator(selector).last.bounding_box()  # type: ignore[attr-defined]
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= height + 1


def test_a_phones_keyboard_leaves_box_and_last_reply_in_view(guided: App, visit: Start) -> None:
    one = visit(guided.url, viewport=PHONE, has_touch=True, is_mobile=True)
    page = one.page
    page.goto(guided.url, wait_until="domcontentloaded")
    page.wait_for_selector("#welcome-dialog[open]")
    page.set_viewport_size(HALF)
    for dialog in ("#welcome-dialog",):
        box = page.locator(dialog).bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["height"] <= 422
    page.set_viewport_size(PHONE)
    one.open()
    assert "Shift" not in page.inner_text("body") and "Shift" not in (
        page.get_attribute("#message textarea", "placeholder") or ""
    )
    assert page.is_hidden(".keys-hint")
    for words in ("I slept badly.", "It is the third night.", "I keep thinking of work."):
        one.talk(words)
    page.tap("#message textarea")
    page.set_viewport_size(HALF)
    page.wait_for_timeout(600)
    assert in_view(page, "#message textarea", 422) and in_view(page, "#send", 422)
    chat = page.locator("#chat").bounding_box()
    last = page.locator("#chat .md").last.bounding_box()
    assert chat and last and chat["height"] >= 110
    assert last["y"] < chat["y"] + chat["height"] and last["y"] + last["height"] > chat["y"]
    assert last["y"] + last["height"] <= 422


@pytest.mark.parametrize("size", [{"width": 1280, "height": 900}, PHONE])
def test_the_panels_switch_and_sentence_fit_the_window_while_the_camera_runs(
    guided: App, visit: Start, size: dict[str, int]
) -> None:
    one = visit(guided.url, viewport=size, permissions=["camera", "microphone"])
    page = one.open()
    page.click("#camera-button")
    page.click("#ask-yes")
    page.wait_for_selector("#view:not([hidden])")
    page.click("#microphone-button")
    page.click("#ask-yes")
    page.wait_for_selector("#level-row:not([hidden])")
    page.wait_for_function("document.querySelector('#level').value > 0")
    page.evaluate("document.querySelector('#panel').scrollIntoView(); scrollBy(0, -70)")
    for selector in ("#camera-button", "#panel [data-consent=affect] >> nth=0", "#sentence"):
        box = page.locator(selector).first.bounding_box()
        assert box and box["y"] >= 0 and box["y"] + box["height"] <= size["height"], selector
    page.wait_for_selector("#state[data-known=false]")
    told = page.inner_text("#state")
    assert not (EN["quality_ok"] in page.inner_text("#quality") and re.search(r"no face|Not known", told))
    page.click("#pause-button")
    one.wait_for_text(EN["state_unknown"].format(reason=EN["reason_paused"]), "#state")
    assert page.inner_text("#sentence") in {EN["sentence_none"], EN["sentence_blocked"]}
    page.click("#camera-button")
    page.click("#microphone-button")
    page.wait_for_selector("#readings", state="hidden")
