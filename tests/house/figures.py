"""Figures of the tree: `python -m tests.house.figures`. Modules, lengths, complexity, import cycles, repeated blocks.

Complexity is McCabe's, counted as the ways through a function: one, and one more for each branch, loop, handler,
condition of a comprehension and further operand of `and`/`or`. A repeated block is a run of six or more equal lines of
code (white space, comments and imports left out) that stands in two places.
"""

from __future__ import annotations

import ast
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("perception", "llm", "assistant", "data_gen", "eval")
COMPLEX = 12
BLOCK = 6
Function = ast.FunctionDef | ast.AsyncFunctionDef
_BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.IfExp, ast.ExceptHandler, ast.comprehension, ast.match_case)


@dataclass(frozen=True, slots=True)
class Figures:
    """`files` and `functions` are lengths in lines; `complex_functions` name place and complexity above COMPLEX;
    `cycles` are rings of modules; `repeated` counts blocks that stand twice."""

    modules: int
    files: tuple[int, ...]
    functions: tuple[int, ...]
    complex_functions: tuple[str, ...]
    cycles: tuple[str, ...]
    repeated: int

    def text(self) -> str:
        def spread(values: tuple[int, ...]) -> str:
            ordered = sorted(values)
            return f"{median(ordered):.0f} / {ordered[int(0.95 * (len(ordered) - 1))]} / {ordered[-1]}"

        return "\n".join([
            f"modules {self.modules}",
            f"lines a file, median / p95 / most: {spread(self.files)}",
            f"lines a function, median / p95 / most: {spread(self.functions)}",
            f"functions above complexity {COMPLEX}: {len(self.complex_functions)}",
            *(f"  {name}" for name in self.complex_functions),
            f"import cycles: {len(self.cycles)}",
            *(f"  {ring}" for ring in self.cycles),
            f"repeated blocks of {BLOCK} or more lines: {self.repeated}",
        ])  # fmt: skip


def sources() -> dict[str, str]:
    """Module name -> text of every tracked module of the packages and app.py."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = {}
    for name in listed.split("\0"):
        if name.endswith(".py") and (name == "app.py" or name.split("/")[0] in PACKAGES) and (ROOT / name).is_file():
            found[name[:-3].replace("/", ".").removesuffix(".__init__")] = (ROOT / name).read_text(encoding="utf-8")
    return found


def measure() -> Figures:
    """Read the tree as it is tracked."""
    texts = sources()
    trees = {name: ast.parse(text) for name, text in texts.items()}
    functions = [(name, node) for name, tree in trees.items() for node in ast.walk(tree) if isinstance(node, Function)]
    above = [(complexity(node), f"{name}.{node.name}") for name, node in functions]
    return Figures(
        len(texts),
        tuple(text.count("\n") for text in texts.values()),
        tuple((node.end_lineno or node.lineno) - node.lineno + 1 for _, node in functions),
        tuple(f"{name}: {count}" for count, name in sorted(above, reverse=True) if count > COMPLEX),
        tuple(cycles({name: imports(tree, texts) for name, tree in trees.items()})),
        repeated_blocks(texts),
    )


def complexity(function: ast.AST) -> int:
    """McCabe's number of a function, nested functions counted within."""
    nodes = list(ast.walk(function))
    operands = sum(len(node.values) - 1 for node in nodes if isinstance(node, ast.BoolOp))
    conditions = sum(len(node.ifs) for node in nodes if isinstance(node, ast.comprehension))
    return 1 + sum(isinstance(node, _BRANCHES) for node in nodes) + operands + conditions


def imports(tree: ast.AST, modules: Mapping[str, str]) -> set[str]:
    """The modules of this tree that another names anywhere: at its top, in a function, or for types only."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & modules.keys()) | ({node.module} if inner - modules.keys() else set())
    return found & modules.keys()


def cycles(graph: Mapping[str, set[str]]) -> Iterator[str]:
    """Every ring of imports, once, written from its first name."""
    seen: set[str] = set()
    told: set[str] = set()
    path: list[str] = []

    def visit(name: str) -> Iterator[str]:
        if name in path:
            ring = path[path.index(name) :]
            first = ring.index(min(ring))
            if (said := " > ".join(ring[first:] + ring[:first])) not in told:
                told.add(said)
                yield said
        elif name not in seen:
            path.append(name)
            for other in sorted(graph.get(name, set()) - {name}):
                yield from visit(other)
            path.pop()
            seen.add(name)

    for name in sorted(graph):
        yield from visit(name)


def repeated_blocks(texts: Mapping[str, str]) -> int:
    """How many runs of BLOCK equal lines stand in more than one place; overlapping runs count as one."""
    places: dict[tuple[str, ...], list[tuple[str, int]]] = defaultdict(list)
    for name, text in texts.items():
        lines = [line.strip() for line in text.splitlines()]
        kept = [line for line in lines if len(line) > 3 and not line.startswith(("#", "import ", "from "))]
        for start in range(len(kept) - BLOCK + 1):
            places[tuple(kept[start : start + BLOCK])].append((name, start))
    twice = {place for found in places.values() if len(found) > 1 for place in found}
    starts = [place for place in twice if (place[0], place[1] - 1) not in twice]
    return len(starts) // 2


if __name__ == "__main__":
    print(measure().text())  # noqa: T201
