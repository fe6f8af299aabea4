"""A model server whose every answer is known: dialogues, evidence, refinements and marks are planted by case number."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import types
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from data_gen.steps import SEED_STEP, seed_of
from data_gen.types import Material
from tests.latency_server import drawn_fault

EVENTS = ("把项目交给了别人", "和室友吵了一架", "母亲打来电话催我回家", "主管在会上点了我的名", "一个人吃了三个月的饭",
          "考试没有通过", "朋友结婚没有叫我")  # fmt: skip
FEELINGS = ("晚上躺下就开始想白天的事", "总觉得大家在看我", "做什么都提不起劲", "一听到电话响就心慌", "常常坐着发呆")
ADVICE = ("每天留出十分钟把担心写下来", "先和一个信得过的人说一说", "把大事拆成今天能做的一小步", "允许自己难过一会儿")
CLAIM = "研究表明第{}天就会好转。"
#: Case number modulo 10 -> what is planted; the others are accepted at once.
UNSUPPORTED_FIRST, ALWAYS_LOW, FORBIDDEN_FIRST, CRISIS = 5, 6, 7, 8


def planted_case(number: int) -> Material:
    event, feeling, advice = parts(number)
    asked = f"案例{number:03d}：上个月我{event}，后来{feeling}。我不知道该怎么办。"
    text = f"听起来很不容易。可以试着{advice}。慢慢来就好。"
    return Material(f"case-{number}", "qa", "zh", f"qa:{number}", asked, text, f"cases.jsonl:{number}", "CC0-1.0")


def parts(number: int) -> tuple[str, str, str]:
    return EVENTS[number % 7], FEELINGS[number % 5], ADVICE[number % 4]


def expected_outcome(number: int) -> str:
    """accepted, or the reason why a chain ends."""
    return {ALWAYS_LOW: "judged_low", CRISIS: "crisis"}.get(number % 10, "accepted")


def is_supported(sentence: str, before: str, number: int) -> bool:
    """The planted truth: a sentence that names the event or the advice, or points back at advice named before it."""
    event, _, advice = parts(number)
    return event in sentence or advice in sentence or ("这一步" in sentence and advice in before)


def planted_reply(body: Mapping[str, Any]) -> str:
    """The model's text for a request, a function of the request alone."""
    system, asked = (message["content"] for message in body["messages"])
    if system.startswith("你是一名心理学学生"):
        return "闭卷：我记得一些。" if "闭卷" in system else "开卷：见第一段 [1]。"
    number = int(re.search(r"案例(\d+)", asked)[1])  # type: ignore[index]
    bases = (seed_of(0, f"case-{number}/0"), seed_of(0, f"cases.jsonl:{number}/0"))
    attempt = min((body["seed"] - base) % 1_000_003 for base in bases) // SEED_STEP
    kind = number % 10
    if "撰写咨询对话" in system:
        return json.dumps({"turns": _draft(asked, number, kind)}, ensure_ascii=False)
    if "核对咨询对话" in system:
        return json.dumps({"sentences": _evidence(asked, number)}, ensure_ascii=False)
    if "督导" in system:
        replies = _replies(asked, number, kind, attempt)
        return json.dumps({"suggestions": ["语气再留一点余地"], "replies": replies}, ensure_ascii=False)
    mark = 2 if kind == ALWAYS_LOW else 4
    marks = dict.fromkeys(("empathy", "guidance", "wording", "ethics", "client"), 4) | {"empathy": mark}
    return json.dumps({**marks, "verdict": "accept", "reason": "可以"}, ensure_ascii=False)


def _draft(asked: str, number: int, kind: int) -> list[dict[str, Any]]:
    event, feeling, advice = parts(number)
    count = int(re.search(r"恰好有 (\d+) 轮", asked)[1])  # type: ignore[index]
    turns = []
    for turn in range(count):
        said = f"第{turn}次说起：{event}，{feeling}。" if turn or kind != CRISIS else "我不想活了。"
        signs = [{"behaviour": "smile", "direction": "less"}] if turn % 2 else []
        state = {"expression": "Sadness", "valence": -0.4, "arousal": -0.1, "signs": signs}
        reply = f"我听到你说{event}，这是第{turn}回。{CLAIM.format(turn)}"
        turns.append({"client": said, "state": state, "counsellor": reply})
    turns[-2]["counsellor"] = f"也许可以{advice}。"
    turns[-1]["counsellor"] = "就从这一步开始。"
    return turns


def _evidence(asked: str, number: int) -> list[dict[str, Any]]:
    """Right about what is supported, in other widths and spaces; it invents a quotation for every claim."""
    event, _, advice = parts(number)
    dialogue = asked.split("<到目前为止的对话>")[1].split("</到目前为止的对话>")[0]
    rows = []
    for found, sentence in re.findall(r"(?m)^(\d+)\. (.+)$", asked.split("分成下列句子：")[1]):
        quote = " ".join(event) if event in sentence else f"{advice}！" if advice in sentence else ""
        if "这一步" in sentence and advice in dialogue:
            quote = advice
        if "研究表明" in sentence:
            quote = sentence.replace("好转", "好起来")
        rows.append({"number": int(found), "asserts": bool(quote), "quote": quote})
    return rows


def _replies(asked: str, number: int, kind: int, attempt: int) -> list[str]:
    event, _, advice = parts(number)
    count = int(re.search(r"恰好 (\d+) 条", asked)[1])  # type: ignore[index]
    if kind == UNSUPPORTED_FIRST and attempt == 0:
        return [CLAIM.format(turn) for turn in range(count)]
    replies = [f"你提到{event}，这是第{turn}回。这对你来说是什么感觉，第{turn}次？" for turn in range(count)]
    if kind == FORBIDDEN_FIRST and attempt == 0:
        replies[0] = "你得的就是抑郁症。"
    return [*replies[:-2], f"也许可以{advice}。", "就从这一步开始。"]


def write_cases(path: Path, count: int) -> None:
    """Rows that become the planted cases; with so few phrases many are alike, so each gets words of its own."""
    lines = []
    for number in range(count):
        case = planted_case(number)
        own = "".join(chr(0x4E00 + (number * 97 + k * 31) % 3000) for k in range(150))
        answers = [{"text": case.text, "likes": 9}]
        lines.append({"id": f"{number}", "question": case.asked, "description": own, "answers": answers})
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


class PlantedServer:
    """Serves `reply` over the chat-completions protocol, with planted faults: name -> share of tries."""

    def __init__(self) -> None:
        self.reply = planted_reply
        self.faults: Mapping[str, float] = {}
        self.tries: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.delay = threading.Event()
        self.delay_s = 0.0
        planted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                planted.serve(self, self.rfile.read(int(self.headers["Content-Length"])))

            def handle(self) -> None:
                with suppress(ConnectionError):  # the asker was killed
                    super().handle()

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def fault(self, digest: str) -> str:
        self.tries[digest] += 1
        return drawn_fault(self.faults, digest, self.tries[digest])

    def serve(self, handler: BaseHTTPRequestHandler, data: bytes) -> None:
        digest = hashlib.sha256(data).hexdigest()
        fault = self.fault(digest)
        self.delay.wait(self.delay_s)
        if fault == "reset":
            handler.close_connection = True
            return
        text = {"empty": "", "broken": '{"turns": [{'}.get(fault) if fault in {"empty", "broken"} else None
        text = self.reply(json.loads(data)) if text is None else text
        choice = {"message": {"content": text}, "finish_reason": "length" if fault == "cut" else "stop"}
        usage = {"prompt_tokens": 100, "completion_tokens": 20}
        payload = json.dumps({"choices": [choice], "usage": usage}).encode()
        handler.send_response({"500": 500, "429": 429}.get(fault, 200))
        handler.send_header("Content-Length", str(len(payload)))
        if fault == "429":
            handler.send_header("Retry-After", "0.05")
        handler.end_headers()
        try:
            handler.wfile.write(payload)
        except OSError:  # the asker was killed
            return
        if not fault:
            self.answered[digest] += 1


@pytest.fixture
def planted() -> Iterator[PlantedServer]:
    made = PlantedServer()
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared_planted() -> Iterator[PlantedServer]:
    """One for tests that only read what was made with it."""
    made = PlantedServer()
    yield made
    made.close()


@pytest.fixture(scope="module")
def truth() -> Any:
    """The functions that know what is planted."""
    return types.SimpleNamespace(
        case=planted_case, parts=parts, outcome=expected_outcome, supported=is_supported, write=write_cases
    )
