"""Shared by all tests: where the data is, and no network but loopback."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"

for name, value in {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "GLOG_minloglevel": "2",
    "MPLBACKEND": "Agg",
    "TOKENIZERS_PARALLELISM": "false",
}.items():
    os.environ.setdefault(name, value)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real third-party data, which never becomes part of the project."""
    if not DATA.is_dir():
        pytest.skip(f"the data folder {DATA} is not on this machine (see its README in the project's workplace)")
    return DATA


def _loopback_only(address: Any) -> None:
    if isinstance(address, tuple) and isinstance(address[0], str) and address[0] not in {"localhost", ""}:
        try:
            loopback = ipaddress.ip_address(address[0].split("%")[0]).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            raise RuntimeError(f"a test tried to reach {address[0]}: only loopback is allowed in tests")


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Any:
    """Refuse every connection that leaves this machine, in this process."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def guarded(self: socket.socket, address: Any) -> None:
        _loopback_only(address)
        return connect(self, address)

    def guarded_ex(self: socket.socket, address: Any) -> int:
        _loopback_only(address)
        return connect_ex(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", guarded)
    patch.setattr(socket.socket, "connect_ex", guarded_ex)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def fresh_accelerate() -> Any:
    """accelerate keeps its precision for a whole process and refuses another one: each test stands for a process."""
    yield
    if "accelerate.state" in sys.modules:
        sys.modules["accelerate.state"].AcceleratorState._reset_state(True)


@pytest.fixture
def loud_is_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever sounds counts as speech: for tests of what follows, whose voices are made of tones."""
    from perception.speech import WINDOW, SpeechModel

    def step(self: SpeechModel, sound: Any, memory: Any) -> tuple[float, Any]:
        return float(abs(sound[-WINDOW:]).max() > 0.003), memory

    monkeypatch.setattr(SpeechModel, "step", step)
