"""A model server of known behaviour in a process of its own: fixed latency, slots, planted faults and answers.

    with LatencyServer(latency_s=0.05, slots=8, faults={"500": 0.05}) as server:
        server.url          # ends in /v1
        server.stats()      # {"requests": ..., "bodies": {digest of a body: times answered}}

The reply is a function of the request (`reply`), so that two runs can be compared. Faults, each a share of tries, drawn
by (body, try): 500, 429 (with Retry-After), reset, hang, malformed (not JSON), empty, cut (finish_reason length), half
(the body ends early), null (content null).
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


class LatencyServer:
    """Starts `python -m tests.latency_server` and stops it."""

    def __init__(
        self, latency_s: float = 0.02, slots: int = 64, faults: Mapping[str, float] | None = None, reply: str = "echo"
    ) -> None:
        self._arguments = [str(latency_s), str(slots), json.dumps(dict(faults or {})), reply]
        self.url = ""

    def __enter__(self) -> LatencyServer:
        command = [sys.executable, "-m", "tests.latency_server", *self._arguments]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def stats(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/stats", timeout=5) as reply:  # noqa: S310  loopback
            found: dict[str, Any] = json.load(reply)
        return found


def drawn_fault(faults: Mapping[str, float], digest: str, attempt: int) -> str:
    """The fault of this try at a body, "" for none: each has its share of all tries."""
    drawn = int.from_bytes(hashlib.sha256(f"{digest}/{attempt}".encode()).digest()[:8], "big") / 2**64
    for name, share in faults.items():
        if drawn < share:
            return name
        drawn -= share
    return ""


def reply_to(kind: str, body: Mapping[str, Any]) -> str:
    """The text that the server gives: `echo` names the last message and the seed; `json` wraps that in an object."""
    said = f"{body['messages'][-1]['content'][:200]} / {body.get('seed')}"
    return json.dumps({"said": said}) if kind == "json" else said


class _Server:
    def __init__(self, latency_s: float, slots: int, faults: Mapping[str, float], kind: str) -> None:
        self.latency_s, self.faults, self.kind = latency_s, faults, kind
        self.slots = asyncio.Semaphore(slots)
        self.tries: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.requests = self.running = self.most = 0
        self.began = self.ended = 0.0

    def fault(self, digest: str) -> str:
        self.tries[digest] += 1
        return drawn_fault(self.faults, digest, self.tries[digest])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                fields = [line.partition(b":") for line in head.lower().split(b"\r\n")]
                length = next((int(value) for name, _, value in fields if name == b"content-length"), 0)
                data = await reader.readexactly(length)
                if b"/stats" in head.split(b"\r\n")[0]:
                    stats = {"requests": self.requests, "bodies": self.answered, "most": self.most,
                             "span_s": self.ended - self.began, "began": self.began}  # fmt: skip
                    writer.write(_http(200, json.dumps(stats).encode()))
                elif not await self.chat(data, writer):
                    break
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def chat(self, data: bytes, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False where the connection ends with it."""
        digest = hashlib.sha256(data).hexdigest()[:16]
        self.requests += 1
        self.began = self.began or time.monotonic()
        fault = self.fault(digest)
        async with self.slots:
            self.running += 1
            self.most = max(self.most, self.running)
            await asyncio.sleep(3600 if fault == "hang" else self.latency_s)
            self.running -= 1
        self.ended = time.monotonic()
        if fault == "reset":
            writer.transport.abort()
            return False
        if fault in {"500", "429", "503", "400", "404"}:
            writer.write(_http(int(fault), b'{"error": {"message": "planted"}}', b"Retry-After: 0.05\r\n"))
            return True
        body = json.loads(data)
        text: str | None = {"empty": "", "null": None}.get(fault, reply_to(self.kind, body))
        reason = "length" if fault == "cut" else "stop"
        choice = {"message": {"role": "assistant", "content": text}, "finish_reason": reason}
        usage = {"prompt_tokens": 10, "completion_tokens": 5}
        payload = json.dumps({"choices": [choice], "usage": usage}).encode()
        if fault == "malformed":
            payload = b"<html>no JSON</html>"
        if fault == "half":
            writer.write(_http(200, payload)[:-20])
            await writer.drain()
            return False
        if fault not in {"malformed"}:
            self.answered[digest] += 1
        writer.write(_http(200, payload))
        return True


def _http(status: int, payload: bytes, more: bytes = b"") -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(payload)}\r\n".encode()
    return head + more + b"\r\n" + payload


async def _main() -> None:
    parser = argparse.ArgumentParser()
    for name, kind in (("latency_s", float), ("slots", int), ("faults", json.loads), ("reply", str)):
        parser.add_argument(name, type=kind)
    options = parser.parse_args()
    made = _Server(options.latency_s, options.slots, options.faults, options.reply)
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1", flush=True)  # noqa: T201  read by the parent
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
