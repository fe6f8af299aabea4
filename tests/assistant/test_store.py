"""The store on real databases: SQLite files, and PostgreSQL where its programs are installed."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import threading
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.store import CONSENTS, Store, StoreDamaged, StoreError, StoreNewer, data_folder
from assistant.store.codec import turn_from_json, turn_to_dict, turn_to_json
from assistant.types import RiskLevel, RiskState
from perception.types import Behaviours, EmotionalState
from tests.assistant.store_turns import SENTENCE, STATE, make_seen_turn, make_turn

# ---- turns


def test_turns_come_back_as_they_were(store: Store) -> None:
    odd = make_seen_turn(user_text="第二句 \x00 \u2028 <b>'\"\\ 🙂")
    turns = [make_turn(), odd, make_turn(prompt=None, finish_reason="crisis")]
    for turn in turns:
        store.save(turn)
    assert store.turns("c1") == tuple(turns) and store.turns("other") == ()


def test_a_later_save_replaces_and_keeps_the_order(store: Store) -> None:
    pending, second = make_turn(reply="", finish_reason="error"), make_turn()
    store.save(pending)
    store.save(second)
    store.save(replace(pending, reply="whole"))
    assert [turn.reply for turn in store.turns("c1")] == ["whole", second.reply]


def test_conversations_are_listed_with_title_times_and_count(store: Store) -> None:
    store.save(make_turn("old", "first   words\nof " + "many " * 30))
    store.save(make_turn("new", "新的一天", at="2026-11-21T11:00:00+00:00"))
    store.save(make_turn("new", "later", at="2026-11-21T12:00:00+00:00"))
    new, old = store.conversations()
    assert (new.id, new.title, new.count) == ("new", "新的一天", 2)
    assert (new.started, new.last) == ("2026-11-21T11:00:00+00:00", "2026-11-21T12:00:00+00:00")
    assert old.title.startswith("First words of many") and len(old.title) <= 48 and old.title.endswith("…")
    store.rename("old", "Sleep")
    assert store.conversations()[1].title == "Sleep"


def test_threads_saving_at_once_lose_nothing(store: Store) -> None:
    def tab(number: int) -> None:
        for index in range(12):
            store.save(make_turn(f"c{number}", f"{number}/{index}"))

    threads = [threading.Thread(target=tab, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {c.id: c.count for c in store.conversations()} == {f"c{n}": 12 for n in range(4)}


def test_numbers_from_numpy_are_stored_as_numbers() -> None:
    state = replace(STATE, valence=np.float32(0.5), change=Behaviours(smile=np.float64(1.0)))
    assert turn_from_json(turn_to_json(make_turn(state=state))).state.valence == 0.5
    with pytest.raises(ValueError, match="JSON"):
        turn_to_json(make_turn(state=replace(STATE, trend=float("nan"))))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_the_codec(words: str) -> None:
    assert turn_from_json(turn_to_json(make_turn(user_text=words))).user_text == words


def test_a_lone_surrogate_is_replaced_and_not_fatal(store: Store) -> None:
    store.save(make_turn(user_text="a\ud83db", prompt=None))
    assert store.turns("c1")[0].user_text == "a?b"


def test_a_newer_turn_and_a_broken_one_are_told_apart() -> None:
    row = json.loads(turn_to_json(make_turn()))
    with pytest.raises(StoreNewer, match="update"):
        turn_from_json(json.dumps({**row, "schema": 99}))
    with pytest.raises(StoreDamaged):
        turn_from_json(json.dumps({**row, "risk": None}))


# ---- consents


def test_consents_are_layered_and_their_changes_dated(store: Store) -> None:
    assert store.consents() == dict.fromkeys(CONSENTS, False)
    store.save_consents({"chat": True, "store": True, "camera": False})
    store.save_consents({"chat": True, "store": False})
    assert store.consents() == {**dict.fromkeys(CONSENTS, False), "chat": True}
    history = [(c.layer, c.granted) for c in store.consent_history()]
    assert history == [("chat", True), ("store", True), ("camera", False), ("store", False)]
    assert all(c.at.endswith("+00:00") for c in store.consent_history())
    with pytest.raises(ValueError, match="microphone"):
        store.save_consents({"smell": True})


# ---- export


def test_json_export_holds_everything(store: Store) -> None:
    turn = make_seen_turn()
    store.save(turn)
    store.save_consents({"chat": True})
    export = json.loads(store.export_json())
    assert export["format"] == "beside-export" and export["consents"][0]["layer"] == "chat"
    [conversation] = export["conversations"]
    assert turn_from_json(json.dumps(conversation["turns"][0])) == turn


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_html_export_shows_words_and_runs_nothing(store: Store, locale: str) -> None:
    attack = "<script>alert(1)</script><img src=http://127.0.0.1:9/x onerror=alert(2)> ![a](http://127.0.0.1:9/y)"
    store.save(make_turn(user_text=attack, reply=attack, model="<i>m</i>"))
    page = _Tags()
    page.feed(store.export_html(locale))
    assert not {"script", "img", "i", "link", "iframe", "a"} & {tag for tag, _ in page.tags}
    assert not {"src", "href", "onerror"} & {name for _, attributes in page.tags for name in attributes}
    assert page.text.count(attack) == 2
    assert ("html", {"lang": locale}) in page.tags


# ---- deletion


def raw(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_deleted_words_are_in_no_byte_of_the_folder(tmp_path: Path) -> None:
    with Store(tmp_path / "data") as store:
        secret, kept = "unmistakable-secret " * 400, "something that stays"
        store.save(make_turn("gone", secret, reply="回答里的秘密" * 500))
        store.save(make_turn("stays", kept))
        before = raw(tmp_path)
        assert b"unmistakable-secret" in before and "回答里的秘密".encode() in before
        done = store.delete_conversation("gone")
        after = raw(tmp_path)
        assert done.verified and done.rows == 2 and not done.note
        assert b"unmistakable-secret" not in after and "回答里的秘密".encode() not in after and b"gone" not in after
        assert kept.encode() in after and [c.id for c in store.conversations()] == ["stays"]
        store.save(make_turn("stays", "and goes on"))


def test_a_deleted_turn_is_in_no_byte_and_the_others_stay(tmp_path: Path) -> None:
    with Store(tmp_path / "data") as store:
        secret = make_turn("c1", "unmistakable-secret in the title", reply="回答里的秘密" * 500)
        kept = make_turn("c1", "something that stays", at="2026-11-21T11:00:00+00:00")
        for turn in (secret, kept, make_turn("other", "elsewhere")):
            store.save(turn)
        done = store.delete_turn(secret.turn_id)
        assert done.verified and done.rows == 1 and not done.note
        after = raw(tmp_path)
        assert b"unmistakable-secret" not in after and "回答里的秘密".encode() not in after
        assert secret.turn_id.encode() not in after
        assert {c.id: (c.title, c.count) for c in store.conversations()} == {
            "c1": ("Something that stays", 1),
            "other": ("Elsewhere", 1),
        }
        assert store.turns("c1") == (kept,)


def test_the_last_turn_takes_its_conversation_along_and_a_given_name_stays(store: Store) -> None:
    first, second = make_turn("c1", "one"), make_turn("c1", "two", at="2026-11-21T11:00:00+00:00")
    store.save(first)
    store.save(second)
    store.rename("c1", "Sleep")
    assert store.delete_turn(first.turn_id).rows == 1
    assert [(c.title, c.count) for c in store.conversations()] == [("Sleep", 1)]
    assert store.delete_turn("nobody").rows == 0
    assert store.delete_turn(second.turn_id).rows == 2 and store.conversations() == ()


def test_words_that_also_stand_elsewhere_do_not_spoil_the_proof(store: Store) -> None:
    store.save(make_turn("a", "the very same words"))
    store.save(make_turn("b", "the very same words"))
    done = store.delete_conversation("a")
    assert done.verified or store.file is None
    assert [turn.user_text for turn in store.turns()] == ["the very same words"]


def test_deleting_affect_removes_state_sentence_and_what_it_did_to_the_prompt(tmp_path: Path) -> None:
    with Store(tmp_path / "data") as store:
        store.save(make_seen_turn())
        store.save(make_turn())
        done = store.delete_affect()
        assert done.verified and done.rows == 1
        seen, plain = store.turns("c1")
        assert seen.state == EmotionalState.unknown("deleted") and seen.affect_sentence == ""
        assert seen.prompt is not None and seen.prompt.tone == "plain"
        assert seen.prompt.messages[-1].content.startswith("I slept badly") and seen.reply == "That sounds hard."
        assert plain.prompt is not None and plain.prompt.messages[0].content == "Be kind."
        left = raw(tmp_path)
        assert SENTENCE.encode() not in left and b"brow_lower" not in left and b"they look low" not in left
        assert store.delete_affect().rows == 0


def test_erasing_everything_leaves_an_empty_usable_store(store: Store) -> None:
    store.save(make_turn(user_text="unmistakable-secret"))
    store.save_consents({"chat": True})
    done = store.erase_all()
    assert done.rows == 3 and (done.verified if store.file else "backups" in done.note)
    assert store.conversations() == () and store.consent_history() == ()
    if store.file:
        assert b"unmistakable-secret" not in raw(store.file.parent)
    store.save(make_turn())


def test_a_reader_that_holds_the_old_pages_is_reported_and_the_second_try_succeeds(tmp_path: Path) -> None:
    with Store(tmp_path / "data", busy_timeout_s=0.1) as store:
        store.save(make_turn("gone", "unmistakable-secret"))
        other = sqlite3.connect(tmp_path / "data" / "beside.db", isolation_level=None)
        other.execute("BEGIN").execute("SELECT * FROM turn").fetchall()
        done = store.delete_conversation("gone")
        assert not done.verified and "delete again" in done.note and store.turns("gone") == ()
        other.close()
        assert store.delete_conversation("gone").verified
        assert b"unmistakable-secret" not in raw(tmp_path)


# ---- the folder and its modes


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_can_read_the_folder_and_its_files(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with Store(tmp_path / "a" / "data") as store:
            store.save(make_turn())
            files = list((tmp_path / "a" / "data").iterdir())
            assert len(files) >= 2 and {mode(file) for file in files} == {0o600}  # the write-ahead log too
            assert mode(tmp_path / "a" / "data") == 0o700
    finally:
        os.umask(before)


def test_an_own_folder_is_closed_and_a_strange_one_refused(tmp_path: Path) -> None:
    own = tmp_path / "own"
    Store(own).close()
    own.chmod(0o755)
    (own / "beside.db").chmod(0o644)
    Store(own).close()
    assert mode(own) == 0o700 and mode(own / "beside.db") == 0o600
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    (shared / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(StoreError, match="chmod 700"):
        Store(shared)
    assert mode(shared) == 0o755


def test_a_file_in_the_place_of_the_folder_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StoreError, match="choose another"):
        Store(tmp_path / "file")


def test_the_usual_place_is_the_platforms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert data_folder() == tmp_path / "beside"


@pytest.mark.parametrize("url", ["mysql://host/name", "://", "postgresql://"])
def test_other_databases_are_refused_or_unreachable_with_a_next_step(url: str) -> None:
    with pytest.raises(StoreError, match=r"postgresql://|does not answer"):
        Store(url)


def test_a_postgresql_that_is_down_is_told_without_the_password() -> None:
    with pytest.raises(StoreError, match="does not answer") as caught:
        Store("postgresql://me:hunter2@127.0.0.1:1/name")
    assert "hunter2" not in str(caught.value)


def test_a_turn_of_schema_1_is_read_and_carries_its_risk_on() -> None:
    row = turn_to_dict(make_turn())
    row.pop("risk_state")
    row |= {"schema": 1, "risk": {"level": 3, "evidence": ["en.x"], "category": "suicide"}}
    turn = turn_from_json(json.dumps(row))
    assert (turn.risk.level, turn.risk.kind, turn.risk.rules) == (RiskLevel.HIGH, "suicide", ("en.x",))
    assert (turn.risk_state.level, turn.risk_state.kind) == (RiskLevel.HIGH, "suicide")
    assert turn_from_json(turn_to_json(turn)) == turn and turn.schema == 3


def test_what_a_conversation_carries_on_about_danger_is_kept() -> None:
    state = RiskState(
        RiskLevel.MODERATE, "suicide", ("thought",), (("plan", "no"),), "means", ("suicide.high.0",),
        (("signs", "late nights"),), True, True, 2,
    )  # fmt: skip
    assert turn_from_json(turn_to_json(make_turn(risk_state=state))).risk_state == state
