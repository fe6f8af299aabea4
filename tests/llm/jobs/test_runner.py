"""Chains against a real server of known behaviour: nothing lost, nothing blank, nothing asked twice."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from llm.jobs.progress import Counts
from llm.jobs.runner import Ask, run
from llm.jobs.types import Answer, ChainFailed, JobOptions, Request, ServerBroken
from llm.types import Message, Sampling
from tests.conftest import ROOT
from tests.latency_server import LatencyServer

STEPS = 3
SCHEMA = {"type": "object", "required": ["said"], "properties": {"said": {"type": "string"}}}


async def three_steps(source: int, ask: Ask) -> list[str]:
    """Each step asks about the answer before."""
    said = [f"case {source}"]
    for seed in range(STEPS):
        answer = await ask(Request((Message("user", said[-1]),), "m", Sampling(seed=seed)))
        if answer.kind != "ok":
            raise ChainFailed(answer.kind)
        said.append(answer.text)
    return said


def collect(sources: Any, url: str, journal: Path, chain: Any = three_steps, **options: Any) -> tuple[dict, Counts]:  # type: ignore[type-arg]
    found: dict[int, Any] = {}

    def keep(place: int, source: int, record: Any) -> None:
        assert place not in found
        found[place] = record

    return found, run(sources, chain, keep, JobOptions(url, **{"time_out_s": 1.0, **options}), journal, shown=False)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[str]]:
    with LatencyServer(0.001) as server:
        found, counts = collect(range(60), server.url, tmp_path_factory.mktemp("plain") / "j.jsonl")
        assert counts.done == 60 and counts.asked == server.stats()["requests"] == 60 * STEPS
    return found


@pytest.mark.parametrize("fault", ["500", "429", "503", "reset", "malformed", "empty", "null", "cut", "half", "hang"])
def test_faults_lose_no_chain_and_accept_none_on_an_error(
    fault: str, undisturbed: dict[int, list[str]], tmp_path: Path
) -> None:
    with LatencyServer(0.001, faults={fault: 0.05}) as server:
        found, counts = collect(range(60), server.url, tmp_path / "j.jsonl", asks=5)
        assert counts.done == 60 and not counts.failed
        assert server.stats()["requests"] > 60 * STEPS, "the fault was planted"
    if fault in {"empty", "null", "cut"}:  # asked again with another seed, so other words; never blank or cut ones
        assert all(" / " in said for record in found.values() for said in record[1:])
    else:
        assert found == undisturbed


def test_an_answer_that_stays_empty_is_counted_and_not_kept_as_a_value(tmp_path: Path) -> None:
    with LatencyServer(0.001, faults={"empty": 1.0}) as server:
        found, counts = collect(range(4), server.url, tmp_path / "j.jsonl")
    assert counts.done == 0 and counts.failed == {"empty": 4} and counts.kinds == {"empty": 12}
    assert all(isinstance(record, ChainFailed) for record in found.values())


def test_a_second_run_asks_nothing_again(undisturbed: dict[int, list[str]], tmp_path: Path) -> None:
    with LatencyServer(0.001) as server:
        collect(range(60), server.url, tmp_path / "j.jsonl")
        found, counts = collect(range(60), server.url, tmp_path / "j.jsonl")
        assert server.stats()["requests"] == 60 * STEPS
    assert found == undisturbed and counts.asked == 0 and counts.kept == 60 * STEPS


def test_the_same_question_of_two_chains_is_asked_once(tmp_path: Path) -> None:
    async def same(source: int, ask: Ask) -> str:
        return (await ask(Request((Message("user", "how are you"),), "m", Sampling(seed=1)))).text

    with LatencyServer(0.02) as server:
        found, _ = collect(range(20), server.url, tmp_path / "j.jsonl", same)
        assert server.stats()["requests"] == 1 and len(set(found.values())) == 1


CHILD = """
import sys
from pathlib import Path
from tests.llm.jobs.test_runner import collect
collect(range(60), sys.argv[1], Path(sys.argv[2]))
"""


def test_killed_at_random_moments_it_repeats_no_answered_request(
    undisturbed: dict[int, list[str]], tmp_path: Path
) -> None:
    journal, chance = tmp_path / "j.jsonl", random.Random(7)
    with LatencyServer(0.02, slots=8) as server:
        for _ in range(6):
            child = subprocess.Popen([sys.executable, "-c", CHILD, server.url, str(journal)], cwd=ROOT)
            began, asked = time.monotonic(), server.stats()["requests"]
            while server.stats()["requests"] == asked and child.poll() is None and time.monotonic() - began < 60:
                time.sleep(0.02)
            time.sleep(chance.uniform(0.0, 0.12))
            child.send_signal(signal.SIGKILL)
            child.wait()
        kept = journal.read_bytes().count(b"\n")
        before = server.stats()["requests"]
        found, counts = collect(range(60), server.url, journal)
        assert 0 < kept < 60 * STEPS, "some were killed before the end"
        assert counts.asked == 60 * STEPS - kept == server.stats()["requests"] - before
    assert found == undisturbed


def test_a_schema_is_checked_and_a_server_without_it_is_asked_in_words(tmp_path: Path) -> None:
    async def asks_json(source: int, ask: Ask) -> Any:
        answer: Answer = await ask(Request((Message("user", f"n {source}"),), "m", Sampling(seed=1), SCHEMA))
        if answer.kind != "ok":
            raise ChainFailed(answer.kind)
        return answer.data

    with LatencyServer(0.001, reply="json") as server:
        found, _ = collect(range(5), server.url, tmp_path / "a.jsonl", asks_json)
    assert found[3] == {"said": "n 3 / 1"}
    with LatencyServer(0.001, reply="echo") as server:
        _, counts = collect(range(5), server.url, tmp_path / "b.jsonl", asks_json)
    assert counts.failed == {"unparsable": 5} and counts.kinds == {"unparsable": 15}


@pytest.mark.parametrize(
    ("fault", "said"), [("404", "no such model"), ("500", "tries at .* failed"), ("reset", "failed")]
)
def test_a_broken_server_ends_the_run_and_keeps_nothing_wrong(fault: str, said: str, tmp_path: Path) -> None:
    with LatencyServer(0.001, faults={fault: 1.0}) as server, pytest.raises(ServerBroken, match=said):
        collect(range(100), server.url, tmp_path / "j.jsonl", judged=20)
    assert not (tmp_path / "j.jsonl").read_bytes()


def test_a_refused_item_is_an_outcome_of_its_own(tmp_path: Path) -> None:
    with LatencyServer(0.001, faults={"400": 0.1}) as server:
        _, counts = collect(range(60), server.url, tmp_path / "j.jsonl")
    assert counts.failed["refused"] > 0 and counts.done + counts.failed["refused"] == 60


def test_sources_are_read_as_they_are_needed(tmp_path: Path) -> None:
    ahead = 0
    ended = 0

    def sources() -> Any:
        nonlocal ahead
        for n in range(300):
            ahead = max(ahead, n - ended)
            yield n

    async def one(source: int, ask: Ask) -> int:
        nonlocal ended
        await ask(Request((Message("user", f"{source}"),), "m", Sampling(seed=1)))
        ended += 1
        return source

    with LatencyServer(0.001) as server:
        collect(sources(), server.url, tmp_path / "j.jsonl", one, concurrency=8)
    assert ahead <= 16


def test_what_a_chain_itself_breaks_on_is_not_swallowed(tmp_path: Path) -> None:
    async def broken(source: int, ask: Ask) -> None:
        raise KeyError("a fault of ours")

    with LatencyServer(0.001) as server, pytest.raises(KeyError, match="a fault of ours"):
        collect(range(3), server.url, tmp_path / "j.jsonl", broken)


def test_a_record_of_the_journal_is_plain_json(tmp_path: Path) -> None:
    with LatencyServer(0.001) as server:
        collect(range(1), server.url, tmp_path / "j.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "j.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["record"]["kind"] for line in lines] == ["ok"] * STEPS
