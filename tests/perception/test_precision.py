"""The training's number format follows the processor."""

from __future__ import annotations

from pathlib import Path

import pytest

from perception import precision


@pytest.mark.parametrize(("line", "wanted"), [
    ("flags\t\t: fpu sse2 avx avx2 fma", "no"), ("flags\t\t: avx2 avx512f avx512_bf16", "bf16"),
    ("flags\t\t: avx2 amx_bf16 amx_tile", "bf16"), ("Features\t: fp asimd bf16", "bf16"),
    ("Features\t: fp asimd", "no"), ("", "no"),
])  # fmt: skip
def test_bfloat16_only_where_the_processor_multiplies_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, wanted: str
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{line}\n", encoding="utf-8")
    flags = precision.processor_flags(tmp_path / "cpuinfo")
    monkeypatch.setattr(precision, "processor_flags", lambda: flags)
    assert precision.training_precision() == wanted
    assert precision.training_precision(cuda=True) == "bf16"


def test_a_system_that_does_not_say_trains_in_float32(tmp_path: Path) -> None:
    assert precision.processor_flags(tmp_path / "none") == frozenset()
