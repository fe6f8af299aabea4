"""The live connection's checks, on the real perceiver and over a real WebSocket of the real application."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from typing import Any, get_args

import cv2
import numpy as np
import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from assistant.page.consents import Consents
from assistant.page.keeping import Keeping
from assistant.page.live import FRAME, HEADER, MAX_PIXELS, SOUND, decode, jpeg_size, parse, state_message
from assistant.page.server import make_app
from assistant.page.session import Services, Session, Sessions
from assistant.page.status import ModelStatus
from assistant.page.texts import TEXTS
from llm.client.scripted import Scripted
from perception.state import Reason
from tests.fakes import HELP
from tests.perception.sounds import voice

ORIGIN = {"origin": "http://127.0.0.1", "host": "127.0.0.1"}


def jpeg(height: int = 480, width: int = 640, value: int = 120) -> bytes:
    done, data = cv2.imencode(".jpg", np.full((height, width, 3), value, np.uint8))
    assert done
    return data.tobytes()


def portrait() -> bytes:
    from skimage import data

    done, encoded = cv2.imencode(".jpg", data.astronaut()[:, :, ::-1])
    assert done
    return encoded.tobytes()


def frame(payload: bytes, t_s: float = 1.0, kind: int = FRAME, rate: int = 0) -> bytes:
    return HEADER.pack(kind, t_s, rate) + payload


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    services = Services(Scripted(), Scripted(), Keeping(None), ModelStatus("scripted"), HELP)
    with TestClient(make_app(services, ["127.0.0.1"]), base_url="http://127.0.0.1") as made:
        yield made


@pytest.fixture
def sessions(client: TestClient) -> Sessions:
    found: Sessions = client.app.state.sessions  # type: ignore[attr-defined]
    return found


@pytest.fixture
def session(sessions: Sessions) -> Iterator[Session]:
    made = sessions.open("", "en", "page")
    made.consents = Consents(chat=True, camera=True, microphone=True, affect=True)
    yield made
    made.close()


@pytest.fixture
def socket(client: TestClient, session: Session) -> Iterator[Any]:
    """An open live connection of a session that allows everything."""
    with client.websocket_connect("/live", headers=ORIGIN) as opened:
        opened.send_json({"type": "hello", "token": session.token})
        assert opened.receive_json() == {"type": "ready"}
        yield opened


def until(socket: Any, kind: str) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = socket.receive_json()
        if message["type"] == kind:
            return message


def test_a_frame_comes_back_as_numbers_only(socket: Any, session: Session) -> None:
    socket.send_bytes(frame(portrait()))
    seen = until(socket, "seen")
    assert seen["quality"] == "ok" and (seen["width"], seen["height"]) == (512, 512)
    assert len(seen["points"]) == 2 * 478 and all(isinstance(value, int) for value in seen["points"])
    state = until(socket, "state")
    assert state["state"]["known"] is False and state["sentence"] == ""


def test_brief_movements_are_watched_for_only_when_asked(socket: Any, session: Session) -> None:
    def moments_after(first_s: float) -> dict[str, Any]:
        """What the last of the states says that came between the answers to fourteen frames."""
        said: list[dict[str, Any]] = []
        for number in range(14):
            time.sleep(0.06)  # frames that come faster than 30 a second are not read
            socket.send_bytes(frame(portrait(), first_s + number / 10))
            while (message := socket.receive_json())["type"] != "seen":
                said.append(message["timeline"]["moments"])
        return said[-1]

    assert moments_after(1.0) == {"on": False, "fps": 0, "enough": False, "marks": []}
    socket.send_json({"type": "moments", "on": True})
    found = moments_after(4.0)
    assert found["on"] and not found["enough"] and 5 <= found["fps"] <= 12 and found["marks"] == []
    socket.send_json({"type": "moments", "on": False})
    assert not moments_after(8.0)["on"]


@pytest.mark.parametrize("payload", [
    b"", b"not a picture", b"\xff\xd8\xff", jpeg()[:200], jpeg(1, 1), jpeg(4320, 7680),
    b"\x89PNG\r\n\x1a\n" + b"0" * 50,
])  # fmt: skip
def test_a_bad_frame_is_answered_and_the_connection_lives(socket: Any, session: Session, payload: bytes) -> None:
    socket.send_bytes(frame(payload))
    answer = until(socket, "seen")
    assert answer["quality"] == "bad_frame" and answer["points"] is None


def test_a_black_frame_has_no_face(socket: Any, session: Session) -> None:
    socket.send_bytes(frame(jpeg(value=0)))
    assert until(socket, "seen")["quality"] in {"no_face", "too_dark"}


def test_bad_sound_and_unknown_messages_do_no_harm(socket: Any, session: Session) -> None:
    for data in (
        frame(b"\x00", kind=SOUND, rate=16_000),
        frame(b"\x00" * 64, kind=SOUND, rate=7),
        frame(b"x" * 64, kind=9),
    ):
        socket.send_bytes(data)
    socket.send_text("{")
    socket.send_text('{"type": "nothing"}')
    socket.send_bytes(frame(portrait(), 2.0))
    assert until(socket, "seen")["quality"] == "ok"


def test_sound_reaches_the_voice(socket: Any, session: Session) -> None:
    tone = (8_000 * np.sin(2 * np.pi * 180 * np.arange(8_000) / 16_000)).astype("<i2").tobytes()
    for index in range(6):
        socket.send_bytes(frame(tone, 1.0 + index / 2, SOUND, 16_000))
    socket.send_bytes(frame(portrait(), 4.0))
    until(socket, "seen")
    assert session.live is not None and session.live.state().voice


@pytest.mark.usefixtures("loud_is_speech")
def test_a_voice_without_a_camera_becomes_a_state_that_claims_no_face(socket: Any, session: Session) -> None:
    speech = (np.tile(voice(1.5), 4) * 32767).astype("<i2")
    for index in range(12):
        piece = speech[8_000 * index : 8_000 * (index + 1)].tobytes()
        socket.send_bytes(frame(piece, 1.0 + index / 2, SOUND, 16_000))
    socket.send_bytes(frame(b"no picture", 7.0))  # answered when all before it has been heard
    until(socket, "seen")
    state = session.state()
    assert state.known and state.modality == "voice" and session.sentence(state) == ""
    summary = state_message(state, "", (), 7.0)["state"]
    assert summary["known"] and summary["strongest"] and summary["source"] == state.source


def test_every_reason_for_not_knowing_has_a_text() -> None:
    assert all(f"reason_{reason}" in TEXTS["en"] for reason in (*get_args(Reason), "paused", "other"))


def test_pausing_answers_no_frame_and_knows_nothing(socket: Any, session: Session) -> None:
    socket.send_json({"type": "pause", "on": True})
    socket.send_bytes(frame(portrait()))
    assert until(socket, "skipped") and session.state().reason == "paused"


@pytest.mark.parametrize(("consents", "kind"), [
    (Consents(chat=True, microphone=True), FRAME), (Consents(chat=True, camera=True), SOUND),
])  # fmt: skip
def test_what_is_not_allowed_is_refused(socket: Any, session: Session, consents: Consents, kind: int) -> None:
    session.consents = consents
    socket.send_bytes(frame(portrait(), kind=kind, rate=16_000 if kind == SOUND else 0))
    assert until(socket, "problem")["code"] == "err_consent"


def test_without_any_consent_or_with_a_wrong_token_nothing_starts(client: TestClient, session: Session) -> None:
    session.consents = Consents(chat=True)
    for token, code in ((session.token, "err_consent"), ("guess", "note_session")):
        with client.websocket_connect("/live", headers=ORIGIN) as socket:
            socket.send_json({"type": "hello", "token": token})
            assert socket.receive_json()["code"] == code


@pytest.mark.parametrize("headers", [
    {"origin": "http://evil.example"}, {"origin": "null"}, {},
    {"origin": "http://evil.example", "host": "evil.example"},
])  # fmt: skip
def test_a_foreign_page_cannot_connect(client: TestClient, headers: dict[str, str]) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/live", headers=headers):
        pass


def test_the_perceiver_goes_when_the_camera_does(socket: Any, session: Session) -> None:
    socket.send_bytes(frame(portrait()))
    until(socket, "seen")
    perceiver = session.perceiver()
    socket.close()
    with pytest.raises(RuntimeError, match="closed"):
        while True:  # closing happens on the server's side, soon
            perceiver.see(np.zeros((64, 64, 3), np.uint8))
    assert session.state().reason == "off"


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\x00\x02", b"GIF89a", jpeg()[:2] + b"\xff" * 40])
def test_no_size_without_a_frame_header(data: bytes) -> None:
    assert jpeg_size(data) is None and decode(data) is None


def test_the_size_is_known_before_decoding() -> None:
    assert jpeg_size(jpeg(48, 64)) == (64, 48)
    bomb = bytearray(jpeg(48, 64))
    at = bomb.index(b"\xff\xc0")
    bomb[at + 5 : at + 9] = struct.pack(">HH", 65_000, 65_000)
    assert 65_000**2 > MAX_PIXELS and decode(bytes(bomb)) is None


@pytest.mark.parametrize("text", ["", "[1]", "null", "{", '{"a": 1' + " " * 20_000 + "}"])
def test_only_small_objects_are_parsed(text: str) -> None:
    assert parse(text) == {}
