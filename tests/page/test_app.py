"""The command line: what it refuses, and that it says the next step."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import app
from tests.conftest import ROOT
from tests.faulty_server import FaultyServer


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "app.py", *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )


def test_help_lists_every_option() -> None:
    done = run("--help")
    assert done.returncode == 0
    for action in app.parser()._actions:
        assert all(option in done.stdout for option in action.option_strings)
        assert action.help
    assert "not for emergencies" in " ".join(done.stdout.split())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "chat.example.org"])
def test_listening_beyond_this_computer_needs_a_deliberate_word(host: str) -> None:
    with pytest.raises(app.CannotStart, match="TLS"):
        app.check_host(host, expose=False)
    app.check_host(host, expose=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "[::1]", "localhost"])
def test_loopback_needs_no_word(host: str) -> None:
    app.check_host(host, expose=False)


def test_a_port_in_use_is_told_with_the_next_step() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(app.CannotStart, match=rf"port {port} is in use.*Next step.*{port + 1}"):
            app.listen("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 70_000), ("127.0.0.1", -1), ("203.0.113.9", 0), ("no-such-host.invalid", 0)]
)
def test_an_address_that_cannot_be_used_is_told(host: str, port: int) -> None:
    with pytest.raises(app.CannotStart, match="Next step"):
        app.listen(host, port)


@pytest.mark.parametrize(("llm", "name"), [("ftp://x", None), ("gpt", None), ("guided", "qwen"), ("http://", None)])
def test_a_model_that_cannot_be_is_told(llm: str, name: str | None) -> None:
    with pytest.raises(app.CannotStart, match="Next step"):
        app.chat_model(llm, name)


def test_a_start_that_is_refused_leaves_the_store_closed(tmp_path: Path) -> None:
    for _ in range(2):
        done = run("--port", "0", "--data", str(tmp_path), "--llm", "mimi")
        assert done.returncode == 2 and "mini or nano" in done.stderr
        assert "looks like a copy" not in done.stderr


def test_a_server_that_is_down_is_no_error_at_the_start() -> None:
    model, status = app.chat_model("http://127.0.0.1:9/v1", "tiny")
    status.close()
    assert model.name == "tiny"


def test_a_data_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = run("--port", "0", "--data", str(tmp_path / "file"))
    assert done.returncode == 2 and "--no-store" in done.stderr and "Traceback" not in done.stderr


def test_help_lines_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    done = run("--port", "0", "--no-store", "--helplines", str(tmp_path / "missing.toml"))
    assert done.returncode == 2 and "missing.toml" in done.stderr and "Traceback" not in done.stderr


def test_a_terminated_app_stops_what_it_started(tmp_path: Path) -> None:
    marker = tmp_path / "ended"
    code = (
        "import atexit, pathlib, sys, app\n"
        f"atexit.register(lambda: pathlib.Path({str(marker)!r}).touch())\n"
        "sys.exit(app.main(['--port', '0', '--no-store']))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "Beside is at" in process.stdout.readline()
    process.terminate()
    assert process.wait(60) == 0
    assert marker.exists()


@pytest.mark.parametrize(("region", "near"), [("UK", "GB"), ("germny", "DE"), ("Australia", "AU"), ("JPN", "JP")])
def test_a_region_that_is_none_names_the_likely_one(region: str, near: str) -> None:
    done = run("--port", "0", "--no-store", "--region", region)
    assert done.returncode == 2 and f"did you mean {near}?" in done.stderr and "Traceback" not in done.stderr


def test_a_model_that_the_server_does_not_have_names_the_likely_one() -> None:
    with FaultyServer(models=["Qwen/Qwen3-4B", "tiny"]) as server:
        with pytest.raises(app.CannotStart, match="did you mean 'Qwen/Qwen3-4B'"):
            app.chat_model(server.url, "qwen3-4b")
        with pytest.raises(app.CannotStart, match="several models: Qwen/Qwen3-4B, tiny"):
            app.chat_model(server.url, None)
        model, status = app.chat_model(server.url, "tiny")
        status.close()
        assert model.name == "tiny"


def test_the_status_names_the_servers_only_model_and_never_its_address() -> None:
    with FaultyServer(models=["tiny"]) as server:
        _, status = app.chat_model(server.url, None)
        for _ in range(200):
            if status.public()["model"]:
                break
            time.sleep(0.05)
        status.close()
        assert status.public()["model"] == "tiny"


@pytest.mark.parametrize("path", ["companion", "/a b", "http://x/y", "//"])
def test_a_root_path_that_is_none_is_told(path: str) -> None:
    with pytest.raises(app.CannotStart, match="Next step"):
        app.check_root_path(path)
