"""What happens to turns when the disk, the file or the process fails."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import event, text

from assistant.store import Saver, Store, StoreFull, StoreLocked, StoreNewer
from tests.assistant.store_turns import make_turn
from tests.conftest import ROOT


@pytest.fixture()
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


def fill(store: Store) -> None:
    """Let SQLite itself find no more space: its page limit is the present size."""

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}").close()

    store._engine.dispose()
    event.listen(store._engine, "connect", limit)
    store.limit = limit  # type: ignore[attr-defined]


def empty(store: Store) -> None:
    event.remove(store._engine, "connect", store.limit)  # type: ignore[attr-defined]
    store._engine.dispose()


def test_no_turn_is_lost_on_a_full_disk(folder: Path) -> None:
    with Store(folder) as store:
        store.save(make_turn(user_text="before"))
        fill(store)
        big = make_turn(user_text="big " * 20_000)
        with pytest.raises(StoreFull, match="free some") as caught:
            store.save(big)
        assert "big big" not in str(caught.value) + str(caught.value.__cause__)
        saver = Saver(store)
        assert not saver.save(big) and saver.unsaved == 1 and "no space" in saver.problem
        assert not saver.save(make_turn(user_text="small, but later")) and saver.unsaved == 2
        assert [turn.user_text for turn in store.turns()] == ["before"]
        empty(store)
        assert saver.flush() and saver.unsaved == 0 and saver.problem == ""
        assert [turn.user_text[:5] for turn in store.turns()] == ["befor", "big b", "small"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's file size limit")
def test_a_file_that_may_not_grow_is_an_error_and_the_store_stays_sound(folder: Path) -> None:
    program = """
import resource, signal, sys
from assistant.store import Saver, Store
from tests.assistant.store_turns import make_turn
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = Store(sys.argv[1])
saver = Saver(store)
assert saver.save(make_turn(user_text="before"))
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
assert not saver.save(make_turn(user_text="x" * 200_000))
print(saver.problem)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert saver.flush() and len(store.turns()) == 2
"""
    command = [sys.executable, "-c", program, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "disk" in done.stdout or "space" in done.stdout


def test_a_locked_database_is_waited_for_then_reported_and_caught_up(folder: Path) -> None:
    with Store(folder, busy_timeout_s=0.1) as store:
        saver = Saver(store)
        other = sqlite3.connect(folder / "beside.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreLocked, match="close it"):
            store.save(make_turn())
        first = make_turn(user_text="draft")
        assert not saver.save(first)
        assert not saver.save(make_turn(turn_id=first.turn_id, user_text="final")) and saver.unsaved == 1
        other.execute("ROLLBACK")
        other.close()
        assert saver.save(make_turn(user_text="next"))
        assert [turn.user_text for turn in store.turns()] == ["final", "next"]


def test_a_deleted_conversation_does_not_come_back_from_memory(folder: Path) -> None:
    with Store(folder, busy_timeout_s=0.05) as store:
        saver = Saver(store)
        other = sqlite3.connect(folder / "beside.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        saver.save(make_turn("gone"))
        saver.save(make_turn("stays"))
        other.close()
        saver.forget("gone")
        assert saver.flush() and [c.id for c in store.conversations()] == ["stays"]
        saver.forget()
        assert saver.unsaved == 0


@pytest.mark.parametrize("damage", ["garbage", "middle", "truncated"])
def test_a_damaged_file_is_moved_aside_and_the_app_starts(folder: Path, damage: str) -> None:
    with Store(folder) as store:
        for index in range(200):
            store.save(make_turn(user_text=f"words {index} " * 30))
    file = folder / "beside.db"
    data = bytearray(file.read_bytes())
    if damage == "garbage":
        data = bytearray(b"not a database at all " * 500)
    elif damage == "middle":
        data[4096:40960] = random.Random(1).randbytes(36864)
    else:
        del data[len(data) // 2 :]
    file.write_bytes(data)
    with Store(folder) as store:
        [notice] = store.notices
        assert "moved to" in notice and store.conversations() == ()
        [aside] = [path for path in folder.iterdir() if ".damaged-" in path.name]
        assert aside.read_bytes() == bytes(data) and str(aside) in notice
        store.save(make_turn())
    with Store(folder) as store:
        assert store.notices == () and len(store.turns()) == 1
        assert store.erase_all().verified and not aside.exists()


def test_a_newer_database_is_left_alone(folder: Path) -> None:
    with Store(folder) as store:
        store.save(make_turn())
        with store._writer.begin() as connection:
            connection.execute(text("UPDATE schema_version SET version = 99"))
    before = (folder / "beside.db").read_bytes()
    with pytest.raises(StoreNewer, match="update"):
        Store(folder)
    assert (folder / "beside.db").read_bytes() == before


def test_a_migration_that_fails_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from assistant.store import schema

    with Store(folder) as store:
        store.save(make_turn())

    def broken(connection: object) -> None:
        connection.execute(text("DELETE FROM turn"))  # type: ignore[attr-defined]
        raise OSError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, broken))
        with pytest.raises(Exception, match=r"opened|power cut"):
            Store(folder)
    with Store(folder) as store:
        assert len(store.turns()) == 1


def test_pragmas_hold_on_every_connection(folder: Path) -> None:
    with Store(folder) as store, store._engine.connect() as first, store._engine.connect() as second:
        for connection in (first, second):
            expected = {
                "journal_mode": "wal",
                "synchronous": 2,
                "foreign_keys": 1,
                "secure_delete": 1,
                "temp_store": 2,
                "busy_timeout": 5000,
            }
            assert {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in expected} == expected


@pytest.mark.parametrize("seed", range(3))
def test_what_was_acknowledged_survives_kill_9(folder: Path, seed: int) -> None:
    program = """
import sys
from assistant.store import Store
from tests.assistant.store_turns import make_turn
store = Store(sys.argv[1])
for index in range(100_000):
    turn = make_turn(user_text=f"{index} " + "x" * (index * 997 % 9000))
    store.save(turn)
    print(turn.turn_id, flush=True)
"""
    child = subprocess.Popen([sys.executable, "-c", program, folder], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    acknowledged = [child.stdout.readline().strip()]
    time.sleep(random.Random(seed).uniform(0.05, 0.6))
    os.kill(child.pid, signal.SIGKILL)
    acknowledged += [line.strip() for line in child.stdout if line.endswith("\n")]
    child.wait()
    child.stdout.close()
    with Store(folder) as store:
        saved = [turn.turn_id for turn in store.turns()]
    assert store.notices == () and len(acknowledged) > 1
    assert saved[: len(acknowledged)] == acknowledged and len(saved) <= len(acknowledged) + 1
