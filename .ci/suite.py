"""The whole suite in two halves at once: the tests that mostly wait (for a browser, for a model server to start) beside
those that mostly compute, which give way to them. Alone, either leaves half of two cores idle.

    python .ci/suite.py            every test but `gpu`
    python .ci/suite.py -k store   what follows goes to pytest; `-s`, `--pdb` and the like need pytest itself

The exit status is pytest's: 0 where both halves passed, else the first that is not.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HALVES = {"waiting": "(browser or vllm) and not gpu", "computing": "not browser and not vllm and not gpu"}
#: How far the computing half steps back: a browser that waits for the processor sees time-outs that are none.
NICE = 10
#: pytest's exit status where no test was chosen: with `-k` that may be so in one half.
NONE_CHOSEN = 5


def started(half: str, arguments: list[str], output: Path | None) -> subprocess.Popen[bytes]:
    """One half, its output in a file or shown as it comes."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", HALVES[half], "-p", "no:cacheprovider", *arguments]
    sink = output.open("wb") if output else None
    lower = (lambda: os.nice(NICE)) if output else None
    return subprocess.Popen(command, cwd=ROOT, stdout=sink, stderr=subprocess.STDOUT if sink else None, preexec_fn=lower)


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="beside-suite-") as folder:
        output = Path(folder) / "computing.txt"
        computing = started("computing", arguments, output)
        waiting = started("waiting", arguments, None)
        try:
            codes = [waiting.wait(), computing.wait()]
        except KeyboardInterrupt:
            for process in (waiting, computing):
                process.terminate()
                process.wait()
            return 130
        finally:
            print("\n==== the computing half ====\n" + output.read_text("utf-8", "replace"), flush=True)
    ran = [code for code in codes if code != NONE_CHOSEN] or [NONE_CHOSEN]
    return next((code for code in ran if code), 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
