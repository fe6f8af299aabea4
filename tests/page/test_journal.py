"""Journal and memory on the page: what the calls keep and refuse, and both dialogs in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.guided import Guided
from assistant.guided.exercises import EXERCISES
from assistant.journal import Goal, Line, Mood, Practice
from assistant.page.consents import Consents
from assistant.page.keeping import Keeping
from assistant.page.server import answer
from assistant.page.session import Services, Session, Sessions
from assistant.page.status import ModelStatus
from assistant.page.texts import TEXTS
from assistant.store import Store
from llm.types import Prompt, Reply
from tests.fakes import HELP
from tests.page.conftest import App, Visit

Start = Callable[..., Visit]


class Asked:
    """A language model that keeps what it was told."""

    name = "asked"

    def __init__(self) -> None:
        self.told: list[str] = []

    def stream(self, prompt: Prompt, tell: Any = None) -> Generator[str, None, Reply]:
        self.told.append(prompt.messages[0].content)
        yield "I hear you."
        return Reply("I hear you.", self.name, "stop")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


@pytest.fixture
def model() -> Asked:
    return Asked()


@pytest.fixture
def sessions(store: Store, model: Asked) -> Sessions:
    return Sessions(Services(model, Guided(), Keeping(store), ModelStatus("asked"), HELP))


@pytest.fixture
def session(sessions: Sessions) -> Session:
    made = sessions.open("", "en", "page", "anna")
    made.consents = Consents(chat=True, store=True, memory=True)
    return made


def call(sessions: Sessions, session: Session, which: str, /, **body: Any) -> dict[str, Any]:
    return dict(json.loads(bytes(answer(which, sessions, session, body).body)))


def say(session: Session, words: str) -> None:
    reply = session.say(words)
    assert reply is not None and reply.join(30)


def test_memory_is_a_consent_of_its_own_and_off_at_first(sessions: Sessions) -> None:
    fresh = sessions.open("", "en", "another page", "bela")
    assert not fresh.consents.memory and not Consents().memory
    call(sessions, fresh, "consent", name="store", on=True)
    with pytest.raises(ValueError, match="memory"):
        call(sessions, fresh, "journal-save", kind="line", entry={"words": "My name is Bela"})
    assert call(sessions, fresh, "consent", name="memory", on=True)["consents"]["memory"]
    assert call(sessions, fresh, "journal-save", kind="line", entry={"words": "My name is Bela"})["saved"]


def test_only_lines_that_are_on_reach_a_model_and_deleted_ones_never(
    sessions: Sessions, session: Session, store: Store, model: Asked
) -> None:
    for words, on in (("I live in Hull", True), ("I am 34", False), ("My dog died", True)):
        call(sessions, session, "journal-save", kind="line", entry={"words": words, "on": on})
    say(session, "Good evening to you.")
    assert "- My dog died\n- I live in Hull" in model.told[0] and "I am 34" not in model.told[0]
    ids = {entry.body.words: entry.id for entry in store.journal.entries() if isinstance(entry.body, Line)}
    call(sessions, session, "journal-delete", ids=[ids["My dog died"]])
    call(sessions, session, "journal-save", kind="line", id=ids["I live in Hull"], entry={"words": "I live in Leeds"})
    say(session, "It was a long day.")
    assert "- I live in Leeds\n</remembered>" in model.told[1] and not {"Hull", "died"} & set(model.told[1].split())
    stored = store.export_json("anna")
    assert "Hull" not in stored and "My dog died" not in stored, "the record of a turn holds no remembered line"
    call(sessions, session, "consent", name="memory", on=False)
    say(session, "Good night.")
    assert "<remembered>" not in model.told[2]


def test_a_conversation_that_is_not_kept_writes_nothing_and_is_told_nothing(
    sessions: Sessions, session: Session, store: Store, model: Asked
) -> None:
    call(sessions, session, "journal-save", kind="line", entry={"words": "I live in Hull"})
    session.consents = Consents(chat=True, memory=True)
    say(session, "My name is Anna and I work as a nurse.")
    assert "<remembered>" not in model.told[0]
    for name, body in (
        ("journal", {}), ("suggest", {}), ("journal-save", {"kind": "mood", "entry": {"score": 5}}),
        ("journal-delete", {"ids": []}), ("export", {"everything": True, "format": "json"}),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="no call"):
            call(sessions, session, name, **body)
    assert [entry.body for entry in store.journal.entries()] == [Line("I live in Hull")] and store.turns() == ()


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_what_is_practised_in_a_kept_conversation_stands_in_the_journal(store: Store, locale: Any) -> None:
    sessions = Sessions(Services(Guided(), Guided(), Keeping(store), ModelStatus("guided"), HELP))
    session = sessions.open("", locale, "page", "anna")
    session.consents = Consents(chat=True)
    words = {"en": "Can we do box breathing?", "zh": "带我做方块呼吸"}[locale]
    say(session, words)
    assert store.journal.entries() == ()
    call(sessions, session, "consent", name="store", on=True)
    (entry,) = store.journal.entries("anna")
    assert entry.body == Practice("box") and entry.conversation_id == session.conversation_id
    shown = call(sessions, session, "journal")
    assert shown["exercises"]["box"] == EXERCISES["box"].script(locale).title
    with pytest.raises(ValueError, match="practised"):
        call(sessions, session, "journal-save", kind="practice", entry={"exercise": "box", "finished": True})


def test_suggestions_come_from_kept_conversations_and_remember_which(
    sessions: Sessions, session: Session, store: Store
) -> None:
    say(session, "My name is Anna, and my sister lives in Leeds.")
    found = call(sessions, session, "suggest")["suggestions"]
    assert [one["words"] for one in found] == ["My name is Anna", "My sister lives in Leeds"]
    assert store.journal.entries() == (), "nothing is remembered by being suggested"
    call(
        sessions, session, "journal-save", kind="line", entry={"words": found[0]["words"]},
        conversation=found[0]["conversation"],
    )  # fmt: skip
    call(sessions, session, "journal-save", kind="line", entry={"words": "I am 34"}, conversation="somebody else's")
    assert [e.conversation_id for e in store.journal.entries()] == [session.conversation_id, ""]
    left = call(sessions, session, "suggest")["suggestions"]
    assert [one["words"] for one in left] == ["My sister lives in Leeds"]
    session.consents = session.consents.changed("memory", False)
    assert call(sessions, session, "suggest")["suggestions"] == []


def test_words_that_point_to_danger_bring_the_crisis_lines_and_are_no_line_to_remember(
    sessions: Sessions, session: Session, store: Store
) -> None:
    entry = {"score": 1, "note": "I want to kill myself"}
    assert call(sessions, session, "journal-save", kind="mood", entry=entry) == {"saved": True, "help": True}
    calm = call(sessions, session, "journal-save", kind="mood", entry={"score": 1, "note": "a bad day"})
    assert calm == {"saved": True, "help": False}
    line = call(sessions, session, "journal-save", kind="line", entry={"words": "I want to kill myself"})
    assert line == {"saved": False, "help": True}
    assert not any(isinstance(entry.body, Line) for entry in store.journal.entries())


def test_a_persons_entries_are_no_others(sessions: Sessions, session: Session, store: Store) -> None:
    entry = store.journal.add(Mood(3, "mine"), "2026-11-21T10:00:00+00:00", "anna")
    other = sessions.open("", "en", "another page", "bela")
    other.consents = Consents(chat=True, store=True, memory=True)
    assert call(sessions, other, "journal")["entries"] == []
    with pytest.raises(ValueError, match="no such entry"):
        call(sessions, other, "journal-save", kind="mood", id=entry.id, entry={"score": 9})
    call(sessions, other, "journal-delete", ids=[entry.id])
    assert [row["note"] for row in call(sessions, session, "journal")["entries"]] == ["mine"]
    for bad in (
        {"kind": "mood", "entry": {"score": 12}},
        {"kind": "mood"},
        {"kind": "mood", "entry": {}, "at": "soon"},
    ):
        with pytest.raises(ValueError, match=r"\S"):
            call(sessions, session, "journal-save", **bad)


def test_everything_is_exported_and_deleted_with_the_rest(sessions: Sessions, session: Session, store: Store) -> None:
    call(sessions, session, "journal-save", kind="mood", entry={"score": 3, "note": "an <i>odd</i> day"})
    body = {"everything": True, "format": "html"}
    page = bytes(answer("export", sessions, session, body).body).decode()
    assert "an &lt;i&gt;odd&lt;/i&gt; day" in page and "3/10" in page
    assert call(sessions, session, "export", everything=True, format="json")["journal"][0]["score"] == 3
    with pytest.raises(ValueError, match="json or html"):
        answer("export", sessions, session, {"everything": True, "format": "exe"})
    assert session.keeping.delete_all() and store.journal.entries() == ()


# ---- in the browser


@pytest.fixture(scope="module")
def app(start_app: Callable[..., App]) -> App:
    return start_app()


LOCALES = pytest.mark.parametrize("locale", ["en", "zh"])
WORDS = {
    "en": ("en-GB", "Can we do box breathing?", "My name is Anna and I work as a nurse.", "I work as a nurse"),
    "zh": ("zh-CN", "带我做方块呼吸", "我叫小雨，我在医院上班。", "我在医院上班"),
}


@pytest.mark.browser
@LOCALES
def test_a_journal_is_kept_read_changed_and_deleted(app: App, visit: Start, locale: Any) -> None:
    browser, ask, _, _ = WORDS[locale]
    texts = TEXTS[locale]
    one = visit(app.url, locale=browser, timezone_id="Asia/Tokyo")
    page = one.open(store=True)
    one.talk(ask)
    page.click("[data-act=journal]")
    one.wait_for_text(EXERCISES["box"].script(locale).title, "#practised")
    page.click("#mood-form [type=submit]")
    one.wait_for_text(texts["mood_first"], "#journal-dialog .problem")
    # By keyboard alone: the number, the words, the button.
    page.focus("#mood-numbers input >> nth=3")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    page.keyboard.type("<b>slept</b> badly")
    page.focus("#mood-form [type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#moods .score >> text=4")
    assert "<b>slept</b> badly" in page.inner_text("#moods") and page.input_value("#mood-note") == ""
    assert page.locator("#plot circle").count() == 1 and page.locator("#plot .plot-mark").count() == 1
    assert page.get_attribute("#plot svg", "role") == "img" and page.get_attribute("#plot svg", "aria-label")
    page.click("#plot-table summary")
    cells = page.locator("#plot-table tbody tr >> nth=0 >> td").all_inner_texts()
    assert cells == ["4", EXERCISES["box"].script(locale).title]
    page.click("#moods .entry-tools button >> nth=0")
    page.check("#mood-numbers input[value='9']", force=True)
    page.click("#mood-form [type=submit]")
    page.wait_for_selector("#moods .score >> text=9")
    page.fill("#goal-form input", "Get outside")
    page.press("#goal-form input", "Enter")
    page.wait_for_selector("#goals .goal")
    page.fill("#goals .goal form input", "Walk home")
    page.press("#goals .goal form input", "Enter")
    page.check("#goals .goal ul .tick input")
    page.click("#week-this")
    one.wait_for_text("Walk home", "#weeks")
    assert "9" in page.inner_text("#weeks") and "<b>slept</b> badly" in page.inner_text("#weeks .notes")
    with Store(app.data) as store:
        bodies = [entry.body for entry in store.journal.entries()]
    goal = next(body for body in bodies if isinstance(body, Goal))
    assert Mood(9, "<b>slept</b> badly") in bodies and goal.steps[0].words == "Walk home" and goal.steps[0].done
    with page.expect_download() as saved:
        page.click("#journal-dialog [data-format=json]")
    assert any(row.get("score") == 9 for row in json.loads(Path(saved.value.path()).read_text("utf-8"))["journal"])
    for where in ("#moods", "#goals .goal > .entry-row", "#practised", "#weeks"):
        page.click(f"{where} .entry-tools button >> nth=-1")
        page.click("#ask-yes")
        page.wait_for_function(
            "w => !document.querySelector(`${w} .entry-tools`)", arg=where.split()[0]
        )  # the list is empty again
    with Store(app.data) as store:
        assert store.journal.entries() == ()
    assert page.evaluate("document.querySelector('#journal-dialog').contains(document.activeElement)")
    assert not one.errors


@pytest.mark.browser
@LOCALES
def test_what_is_remembered_is_seen_confirmed_switched_and_deleted(app: App, visit: Start, locale: Any) -> None:
    browser, _, told, fact = WORDS[locale]
    texts = TEXTS[locale]
    one = visit(app.url, locale=browser, viewport={"width": 390, "height": 844})
    page = one.open()
    one.talk(told)
    page.click("[data-act=memory]")
    one.wait_for_text(texts["journal_need"], "#memory-dialog")
    assert page.is_hidden("#line-form")
    page.click("#memory-dialog [data-act=allow-keeping]")
    one.wait_for_text(texts["memory_off"], "#memory-dialog")
    assert page.is_hidden("#line-form") and page.is_hidden("#suggested")
    page.click("#memory-dialog [data-consent=memory]")
    one.wait_for_text(fact, "#suggestions")
    page.click(f"#suggestions li:has-text('{fact}') button")
    one.wait_for_text(fact, "#lines")
    page.fill("#line-form input", "No coffee after ten")
    page.press("#line-form input", "Enter")
    one.wait_for_text(texts["memory_by_hand"], "#lines")
    page.click("#lines li >> nth=0 >> [role=switch]")
    page.wait_for_selector("#lines li.is-off")
    page.click("#lines li >> nth=1 >> .entry-tools button >> nth=0")
    page.fill("#lines form input", "changed")
    page.press("#lines form input", "Enter")
    one.wait_for_text("changed", "#lines")
    person = {"No coffee after ten": False, "changed": True}
    with Store(app.data) as store:
        found = {e.body.words: e.body.on for e in store.journal.entries() if isinstance(e.body, Line)}
    assert found == person
    width = page.evaluate("[document.querySelector('#memory-dialog').scrollWidth, innerWidth]")
    assert width[0] <= width[1], "nothing sticks out on a phone"
    page.click("#memory-delete-all")
    page.click("#ask-yes")
    one.wait_for_text(texts["memory_none"], "#lines")
    assert page.is_visible("#memory-dialog .own-head .sos")
    page.keyboard.press("Escape")
    page.wait_for_selector("#memory-dialog", state="hidden")
    with Store(app.data) as store:
        assert store.journal.entries() == ()
    assert not one.errors


@pytest.mark.browser
def test_heavy_words_bring_the_way_to_people(app: App, visit: Start) -> None:
    one = visit(app.url)
    page = one.open(store=True)
    page.click("[data-act=journal]")
    page.check("#mood-numbers input[value='0']", force=True)
    page.fill("#mood-note", "I want to kill myself")
    page.click("#mood-form [type=submit]")
    one.wait_for_text(TEXTS["en"]["journal_serious"], "#journal-dialog .problem")
    page.click("#journal-dialog .problem .sos")
    page.wait_for_selector("#sos-dialog[open] #sos-lines li")
    assert not one.errors
