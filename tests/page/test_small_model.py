"""The small model from the page: fetched with progress, changed over to and back, every way of failing told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

import pytest

from assistant.page.keeping import Keeping
from assistant.page.small_model import SmallModel, Source, Switch
from assistant.page.status import ModelStatus
from assistant.page.texts import TEXTS
from llm.bases import Show
from llm.client.scripted import Scripted
from llm.types import Message, Prompt

PROMPT = Prompt((Message("user", "hello"),))


class FakeEngine:
    url, model = "http://127.0.0.1:1/v1", "mini@1"

    def __init__(self) -> None:
        self.ended = threading.Event()

    def stop(self) -> None:
        self.ended.set()

    def alive(self) -> bool:
        return not self.ended.is_set()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "waited for 10 s"
        time.sleep(0.005)


def said(switch: Switch) -> str:
    return "".join(switch.stream(PROMPT))


class Stage:
    """A small model whose opening the test leads: `go` lets it go on."""

    def __init__(self, problem: str = "") -> None:
        self.engine, self.go, self.problem = FakeEngine(), threading.Event(), problem
        self.shown: list[Show] = []
        self.switch = Switch(Scripted(["companion"]))
        source = Source("mini", "mini: 1.12 GB, licence Apache-2.0", self._open, lambda engine: Scripted(["mini"]))
        self.small = SmallModel(source, self.switch)

    def _open(self, show: Show) -> FakeEngine:
        self.shown.append(show)
        show.progress(30, 120)
        assert self.go.wait(10)
        if self.problem:
            raise RuntimeError(self.problem)
        show.tell("starting mini ...")
        return self.engine

    def standing(self) -> str:
        return str(self.small.public()["standing"])


def test_it_is_fetched_with_progress_answers_and_goes_back() -> None:
    stage = Stage()
    assert stage.standing() == "offered" and "1.12 GB" in str(stage.small.public()["described"])
    stage.small.start()
    until(lambda: stage.small.public()["share"] == 0.25)
    assert stage.standing() == "fetching" and said(stage.switch) == "companion"
    stage.small.start()  # a second click
    stage.go.set()
    until(lambda: stage.standing() == "running")
    assert said(stage.switch) == "mini" and len(stage.shown) == 1
    stage.small.back()
    assert said(stage.switch) == "companion" and stage.standing() == "offered"
    assert stage.engine.ended.wait(5)


def test_a_failure_is_told_and_can_be_tried_again() -> None:
    stage = Stage("there is no room")
    stage.go.set()
    stage.small.start()
    until(lambda: stage.standing() == "failed")
    assert stage.small.public()["problem"] == "there is no room" and said(stage.switch) == "companion"
    stage.problem = ""
    stage.small.start()
    until(lambda: stage.standing() == "running")


def test_going_back_during_the_fetch_stops_it_and_leaves_no_engine() -> None:
    stage = Stage()
    stage.small.start()
    until(lambda: bool(stage.shown))
    stage.small.back()
    assert stage.shown[0].stopped() and stage.standing() == "offered"
    stage.go.set()
    assert stage.engine.ended.wait(5) and said(stage.switch) == "companion"


def test_an_engine_that_dies_is_told_and_the_companion_answers() -> None:
    stage = Stage()
    stage.go.set()
    stage.small.start()
    until(lambda: stage.standing() == "running")
    stage.engine.ended.set()
    assert stage.standing() == "failed" and said(stage.switch) == "companion"


@pytest.mark.parametrize("name", ["companion", "mini"])
def test_the_name_is_that_of_who_answers(name: str) -> None:
    switch = Switch(Scripted(["companion"]))
    other = Scripted(["mini"])
    other.name = "mini"
    switch.use(other if name == "mini" else None)
    assert switch.name == (name if name == "mini" else Scripted().name)


def test_the_page_hears_of_it_and_can_ask_for_it() -> None:
    from assistant.page.server import answer
    from assistant.page.session import Services, Sessions

    stage = Stage()
    services = Services(stage.switch, Scripted(), Keeping(None), ModelStatus("guided"), {}, small=stage.small)
    sessions = Sessions(services)
    session = sessions.open("", "en", "a-page")
    asked = json.loads(bytes(answer("status", sessions, session, {}).body))
    assert asked["key"] == "status_guided" and asked["small"]["standing"] == "offered"
    answer("small", sessions, session, {"on": True})
    stage.go.set()
    until(lambda: stage.standing() == "running")
    asked = json.loads(bytes(answer("status", sessions, session, {}).body))
    assert asked["key"] == "status_small" and asked["model"] == "mini"
    assert TEXTS["en"]["status_small"] and TEXTS["zh"][f"small_{asked['small']['standing']}"]
    answer("small", sessions, session, {"on": False})
    assert stage.standing() == "offered"
    services = Services(Scripted(), Scripted(), Keeping(None), ModelStatus("guided"), {})
    without = Sessions(services)
    with pytest.raises(ValueError, match="no call"):
        answer("small", without, without.open("", "en", "a-page"), {"on": True})
