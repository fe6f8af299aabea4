"""The WebSocket that carries camera frames and sound in, and numbers out. No picture ever goes back.

The browser sends first {"type": "hello", "token": ...}, then {"type": "pause", "on": bool}, {"type": "moments",
"on": bool} (brief movements, off at first) and binary messages:
one byte kind (1 frame, 2 sound), seconds as float64, sample rate as uint32 (0 for a frame), all little-endian, then the
JPEG or the 16-bit mono samples. The server answers each frame with "seen", which is also the acknowledgement that lets
the browser send the next one, and twice a second with "state"; before it closes for a reason it says "problem" with
the key of a text in `assistant.page.texts`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import struct
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

from assistant.page.reply import report
from assistant.page.session import Session
from perception.moments import Moments
from perception.perceiver import Perceiver, Seen
from perception.types import EXPRESSIONS, Affect, EmotionalState, Image

log = logging.getLogger(__name__)

HEADER = struct.Struct("<BdI")
FRAME, SOUND = 1, 2
#: The browser sends at most 640x480; the cap leaves room for other aspect ratios and stops decompression bombs.
MAX_PIXELS = 1280 * 960
MAX_MESSAGE_BYTES = 1_000_000
#: Frames that come faster are acknowledged and not read (frames per second).
MAX_FRAME_RATE = 30.0
STATE_EVERY_S = 0.5
IDLE_S = 60.0
SESSION_MINUTES = 60
TIMELINE_S = 60.0
SAMPLE_RATES = range(8_000, 192_001)


class Refused(Exception):
    """The connection ends, and the person is told by the text called `code`."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code, self.values = code, values


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) px from a JPEG's start-of-frame segment (ITU-T T.81, B.2.2), without decoding; None if there
    is none."""
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        # SOF0-SOF15 without the three other segments (DHT, JPG, DAC) that share the range.
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None


def decode(data: bytes) -> Image | None:
    """The JPEG as (H, W, 3) uint8 RGB in memory; None when it is none, is damaged, or holds more than MAX_PIXELS."""
    size = jpeg_size(data)
    if size is None or not 0 < size[0] * size[1] <= MAX_PIXELS:
        return None
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return None if pixels is None else np.ascontiguousarray(pixels[:, :, ::-1])


def seen_message(seen: Seen | None, size: tuple[int, int]) -> dict[str, Any]:
    """What the browser draws: the landmarks as whole pixels of the frame, and the quality hint."""
    faces = seen.faces if seen else ()
    points = np.rint(faces[0].landmarks[:, :2]).astype(int).ravel().tolist() if len(faces) == 1 else None
    quality = seen.quality if seen else "bad_frame"
    return {"type": "seen", "quality": quality, "width": size[0], "height": size[1], "points": points}


def strongest(affects: tuple[Affect, ...] | list[Affect], count: int = 2) -> list[str]:
    """The names of the expressions with the largest mean probability, neutral left out."""
    if not affects:
        return []
    means = {e: float(np.mean([a.expressions.get(e, 0.0) for a in affects])) for e in EXPRESSIONS if e != "Neutral"}
    return sorted(means, key=lambda name: -means[name])[:count]


def moments_message(moments: Moments, now: float) -> dict[str, Any]:
    """Whether brief movements are looked for, how fast the frames come, and when and where one was seen."""
    marks = [{"t": round(one.apex_s, 2), "region": one.region} for one in moments.events
             if 0 <= now - one.apex_s <= TIMELINE_S]  # fmt: skip
    return {"on": moments.watching, "fps": round(moments.fps), "enough": moments.enough, "marks": marks}


def state_message(state: EmotionalState, sentence: str, affects: tuple[Affect, ...], now: float,
                  moments: Moments | None = None) -> dict[str, Any]:  # fmt: skip
    """The summary, the sentence that would be passed on, and the last minute for the plot."""
    recent = [affect for affect in affects if 0 <= now - affect.t_s <= TIMELINE_S]
    names = strongest(recent)
    summary = {
        "known": state.known, "reason": state.reason, "source": state.source,
        "valence": round(state.valence, 2), "arousal": round(state.arousal, 2),
        "confidence": round(state.confidence, 2), "coverage": round(state.coverage, 2),
        "strongest": sorted(((n, round(p, 3)) for n, p in state.expressions.items()), key=lambda pair: -pair[1])[:3],
    }  # fmt: skip
    rows = [
        {"t": round(a.t_s, 2), "values": {"valence": round(a.valence, 3), "arousal": round(a.arousal, 3)}
         | {name: round(a.expressions.get(name, 0.0), 3) for name in names}}
        for a in recent
    ]  # fmt: skip
    timeline = {"now": round(now, 2), "rows": rows, "strongest": names,
                "moments": moments_message(moments or Moments(), now)}  # fmt: skip
    return {"type": "state", "state": summary, "sentence": sentence, "timeline": timeline}


class Live:
    """One connection of one session: checks each message, reads it, answers it."""

    def __init__(self, socket: WebSocket, session: Session, perceiver: Perceiver) -> None:
        self.socket, self.session, self.perceiver = socket, session, perceiver
        self.paused = False
        self._started = self._last_frame = self._last_state = 0.0
        self._client_s = 0.0

    async def run(self) -> None:
        """Until the browser leaves, or `Refused`."""
        self._started = time.monotonic()
        while True:
            left = SESSION_MINUTES * 60 - (time.monotonic() - self._started)
            if left <= 0:
                raise Refused("err_session", minutes=SESSION_MINUTES)
            try:
                message = await asyncio.wait_for(self.socket.receive(), min(IDLE_S, left))
            except TimeoutError:
                if self.paused:
                    continue
                raise Refused("err_idle") from None
            if message["type"] == "websocket.disconnect":
                return
            if message.get("text") is not None:
                self._control(message["text"])
            else:
                await self._take(message.get("bytes") or b"")
            await self._tell()

    def state(self) -> EmotionalState:
        """What is known now; unknown while paused."""
        return EmotionalState.unknown("paused") if self.paused else self.perceiver.state()

    def _control(self, text: str) -> None:
        command = parse(text)
        if command.get("type") == "pause":
            self.paused = command.get("on") is True
        elif command.get("type") == "moments" and self.session.consents.camera:
            self.perceiver.watch_moments(command.get("on") is True)

    async def _take(self, data: bytes) -> None:
        if not HEADER.size < len(data) <= MAX_MESSAGE_BYTES:
            return await self._answer(None, (1, 1))
        kind, seconds, rate = HEADER.unpack_from(data)
        payload = data[HEADER.size :]
        if kind == SOUND:
            if not self.session.consents.microphone:
                raise Refused("err_consent")
            if not self.paused and rate in SAMPLE_RATES and len(payload) % 2 == 0:
                await asyncio.to_thread(self.perceiver.hear, np.frombuffer(payload, "<i2"), rate, seconds)
            return None
        if not self.session.consents.camera:
            raise Refused("err_consent")
        now = time.monotonic()
        if self.paused or kind != FRAME or now - self._last_frame < 1.0 / MAX_FRAME_RATE:
            return await self.socket.send_json({"type": "skipped"})
        self._last_frame, self._client_s = now, seconds
        return await self._answer(*await asyncio.to_thread(self._see, payload, seconds))

    def _see(self, jpeg: bytes, seconds: float) -> tuple[Seen | None, tuple[int, int]]:
        image = decode(jpeg)
        if image is None:
            return None, (1, 1)
        return self.perceiver.see(image, seconds), (image.shape[1], image.shape[0])

    async def _answer(self, seen: Seen | None, size: tuple[int, int]) -> None:
        await self.socket.send_json(seen_message(seen, size))

    async def _tell(self) -> None:
        now = time.monotonic()
        if now - self._last_state >= STATE_EVERY_S:
            self._last_state = now
            client_now = self._client_s + (now - self._last_frame)
            await self.socket.send_json(await asyncio.to_thread(self._summary, client_now))

    def _summary(self, client_now: float) -> dict[str, Any]:
        state = self.state()
        sentence, affects = self.session.sentence(state), self.perceiver.timeline()
        return state_message(state, sentence, affects, client_now, self.perceiver.moments())


def parse(text: str) -> dict[str, Any]:
    """A small JSON object; {} for anything else."""
    try:
        value = json.loads(text) if len(text) <= 10_000 else {}
    except ValueError:
        value = {}
    return value if isinstance(value, dict) else {}


async def serve(
    socket: WebSocket, find: Callable[[str], Session | None], allowed_origin: Callable[[WebSocket], bool]
) -> None:
    """Handle one WebSocket: same origin, a known token, consent for camera or microphone; then read until it ends."""
    if not allowed_origin(socket):
        log.warning("a live connection with a foreign or missing Origin was refused")
        return await socket.close(code=1008)
    await socket.accept()
    try:
        said = await asyncio.wait_for(socket.receive_text(), 10.0)
    except (WebSocketDisconnect, TimeoutError, KeyError):
        return  # the browser left, or never said hello in words
    try:
        hello = parse(said)
        session = find(str(hello.get("token", "")))
        if session is None:
            raise Refused("note_session")
        if not (session.consents.camera or session.consents.microphone):
            raise Refused("err_consent")
        try:
            live = Live(socket, session, await asyncio.to_thread(session.perceiver))
        except (OSError, RuntimeError, ValueError, ImportError) as error:
            raise Refused("err_vision", id=report("starting the perception", error)) from error
        session.live = live
        try:
            await socket.send_json({"type": "ready"})
            await live.run()
        finally:
            await asyncio.to_thread(session.live_ended, live)
    except Refused as refused:
        await _say_and_close(socket, refused)
    except WebSocketDisconnect:
        return  # the browser left
    except Exception as error:  # noqa: BLE001  the edge of the page
        await _say_and_close(socket, Refused("err_vision", id=report("a live connection", error)))


async def _say_and_close(socket: WebSocket, refused: Refused) -> None:
    try:
        await socket.send_json({"type": "problem", "code": refused.code, "values": refused.values})
        await socket.close()
    except (RuntimeError, WebSocketDisconnect):
        log.debug("the browser left before it could be told %s", refused.code)
