"""The whole product at once: the page in a real browser, answered by a real vLLM with the shipped nano model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from assistant.notices import NOTICES
from assistant.page.texts import TEXTS
from assistant.store import Store
from llm.nano import Nano, open_nano
from llm.serve import ServeProblem, serve_python
from tests.page.conftest import App, Visit

pytestmark = [pytest.mark.browser, pytest.mark.vllm, pytest.mark.slow]

EN = TEXTS["en"]


@pytest.fixture(scope="module")
def nano() -> Iterator[Nano]:
    """The server that `--llm nano` looks for, proven by the parity gate before it counts as started."""
    try:
        serve_python()
    except ServeProblem as error:
        pytest.skip(str(error))
    opened = open_nano()
    yield opened
    opened.stop()


def test_the_served_adapter_answers_in_the_page_and_its_end_costs_no_word(
    start_app: Callable[..., App], visit: Callable[..., Visit], nano: Nano
) -> None:
    app = start_app("--llm", "nano")
    one = visit(app.url)
    page = one.open(store=True)
    one.wait_for_text(EN["status_test"].split("{model}")[1], "#status")

    one.send("最近总是睡不好，白天没有精神。")
    page.wait_for_function("document.querySelector('#message textarea').value === ''")
    one.wait_until_answered()
    one.send("My partner and I argue about money.")
    page.wait_for_function("document.querySelector('#message textarea').value === ''")
    one.wait_until_answered()

    assert nano.server is not None, "the server was running before this test: it cannot be ended by it"
    nano.stop()
    one.send("Is anybody still there?")
    one.wait_for_text(NOTICES["model_silent"]["en"])
    one.wait_until_answered()
    assert not one.foreign and not one.errors

    with Store(app.data) as store:
        chinese, english, silent = store.turns()
    assert {chinese.model, english.model} == {nano.model}
    assert re.search(r"[\u4e00-\u9fff]{4}", chinese.reply) and re.search(r"[A-Za-z]{2}", english.reply)
    assert chinese.reply in one.shown() and not chinese.error and not english.error
    assert silent.model != nano.model and silent.reply.strip()
