"""The number format follows what the processor says of itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from llm.precision import cpu_precision
from llm.tuning.finetune import with_precision
from llm.tuning.recipes import FinetuneOptions


@pytest.mark.parametrize(
    ("line", "dtype"),
    [
        ("flags\t\t: fpu avx2 avx512f avx512_bf16 amx_tile", "bfloat16"),
        ("flags\t\t: fpu avx2 amx_bf16", "bfloat16"),
        ("Features\t: fp asimd bf16 i8mm", "bfloat16"),
        ("flags\t\t: fpu avx avx2 fma avx512f", "float32"),
        ("model name\t: bf16 is only in the name", "float32"),
    ],
)
def test_bfloat16_only_where_the_hardware_multiplies_it(tmp_path: Path, line: str, dtype: str) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{line}\n", encoding="utf-8")
    found = cpu_precision(tmp_path / "cpuinfo")
    assert found.dtype == dtype and dtype in found.why


def test_a_system_that_lists_nothing_computes_in_float32(tmp_path: Path) -> None:
    found = cpu_precision(tmp_path / "missing")
    assert not found.bfloat16 and "does not list" in found.why


def test_only_auto_is_replaced(tmp_path: Path) -> None:
    given = FinetuneOptions(base="b", data=("d",), out=tmp_path, dtype="float32", precision="no")
    assert with_precision(given) is given
    chosen = with_precision(replace(given, dtype="auto", precision="auto"))
    assert (chosen.dtype, chosen.precision) in {("float32", "no"), ("bfloat16", "bf16")}
