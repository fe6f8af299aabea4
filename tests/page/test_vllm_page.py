"""The page in a real browser in front of a real vLLM: `python app.py --llm nano`, the shipped test article with its
adapter."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psutil
import pytest

from assistant.notices import NOTICES
from assistant.page.texts import TEXTS
from assistant.store import Store
from assistant.types import Turn
from llm.nano.server import PORT, nano_options
from llm.serving.serve import ServeProblem, serve_python
from llm.tuning.adapters import content_name
from llm.tuning.tuned import NOT_A_COUNSELLOR
from tests.page.conftest import App, Visit

pytestmark = [pytest.mark.browser, pytest.mark.vllm]

EN, ZH = TEXTS["en"], TEXTS["zh"]
ADAPTER = content_name("counsel", nano_options().adapters["counsel"])


@dataclass(frozen=True, slots=True)
class Served:
    """The app, and the processes of the model server that it started."""

    app: App
    server: list[psutil.Process]


@pytest.fixture(scope="module")
def served(start_app: Callable[..., App]) -> Iterator[Served]:
    try:
        python = serve_python()
    except ServeProblem as error:
        pytest.skip(str(error))
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            pytest.skip(f"port {PORT} is taken, perhaps by a model server that is not this test's to end")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BESIDE_SERVE_PYTHON", str(python))  # the app gets a home folder of its own
        app = start_app("--llm", "nano")
    yield Served(app, psutil.Process(app.process.pid).children(recursive=True))


def last_turn(app: App) -> Turn:
    with Store(app.data) as store:
        return store.turns()[-1]


def test_the_served_adapter_answers_in_both_languages_and_the_guided_companion_when_it_is_gone(
    served: Served, visit: Callable[..., Visit]
) -> None:
    app = served.app
    one = visit(app.url)
    page = one.open(store=True)
    one.wait_for_text(EN["status_test"].format(model=ADAPTER), "#status")
    assert any(NOT_A_COUNSELLOR in line for line in app.log)

    for words in ("最近总是睡不好，白天没有精神。", "I have an exam next week and I keep worrying."):
        one.send(words)
        one.wait_for_text(words)
        one.wait_until_answered()
        turn = last_turn(app)
        assert turn.user_text == words and turn.model.split("+")[0] == ADAPTER
        assert turn.usage.completion_tokens, "no token was counted: the reply did not come from the server"
        assert turn.reply and all(line.strip() in one.shown() for line in turn.reply.splitlines())

    for _ in range(4):  # a tiny model may have ended by itself before the click
        stop_in_the_middle(one)
        for _ in range(50):  # the page says at once that it stopped; the record follows, and is pending until then
            turn = last_turn(app)
            if turn.reply:
                break
            one.page.wait_for_timeout(100)
        if turn.finish_reason == "stopped" and turn.reply:
            break
    assert (turn.finish_reason, turn.model) == ("stopped", ADAPTER) and turn.reply

    assert served.server, "the app started no model server"
    for process in served.server:
        process.kill()
    psutil.wait_procs(served.server, timeout=30)
    one.send("And now, is anybody there?")
    one.wait_for_text(NOTICES["model_silent"]["en"])
    one.wait_until_answered()
    assert last_turn(app).model == f"{ADAPTER}+guided"
    assert one.shown().split(NOTICES["model_silent"]["en"])[1].strip(), "the guided companion did not carry on"
    one.wait_for_text(EN["status_down"], "#status")
    assert page.locator("#send").is_enabled() and not one.errors


def stop_in_the_middle(one: Visit) -> None:
    """Press Stop when the first sentence is there. A tiny model may end by itself before that: ask again then."""
    for attempt in range(6):
        words = f"Tell me a long story about a river, number {attempt}."
        one.send(words)
        one.page.wait_for_function(
            "words => document.querySelector('#chat').innerText.split(words)[1]?.trim().length > 20", arg=words
        )
        if one.page.locator("#stop").is_visible():
            one.page.evaluate("document.querySelector('#stop').click()")
        one.wait_until_answered()
        if EN["note_stopped"] in one.page.inner_text("#note"):
            return
    pytest.fail("Stop never came before the end of a reply")
