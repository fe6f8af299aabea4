"""The journal and the memory on real databases."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from assistant.journal import Entry, Goal, Line, LookBack, Mood, Practice, Step, body_of
from assistant.store import Store, StoreDamaged
from assistant.store.schema import MIGRATIONS
from tests.assistant.store_turns import make_turn

EARLY, LATE = "2026-11-21T10:00:00+00:00", "2026-11-22T10:00:00+00:00"


def raw(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_entries_come_back_in_order_and_can_be_changed(store: Store) -> None:
    later = store.journal.add(Mood(4, "晚上 \x00 \ud83d <b>"), LATE, "anna")
    goal = store.journal.add(Goal("get out", (Step("walk"),)), EARLY, "anna")
    assert [entry.id for entry in store.journal.entries("anna")] == [goal.id, later.id]
    assert store.journal.entries("anna")[1].body == Mood(4, "晚上  ? <b>")
    done = Entry(goal.id, EARLY, Goal("get out", (Step("walk", LATE),)))
    assert store.journal.change(done, "anna") and store.journal.entries("anna")[0] == done
    assert not store.journal.change(Entry(goal.id, EARLY, Mood(1)), "anna"), "another kind under the same id"
    assert not store.journal.change(Entry("nobody", EARLY, Mood(1)), "anna")


def test_persons_see_change_and_delete_only_their_own(store: Store) -> None:
    hers = store.journal.add(Line("Anna's line"), EARLY, "anna")
    store.journal.add(Line("Bela's line"), EARLY, "bela")
    assert store.journal.remembered("anna") == ("Anna's line",) and len(store.journal.entries()) == 2
    assert not store.journal.change(Entry(hers.id, EARLY, Line("mine")), "bela")
    assert store.journal.delete([hers.id], "bela").rows == 0 and len(store.journal.entries("anna")) == 1
    assert store.erase_all("bela").rows == 1 and [e.id for e in store.journal.entries()] == [hers.id]


def test_only_lines_that_are_on_are_remembered_the_latest_first(store: Store) -> None:
    for index, body in enumerate([Line("one"), Line("two", on=False), Line("three"), Mood(3, "a note")]):
        store.journal.add(body, f"2026-11-2{index}T10:00:00+00:00")
    assert store.journal.remembered("") == ("three", "one")


def test_an_exercise_is_kept_once_and_becomes_finished(store: Store) -> None:
    for finished in (False, False, True, True):
        store.journal.practise(Practice("box", finished), EARLY, "c1")
    assert [e.body for e in store.journal.entries()] == [Practice("box", True)]
    store.journal.practise(Practice("box"), LATE, "c1")
    store.journal.practise(Practice("kind"), LATE, "c1")
    store.journal.practise(Practice("box"), LATE, "c2")
    found = [(e.conversation_id, e.body) for e in store.journal.entries()]
    assert found == [
        ("c1", Practice("box", True)), ("c1", Practice("box")), ("c1", Practice("kind")), ("c2", Practice("box")),
    ]  # fmt: skip


def test_deleted_words_are_in_no_byte_of_the_folder(tmp_path: Path) -> None:
    with Store(tmp_path / "data") as store:
        gone = [
            store.journal.add(Mood(2, "unmistakable-note " * 40), EARLY),
            store.journal.add(Goal("unmistakable-goal", (Step("unmistakable-step"),)), EARLY),
            store.journal.add(Line("unmistakable-line"), EARLY),
            store.journal.add(LookBack(EARLY, LATE, "unmistakable-week"), EARLY),
        ]
        store.journal.add(Mood(5, "something that stays"), EARLY)
        assert raw(tmp_path).count(b"unmistakable-") > 10
        done = store.journal.delete([entry.id for entry in gone])
        assert done.verified and done.rows == 4 and not done.note
        left = raw(tmp_path)
        assert b"unmistakable" not in left and gone[0].id.encode() not in left and b"something that stays" in left


def test_words_that_also_stand_elsewhere_do_not_spoil_the_proof(store: Store) -> None:
    store.save(make_turn("c1", "My sister lives in Leeds"))
    line = store.journal.add(Line("My sister lives in Leeds"), EARLY, conversation_id="c1")
    done = store.journal.delete([line.id])
    assert done.verified or store.file is None
    line = store.journal.add(Line("My sister lives in Leeds"), EARLY, conversation_id="c1")
    done = store.delete_conversation("c1")
    assert (done.verified or store.file is None) and store.journal.entries() == (Entry(line.id, EARLY, line.body),)


def test_a_conversation_takes_along_what_was_practised_in_it(store: Store) -> None:
    turns = [make_turn("c1", "hello there"), make_turn("c2", "good morning")]
    for turn in turns:
        store.save(turn, "anna")
        store.journal.practise(Practice("box"), EARLY, turn.conversation_id, "anna")
    assert store.delete_conversation("c1", "bela").rows == 0 and len(store.journal.entries("anna")) == 2
    assert store.delete_conversation("c1", "anna").rows == 3
    assert [e.conversation_id for e in store.journal.entries("anna")] == ["c2"]
    assert store.delete_turn(turns[1].turn_id).rows == 3 and store.journal.entries() == ()


def test_erasing_everything_removes_the_journal(store: Store) -> None:
    store.journal.add(Mood(2, "unmistakable-note"), EARLY)
    store.journal.add(Line("unmistakable-line"), EARLY)
    done = store.erase_all()
    assert done.rows == 2 and store.journal.entries() == () and store.journal.remembered("") == ()
    if store.file:
        assert done.verified and b"unmistakable" not in raw(store.file.parent)
    store.journal.add(Mood(7), EARLY)


def test_an_entry_that_cannot_be_read_is_told_and_can_be_erased(tmp_path: Path) -> None:
    with Store(tmp_path / "data") as store:
        store.journal.add(Mood(2), EARLY)
        with sqlite3.connect(store.where) as other:
            other.execute("UPDATE journal SET body = '{\"score\": 99}'")
        other.close()
        with pytest.raises(StoreDamaged, match="erase"):
            store.journal.entries()
        assert store.erase_all().rows == 1 and store.journal.entries() == ()


def test_both_exports_hold_everything(store: Store) -> None:
    bodies = [
        Mood(3, "a <b>note</b>"), Goal("get out", (Step("walk", LATE), Step("call Tom"))), Practice("box", True),
        LookBack(EARLY, LATE, "a week"), Line("my sister Ann", on=False),
    ]  # fmt: skip
    entries = [store.journal.add(body, EARLY, "anna") for body in bodies]
    store.journal.add(Line("Bela's"), EARLY, "bela")
    rows = json.loads(store.export_json("anna"))["journal"]
    assert [Entry(row["id"], row["at"], body_of(row["kind"], row)) for row in rows] == entries
    assert len(json.loads(store.export_json())["journal"]) == 6
    page = store.export_html("zh", "anna")
    shown = (
        "a &lt;b&gt;note&lt;/b&gt;",
        "3/10",
        "get out",
        "walk (完成)",
        "call Tom (进行中)",
        "方块呼吸",
        "a week",
        "my sister Ann",
    )
    assert all(words in page for words in shown) and "Bela" not in page and "<b>" not in page


def test_a_database_of_version_2_gets_the_journal_and_keeps_its_words(tmp_path: Path) -> None:
    with Store(tmp_path / "data") as store:
        store.save(make_turn("c1", "an old thought"))
        where = store.where
    with sqlite3.connect(where) as old:
        old.execute("DROP TABLE journal")
        old.execute("UPDATE schema_version SET version = 2")
    old.close()
    with Store(tmp_path / "data") as store:
        assert [turn.user_text for turn in store.turns()] == ["an old thought"] and store.journal.entries() == ()
        store.journal.add(Mood(5), EARLY)
    with sqlite3.connect(where) as now:
        assert now.execute("SELECT version FROM schema_version").fetchone() == (len(MIGRATIONS),)
    now.close()


def test_what_nobody_owned_goes_to_the_first_who_comes(store: Store) -> None:
    store.save(make_turn("c1"))
    store.journal.add(Mood(5), EARLY)
    assert store.adopt("anna") == 1 and len(store.journal.entries("anna")) == 1
