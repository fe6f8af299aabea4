"""Coming and going: Back and Forward, drafts, a second person, the list of conversations."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from assistant.page.identity import COOKIE, identity_in, person_of, set_cookie
from assistant.page.texts import TEXTS
from assistant.store import Store
from tests.page.conftest import App, Visit

EN = TEXTS["en"]
Start = Callable[..., Visit]


@pytest.fixture(scope="module")
def app(start_app: Callable[..., App]) -> App:
    return start_app()


@pytest.mark.browser
@pytest.mark.parametrize("stored", [False, True])
def test_back_forward_and_links_never_lose_a_conversation(app: App, visit: Start, stored: bool) -> None:
    one = visit(app.url)
    page = one.open(store=stored)
    one.talk("My sister moved away in May.")
    page.goto("about:blank")
    page.go_back()
    one.wait_for_text("My sister moved away in May.")
    page.goto(app.url)
    one.wait_for_text("My sister moved away in May.")
    page.go_back()
    page.go_forward()
    one.wait_for_text("My sister moved away in May.")
    page.wait_for_function("window.Beside && window.Beside.ready")
    assert page.locator("#welcome-dialog[open]").count() == 0


@pytest.mark.browser
def test_a_draft_survives_a_reload_and_goes_when_it_is_sent(app: App, visit: Start) -> None:
    one = visit(app.url)
    page = one.open()
    page.fill("#message textarea", "Half a thought about")
    page.reload(wait_until="domcontentloaded")
    page.wait_for_function("document.querySelector('#message textarea')?.value === 'Half a thought about'")
    page.click("#send")
    one.wait_for_text("Half a thought about")
    one.wait_until_answered()
    page.reload(wait_until="domcontentloaded")
    page.wait_for_function("window.Beside && window.Beside.ready")
    assert page.input_value("#message textarea") == ""
    assert not any(b"Half a thought" in file.read_bytes() for file in app.data.rglob("*") if file.is_file())


@pytest.mark.browser
def test_a_copied_tab_starts_a_conversation_of_its_own(app: App, visit: Start) -> None:
    one = visit(app.url)
    page = one.open()
    one.talk("This tab talks about herons.")
    with page.context.expect_page() as opened:
        page.evaluate("window.open(location.href)")  # copies the sessionStorage
    other = opened.value
    other.wait_for_function("window.Beside && window.Beside.ready")
    assert "herons" not in other.inner_text("#chat") and "herons" in one.shown()


@pytest.mark.browser
def test_a_second_person_sees_the_notice_and_nothing_of_the_first(app: App, visit: Start) -> None:
    first = visit(app.url)
    first.open(store=True)
    first.talk("Only I know about the walrus.")
    first.page.wait_for_selector("#history-list li:has-text('walrus')")
    second = visit(app.url)
    second.open(store=True)
    assert second.welcomed
    assert "walrus" not in second.page.inner_text("body")
    stolen = first.page.evaluate("document.querySelector('#history-list li').dataset.id")
    for call in ("rename", "export", "pin"):
        status = second.page.evaluate(
            """async ([call, id]) => (await fetch(`beside/${call}`, {method: "POST", headers: {
                "Content-Type": "application/json", "X-Beside-Token": sessionStorage.getItem("beside-session")},
                body: JSON.stringify({conversation: id, format: "json", title: "mine", pinned: true})})).status""",
            [call, stolen],
        )
        assert status == 400
    second.page.click("#history-delete-all") if second.page.is_visible("#history-delete-all") else None
    again = visit(app.url, context=first.page.context)
    again.open()
    assert not again.welcomed
    again.page.wait_for_selector("#history-list li:has-text('walrus')")
    with Store(app.data) as store:
        held = store.conversations()
        identity = next(c["value"] for c in first.page.context.cookies() if c["name"] == COOKIE)
        assert person_of({COOKIE: identity}) and store.conversations(person_of({COOKIE: identity}))
        assert len(store.conversations(person_of({COOKIE: identity}))) < len(held) or len(held) == 1
    assert not any(identity.encode() in file.read_bytes() for file in app.data.rglob("*") if file.is_file())


@pytest.mark.browser
def test_conversations_are_searched_renamed_pinned_and_deleted(app: App, visit: Start) -> None:
    one = visit(app.url, timezone_id="Asia/Tokyo")
    page = one.open(store=True)
    for words in ("hi, so I just wanted to say that my exam is on Friday. I cannot sleep.", "The neighbours are loud."):
        one.talk(words)
        page.click("#history [data-act=new]")
        page.wait_for_selector("#invitation >> visible=true")
    titles = page.locator("#history-list .title")
    page.wait_for_function("document.querySelectorAll('#history-list li').length === 2")
    assert titles.all_inner_texts() == ["The neighbours are loud", "My exam is on Friday"]
    stamp, shown = page.evaluate("""() => { const t = document.querySelector('#history-list time');
        return [t.dateTime, t.innerText]; }""")
    hour = (int(stamp[11:13]) + 9) % 24
    assert re.search(rf"\b{hour:02}:{stamp[14:16]}", shown), "not the time of the browser's zone"

    def menu(title: str, key: str) -> None:
        page.click(f"#history-list li:has-text('{title}') summary")
        page.locator(f"#history-list li:has-text('{title}') .menu-item", has_text=EN[key]).first.click()

    menu("exam", "history_pin")
    page.wait_for_function("document.querySelector('#history-list li').innerText.includes('exam')")
    menu("neighbours", "history_rename")
    page.fill("#name-input", "Noise at night")
    page.press("#name-input", "Enter")
    page.wait_for_selector("#history-list li:has-text('Noise at night')")
    page.fill("#history-search", "NEIGHBOURS ARE")
    page.wait_for_function("document.querySelectorAll('#history-list li').length === 1")
    assert titles.all_inner_texts() == ["Noise at night"]
    page.fill("#history-search", "nothing of the kind")
    one.wait_for_text(EN["history_not_found"], "#history-none")
    page.fill("#history-search", "")
    page.wait_for_function("document.querySelectorAll('#history-list li').length === 2")
    page.click("#history-list li:has-text('exam') .open")
    one.wait_for_text("my exam is on Friday")
    menu("exam", "history_delete")
    page.click("#ask-yes")
    one.wait_for_text(EN["history_deleted"], "#note")
    page.wait_for_function("document.querySelectorAll('#history-list li').length === 1")
    assert not one.errors


def test_an_identity_is_long_kept_and_hidden() -> None:
    first, other = (set_cookie({}, "", False, True) for _ in range(2))
    value = first.split("=", 1)[1].split(";")[0]
    assert len(value) == 43 and first != other
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in first.split(";")}
    assert "Secure" in set_cookie({}, "/x", True, False) and "Max-Age" not in set_cookie({}, "/x", True, False)
    assert value in set_cookie({COOKIE: value}, "", False, True)
    assert value not in person_of({COOKIE: value}) and len(person_of({COOKIE: value})) == 64


@pytest.mark.parametrize("value", ["", "short", "x" * 44, "a;b" + "x" * 40, "ü" * 43])
def test_a_malformed_identity_is_none(value: str) -> None:
    assert identity_in({COOKIE: value}) == "" and person_of({COOKIE: value}) == ""
