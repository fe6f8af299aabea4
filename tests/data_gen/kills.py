"""`python -m tests.data_gen.kills --kills 50 --out DIR`: dialogues made by a process that is killed at random moments,
against one that is not. Prints what was repeated; exits with 1 where a file differs or a journalled answer was asked
for again. Minutes long, so it is a command and no test; test_export kills twice.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from pathlib import Path

from tests.conftest import ROOT
from tests.data_gen.conftest import PlantedServer, write_cases

FILES = ("records.jsonl", "rejected.jsonl", "set_aside.jsonl", "materials.jsonl")


def _command(server: PlantedServer, cases: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "data_gen", "dialogues", "--input", str(cases), "--base-url", server.url, "--model",
            "m", "--licence", "CC0-1.0", "--concurrency", "8", "--time-out", "5", "--out", str(out)]  # fmt: skip


def _killed(server: PlantedServer, command: list[str], journal: Path, kills: int, seed: int) -> tuple[int, int]:
    """Run `command` until it ends by itself, `kills` times killed before. Returns how often it was killed and how many
    answers were lost by that: given by the server, not in the journal."""
    rng = random.Random(seed)
    done = lost = 0
    while True:
        before, lines = sum(server.answered.values()), _lines(journal)
        child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if done == kills:
            assert child.wait() == 0, "the last run ends well"
            return done, lost
        until = time.monotonic() + 0.9 + rng.expovariate(2.0)
        while time.monotonic() < until and child.poll() is None:
            time.sleep(0.005)
        ended = child.poll() is not None
        child.kill()
        child.wait()
        time.sleep(0.3)  # what was under way arrives nowhere
        if ended:
            return done, lost
        done += 1
        lost += sum(server.answered.values()) - before - (_lines(journal) - lines)


def _lines(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.is_file() else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--faults", type=float, default=0.0, help="share of each of 500, 429, reset")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    cases = given.out / "cases.jsonl"
    write_cases(cases, given.cases)
    server = PlantedServer()
    subprocess.run(_command(server, cases, given.out / "plain"), cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)  # fmt: skip
    asked = sum(server.answered.values())
    server.answered.clear()
    server.delay_s = 0.08
    server.faults = dict.fromkeys(("500", "429", "reset"), given.faults) if given.faults else {}
    out = given.out / "killed"
    done, lost = _killed(server, _command(server, cases, out), out / "journal.jsonl", given.kills, given.seed)
    repeated = sum(count - 1 for count in server.answered.values())
    same = [name for name in FILES if (out / name).read_bytes() == (given.out / "plain" / name).read_bytes()]
    sys.stdout.write(
        f"{done} kills, {given.cases} cases, {asked} answers needed; {repeated} answered twice, {lost} under way at a "
        f"kill; files as without kills: {len(same)} of {len(FILES)}\n"
    )
    return 0 if len(same) == len(FILES) and repeated <= lost else 1


if __name__ == "__main__":
    sys.exit(main())
