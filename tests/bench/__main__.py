"""`make bench`: every benchmark prints its own figure and the baseline's, measured in the same run, and their ratio.

python -m tests.bench                 all
python -m tests.bench perception      one
"""

from __future__ import annotations

import importlib
import platform
import sys

from rich.console import Console
from rich.table import Table

#: name -> module with `run() -> list of rows`; a row is a mapping of column title to value.
BENCHMARKS = {
    "perception": "tests.bench.perception_bench",
    "see": "tests.bench.see_bench",
    "chat": "tests.bench.chat_bench",
    "expression": "tests.perception.expression.bench_expression",
    "fusion": "tests.perception.fusion.bench_fusion",
    "llm": "tests.bench.llm_bench",
    "jobs": "tests.bench.jobs_bench",
    "exam": "tests.bench.exam_bench",
}


def main(names: list[str]) -> int:
    console = Console(width=140)
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        console.print(f"no benchmark is called {', '.join(unknown)}; choose from {', '.join(BENCHMARKS)}")
        return 2
    console.print(f"Python {platform.python_version()}, {platform.machine()}, one process; ratios, not promises.")
    for name in names or list(BENCHMARKS):
        rows = importlib.import_module(BENCHMARKS[name]).run()
        table = Table(title=name)
        for title in rows[0]:
            table.add_column(str(title))
        for row in rows:
            table.add_row(*(f"{value:.3g}" if isinstance(value, float) else str(value) for value in row.values()))
        console.print(table)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
