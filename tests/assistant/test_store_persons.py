"""Whose a conversation is, its title, pins and search, and files that come from elsewhere."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from assistant.store import Store, StoreError
from assistant.store.schema import _first
from assistant.store.titles import PROVISIONAL, title_of
from assistant.types import Risk, RiskLevel
from tests.assistant.store_turns import make_seen_turn, make_turn


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_persons_do_not_see_change_or_delete_each_others(folder: Path) -> None:
    with Store(folder) as store:
        store.save(make_turn("a", "about the walrus"), "anna")
        store.save(make_seen_turn("b", "about the heron"), "bela")
        store.save_consents({"store": True}, "anna")
        assert [c.id for c in store.conversations("anna")] == ["a"] and len(store.conversations()) == 2
        assert store.turns("b", "anna") == () and store.search("heron", "anna") == frozenset()
        assert not store.rename("b", "mine", "anna") and not store.pin("b", True, "anna")
        assert store.delete_conversation("b", "anna").rows == 0 and store.delete_affect("anna").rows == 0
        assert not store.consents("bela")["store"] and store.consents("anna")["store"]
        done = store.erase_all("anna")
        assert done.verified and [c.id for c in store.conversations()] == ["b"]
        assert store.turns("b")[0].state.known and not store.consents("anna")["store"]
    assert b"walrus" not in (folder / "beside.db").read_bytes()


def test_what_was_kept_before_there_were_persons_goes_to_the_first_who_comes(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    old = sqlite3.connect(folder / "beside.db")
    with Store(folder.parent / "model") as model:
        model.save(make_turn("c1", "an old thought"))
        rows = [tuple(turn) for turn in sqlite3.connect(model.where).execute("SELECT turn_id, at, body FROM turn")]

    class Old:
        dialect = type("", (), {"name": "sqlite"})

        @staticmethod
        def execute(statement: object) -> None:
            old.execute(str(statement))

    _first(Old())  # type: ignore[arg-type]
    old.execute("CREATE TABLE schema_version (version INTEGER PRIMARY KEY)")
    old.execute("INSERT INTO schema_version VALUES (1)")
    old.execute("INSERT INTO conversation VALUES ('c1', 'an old thought', '2026', '2026')")
    old.execute("INSERT INTO turn (turn_id, conversation_id, at, body) VALUES (?, 'c1', ?, ?)", rows[0])
    old.execute("INSERT INTO consent (at, layer, granted) VALUES ('2026', 'store', 1)")
    old.commit()
    old.close()
    with Store(folder) as store:
        assert store.adopt("") == 0
        assert store.adopt("anna") == 1 and store.adopt("bela") == 0
        assert [c.title for c in store.conversations("anna")] == ["an old thought"]
        assert store.consents("anna")["store"] and store.conversations("bela") == ()


def test_pinned_ones_come_first_and_a_name_given_by_hand_stays(folder: Path) -> None:
    with Store(folder) as store:
        for index, words in enumerate(("hello", "the first exam", "the second exam")):
            store.save(make_turn(f"c{index}", words, at=f"2026-11-2{index}T10:00:00+00:00"))
        assert store.pin("c1", True) and [c.id for c in store.conversations()] == ["c1", "c2", "c0"]
        store.save(make_turn("c0", "well, my cat is ill", at="2026-11-20T11:00:00+00:00"))
        assert {c.id: c.title for c in store.conversations()}["c0"] == "My cat is ill"
        assert store.rename("c0", "  About the cat ")
        store.save(make_turn("c0", "and the dog", at="2026-11-20T12:00:00+00:00"))
        assert {c.id: c.title for c in store.conversations()}["c0"] == "About the cat"
        assert store.search("EXAM") == {"c1", "c2"} and store.search("the cat") == {"c0"}


@pytest.mark.parametrize(("words", "title"), [
    ("hi, so I just wanted to say that my exam is on Friday. I cannot sleep.", "My exam is on Friday"),
    ("Hello!\n\nMy boss shouted at me today.", "My boss shouted at me today"),
    ("你好，我想聊聊我妈妈。她总是不满意。", "我妈妈"),
    ("其实我觉得最近压力很大", "最近压力很大"),
    ("I can't sleep " + "and think " * 20, "I can't sleep and think and think and think…"),
])  # fmt: skip
def test_a_title_says_what_the_first_telling_sentence_is_about(words: str, title: str) -> None:
    assert title_of(make_turn(user_text=words))[0] == title and len(title) <= 48


def test_a_greeting_is_no_title_for_long_and_a_hard_hour_is_not_quoted() -> None:
    assert title_of(make_turn(user_text="Hi there!"))[1] == PROVISIONAL
    hard = make_turn(user_text="I want to end it all", risk=Risk(RiskLevel.HIGH, ("x",), "suicide"))
    assert "end" not in title_of(hard)[0]


def test_a_home_sign_or_a_variable_is_what_it_stands_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for place in ("~/a", "sqlite:///~/b/beside.db", "$HOME/c", "${HOME}/d"):
        with Store(place) as store:
            assert store.where.startswith(str(tmp_path / "home"))
    for place, named in (("$NO_SUCH_PLACE/e", "$NO_SUCH_PLACE"), ("%h/e", "%h"), ("~no such person/e", "home")):
        with pytest.raises(StoreError) as caught:
            Store(place)
        assert named in str(caught.value) and "whole path" in str(caught.value)
    assert not list((tmp_path / "here").iterdir())


def test_a_copy_without_its_log_gets_a_notice_and_a_whole_one_does_not(tmp_path: Path) -> None:
    copies = [tmp_path / name for name in ("torn", "whole", "closed")]
    for copy in copies:
        copy.mkdir(mode=0o700)
    with Store(tmp_path / "data") as store:
        store.save(make_turn())
        shutil.copy(store.where, copies[0])
        for file in (tmp_path / "data").glob("beside.db*"):
            shutil.copy(file, copies[1])
    shutil.copy(tmp_path / "data" / "beside.db", copies[2])
    for copy, notices in zip(copies, (1, 0, 0), strict=True):
        with Store(copy) as store:
            assert len(store.notices) == notices
            assert not notices or ("beside.db-wal" in store.notices[0] and "Next step" in store.notices[0])


@pytest.mark.parametrize("unit", ["x", "hi ", "我想说", "a.", "!"])
def test_a_wall_of_text_has_a_title(unit: str) -> None:
    """It took minutes once: the test's time limit would end it."""
    title, _ = title_of(make_turn(user_text=unit * 60_000))
    assert len(title) <= 48
