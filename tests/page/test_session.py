"""Sessions, consents and replies, with the real spine and a real store."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from assistant.guided import Guided
from assistant.meaning.base import Reading
from assistant.page import session as sessions_module
from assistant.page.consents import Consents
from assistant.page.help import help_lines
from assistant.page.keeping import Keeping
from assistant.page.server import answer
from assistant.page.session import Services, Session, Sessions
from assistant.page.small_model import Switch
from assistant.page.status import ModelStatus
from assistant.respond import respond
from assistant.store import Store
from assistant.types import RiskLevel
from llm.base import ModelUnavailable
from llm.client.scripted import Scripted
from llm.types import Prompt
from llm.types import Reply as Answer
from perception.types import Behaviours, EmotionalState
from tests.assistant.store_turns import make_turn
from tests.fakes import HELP


class Gated:
    """A model whose second piece comes when the test says so."""

    name = "gated"

    def __init__(self) -> None:
        self.started, self.go_on = threading.Event(), threading.Event()

    def stream(self, prompt: Prompt, tell: object = None) -> Generator[str, None, Answer]:
        yield "A first sentence. "
        self.started.set()
        assert self.go_on.wait(30)
        yield "A second sentence."
        return Answer("A first sentence. A second sentence.", self.name, "stop")


class Down:
    name = "down"

    def stream(self, prompt: Prompt, tell: object = None) -> Generator[str, None, Answer]:
        raise ModelUnavailable("nobody listens")
        yield ""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


@pytest.fixture
def model() -> Gated:
    return Gated()


@pytest.fixture
def sessions(store: Store, model: Gated) -> Sessions:
    return Sessions(Services(model, Scripted(), Keeping(store), ModelStatus("gated"), HELP))


@pytest.fixture
def session(sessions: Sessions) -> Session:
    made = sessions.open("", "en", "page")
    made.consents = Consents(chat=True, store=True)
    return made


@pytest.mark.parametrize(
    "words",
    ["My husband pushed me again last night.", "Sometimes I wish I wouldn't wake up.", "我有时候想死，但没有打算"],
)
def test_on_the_page_too_the_path_answers_where_only_the_companion_is_there(words: str) -> None:
    """The page puts a switch and a stop button around the companion; what a danger hears must not depend on them."""
    services = Services(Switch(Guided()), Guided(), Keeping(None), ModelStatus("guided"), HELP)
    session = Sessions(services).open("", "en", "page")
    reply = session.say(words)
    assert reply is not None and reply.join(30)
    turn = session.last_turn()
    bare = respond(words, EmotionalState.unknown("off"), [], Guided())
    assert turn is not None and turn.model == "fixed" and turn.reply == "".join(bare)


def test_a_reply_is_stored_before_and_after(session: Session, model: Gated, store: Store) -> None:
    reply = session.say("Good evening to you.")
    assert reply is not None and model.started.wait(30)
    (pending,) = store.turns()
    assert pending.user_text == "Good evening to you." and pending.reply == ""
    model.go_on.set()
    assert reply.join(30)
    (done,) = store.turns()
    assert done.reply == "A first sentence. A second sentence."
    assert [message["role"] for message in session.messages()] == ["assistant", "user", "assistant"]


def test_the_reader_of_meaning_is_heard(store: Store) -> None:
    """A message that no rule knows is met by a question about danger when the reader sees one."""

    class Alarmed:
        def read(self, text: str) -> Reading:
            return Reading(danger=0.9)

    services = Services(Scripted(), Scripted(), Keeping(store), ModelStatus("scripted"), HELP, reader=Alarmed())
    made = Sessions(services).open("", "en", "page")
    made.consents = Consents(chat=True, store=True)
    reply = made.say("The kettle hums in the key of grey.")
    assert reply is not None and reply.join(30)
    assert store.turns()[-1].risk.level == RiskLevel.MODERATE


def test_only_one_reply_at_a_time(session: Session, model: Gated) -> None:
    first = session.say("One message.")
    assert first is not None and session.say("Another one.") is None
    model.go_on.set()
    assert first.join(30)
    assert len(session.turns) == 1


def test_stopping_records_what_was_shown(session: Session, model: Gated, store: Store) -> None:
    reply = session.say("Good evening to you.")
    assert reply is not None and model.started.wait(30)
    reply.stop()
    assert reply.done and not session.busy
    model.go_on.set()
    assert reply.join(30)
    (turn,) = store.turns()
    assert turn.finish_reason == "stopped" and turn.reply.startswith("A first sentence.")


def test_a_reply_under_way_cannot_bring_back_what_was_deleted(
    sessions: Sessions, session: Session, model: Gated, store: Store
) -> None:
    reply = session.say("A secret about marmalade.")
    assert reply is not None and model.started.wait(30)
    sessions.discard("")
    session.keeping.delete_all()
    model.go_on.set()
    assert reply.join(30)
    assert store.turns() == () and session.turns == {}


def test_a_replaced_turn_that_could_not_be_saved_does_not_come_back(tmp_path: Path) -> None:
    old, new = make_turn("c1", "the old words"), make_turn("c1", "the new words")
    with Store(tmp_path, busy_timeout_s=0.1) as store:
        keeping = Keeping(store)
        other = sqlite3.connect(tmp_path / "beside.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert not keeping.save(old)
        other.close()
        keeping.replaced(old)
        assert keeping.save(new) and store.turns() == (new,)


def test_without_consent_nothing_is_stored(session: Session, model: Gated, store: Store) -> None:
    session.consents = Consents(chat=True)
    model.go_on.set()
    reply = session.say("Not for the disk.")
    assert reply is not None and reply.join(30)
    assert store.turns() == () and store.consent_history() == () and len(session.turns) == 1


def test_allowing_storage_later_saves_what_is_there(
    sessions: Sessions, session: Session, model: Gated, store: Store
) -> None:
    session.consents = Consents(chat=True)
    model.go_on.set()
    reply = session.say("Keep this after all.")
    assert reply is not None and reply.join(30)
    sessions.consent(session, "store", True)
    assert [turn.user_text for turn in store.turns()] == ["Keep this after all."]
    assert store.consents()["store"] and sessions.open("", "en", "other").consents.store


def test_taking_a_consent_back_holds_for_every_tab(sessions: Sessions, session: Session, store: Store) -> None:
    sessions.consent(session, "camera", True)
    other = sessions.open("", "en", "other tab")
    assert other.consents.camera
    sessions.consent(session, "camera", False)
    assert not other.consents.camera
    sessions.consent(session, "store", False)
    assert not other.consents.store and not store.consents()["store"]
    assert sessions.open("", "en", "third tab").consents == Consents()


def test_an_unknown_consent_names_the_choices(session: Session) -> None:
    with pytest.raises(ValueError, match="microphone"):
        session.set_consent("everything", True)


def test_the_state_is_unknown_unless_affect_is_allowed_and_a_sensor_runs(session: Session) -> None:
    assert session.state().known is False and session.state().reason == "off"
    session.consents = session.consents.changed("affect", True)
    assert session.state().known is False


def test_the_preview_is_in_the_language_in_which_it_would_be_passed_on(session: Session, model: Gated) -> None:
    state = EmotionalState(0, 10, True, confidence=0.9, coverage=1.0, change=Behaviours(brow_lower=3.0))
    session.consents = session.consents.changed("affect", True)
    assert session.locale == "en" and "brows" in session.sentence(state)
    model.go_on.set()
    reply = session.say("这一周过得很累，不知道从哪里说起。")
    assert reply is not None and reply.join(30)
    assert "眉" in session.sentence(state)


def test_text_is_escaped_once_and_for_all(session: Session, model: Gated) -> None:
    model.go_on.set()
    reply = session.say("<img src=x> & ![a](http://b)")
    assert reply is not None and reply.join(30)
    assert session.messages()[1]["content"] == "&lt;img src=x&gt; &amp; ![a](http://b)"


@pytest.mark.parametrize("words", ["🙂🙃", "今天 was 还行, sort of", "a\x00b\x1b[31m\u202ec", "x" * 8_000])
def test_odd_messages_get_a_reply_and_lose_nothing(session: Session, model: Gated, store: Store, words: str) -> None:
    model.go_on.set()
    reply = session.say(words)
    assert reply is not None and reply.join(60) and not reply.error_number
    assert len(store.turns()) == 1 and store.turns()[0].reply


def test_a_model_that_is_down_is_told_and_the_fallback_answers(store: Store) -> None:
    services = Services(Down(), Scripted(), Keeping(store), ModelStatus("down"), HELP)
    session = Sessions(services).open("", "en", "page")
    reply = session.say("Anybody home tonight?")
    assert reply is not None and reply.join(30)
    turn = session.last_turn()
    assert turn is not None and "Down" not in turn.reply and "nobody listens" in turn.error


def test_a_fault_of_the_app_gives_a_number_and_hides_the_words(
    session: Session, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> Generator[str, None, None]:
        raise RuntimeError("the person's words")
        yield ""

    monkeypatch.setattr(sessions_module, "respond", broken)
    reply = session.say("Hello there.")
    assert reply is not None and reply.join(30)
    assert reply.error_number in caplog.text and "words" not in caplog.text


def test_a_reload_finds_its_session_and_a_stranger_does_not(sessions: Sessions, session: Session) -> None:
    sessions.left("page")
    assert session.left_at is not None
    assert sessions.open(session.token, "en", "page again") is session and session.left_at is None
    assert sessions.open("guess", "en", "page three") is not session
    assert len(session.token) >= 43  # 256 bits


def test_left_pages_stop_their_reply_and_are_forgotten(
    sessions: Sessions, session: Session, model: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = session.say("Good evening to you.")
    assert reply is not None and model.started.wait(30)
    sessions.left("page")
    sessions.tidy()
    assert session.busy, "a reload must find its reply"
    monkeypatch.setattr(sessions_module, "GRACE_S", -1.0)
    sessions.tidy()
    assert reply.stopped and sessions.find(session.token) is session
    monkeypatch.setattr(sessions_module, "FORGET_AFTER_S", -1.0)
    sessions.tidy()
    assert sessions.find(session.token) is None
    model.go_on.set()
    assert reply.join(30)


@pytest.mark.parametrize(("region", "there", "not_there"), [("GB", "116 123", "988"), ("US", "988", "116 123")])
def test_a_crisis_reply_names_the_lines_of_the_region_chosen_under_sos(
    store: Store, region: str, there: str, not_there: str
) -> None:
    services = Services(Scripted(), Scripted(), Keeping(store), ModelStatus("scripted"), help_lines())
    session = Session(services, "en", keeping=services.keeping)
    response = answer("region", Sessions(services), session, {"region": region})
    assert response.status_code == 200
    reply = session.say("I am going to kill myself tonight, the pills are next to me.")
    assert reply is not None and reply.join(30)
    turn = session.last_turn()
    assert turn is not None and there in turn.reply and not_there not in turn.reply
    with pytest.raises(ValueError, match="choose from"):
        answer("region", Sessions(services), session, {"region": "nowhere"})
