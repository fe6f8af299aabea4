"""The gallery of exercises and the breathing pacer in a browser: both languages, desktop and phone, by keyboard."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from assistant.guided.exercises import EXERCISES, NEEDS
from assistant.page.build import STATIC
from assistant.page.document import head
from assistant.page.texts import LOCALES, TEXTS
from llm.types import Locale
from tests.fakes import HELP
from tests.page.conftest import App, Visit

Start = Callable[..., Visit]
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
BOTH = [("en", "en-GB"), ("zh", "zh-CN")]
#: How large the pacer's circle is drawn, as a share of its own size.
SCALE = "new DOMMatrix(getComputedStyle(document.querySelector('#pacer-circle')).transform).a"


def stand_still(page: Any) -> None:
    """From now on time passes in the page only when a test says so: a busy machine must not count as breath."""
    page.clock.install()
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 5)


@pytest.fixture(scope="module")
def app(start_app: Callable[..., App]) -> App:
    return start_app()


@pytest.mark.parametrize("locale", LOCALES)
def test_the_page_carries_every_exercise_and_a_name_for_every_need(locale: Locale) -> None:
    sent = head(HELP, can_store=False)
    for exercise in EXERCISES.values():
        for words in (exercise.script(locale).title, exercise.script(locale).careful):
            assert json.dumps(words, ensure_ascii=False)[1:-1] in sent
    assert all(f"need_{need}" in TEXTS[locale] for need in NEEDS)
    assert '"gallery"' in (STATIC / "invitation.html").read_text(encoding="utf-8")


@pytest.mark.browser
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize(("locale", "language"), BOTH)
def test_an_exercise_is_found_by_need_and_time_and_begins_in_the_chat(
    app: App, visit: Start, locale: Locale, language: str, size: dict[str, Any]
) -> None:
    one, texts = visit(app.url, locale=language, **size), TEXTS[locale]
    page = one.open()
    page.click("#invitation [data-act=gallery]")
    page.wait_for_selector("#gallery-dialog[open]")
    items = page.get_by_role("list", name=texts["gallery_title"]).get_by_role("listitem")
    assert items.count() == len(EXERCISES)
    page.select_option("#gallery-need", "sleep")
    page.select_option("#gallery-time", "5")
    fitting = [e for e in EXERCISES.values() if "sleep" in e.needs and e.minutes <= 5]
    assert 1 <= len(fitting) == items.count() < len(EXERCISES)
    assert page.inner_text("#gallery-count") == texts["gallery_count"].format(count=len(fitting))
    page.select_option("#gallery-need", "urges")
    assert items.count() == 0 and page.inner_text("#gallery-count") == texts["gallery_none"]
    page.select_option("#gallery-time", "")
    script, surf = EXERCISES["surf"].script(locale), page.locator("#gallery-list li").first
    shown = surf.inner_text()
    assert script.about in shown and script.careful in shown and "Marlatt and Gordon 1985" in shown
    note = EXERCISES["surf"].sources[0].note(locale)
    assert surf.get_by_text(note).is_hidden()
    surf.locator("summary").click()
    assert surf.get_by_text(note).is_visible()
    dialog = page.locator("#gallery-dialog")
    assert dialog.evaluate("e => e.scrollWidth <= e.clientWidth")
    page.get_by_role("button", name=f"{texts['gallery_start']}: {script.title}").click()
    page.wait_for_selector("#gallery-dialog", state="hidden")
    one.wait_for_text(script.asks)
    one.wait_for_text(script.steps[0].say)
    one.wait_until_answered()
    assert page.input_value("#message textarea") == "" and not one.errors


@pytest.mark.browser
@pytest.mark.parametrize(("size", "opener"), [(DESK, "#gallery-open"), (PHONE, "#exercises")], ids=["desktop", "phone"])
def test_the_gallery_is_in_reach_in_the_middle_of_a_talk_and_keeps_a_draft(
    app: App, visit: Start, size: dict[str, Any], opener: str
) -> None:
    one = visit(app.url, locale="en-GB", **size)
    page = one.open()
    one.talk("My week was long.")
    page.fill("#message textarea", "half a thought")
    assert page.is_visible(opener)
    page.click(opener)
    page.click("[data-act=exercise][data-name=scan]")
    one.wait_for_text(EXERCISES["scan"].script("en").steps[0].say)
    page.wait_for_function("document.querySelector('#message textarea').value === 'half a thought'")
    one.wait_until_answered()
    page.wait_for_timeout(500)
    assert page.input_value("#message textarea") == "half a thought"


@pytest.mark.browser
@pytest.mark.parametrize(("locale", "language"), BOTH)
def test_by_keyboard_alone_from_the_side_to_the_first_step(
    app: App, visit: Start, locale: Locale, language: str
) -> None:
    one = visit(app.url, locale=language, **DESK)
    page = one.open()
    inside = "document.querySelector('#gallery-dialog').contains(document.activeElement)"
    page.focus("#gallery-open")
    page.keyboard.press("Enter")
    page.wait_for_selector("#gallery-dialog[open]")
    assert page.evaluate("document.activeElement.id") == "gallery-need"
    page.keyboard.press("Escape")
    page.wait_for_selector("#gallery-dialog", state="hidden")
    assert page.evaluate("document.activeElement.id") == "gallery-open"
    page.keyboard.press("Enter")
    page.wait_for_selector("#gallery-dialog[open]")
    for key in ["Shift+Tab"] * 8 + ["Tab"] * 20:  # around both ends: behind an open dialog nothing takes the focus
        page.keyboard.press(key)
        assert page.evaluate(f"{inside} || document.activeElement === document.body")
    page.focus("#gallery-need")
    page.keyboard.press("ArrowDown")
    assert page.input_value("#gallery-need") == NEEDS[0]
    for _ in range(12):
        if page.evaluate("document.activeElement.dataset.name") == "grounding":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    one.wait_for_text(EXERCISES["grounding"].script(locale).steps[0].say)
    one.wait_until_answered()
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA", "the answer can be written at once"


@pytest.mark.browser
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize(("locale", "language"), BOTH)
def test_the_pacer_breathes_and_stops(
    app: App, visit: Start, locale: Locale, language: str, size: dict[str, Any]
) -> None:
    one, texts = visit(app.url, locale=language, **size), TEXTS[locale]
    page = one.open()
    page.click("#invitation [data-act=gallery]")
    stand_still(page)
    page.evaluate("""() => { window.told = []; new MutationObserver(() =>
        window.told.push(document.querySelector('#pacer-said').textContent)
    ).observe(document.querySelector('#pacer-said'), {childList: true}); }""")
    page.click("[data-act=pacer][data-pace='4-6']")
    assert page.evaluate("document.activeElement.id") == "pacer-toggle"
    assert page.is_checked("#pacer-dialog [value='4-6']")
    page.clock.run_for(2_500)
    assert page.inner_text("#pacer-word") == texts["pacer_in"]
    assert page.inner_text("#pacer-count") == ""
    page.clock.run_for(4_000)
    assert page.inner_text("#pacer-word") == texts["pacer_out"]
    assert page.inner_text("#pacer-round") == texts["pacer_round"].format(round=1, rounds=12)
    page.clock.run_for(6_000)
    assert page.inner_text("#pacer-round") == texts["pacer_round"].format(round=2, rounds=12)
    told = page.evaluate("window.told")
    said = [texts["pacer_said"].format(part=texts[part], seconds=n) for part, n in (("pacer_in", 4), ("pacer_out", 6))]
    assert told == [texts["pacer_ready"], *said, said[0]], "screen readers hear each part once, and no seconds"
    page.keyboard.press("Enter")
    assert page.inner_text("#pacer-word") == texts["pacer_stopped"]
    page.clock.run_for(20_000)
    assert page.inner_text("#pacer-word") == texts["pacer_stopped"]
    page.keyboard.press("Enter")
    page.clock.run_for(123_000)
    assert page.inner_text("#pacer-word") == texts["pacer_done"]
    assert page.inner_text("#pacer-toggle") == texts["pacer_start"]
    box = page.locator("#pacer-dialog").bounding_box()
    assert box and box["y"] >= 0 and box["y"] + box["height"] <= size["viewport"]["height"]
    assert page.locator("#pacer-dialog").evaluate("e => e.scrollWidth <= e.clientWidth")
    page.keyboard.press("Escape")
    assert page.locator("#pacer-dialog[open]").count() == 0 and page.locator("#gallery-dialog[open]").count() == 1
    assert not one.errors


@pytest.mark.browser
def test_the_circle_follows_the_breath_and_another_pace_begins_anew(app: App, visit: Start) -> None:
    one = visit(app.url, **DESK)
    page = one.open()
    page.click("#invitation [data-act=gallery]")
    page.click("[data-act=pacer][data-pace='4-6']")
    assert page.evaluate(SCALE) < 0.6
    page.wait_for_selector("#pacer[data-part=out]")
    full = page.evaluate(SCALE)
    page.wait_for_timeout(2_000)
    assert 0.9 < full <= 1 and page.evaluate(SCALE) < full
    page.check("#pacer-dialog [value='4-4-4-4']")
    page.wait_for_selector("#pacer[data-part='']")
    page.wait_for_selector("#pacer[data-part=hold]")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.pace") == "4-6", "the focus returns to what opened it"


@pytest.mark.browser
def test_where_motion_is_reduced_the_words_count_down(app: App, visit: Start) -> None:
    one = visit(app.url, reduced_motion="reduce", **PHONE)
    page = one.open()
    page.click("#invitation [data-act=gallery]")
    stand_still(page)
    page.click("[data-act=pacer][data-pace='4-4-4-4']")
    page.clock.run_for(2_100)
    counts = []
    for _ in range(8):
        counts.append(page.inner_text("#pacer-count"))
        assert page.evaluate(SCALE) == 1
        page.clock.run_for(1_000)
    assert counts == ["4", "3", "2", "1", "4", "3", "2", "1"]


@pytest.mark.browser
def test_where_a_breath_is_at_any_second(app: App, visit: Start) -> None:
    page = visit(app.url).open()
    at = "async ([pace, s]) => (await import(new URL('beside/static/pacer.js', document.baseURI))).at(pace, s)"
    rows = [
        ("4-4-4-4", 0, "in", 4, 1), ("4-4-4-4", 3.9, "in", 1, 1), ("4-4-4-4", 4, "hold", 4, 1),
        ("4-4-4-4", 15, "rest", 1, 1), ("4-4-4-4", 16, "in", 4, 2), ("4-6", 4, "out", 6, 1),
        ("4-6", 119.9, "out", 1, 12),
    ]  # fmt: skip
    for pace, second, part, left, round_ in rows:
        now = page.evaluate(at, [pace, second])
        assert (now["part"], now["left"], now["round"]) == (part, left, round_), (pace, second)
    assert page.evaluate(at, ["4-6", 120]) is None and page.evaluate(at, ["4-4-4-4", 128]) is None


@pytest.mark.browser
@pytest.mark.parametrize(("locale", "language", "panic", "box"), [
    ("en", "en-GB", "HELP im having a panic attack right now", "Let's do box breathing."),
    ("zh", "zh-CN", "救命，我现在惊恐发作了", "我想做方块呼吸。"),
])  # fmt: skip
def test_the_pacer_is_offered_beside_breathing_and_panic(
    app: App, visit: Start, locale: Locale, language: str, panic: str, box: str
) -> None:
    one = visit(app.url, locale=language, **DESK)
    page = one.open()
    one.talk({"en": "I had soup for lunch.", "zh": "我中午喝了碗汤。"}[locale])
    assert page.locator("#chat .act-pace").count() == 0
    for words, pace in ((box, "4-4-4-4"), (panic, "4-6")):
        one.talk(words)
        offered = page.locator("#chat .act-pace").last
        assert offered.inner_text() == TEXTS[locale]["pacer_open"]
        offered.click()
        page.wait_for_selector("#pacer-dialog[open]")
        assert page.is_checked(f"#pacer-dialog [value='{pace}']")
        page.keyboard.press("Escape")
        page.wait_for_selector("#pacer-dialog", state="hidden")
    page.locator("#chat .act-copy").last.click()
    assert not one.errors
