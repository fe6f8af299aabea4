"""The chat in a real browser, against the real app and a model server on loopback that does what each test needs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest

from assistant.notices import NOTICES
from assistant.page.texts import TEXTS
from assistant.store import Store
from tests.faulty_server import FaultyServer
from tests.page.conftest import App, Visit

pytestmark = [pytest.mark.browser]

EN, ZH = TEXTS["en"], TEXTS["zh"]
Start = Callable[..., Visit]
LONG = [f"Sentence number {n} is here. " for n in range(1, 40)]


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture(scope="module")
def app(start_app: Callable[..., App], server: FaultyServer) -> App:
    return start_app("--llm", server.url, "--model", "tiny")


@pytest.fixture(autouse=True)
def calm_server(server: FaultyServer) -> None:
    server.behaviours, server.pieces, server.delay_s = ["ok"], ["That sounds heavy. ", "What weighs most?"], 0.0


def test_a_chat_without_a_camera_streams_and_passes_nothing_on(app: App, server: FaultyServer, visit: Start) -> None:
    server.pieces, server.delay_s = LONG, 0.1
    one = visit(app.url)
    one.open()
    one.send("I had a long day and cannot sleep.")
    one.wait_for_text("Sentence number 2 is here.")
    assert LONG[-1].strip() not in one.shown(), "it came at once instead of streaming"
    one.page.click("#stop")
    one.wait_until_answered()
    assert one.page.inner_text("#passed").strip() == "", "nobody turned a camera on, and yet the page speaks of it"
    sent = server.requests[-1].body["messages"]
    assert sent[-1] == {"role": "user", "content": "I had a long day and cannot sleep."}
    assert "<observation" not in sent[0]["content"]
    assert not one.errors


def test_stop_keeps_what_arrived_and_cancels_at_the_server(app: App, server: FaultyServer, visit: Start) -> None:
    server.pieces, server.delay_s = LONG, 0.15
    one = visit(app.url)
    one.open()
    one.send("Tell me something about patience.")
    one.wait_for_text("Sentence number 2 is here.")
    one.page.click("#stop")
    one.wait_for_text(EN["note_stopped"], "#note")
    assert server.requests[-1].disconnected.wait(60)
    assert "Sentence number 2 is here." in one.shown() and LONG[-1].strip() not in one.shown()


def test_stop_before_the_first_word_leaves_no_reply(app: App, server: FaultyServer, visit: Start) -> None:
    server.behaviours = ["hang_late"]
    one = visit(app.url)
    one.open(store=True)
    one.send("Are you there at all, I wonder?")
    one.page.wait_for_selector("#stop", state="visible")
    one.page.click("#stop")
    one.wait_for_text(EN["note_stopped"], "#note")
    assert server.requests[-1].disconnected.wait(60)
    with Store(app.data) as store:
        turn = next(t for t in store.turns() if t.user_text.startswith("Are you there at all"))
    assert (turn.reply, turn.finish_reason) == ("", "stopped")


def test_html_and_markdown_images_are_shown_as_text_and_fetch_nothing(
    app: App, server: FaultyServer, visit: Start
) -> None:
    nasty = (
        '<img src="http://evil.example/1.png" onerror="alert(1)"> ![x](http://evil.example/2.png) <script>1</script>'
    )
    server.pieces = [
        "Look: <img src=http://evil.example/out.png> ",
        "![y](http://evil.example/out2.png) and that is all.",
    ]
    one = visit(app.url)
    one.open()
    one.send(nasty)
    one.wait_until_answered()
    one.wait_for_text("and that is all")
    assert nasty in one.shown()
    assert one.page.locator("#chat img, #chat script, #chat iframe, #chat a").count() == 0
    assert not one.foreign and not one.errors


def test_a_second_click_while_streaming_is_told_and_sends_nothing(app: App, server: FaultyServer, visit: Start) -> None:
    server.pieces, server.delay_s = LONG, 0.15
    before = len(server.requests)
    one = visit(app.url)
    one.open()
    one.send("The first message of two.")
    one.wait_for_text("Sentence number 1 is here.")
    one.send("The second message, too early.")
    one.wait_for_text(EN["note_busy"], "#note")
    assert one.page.input_value("#message textarea") == "The second message, too early."
    one.page.click("#stop")
    one.wait_until_answered()
    assert len(server.requests) == before + 1
    assert "too early" not in one.shown()


def test_asking_again_and_editing_replace_the_last_turn(app: App, server: FaultyServer, visit: Start) -> None:
    one = visit(app.url)
    one.open(store=True)
    one.send("My neighbour Xaverius is loud.")
    one.wait_for_text("What weighs most?")
    one.wait_until_answered()
    server.pieces = ["Loud neighbours wear one down. ", "Since when?"]
    one.page.click("#retry")
    one.wait_for_text("Since when?")
    one.wait_until_answered()
    assert "What weighs most?" not in one.shown()
    one.page.click("#edit")
    one.page.wait_for_function("document.querySelector('#message textarea').value.includes('Xaverius')")
    server.pieces = ["A dog, then. ", "Do you know it?"]
    one.send("My neighbour's dog is loud.")
    one.wait_for_text("Do you know it?")
    one.wait_until_answered()
    assert "Xaverius" not in one.shown() and one.shown().count("is loud") == 1
    with Store(app.data) as store:
        kept = [turn.user_text for turn in store.turns()]
        titles = [conversation.title for conversation in store.conversations()]
    assert "My neighbour's dog is loud." in kept
    assert not any("Xaverius" in words for words in [*kept, *titles])


def test_quick_hands_lose_no_click_and_see_no_stale_answer(app: App, visit: Start) -> None:
    """Each click comes as soon as the page allows it: Gradio may then be closing its stream of events, or repeating the
    last output of the event before."""
    one = visit(app.url)
    page = one.open()
    for n in range(6):
        one.send(f"Quick thought number {n}.")
        page.wait_for_function("document.querySelector('#message textarea').value === ''")
        one.wait_until_answered()
        one.wait_for_text("What weighs most?")
        page.click("#new")
        page.wait_for_function("!document.querySelector('#chat').innerText.includes('Quick thought')")
        assert page.is_visible("#send") and not page.is_visible("#stop")
    assert not one.errors


def test_two_tabs_are_independent(app: App, server: FaultyServer, visit: Start) -> None:
    first, second = visit(app.url), visit(app.url)
    first.open()
    second.open()
    first.send("Only the first tab says alpha.")
    first.wait_until_answered()
    first.wait_for_text("What weighs most?")
    second.send("Only the second tab says beta.")
    second.wait_for_text("What weighs most?")
    assert "beta" not in first.shown() and "alpha" not in second.shown()
    sent = json.dumps(server.requests[-1].body["messages"])
    assert "beta" in sent and "alpha" not in sent


def test_a_reload_in_the_middle_of_a_reply_loses_nothing(app: App, server: FaultyServer, visit: Start) -> None:
    server.pieces, server.delay_s = LONG[:12], 0.5
    one = visit(app.url)
    one.open()
    one.send("Please reload me in the middle.")
    one.wait_for_text("Sentence number 2 is here.")
    one.page.reload(wait_until="domcontentloaded")
    one.wait_for_text("Please reload me in the middle.")
    one.wait_for_text("Sentence number 12 is here.")
    one.wait_until_answered()
    assert one.page.locator("#welcome-dialog[open]").count() == 0


def test_a_message_that_is_too_long_or_empty_stays_in_the_box(app: App, server: FaultyServer, visit: Start) -> None:
    before = len(server.requests)
    one = visit(app.url)
    one.open()
    one.send("a" * 100_000)
    one.wait_for_text("100000", "#note")
    assert len(one.page.input_value("#message textarea")) == 100_000
    one.send("   ")
    one.wait_for_text(EN["note_empty"], "#note")
    assert len(server.requests) == before


def test_earlier_conversations_open_export_and_delete(app: App, server: FaultyServer, visit: Start) -> None:
    one = visit(app.url)
    page = one.open(store=True)
    one.send("Remember the word quokka, please.")
    one.wait_for_text("What weighs most?")
    one.wait_until_answered()
    page.click("#new")
    page.wait_for_function("!document.querySelector('#chat').innerText.includes('quokka')")

    def choose(key: str) -> None:
        page.click("#history-list li:has-text('quokka') summary")
        page.click(f"#history-list li:has-text('quokka') .menu-item:has-text('{EN[key]}') >> nth=0")

    page.click("#history-list li:has-text('quokka') .open")
    one.wait_for_text("quokka")
    with page.expect_download() as download:
        choose("history_json")
    exported = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert "quokka" in json.dumps(exported)
    with page.expect_download() as download:
        choose("history_html")
    assert "quokka" in download.value.path().read_text(encoding="utf-8")
    choose("history_delete")
    page.click("#ask-no")
    page.wait_for_selector("#ask-dialog", state="hidden")
    assert "quokka" in one.shown()
    choose("history_delete")
    page.click("#ask-yes")
    one.wait_for_text(EN["history_deleted"], "#note")
    assert "quokka" not in one.shown()
    assert not any(b"quokka" in file.read_bytes() for file in app.data.rglob("*") if file.is_file())


def test_each_consent_can_be_taken_back(app: App, server: FaultyServer, visit: Start) -> None:
    one = visit(app.url)
    page = one.open(store=True)
    one.send("A stored thought about pangolins.")
    one.wait_for_text("What weighs most?")
    one.wait_until_answered()
    page.click("#consents summary")
    with page.expect_response("**/beside/consent"):
        page.click("#consents [data-consent=chat]")
    one.send("Is anybody there?")
    one.wait_for_text(EN["note_chat_off"], "#note")
    page.click("#consents [data-consent=store]")
    with page.expect_response("**/beside/consent"):
        page.click("#ask-yes")
    assert not any(b"pangolins" in file.read_bytes() for file in app.data.rglob("*") if file.is_file())


@pytest.mark.parametrize(("locale", "texts"), [("en-GB", EN), ("zh-CN", ZH)])
def test_the_page_follows_the_browsers_language_and_can_be_switched(
    app: App, visit: Start, locale: str, texts: dict[str, str]
) -> None:
    other = ZH if texts is EN else EN
    one = visit(app.url, locale=locale)
    page = one.open()

    def wait_for(expected: dict[str, str]) -> None:
        one.wait_for_text(expected["disclosure"])
        one.wait_for_text(expected["send"], "#send")
        one.wait_for_text(expected["camera_start"], "#camera-button")
        one.wait_for_text(expected["history_title"], "#history")
        assert page.get_attribute("#message textarea", "placeholder") == expected["message_placeholder"]
        assert page.get_by_role("textbox", name=expected["message_label"], exact=True).count() == 1

    wait_for(texts)
    page.select_option("#language", "zh" if texts is EN else "en")
    page.wait_for_function("label => document.querySelector('#send').innerText === label", arg=other["send"])
    wait_for(other)
    visible = page.evaluate("document.querySelector('.gradio-container').innerText")
    leftovers = [t for key, t in texts.items() if len(t) > 3 and "{" not in t and t != other[key] and t in visible]
    assert not leftovers
    if other is ZH:
        english = set(re.findall(r"[A-Za-z]{3,}", visible)) - {"English", "Shift", "JSON", "SOS", "tiny", "Enter"}
        assert not english


def test_minors_get_people_to_call_and_no_chat(app: App, visit: Start) -> None:
    one = visit(app.url)
    page = one.page
    page.goto(app.url, wait_until="domcontentloaded")
    page.wait_for_selector("#welcome-dialog[open]")
    page.keyboard.press("Escape")
    assert page.locator("#welcome-dialog[open]").count() == 1
    page.click("#welcome-dialog [data-act=minor]")
    page.wait_for_selector("#minor-lines a[href^='tel:']")
    page.keyboard.press("Escape")
    assert page.locator("#minor-dialog[open]").count() == 1
    assert not page.is_checked("#consents [data-consent=chat]")


def test_keyboard_reaches_the_box_and_urgent_help_first(app: App, visit: Start) -> None:
    one = visit(app.url)
    page = one.open()
    page.reload(wait_until="domcontentloaded")  # then the focus begins at the top, as for a returning visitor
    page.wait_for_function("window.Beside && window.Beside.ready")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.act") == "skip"
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.act") == "sos"
    page.keyboard.press("Enter")
    page.wait_for_selector("#sos-dialog[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("#sos-dialog", state="hidden")
    page.focus("[data-act=skip]")
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement === document.querySelector('#message textarea')")
    assert page.get_attribute("#chat [role=log]", "aria-live") == "polite"
    unnamed = page.evaluate("""() => [...document.querySelectorAll('button, select, input, textarea')]
        .filter(e => e.checkVisibility() && !(e.innerText || e.getAttribute('aria-label') || e.labels?.length))
        .map(e => e.outerHTML)""")
    assert not unnamed


@pytest.mark.parametrize("width", [360, 390])
def test_a_phone_wide_window_needs_no_sideways_scrolling(app: App, visit: Start, width: int) -> None:
    one = visit(app.url, viewport={"width": width, "height": 740}, has_touch=True)
    page = one.open()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator("#message textarea").bounding_box()
    assert box is not None and box["y"] + box["height"] <= 740
    assert page.locator("#header .sos").is_visible()
    small = page.evaluate("""() => [...document.querySelectorAll('#header button, #composer button, #panel .button')]
        .map(e => [e, e.getBoundingClientRect()])
        .filter(([e, r]) => e.checkVisibility() && (r.height < 24 || r.width < 24)).length""")
    assert small == 0


def test_a_model_server_that_dies_in_mid_reply_costs_no_word(start_app: Callable[..., App], visit: Start) -> None:
    with FaultyServer(pieces=LONG, delay_s=0.3) as dying:
        app = start_app("--llm", dying.url, "--model", "tiny")
        one = visit(app.url)
        page = one.open(store=True)
        one.send("I keep turning this over in my mind.")
        one.wait_for_text("Sentence number 2 is here.")
        dying.kill()
        one.wait_for_text(NOTICES["model_broke_off"]["en"])
        one.wait_until_answered()
        said = one.shown()
        assert "Sentence number 2 is here." in said
        assert said.split(NOTICES["model_broke_off"]["en"])[1].strip(), "the guided companion did not carry on"
        one.wait_for_text(EN["status_down"], "#status")
        one.send("And now?")
        one.wait_for_text(NOTICES["model_silent"]["en"])
        one.wait_until_answered()
    with Store(app.data) as store:
        broken, silent = store.turns()
    assert broken.user_text == "I keep turning this over in my mind." and "tiny" in broken.error
    assert broken.reply.startswith("Sentence number 1 is here.") and silent.user_text == "And now?"
    # Urgent help needs neither the model nor the app: it is in the page.
    page.click("#header .sos")
    page.wait_for_selector("#sos-lines a[href^='tel:']")
    assert "999" in page.inner_text("#sos-lead") and "[object" not in page.inner_text("#sos-dialog")
    page.click("#sos-dialog [data-act=close]")
    app.stop()
    page.click("#header .sos")
    page.wait_for_selector("#sos-lines a[href^='tel:']")
    assert page.locator("#sos-lines li").count() >= 1
    assert not any("turning this over" in line for line in app.log), "the log holds what the person wrote"


def test_words_of_danger_get_the_fixed_path_while_the_model_hangs(app: App, server: FaultyServer, visit: Start) -> None:
    server.behaviours = ["hang_early"]
    before = len(server.requests)
    one = visit(app.url)
    one.open()
    one.send("I have the pills here and I am going to take them all tonight.")
    one.wait_until_answered()
    one.wait_for_text("call")
    assert len(server.requests) == before
